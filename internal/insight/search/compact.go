package search

import (
	"context"

	"ringfence/internal/platform/place"
)

// mergePages is how much one step of Compact rewrites: about 2 MB, so that
// nobody who writes waits long for it.
const mergePages = 500

// Compact drops what was removed from the index out of the database's file. It
// is to run after the nightly destruction, in steps between which others write.
func Compact(ctx context.Context, p *place.Place) error {
	if p.Dialect() == place.SQLite {
		// A negative number asks that all parts of the index be merged with one another,
		// however few there are; the steps after it carry that out.
		err := p.Keep(ctx, func(tx *place.Tx) error {
			_, err := tx.Exec(`INSERT INTO spoken_words (spoken_words, rank) VALUES ('merge', ?)`, -mergePages)
			return err
		})
		if err != nil {
			return err
		}
	}
	for range 100_000 {
		more := false
		err := p.Keep(ctx, func(tx *place.Tx) (err error) {
			more, err = of(tx.Dialect()).compact(tx)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return errEndless
}
