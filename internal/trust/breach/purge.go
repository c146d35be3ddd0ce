package breach

import (
	"context"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/person"
)

// Purge takes away the breaches that were closed longer ago than the customer
// keeps closed cases, and gives how many. Article 33(5) wants breaches written down,
// and names no time.
func (s *Service) Purge(ctx context.Context, p *place.Place) (n int, err error) {
	var due []id.Breach
	err = p.View(ctx, func(tx *place.Tx) error {
		days, err := person.KeptFor(tx)
		if err == nil {
			due, err = place.Rows[id.Breach](tx, `SELECT id FROM breaches WHERE closed_at > 0 AND closed_at < ? ORDER BY closed_at LIMIT 200`,
				s.o.Now().Add(-time.Duration(days)*24*time.Hour).UnixMilli())
		}
		return err
	})
	for _, i := range due {
		if err != nil {
			return n, err
		}
		err = p.Change(ctx, actor.ForSystem("breach"), func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "breach.purged", Subject: i.String()})
			tx.Notify(Topic)
			_, err := tx.Exec(`DELETE FROM breaches WHERE id = ?`, i)
			return err
		})
		if err == nil {
			n++
		}
	}
	return n, err
}
