package place

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/base/id"
)

// Which places have work waiting is hinted in the registry, so that idle places
// need not be opened to find out. A hint may be too early, never too late: it
// is written, durably, before the work itself commits, and put off only by
// Settle. Both hold the place's right to write, so neither misses the other.

// Due hints that there will be work in this place at a time. The registry needs
// no hint: its jobs are always looked for.
func (tx *Tx) Due(at time.Time) error {
	tx.jobs = true
	p := tx.place
	if p.customer.IsZero() || !tx.hinted.IsZero() && !at.Before(tx.hinted) {
		return nil
	}
	ms := at.UnixMilli()
	reg := p.s.registry
	var known bool
	err := reg.View(tx.ctx, func(r *Tx) error {
		found, err := Rows[int64](r, `SELECT due_at FROM place_work WHERE customer = ? AND due_at <= ?`, p.customer, ms)
		known = len(found) > 0
		return err
	})
	if err == nil && !known {
		err = reg.Keep(tx.ctx, func(r *Tx) error {
			return r.core(`INSERT INTO place_work (customer, due_at) VALUES (?, ?)
				ON CONFLICT (customer) DO UPDATE SET due_at = excluded.due_at WHERE place_work.due_at > excluded.due_at`, p.customer, ms)
		})
	}
	if err == nil {
		tx.hinted = at
	}
	return err
}

// Settle writes down when this place has work next; the zero time means that it
// has none. It may be called only within Keep or Change, with a time that was
// found out in the same transaction; it takes effect at once.
func (tx *Tx) Settle(next time.Time) error {
	p := tx.place
	tx.hinted = time.Time{}
	if p.customer.IsZero() {
		return nil
	}
	open, err := Row[int64](tx, `SELECT count(*) FROM intents`)
	if err != nil {
		return err
	}
	if open > 0 {
		next = tx.at
	}
	var ms []int64
	if !next.IsZero() {
		ms = []int64{next.UnixMilli()}
	}
	var now []int64
	err = p.s.registry.View(tx.ctx, func(r *Tx) (err error) {
		now, err = Rows[int64](r, `SELECT due_at FROM place_work WHERE customer = ?`, p.customer)
		return err
	})
	if err != nil || slices.Equal(now, ms) {
		return err
	}
	return p.s.registry.Keep(tx.ctx, func(r *Tx) error {
		if next.IsZero() {
			return r.core(`DELETE FROM place_work WHERE customer = ?`, p.customer)
		}
		return r.core(`INSERT INTO place_work (customer, due_at) VALUES (?, ?)
			ON CONFLICT (customer) DO UPDATE SET due_at = excluded.due_at`, p.customer, next.UnixMilli())
	})
}

// Work is a place with something to do.
type Work struct {
	Customer id.Customer
	At       time.Time
}

// Waiting lists the places whose work is due at a time, the longest due first,
// and when the next one after these is due (zero: none).
func (s *Store) Waiting(ctx context.Context, at time.Time) (due []Work, next time.Time, err error) {
	type row struct {
		Customer id.Customer `db:"customer"`
		At       int64       `db:"due_at"`
	}
	err = s.registry.View(ctx, func(tx *Tx) error {
		rows, err := Rows[row](tx, `SELECT customer, due_at FROM place_work WHERE due_at <= ? ORDER BY due_at, customer`, at.UnixMilli())
		if err != nil {
			return err
		}
		for _, r := range rows {
			due = append(due, Work{r.Customer, time.UnixMilli(r.At).UTC()})
		}
		later, err := Row[*int64](tx, `SELECT min(due_at) FROM place_work WHERE due_at > ?`, at.UnixMilli())
		if err == nil && later != nil {
			next = time.UnixMilli(*later).UTC()
		}
		return err
	})
	return due, next, err
}
