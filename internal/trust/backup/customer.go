package backup

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// live is where one customer is restored from while the installation lives.
func (s *Service) live() Source {
	return Source{Data: s.o.Data, Log: s.o.Log, Key: s.o.Scratch.Key}
}

// PlanCustomer looks at what restoring one customer beside the others would do.
// The keys are those that live: what was destroyed stays so.
func (s *Service) PlanCustomer(ctx context.Context, w Want) (Plan, error) {
	if w.Customer.IsZero() {
		return Plan{}, fault.Field("customer", "which customer?")
	}
	if _, err := s.o.Store.Place(ctx, w.Customer); err != nil {
		return Plan{}, err
	}
	p, err := s.live().Plan(ctx, w)
	if err != nil {
		return p, err
	}
	p.KeysFrom = "those that live"
	dead, err := s.o.Keys.Destroyed(ctx, w.Customer)
	p.Destroyed = len(dead)
	return p, err
}

// RestoreCustomer puts one customer back as planned, while the others go on:
// what it has now is replaced. People, roles and tokens are those of then, too.
// It is recorded in the customer's journal, which goes on from there. When it
// fails half-way the place is not open until it was done again.
func (s *Service) RestoreCustomer(ctx context.Context, who actor.Actor, p Plan, w Want) (one Restored, err error) {
	if len(p.origins) != 1 || p.origins[0].customer != w.Customer {
		return one, fault.New(fault.Invalid, "plan the restore of this customer first")
	}
	if !s.mu.TryLock() {
		return one, errBusy
	}
	defer s.mu.Unlock()
	defer s.note(func(g *Progress) { *g = Progress{} })
	begun := s.o.Now()
	s.note(func(g *Progress) { *g = Progress{Doing: "restoring", Since: begun, Of: 1} })
	one.Customer = w.Customer
	dead, err := s.o.Keys.Buried(ctx, w.Customer, time.Time{})
	if err != nil {
		return one, err
	}
	// Read whole before anything is touched: a copy or a log that is damaged must
	// not cost what is there.
	if o := p.origins[0]; o.part != nil {
		if _, err := s.o.Data.Verify(ctx, o.part.Content); err != nil {
			return one, err
		}
	}
	if err := s.live().VerifyLog(ctx, p); err != nil {
		return one, err
	}
	live, err := s.o.Store.Place(ctx, w.Customer)
	if err != nil {
		return one, err
	}
	// A place that cannot be read any more is one more reason to restore it.
	was, unread := actsOf(ctx, live)
	err = s.o.Store.Rebuild(ctx, w.Customer, func(b *place.Builder) error {
		if err := s.live().build(ctx, b, s.o.Tools, p.origins[0]); err != nil {
			return err
		}
		restored := b.Place(w.Customer)
		n, err := s.o.Prove.Purge(ctx, restored, dead)
		if err != nil {
			return err
		}
		one.Purged, one.Emptied = n.Recordings, n.Rows
		if one.Undone, err = lacks(ctx, restored, was); err != nil {
			return err
		}
		if one.Remarks = remarks(one.Undone); unread != nil {
			one.Remarks = append(one.Remarks, "what was done for persons since cannot be said: what was there could not be read")
		}
		if one.Events, one.Reached, err = lastEvent(ctx, restored); err != nil {
			return err
		}
		return restored.Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "place.restored", Subject: w.Customer.String(), Facts: map[string]string{
				"to": one.Reached.Format(time.RFC3339), "purged": strconv.Itoa(one.Purged), "emptied": strconv.Itoa(one.Emptied), "undone": strconv.Itoa(len(one.Undone)), "position": strconv.FormatInt(one.Events, 10),
			}})
			return nil
		})
	})
	if err != nil {
		return one, err
	}
	if live, err = s.o.Store.Place(ctx, w.Customer); err != nil {
		return one, err
	}
	one.Sampled, err = s.o.Prove.Sample(ctx, live, live, s.o.Keys, s.o.Objects, 5)
	one.Took = s.o.Now().Sub(begun)
	return one, err
}
