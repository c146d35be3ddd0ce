package place

import (
	"context"
	"errors"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// DSN says where a bare database is: in a file, or in a schema of a PostgreSQL
// database, over connections of its own or over shared ones.
type DSN struct {
	File     string
	Postgres secret.Text  // URL
	Over     *Connections // instead of Postgres
	Schema   string       // for Postgres and Over; lower-case letters, digits and _
}

// Connections are shared by the bare databases of one PostgreSQL database: a
// schema then costs no connections of its own.
type Connections struct {
	pair
	host string
}

// Connect reads the URL and refuses an unverified one; connections are made
// when needed.
func Connect(url secret.Text) (*Connections, error) {
	cfg, err := parsePostgres(url)
	if err != nil {
		return nil, err
	}
	return &Connections{pair{connections(cfg, 16), connections(cfg, 16)}, cfg.Host}, nil
}

// Close closes the connections, after the databases over them.
func (c *Connections) Close() error { return errors.Join(c.read.Close(), c.write.Close()) }

// DB is a database without customers and journal, on the same engines and with
// the same promises: one writer at a time, durable when acknowledged. The key
// store stands on it.
type DB struct {
	pool  *pool
	where string // file or schema
}

// OpenDB opens a bare database, made and migrated if need be.
func OpenDB(ctx context.Context, dsn DSN, ms Migrations) (*DB, error) {
	ms = slices.Concat(Migrations{needsMigration}, ms)
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
	case dsn.Over != nil || !dsn.Postgres.IsZero():
		pl, err = openSchema(ctx, dsn)
	default:
		return nil, fault.Field("dsn", "give a file or a PostgreSQL URL")
	}
	if err != nil {
		return nil, err
	}
	db := &DB{pl, dsn.File}
	if db.where == "" {
		db.where = "schema " + dsn.Schema
	}
	if err := pl.migrate(ctx, ms, time.Now()); err != nil {
		pl.close()
		return nil, db.judge(err)
	}
	return db, nil
}

func (db *DB) judge(err error) error {
	switch ailmentOf(err) {
	case damaged:
		return fault.Wrap(err, fault.Unavailable, "the database %s is damaged; restore it from its last backup or its mirror", db.where)
	case busy, full, failing:
		return fault.Wrap(err, fault.Unavailable, "the database %s cannot be used now: its disk is full or fails, or it does not answer", db.where)
	default:
		return err
	}
}

// View reads one snapshot.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	_, err := db.pool.run(ctx, &Tx{mode: viewing}, time.Now, fn)
	return db.judge(err)
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
	return db.judge(err)
}

// Close closes the connections.
func (db *DB) Close() error {
	db.pool.close()
	return nil
}
