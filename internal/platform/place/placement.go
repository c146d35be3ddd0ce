package place

import (
	"context"
	"errors"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

var itself = actor.ForSystem("place")

// Create makes a customer's place, with its tables. Twice is fine.
func (s *Store) Create(ctx context.Context, c id.Customer) error {
	if c.IsZero() {
		return errNoPlace
	}
	_, err := s.Place(ctx, c)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return err
	}
	// The database comes before the row that names it: what the row names is there.
	if err := s.engine.create(ctx, c); err != nil {
		return err
	}
	fresh := &Place{s: s, customer: c}
	if _, err := fresh.acquire(ctx); err != nil {
		return err
	}
	fresh.release()
	fresh.shut(errNoPlace)
	err = s.registry.Change(ctx, itself, func(tx *Tx) error {
		n, err := tx.exec(parse(`INSERT INTO placements (customer, created_at) VALUES (?, ?) ON CONFLICT (customer) DO NOTHING`), []any{c, tx.at.UnixMilli()})
		if err != nil {
			return err
		}
		if n == 0 {
			return errThere
		}
		tx.Record(Event{Code: "place.created", Subject: c.String()})
		return nil
	})
	if errors.Is(err, errThere) {
		_, err = s.Place(ctx, c) // made at the same moment, or being destroyed
	}
	return err
}

var errThere = errors.New("the place is there")

// Destroy removes a customer's place for ever. The decision is durable before
// the first step; what a crash interrupts is finished by the next Open.
func (s *Store) Destroy(ctx context.Context, c id.Customer) error {
	if _, err := s.Place(ctx, c); err != nil {
		return err
	}
	if err := s.condemn(ctx, c); err != nil {
		return err
	}
	return s.remove(ctx, c)
}

// There is fault.NotFound, within the registry, unless a customer's place is there
// and stays. Who writes a row about a customer asks in the same transaction:
// whatever was read of the place was read before, and they may have left since.
func (tx *Tx) There(c id.Customer) error {
	n, err := Row[int64](tx, `SELECT count(*) FROM placements WHERE customer = ? AND destroying = 0`, c)
	if err == nil && n == 0 {
		err = errNoPlace
	}
	return err
}

func (s *Store) condemn(ctx context.Context, c id.Customer) error {
	return s.registry.Change(ctx, itself, func(tx *Tx) error {
		tx.Record(Event{Code: "place.destroyed", Subject: c.String()})
		return tx.core(`UPDATE placements SET destroying = 1 WHERE customer = ?`, c)
	})
}

// finishDestroying ends what Destroy began before a crash.
func (s *Store) finishDestroying(ctx context.Context) error {
	var cs []id.Customer
	err := s.registry.View(ctx, func(tx *Tx) (err error) {
		cs, err = Rows[id.Customer](tx, `SELECT customer FROM placements WHERE destroying = 1`)
		return err
	})
	for _, c := range cs {
		err = errors.Join(err, s.remove(ctx, c))
	}
	return err
}

func (s *Store) remove(ctx context.Context, c id.Customer) error {
	p := s.handle(c)
	p.shut(errNoPlace)
	if err := p.drained(ctx); err != nil {
		return err
	}
	if err := s.engine.destroy(ctx, c); err != nil {
		return err
	}
	if s.log != nil {
		if err := s.log.Forget(c); err != nil {
			return err
		}
	}
	err := s.registry.Keep(ctx, func(tx *Tx) error {
		return errors.Join(
			tx.core(`DELETE FROM place_work WHERE customer = ?`, c),
			tx.core(`DELETE FROM placements WHERE customer = ?`, c),
		)
	})
	if err == nil {
		s.mu.Lock()
		delete(s.places, c)
		s.mu.Unlock()
	}
	return err
}
