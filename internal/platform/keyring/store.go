package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// store is one place for key stores.
type store struct {
	dir  string             // folder, or
	url  secret.Text        // database, which is
	over *place.Connections // reached over these by all key stores in it
}

// marker stands in a folder that Init made. Without it, the empty mount point
// of a disk that is not there would be taken for a new place, and keys would
// count as stored twice on one disk.
const marker = ".ringfence-keys"

func newStore(s Store) (store, error) {
	if (s.Dir == "") == s.Postgres.IsZero() {
		return store{}, fault.Field("keys.stores", "each place is either a folder or a PostgreSQL URL")
	}
	if s.Dir == "" {
		over, err := place.Connect(s.Postgres)
		return store{url: s.Postgres, over: over}, err
	}
	dir, err := filepath.Abs(s.Dir)
	return store{dir: dir}, err
}

// same reports whether two names lead to one place.
func (s store) same(o store) bool {
	if s.dir == "" || o.dir == "" {
		return s.dir == o.dir && s.url.Equal(o.url)
	}
	a, aErr := os.Stat(s.dir)
	b, bErr := os.Stat(o.dir)
	return s.dir == o.dir || aErr == nil && bErr == nil && os.SameFile(a, b)
}

// init marks a folder as a place for key stores.
func (s store) init() error {
	if s.dir == "" {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Invalid, "the folder for keys %s cannot be made", s.dir)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, marker), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the folder for keys %s cannot be written", s.dir)
	}
	_, err = f.WriteString("Ringfence keeps wrapped keys in this folder. Without this file it refuses to use it.\n")
	err = errors.Join(err, f.Sync(), f.Close(), syncDir(s.dir), syncDir(filepath.Dir(s.dir)))
	return fault.Wrap(err, fault.Unavailable, "the folder for keys %s cannot be written", s.dir)
}

// present refuses a folder that Init did not make.
func (s store) present(i int) error {
	if s.dir == "" {
		return nil
	}
	_, err := os.Stat(filepath.Join(s.dir, marker))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) && i > 0:
		return fault.Wrap(err, fault.Unavailable, "the second folder for keys %s is missing or not mounted: bring it back; "+
			"on a new disk run `ringfence init --new-folders`, and it is filled from the first", s.dir)
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.Unavailable, "the folder for keys %s is missing or not mounted: bring it back or restore it; "+
			"for a new installation run `ringfence init`", s.dir)
	}
	return fault.Wrap(err, fault.Unavailable, "the folder for keys %s cannot be read", s.dir)
}

// at is the database of one customer.
func (s store) at(c id.Customer) place.DSN {
	name := "installation"
	if !c.IsZero() {
		name = c.String()
	}
	if s.dir != "" {
		return place.DSN{File: filepath.Join(s.dir, name+".db")}
	}
	return place.DSN{Over: s.over, Schema: "keys_" + name}
}

// has reports whether the file of a customer is there. A schema cannot be
// looked for without opening it: for PostgreSQL the answer is yes.
func (s store) has(c id.Customer) (bool, error) {
	dsn := s.at(c)
	if dsn.File == "" {
		return true, nil
	}
	_, err := os.Stat(dsn.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fault.Wrap(err, fault.Unavailable, "the key store %s cannot be read", dsn.File)
}

func (s store) open(ctx context.Context, c id.Customer) (*place.DB, error) {
	return place.OpenDB(ctx, s.at(c), migrations)
}

// close ends the connections to a database.
func (s store) close() error {
	if s.over == nil {
		return nil
	}
	return s.over.Close()
}

// remove deletes the files of a customer's key store, whose content was
// overwritten before.
func (s store) remove(c id.Customer) error {
	dsn := s.at(c)
	if dsn.File == "" {
		return nil // the schema stays, with its tombstones only
	}
	var errs []error
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(dsn.File + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, syncDir(s.dir))...)
}

// migrations make a key store: one for each customer, and one for the
// installation. They are numbered by themselves, as a key store is a database
// of its own.
var migrations = place.Migrations{{
	Number: 1, Name: "key store", SQL: `
CREATE TABLE state (
	one      {{int}} NOT NULL PRIMARY KEY,
	customer {{text}} NOT NULL,
	made_at  {{int}} NOT NULL,
	seq      {{int}} NOT NULL
);
CREATE TABLE customer_keys (
	version {{int}} NOT NULL PRIMARY KEY,
	root    {{text}} NOT NULL,
	wrapped {{bytes}} NOT NULL
);
CREATE TABLE named_keys (
	kind    {{int}} NOT NULL PRIMARY KEY,
	version {{int}} NOT NULL,
	wrapped {{bytes}} NOT NULL
);
CREATE TABLE keys (
	id      {{id}} NOT NULL PRIMARY KEY,
	kind    {{int}} NOT NULL,
	version {{int}} NOT NULL,
	wrapped {{bytes}} NOT NULL
) {{sqlite}}WITHOUT ROWID{{end}};
CREATE TABLE tombstones (
	id     {{id}} NOT NULL PRIMARY KEY,
	at     {{int}} NOT NULL,
	reason {{text}} NOT NULL
) {{sqlite}}WITHOUT ROWID{{end}};
CREATE TABLE openings (
	receipt {{id}} NOT NULL PRIMARY KEY,
	at      {{int}} NOT NULL,
	what    {{text}} NOT NULL,
	keys    {{int}} NOT NULL
) {{sqlite}}WITHOUT ROWID{{end}};
CREATE TABLE customers (
	id           {{id}} NOT NULL PRIMARY KEY,
	made_at      {{int}} NOT NULL,
	destroyed_at {{int}} NOT NULL,
	reason       {{text}} NOT NULL
);
`,
}, {
	// An edition is the running number of the change that wrote a row: a row that
	// was wrapped anew under the same version is told from the older one by it.
	Number: 2, Name: "rotation and holders", SQL: `
ALTER TABLE customer_keys ADD COLUMN edition {{int}} NOT NULL DEFAULT 0;
ALTER TABLE customer_keys ADD COLUMN made_at {{int}} NOT NULL DEFAULT 0;
ALTER TABLE customer_keys ADD COLUMN holder {{text}} NOT NULL DEFAULT '';
ALTER TABLE customer_keys ADD COLUMN held {{text}} NOT NULL DEFAULT '';
ALTER TABLE named_keys ADD COLUMN edition {{int}} NOT NULL DEFAULT 0;
ALTER TABLE named_keys ADD COLUMN root {{text}} NOT NULL DEFAULT '';
CREATE INDEX keys_waiting ON keys (id) WHERE version = 0;
`,
}}

// The rows of a key store.
type (
	stateRow struct {
		Customer string `db:"customer"`
		MadeAt   int64  `db:"made_at"`
		Seq      int64  `db:"seq"`
	}
	customerKeyRow struct {
		Version int64  `db:"version"`
		Root    string `db:"root"` // which root key wraps it, or its half
		Wrapped []byte `db:"wrapped"`
		Edition int64  `db:"edition"`
		MadeAt  int64  `db:"made_at"` // 0: with the store
		Holder  string `db:"holder"`  // who has the other half; empty: the root key is enough
		Held    string `db:"held"`
	}
	namedKeyRow struct {
		Kind    kind   `db:"kind"`
		Version int64  `db:"version"` // of the customer key above it; 0: the root key
		Wrapped []byte `db:"wrapped"`
		Edition int64  `db:"edition"`
		Root    string `db:"root"` // where version is 0
	}
	keyRow struct {
		ID      [16]byte `db:"id"`
		Kind    kind     `db:"kind"`
		Version int64    `db:"version"`
		Wrapped []byte   `db:"wrapped"`
	}
	tombstoneRow struct {
		ID     [16]byte `db:"id"`
		At     int64    `db:"at"`
		Reason string   `db:"reason"`
	}
	openingRow struct {
		Receipt [16]byte `db:"receipt"`
		At      int64    `db:"at"`
		What    string   `db:"what"`
		Keys    int64    `db:"keys"`
	}
	customerRow struct {
		ID          [16]byte `db:"id"`
		MadeAt      int64    `db:"made_at"`
		DestroyedAt int64    `db:"destroyed_at"`
		Reason      string   `db:"reason"`
	}
)
