package person

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// confirmedRecordings are the recordings that were confirmed to be the person's.
func (s *Service) confirmedRecordings(tx *place.Tx, i id.PersonRequest) (all []id.Recording, items []Item, err error) {
	items, err = s.items(tx, i, ` AND store = ? AND verdict = 'confirmed' AND outcome <> 'erased' ORDER BY id`, storeRecordings)
	for _, it := range items {
		rec, err := id.Parse[id.Recording](it.Ref)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, rec)
	}
	return all, items, err
}

// open refuses an act of a case that is over, or of which it was not made sure
// whose it is.
func (c Case) open(right ...Right) error {
	switch {
	case c.State.Ended():
		return errOver
	case c.State == Erasing:
		return errErasing
	case c.State != Open:
		return fault.New(fault.Conflict, "the search has not ended, or its identifiers fit nearly everybody")
	case !slices.Contains(right, c.Right):
		return fault.New(fault.Conflict, "this request is for something else")
	case c.CheckedAt.IsZero():
		return fault.New(fault.Conflict, "first note how it was made sure that the person is who they say")
	}
	return nil
}

// Restrict lets the confirmed recordings be stored only (article 18), and gives
// how many there are. What is destroyed by now is passed over.
func (s *Service) Restrict(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest) (n int64, err error) {
	_, err = s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		if err := c.open(Restrict, Object); err != nil {
			return place.Event{}, err
		}
		recs, _, err := s.confirmedRecordings(tx, i)
		if err != nil {
			return place.Event{}, err
		}
		if n = 0; len(recs) == 0 {
			return place.Event{}, fault.New(fault.Conflict, "no recording of this request is confirmed to be the person's")
		}
		for _, rec := range recs {
			err := s.o.Recordings.Restrict(tx, rec, i)
			if fault.Is(err, fault.Gone) {
				continue
			}
			if err != nil {
				return place.Event{}, err
			}
			n++
		}
		return place.Event{Code: "request.restricted", Facts: map[string]string{"recordings": text(n)}}, nil
	})
	return n, err
}

// Lift ends the restrictions of a case. The person is told before (article
// 18(3)): told says when and how.
func (s *Service) Lift(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, told string) (n int, err error) {
	if told = strings.TrimSpace(told); told == "" {
		return 0, fault.Field("told", "say when and how the person was told: article 18(3) wants it done before")
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := read(tx, i); err != nil {
			return err
		}
		if n, err = s.o.Recordings.Unrestrict(tx, i); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "request.unrestricted", Subject: i.String(), Facts: map[string]string{"recordings": text(int64(n))}, Personal: map[string]string{"told": told}})
		tx.Notify(Topic)
		return nil
	})
	return n, err
}

// Rectify puts a name or number right on the card of a confirmed recording and
// those of the same call (article 16).
func (s *Service) Rectify(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, item id.Found, c recording.Correction) (int, error) {
	var rec id.Recording
	err := p.View(ctx, func(tx *place.Tx) error {
		cs, err := read(tx, i)
		if err != nil {
			return err
		}
		if err := cs.open(Rectify); err != nil {
			return err
		}
		recs, items, err := s.confirmedRecordings(tx, i)
		for n, it := range items {
			if it.ID == item {
				rec = recs[n]
			}
		}
		if err == nil && rec.IsZero() {
			return fault.New(fault.NotFound, "there is no such confirmed recording in this request")
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	c.Request = i
	a := who.For(Purpose(i))
	return s.o.Recordings.Correct(ctx, p, a, rec, c)
}

// Processings are what somebody can object to, for all calls in which one of
// their numbers takes part, whenever they are processed from then on.
var Processings = []string{"transcription", "sentiment", "search"}

// ObjectTo stops processing for the numbers of a case (article 21); an empty
// list lets it go on again. It counts for every recording that is processed from
// the commit on; what was made before goes by an erasure.
func (s *Service) ObjectTo(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, what []string) (Case, error) {
	for _, w := range what {
		if !slices.Contains(Processings, w) {
			return Case{}, fault.Field("what", "must be of transcription, sentiment and search")
		}
	}
	return s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		if len(what) > 0 {
			if err := c.open(Object); err != nil {
				return place.Event{}, err
			}
			if len(c.Subject.Identifiers.Numbers)+len(c.Subject.Identifiers.Extensions) == 0 {
				return place.Event{}, fault.New(fault.Conflict, "an objection is kept by number: this request names none")
			}
		}
		if _, err := tx.Exec(`DELETE FROM person_objections WHERE request = ?`, i); err != nil {
			return place.Event{}, err
		}
		tokens, err := objectors(tx, c.Subject.Identifiers)
		if err != nil {
			return place.Event{}, err
		}
		for _, t := range tokens {
			for _, w := range what {
				if _, err := tx.Exec(`INSERT INTO person_objections (token, request, what, since) VALUES (?, ?, ?, ?) ON CONFLICT (token, request, what) DO NOTHING`,
					t, i, w, tx.At().UnixMilli()); err != nil {
					return place.Event{}, err
				}
			}
		}
		return place.Event{Code: "request.objected", Facts: map[string]string{"what": strings.Join(what, " ")}}, nil
	})
}

// objectors are the blind indexes by which the archive knows who took part.
func objectors(tx *place.Tx, ids Identifiers) (tokens [][]byte, err error) {
	for _, n := range ids.Numbers {
		all, err := formsIn(tx, n)
		if err != nil {
			return nil, err
		}
		for _, form := range all {
			t, err := tx.Blind(place.FieldNumber, form)
			if err != nil {
				return nil, err
			}
			tokens = append(tokens, t)
		}
	}
	for _, x := range ids.Extensions {
		t, err := tx.Blind(place.FieldExtension, x)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// Objections says what a case stops at present.
func (s *Service) Objections(ctx context.Context, p *place.Place, i id.PersonRequest) (what []string, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		what, err = place.Rows[string](tx, `SELECT DISTINCT what FROM person_objections WHERE request = ? ORDER BY what`, i)
		return err
	})
	return what, err
}

// Objected says which processing of a recording somebody who takes part in it
// objects to. The job that transcribes asks it, in the transaction in which it
// decides.
func Objected(tx *place.Tx, n int64) (what []string, err error) {
	return place.Rows[string](tx, `SELECT DISTINCT o.what FROM parties p JOIN person_objections o ON o.token = p.token WHERE p.n = ? ORDER BY o.what`, n)
}

// RestrictedNow says how many recordings a case restricts at present.
func (s *Service) RestrictedNow(ctx context.Context, p *place.Place, i id.PersonRequest) (n int64, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM recording_restrictions WHERE request = ?`, i)
		return err
	})
	return n, err
}
