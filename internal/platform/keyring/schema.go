package keyring

import "ringfence/internal/platform/place"

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
		Root    string `db:"root"`
		Wrapped []byte `db:"wrapped"`
	}
	namedKeyRow struct {
		Kind    kind   `db:"kind"`
		Version int64  `db:"version"`
		Wrapped []byte `db:"wrapped"`
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
