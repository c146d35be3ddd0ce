package recording

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// destruction is the intent to destroy recordings.
type destruction struct {
	Recordings []id.Recording `json:"recordings"`
	Keys       []id.Key       `json:"keys"`
	Objects    []id.Object    `json:"objects"`
	Reason     string         `json:"reason"`
	By         Authority      `json:"by,omitzero"`
	Items      []Destroyed    `json:"items,omitempty"` // as they were when it was ordered
	Who        string         `json:"who,omitempty"`   // kind of the actor
	OrderedAt  int64          `json:"ordered_at,omitempty"`
	Figures    []id.Recording `json:"figures,omitempty"` // whose figures stay
}

// Destroy destroys one recording: its keys first, which ends it in every backup
// as well, then its objects and rows. What stays is a tombstone and the blinded
// hash that keeps its source from being captured again. Whether the actor may
// was decided before. A recording that is destroyed already is fault.Gone.
func (s *Service) Destroy(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, reason string) error {
	if reason == "" {
		return fault.Field("reason", "say why it is destroyed; the reason is kept in the change log")
	}
	return s.DestroyAll(ctx, p, who, []id.Recording{rec}, reason, Authority{Kind: "person"})
}

// DestroyAll is Destroy for some hundred recordings at once, by whatever right.
// The reason goes to the journal; what the authority says, also into tombstones
// and certificates. Either all are ordered or, with the error, none.
func (s *Service) DestroyAll(ctx context.Context, p *place.Place, who actor.Actor, recs []id.Recording, reason string, by Authority) error {
	why := by.Kind
	switch {
	case reason == "" || by.Kind == "":
		return fault.Field("reason", "say why it is destroyed; the reason is kept in the change log")
	case by.Kind == "person":
		why = "a person's decision"
	}
	_, err := s.destroy(ctx, p, who, recs, reason, why, by, nil)
	return err
}

// Choice says in the Change that orders a destruction which of the rows go, and
// of which of these the figures stay. What is held has been left out before.
type Choice func(tx *place.Tx, rows []Row) (going []Row, figures []id.Recording, err error)

// DestroyDue destroys those of some hundred recordings that are neither held nor
// gone and that a choice still finds due, and gives how many these were: between
// the look at a list and the order, a tag may have been put on or a rule set.
func (s *Service) DestroyDue(ctx context.Context, p *place.Place, who actor.Actor, recs []id.Recording, reason string, by Authority, choose Choice) (int, error) {
	return s.destroy(ctx, p, who, recs, reason, by.Kind, by, choose)
}

// errNothingDue undoes the Change in which nothing was left to be ordered.
var errNothingDue = fault.New(fault.Conflict, "nothing of this is to be destroyed any more")

// destroy commits the intent, then runs it to its end. why is kept with the
// tombstone and holds nothing personal; reason goes to the journal.
func (s *Service) destroy(ctx context.Context, p *place.Place, who actor.Actor, recs []id.Recording, reason, why string, by Authority, choose Choice) (int, error) {
	if by.Run.IsZero() {
		by.Run = id.New[id.Destruction]()
	}
	d := destruction{Reason: why, By: by, Who: string(who.Kind)}
	var intent id.Intent
	s.step("destroy: intend")
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		rows, err := s.doomed(tx, &d, recs, choose)
		if err != nil {
			return err
		}
		for _, row := range rows {
			item, objects, err := told(tx, row)
			if err != nil {
				return err
			}
			d.Keys = append(d.Keys, row.ContentKey, row.CardKey)
			keys, kept, err := originalOf(tx, row.N)
			if err != nil {
				return err
			}
			d.Keys, item.Keys, objects = append(d.Keys, keys...), append(item.Keys, keys...), append(objects, kept...)
			d.Objects, d.Items = append(d.Objects, objects...), append(d.Items, item)
			d.Recordings = append(d.Recordings, row.ID)
			tx.Record(place.Event{Code: "recording.destruction-ordered", Subject: row.ID.String(), Why: reason})
		}
		d.OrderedAt = millis(tx.At())
		intent, err = tx.Intend(intentDestroy, d)
		s.mark(intent, true)
		return err
	})
	if err == errNothingDue {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer s.mark(intent, false)
	// Ordered is ordered: who asked may have gone away.
	return len(d.Recordings), s.finishDestroying(context.WithoutCancel(ctx), p, intent, d)
}

// finishDestroying runs the steps of a destruction. Each may run twice.
func (s *Service) finishDestroying(ctx context.Context, p *place.Place, intent id.Intent, d destruction) error {
	s.endOpenings(d.Recordings)
	s.cards.forget(d.Keys...)
	s.step("destroy: keys")
	if err := s.keys.Destroy(ctx, p.Customer(), d.Reason, d.Keys...); err != nil {
		return err
	}
	s.step("destroy: objects")
	for _, o := range d.Objects {
		if err := s.objects.Delete(ctx, ObjectName(p.Customer(), o)); err != nil {
			return err
		}
	}
	s.step("destroy: rows")
	var left leftovers
	var discard id.Intent
	err := p.Change(ctx, actor.ForSystem("destruction"), func(tx *place.Tx) error {
		for _, rec := range d.Recordings {
			if err := s.purge(tx, rec, d, &left); err != nil {
				return err
			}
		}
		for _, i := range d.Items {
			if err := intendMoved(tx, i.Moved); err != nil {
				return err
			}
		}
		for _, fn := range s.onEnded {
			if err := fn(tx, s.ending(d)); err != nil {
				return err
			}
		}
		if err := s.forsakeEnded(tx, d.Items); err != nil {
			return err
		}
		tx.Notify(Topic)
		if !left.empty() {
			left.Reason = d.Reason
			var err error
			if discard, err = tx.Intend(intentDiscard, left); err != nil {
				return err
			}
		}
		return tx.Done(intent)
	})
	s.step("destroy: done")
	if err != nil || left.empty() {
		return err
	}
	return s.discard(ctx, p, discard, left)
}

// purge removes the rows of a destroyed recording. What was added to it since
// the destruction was ordered (a transcript, a longer capture) goes too.
func (s *Service) purge(tx *place.Tx, rec id.Recording, d destruction, left *leftovers) error {
	tx.Record(place.Event{Code: "recording.destroyed", Subject: rec.String(), Facts: map[string]string{"reason": d.Reason}})
	row, err := s.Lookup(tx, rec)
	if fault.Is(err, fault.Gone) {
		return nil
	}
	if err != nil {
		return err
	}
	objects, err := s.clear(tx, row.N)
	if err != nil {
		return err
	}
	var kept leftovers // redacted since the destruction was ordered
	if err := dropOriginal(tx, row.N, &kept); err != nil {
		return err
	}
	objects = append(objects, kept.Objects...)
	for _, o := range objects {
		if !slices.Contains(d.Objects, o) {
			left.Objects = append(left.Objects, o)
		}
	}
	for _, k := range append(kept.Keys, row.ContentKey, row.CardKey) {
		if !slices.Contains(d.Keys, k) {
			left.Keys = append(left.Keys, k)
		}
	}
	for _, fn := range s.onGone {
		if err := fn(tx, rec, d.Reason); err != nil {
			return err
		}
	}
	if slices.Contains(d.Figures, rec) {
		if err := keepFigures(tx, row); err != nil {
			return err
		}
	}
	if err := forgetLabels(tx, row.N); err != nil {
		return err
	}
	at := millis(tx.At())
	for _, st := range []struct {
		text string
		args []any
	}{
		{`UPDATE contents SET erased_at = ? WHERE n = ?`, []any{at, row.N}},
		{`UPDATE files SET state = 'erased', reason = '', todo = '', since = ?, sealed = NULL, n = NULL WHERE n = ?`, []any{at, row.N}},
		{`DELETE FROM recordings WHERE n = ?`, []any{row.N}},
		{`DELETE FROM call_idents WHERE call_id = ? AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.call_id = call_idents.call_id)`, []any{row.Call}},
		{`DELETE FROM calls WHERE id = ? AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.call_id = calls.id)`, []any{row.Call}},
		{`INSERT INTO tombstones (id, destroyed_at, reason) VALUES (?, ?, ?)`, []any{rec, at, d.Reason}},
	} {
		if _, err := tx.Exec(st.text, st.args...); err != nil {
			return err
		}
	}
	return nil
}
