package review

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// use is a person at a customer, or, with no customer, at nodes above.
type use struct {
	customer id.Customer
	person   id.Person
}

// mostUses bounds the memory for what was written lately; beyond it, uses are
// written more often than they need to be.
const mostUses = 50_000

// Seen notes that a membership is being used. It costs a look into memory; once
// an hour and person it writes.
func (s *Service) Seen(ctx context.Context, p *place.Place, person id.Person) error {
	if s == nil || person.IsZero() {
		return nil
	}
	u, now := use{p.Customer(), person}, s.o.Now()
	s.mu.Lock()
	fresh := now.Sub(s.seen[u]) < seenEvery
	if !fresh {
		if len(s.seen) >= mostUses {
			clear(s.seen)
		}
		s.seen[u] = now
	}
	s.mu.Unlock()
	if fresh {
		return nil
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO member_seen (person, seen_at) VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET seen_at = excluded.seen_at`, person, now.UnixMilli())
		return err
	})
}

// lastUses is when each person last used a membership here.
func lastUses(tx *place.Tx) (map[id.Person]time.Time, error) {
	type row struct {
		Person id.Person `db:"person"`
		SeenAt int64     `db:"seen_at"`
	}
	rows, err := place.Rows[row](tx, `SELECT person, seen_at FROM member_seen`)
	out := map[id.Person]time.Time{}
	for _, r := range rows {
		out[r.Person] = instant(r.SeenAt)
	}
	return out, err
}
