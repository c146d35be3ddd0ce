package search

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// mergePages is how much one step of Compact rewrites: about 2 MB, so that
// nobody who writes waits long for it.
const mergePages = 500

// Compact drops what was removed from the index out of the database's file. It
// is to run after the nightly destruction. It rewrites the index, in steps
// between which others write, and does nothing when nothing was removed.
func Compact(ctx context.Context, p *place.Place) error {
	var left int64
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		left, err = place.Row[int64](tx, `SELECT removed FROM spoken_words_state WHERE one = 1`)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && left == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	more := true
	for step := 0; more; step++ {
		if step > 100_000 {
			return errEndless
		}
		err := p.Keep(ctx, func(tx *place.Tx) (err error) {
			more, err = of(tx.Dialect()).compact(tx, step == 0)
			return err
		})
		if err != nil {
			return err
		}
	}
	// What was removed meanwhile is for the next night.
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE spoken_words_state SET removed = removed - ? WHERE one = 1`, left)
		return err
	})
}
