package breach

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/person"
)

// Buried is under which reason a breach that was deleted stands in the key store.
const Buried = "breach"

// Over counts the breaches that were closed before a time; it is a person.Over.
func Over(tx *place.Tx, before time.Time) (int64, error) {
	return place.Row[int64](tx, `SELECT count(*) FROM breaches WHERE closed_at > 0 AND closed_at < ?`, before.UnixMilli())
}

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
	if err == nil && s.o.Bury != nil && len(due) > 0 {
		var rows [][16]byte
		for _, i := range due {
			rows = append(rows, i)
		}
		err = s.o.Bury(ctx, p, Buried, rows...) // before they go: cut off in between, the next night takes them away
	}
	if err != nil {
		return 0, err
	}
	return takeAway(ctx, p, actor.ForSystem("breach"), due)
}

// Restored takes the breaches out of a restored place that were deleted since it
// was copied, and gives how many that were. It is run before anybody can open the place.
func Restored(ctx context.Context, p *place.Place, buried [][16]byte) (n int, err error) {
	if len(buried) == 0 {
		return 0, nil
	}
	var all []id.Breach
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = place.Rows[id.Breach](tx, `SELECT id FROM breaches`)
		return err
	})
	if err != nil {
		return 0, err
	}
	return takeAway(ctx, p, actor.ForSystem("restore"), slices.DeleteFunc(all, func(i id.Breach) bool { return !slices.Contains(buried, [16]byte(i)) }))
}

func takeAway(ctx context.Context, p *place.Place, who actor.Actor, all []id.Breach) (n int, err error) {
	for _, i := range all {
		err := p.Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "breach.purged", Subject: i.String()})
			tx.Notify(Topic)
			_, err := tx.Exec(`DELETE FROM breaches WHERE id = ?`, i)
			return err
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
