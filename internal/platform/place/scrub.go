package place

import (
	"context"
	"errors"
	"strings"

	"ringfence/internal/base/fault"
)

// Scrub takes what was deleted or overwritten out of the log of an SQLite file
// (which otherwise keeps earlier pages until it is written round). On PostgreSQL
// it does nothing: there, the cluster's own log keeps them for a while.
func (db *DB) Scrub(ctx context.Context) error {
	if db.pool.d != SQLite {
		return nil
	}
	return db.pool.truncate(ctx)
}

// truncate empties the log of an SQLite file.
func (pl *pool) truncate(ctx context.Context) error {
	select {
	case pl.gate <- struct{}{}:
		defer func() { <-pl.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var busy, pages, moved int
	err := pl.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		err = errors.New("the log of the database is being read for too long; it is cleaned the next time")
	}
	return err
}

// Scrub takes what was deleted out of what the engine keeps beside the rows of a
// place: on SQLite out of the file's log, on PostgreSQL out of dead rows and
// emptied pages of its tables, as VACUUM does. What it cannot reach is the
// cluster's own log and the copies of it: those keep earlier pages until they are
// recycled, which the operator's settings decide. Run it when little is going on.
func (p *Place) Scrub(ctx context.Context) error {
	pl, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release()
	if pl.d == SQLite {
		return pl.truncate(ctx)
	}
	return p.judge(pl.vacuum(ctx))
}

// vacuum runs as the owner of the tables, outside of any transaction: VACUUM
// refuses to be in one.
func (pl *pool) vacuum(ctx context.Context) (err error) {
	conn, err := pl.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The connection is shared: whoever has it next must not be the owner.
	defer func() {
		_, again := conn.ExecContext(context.WithoutCancel(ctx), `RESET ROLE; RESET search_path`)
		err = errors.Join(err, again)
	}()
	if _, err := conn.ExecContext(ctx, strings.ReplaceAll(pl.enterOwner, "SET LOCAL ", "SET ")); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`)
	if err != nil {
		return err
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			rows.Close()
			return err
		}
		tables = append(tables, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range tables {
		if !plainName.MatchString(name) {
			return fault.New(fault.Internal, "a table with the name %q", name)
		}
		if _, err := conn.ExecContext(ctx, `VACUUM `+name); err != nil {
			return err
		}
	}
	return nil
}
