package place

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// DSN says where a bare database is: in a file, or in a schema of a PostgreSQL
// database.
type DSN struct {
	File     string
	Postgres secret.Text // URL
	Schema   string      // for Postgres; lower-case letters, digits and _
}

// DB is a database without customers and journal, on the same engines and with
// the same promises: one writer at a time, durable when acknowledged. The key
// store stands on it.
type DB struct{ pool *pool }

// OpenDB opens a bare database, made and migrated if need be.
func OpenDB(ctx context.Context, dsn DSN, ms Migrations) (*DB, error) {
	if err := ms.check(); err != nil {
		return nil, err
	}
	var pl *pool
	var err error
	switch {
	case dsn.File != "":
		if err = createFile(dsn.File); err == nil {
			pl, err = openFile(dsn.File)
		}
	case !dsn.Postgres.IsZero():
		pl, err = openSchema(ctx, dsn)
	default:
		return nil, fault.Field("dsn", "give a file or a PostgreSQL URL")
	}
	if err != nil {
		return nil, err
	}
	if err := pl.migrate(ctx, ms, time.Now()); err != nil {
		pl.close()
		return nil, bareFault(dsn, err)
	}
	return &DB{pl}, nil
}

func bareFault(dsn DSN, err error) error {
	where := dsn.File
	if where == "" {
		where = "schema " + dsn.Schema
	}
	switch ailmentOf(err) {
	case damaged:
		return fault.Wrap(err, fault.Unavailable, "the database %s is damaged; restore it from its last backup or its mirror", where)
	case busy, full:
		return fault.Wrap(err, fault.Unavailable, "the database %s cannot be used now", where)
	default:
		return err
	}
}

// View reads one snapshot.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	_, err := db.pool.run(ctx, &Tx{mode: viewing}, time.Now, fn)
	return err
}

// Update runs fn in one transaction, alone among the Updates of the database.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	tx := &Tx{mode: bare}
	_, err := db.pool.run(ctx, tx, time.Now, fn)
	if err == nil {
		for _, fn := range tx.after {
			fn()
		}
	}
	return err
}

// Close closes the connections.
func (db *DB) Close() error {
	db.pool.close()
	return nil
}
