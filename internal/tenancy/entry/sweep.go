package entry

import (
	"context"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Sweep takes out what has run out, in a place or in the registry. Until then it
// counts for nothing already; the journal says which surface is open again.
func (s *Service) Sweep(ctx context.Context, p *place.Place) (n int, err error) {
	var due []id.Node
	err = p.View(ctx, func(tx *place.Tx) error {
		due, err = place.Rows[id.Node](tx, `SELECT DISTINCT node FROM entry_rules WHERE until > 0 AND until <= ?`, s.at(tx).UnixMilli())
		return err
	})
	for _, node := range due {
		err = p.Change(ctx, actor.ForSystem("access lists"), func(tx *place.Tx) error {
			gone, err := s.expire(tx, node)
			n += gone
			return err
		})
		if err != nil {
			return n, err
		}
	}
	return n, err
}

func (s *Service) expire(tx *place.Tx, n id.Node) (gone int, err error) {
	at := s.at(tx)
	all, err := rules(tx, n)
	if err != nil {
		return 0, err
	}
	var left []Rule
	for _, r := range all {
		if r.live(at) {
			left = append(left, r)
			continue
		}
		gone++
		record(tx, "entry.expired", r)
		if _, err := tx.Exec(`DELETE FROM entry_rules WHERE id = ?`, r.ID); err != nil {
			return 0, err
		}
	}
	for _, surface := range Surfaces(!tx.Place().Customer().IsZero()) {
		had := false
		for _, r := range all {
			had = had || r.Surface == surface
		}
		if had && !ruled(left, surface, at) {
			tx.Record(place.Event{Code: "entry.opened", Subject: n.String(), Facts: map[string]string{"surface": string(surface)}})
		}
	}
	tx.Notify("access-rules")
	return gone, store(tx, n, left)
}

// Clear takes every rule of a node out, for an operator at the host whom a
// customer asks because nobody there comes in any more.
func (s *Service) Clear(ctx context.Context, w Where, who actor.Actor) (n int, err error) {
	err = w.Place.Change(ctx, who, func(tx *place.Tx) error {
		all, err := rules(tx, w.Node)
		if err != nil {
			return err
		}
		n = len(all)
		for _, r := range all {
			record(tx, "entry.removed", r)
			if _, err := tx.Exec(`DELETE FROM entry_rules WHERE id = ?`, r.ID); err != nil {
				return err
			}
		}
		if n == 0 {
			tx.Record(place.Event{Code: "entry.opened", Subject: w.Node.String()})
		}
		return store(tx, w.Node, nil)
	})
	return n, err
}

// tellEvery is how often one refusal of the same kind is recorded: whoever is
// refused tries again, and the journal is no place for each attempt.
const (
	tellEvery = time.Hour
	mostTold  = 10_000
)

// Refused tells the place's administrators that somebody who holds a right
// there came from where no rule covers them. It is called only for those who
// showed that they are somebody: strangers cannot fill the journal.
func (s *Service) Refused(ctx context.Context, w Where, who actor.Actor, surface Surface, at time.Time) error {
	key := w.Node.String() + " " + who.ID + " " + string(surface) + " " + who.From
	s.mu.Lock()
	last, told := s.told[key]
	if told && at.Sub(last) < tellEvery {
		s.mu.Unlock()
		return nil
	}
	if len(s.told) >= mostTold {
		clear(s.told)
	}
	s.told[key] = at
	s.mu.Unlock()
	return w.Place.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "entry.refused", Subject: w.Node.String(), Facts: map[string]string{"surface": string(surface)}})
		return nil
	})
}
