package person

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
)

// Words are the words of a text in one writing: no case, no accents.
func Words(text string) []string { return words(text) }

// Digits reads the digits out of what was said in one go: "double four" is 44.
func Digits(text string) string {
	var b strings.Builder
	for _, n := range spokenNumbers([]speech.Turn{{Text: text}}) {
		b.WriteString(n.digits)
	}
	return b.String()
}

// Writings are the ways in which the digits of a number are written and said:
// with its country or without, with a nought or two in front.
func Writings(number string) []string { return numberOf(number, []string{number}).digits }

// takenOut gives the store of a find that is erased when its person's name is
// replaced in recordings; the change log only where it is asked for, and nothing
// that somebody did themselves.
func (s *Service) takenOut(it Item, log bool) (Store, bool) {
	st, _ := s.store(it.Store)
	return st, st.Erase != nil && (it.Store == "expectations" || it.Store == "journal" && log && !strings.HasPrefix(it.Ref, didThemselves))
}

// Confirmed gives the recordings that were confirmed as a person's, how many
// finds beside them TakeOut would erase, and in which stores the person stays,
// with the reason of each.
func (s *Service) Confirmed(ctx context.Context, p *place.Place, i id.PersonRequest, log bool) (recs []id.Recording, elsewhere int, stays []string, err error) {
	all, err := s.confirmed(ctx, p, i)
	for _, it := range all {
		st, goes := s.takenOut(it, log)
		switch {
		case it.Outcome == Erased:
		case it.Store == storeRecordings:
			rec, err := id.Parse[id.Recording](it.Ref)
			if err != nil {
				return nil, 0, nil, err
			}
			recs = append(recs, rec)
		case goes:
			elsewhere++
		default:
			why := st.Kept
			if why == "" {
				why = st.Usually
			}
			if why == "" {
				why = "it is erased, not renamed: open a request for erasure"
			}
			if line := it.Title + ": " + why; !slices.Contains(stays, line) {
				stays = append(stays, line)
			}
		}
	}
	return recs, elsewhere, stays, err
}

func (s *Service) confirmed(ctx context.Context, p *place.Place, i id.PersonRequest) (all []Item, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if _, err := read(tx, i); err != nil {
			return err
		}
		all, err = s.items(tx, i, ` AND verdict = 'confirmed' ORDER BY id`)
		return err
	})
	return all, err
}

// TakeOut erases what is kept of a case's person beside recordings, and takes the
// names off the finds of recordings in which they were replaced. It gives how many
// were erased; twice is once.
func (s *Service) TakeOut(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, log bool) (erased int, err error) {
	all, err := s.confirmed(ctx, p, i)
	if err != nil {
		return 0, err
	}
	for _, it := range all {
		st, goes := s.takenOut(it, log)
		switch {
		case it.Outcome == Erased:
			continue
		case it.Store == storeRecordings:
			if it, err = s.unnamed(ctx, p, it); err != nil {
				return erased, err
			}
		case goes:
			err := st.Erase(ctx, p, who, it.Ref, By{Case: i})
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone) {
				return erased, err
			}
			if err := s.buryErased(ctx, p, it); err != nil {
				return erased, err
			}
			erased++
			it.Outcome, it.Label, it.Why, it.Kept = Erased, "", nil, ""
		default:
			continue
		}
		if err := p.Keep(ctx, func(tx *place.Tx) error {
			if it.Outcome == Erased {
				it.DoneAt = tx.At()
			}
			return putItem(tx, it)
		}); err != nil {
			return erased, err
		}
	}
	return erased, nil
}

// unnamed is the find of a recording without what was found there, if its names
// were replaced.
func (s *Service) unnamed(ctx context.Context, p *place.Place, it Item) (Item, error) {
	rec, err := id.Parse[id.Recording](it.Ref)
	if err != nil {
		return it, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		row, err := s.o.Recordings.Lookup(tx, rec)
		if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		renamed, err := s.o.Recordings.Pseudonymised(tx, row.N)
		if renamed[row.N] {
			it.Label, it.Why = "names and numbers were replaced by pseudonyms", nil
		}
		return err
	})
	return it, err
}

// Nameless takes whom a case was about out of it, in this Change: the case says
// in plain words for whom pseudonyms stand. A case that is still open is
// fault.Conflict. Without blank it only asks whether it could; with it, BuryNames
// follows the Change.
func (s *Service) Nameless(tx *place.Tx, i id.PersonRequest, blank bool) error {
	c, err := read(tx, i)
	if err != nil {
		return err
	}
	if !c.State.Ended() {
		return fault.New(fault.Conflict, "the request %s is still open and names the person: answer it first", i)
	}
	if !blank {
		return nil
	}
	return s.blank(tx, i)
}

// blank takes out of a case, and of its finds, whom they are about.
func (s *Service) blank(tx *place.Tx, i id.PersonRequest) error {
	c, err := read(tx, i)
	if err != nil {
		return err
	}
	c.Subject, c.Outcome, c.Notes = Subject{Name: "taken out with the way back from pseudonyms"}, "", nil
	if err := put(tx, c); err != nil {
		return err
	}
	all, err := s.items(tx, i, "")
	for _, it := range all {
		it.Label, it.Why, it.Because = "", nil, ""
		if err := putItem(tx, it); err != nil {
			return err
		}
	}
	return err
}
