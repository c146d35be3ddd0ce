package place

import (
	"context"
	"errors"
)

// Scrub takes what was deleted or overwritten out of the log of an SQLite file
// (which otherwise keeps earlier pages until it is written round). On PostgreSQL
// it does nothing: there, the cluster's own log keeps them for a while.
func (db *DB) Scrub(ctx context.Context) error {
	if db.pool.d != SQLite {
		return nil
	}
	select {
	case db.pool.gate <- struct{}{}:
		defer func() { <-db.pool.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var busy, pages, moved int
	err := db.pool.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		err = errors.New("the log of the database is being read for too long; it is cleaned the next time")
	}
	return err
}
