package place

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/release"
)

// Migration is one step from an older set of tables to a newer one. One text
// serves both engines: {{id}}, {{bytes}}, {{int}}, {{real}} and {{text}} become
// the engine's types; what stands in {{sqlite}}…{{end}} or {{postgres}}…{{end}}
// is for that engine alone. Once released, a migration is never edited; the next
// one expands, and what is no longer used is taken away a release later.
//
// A program works with what a newer one left: that is how an upgrade is taken
// back without losing what was written since. So a migration keeps what the
// release before reads and writes; one that takes something away says with
// {{needs 0.5.0}} from which release on programs do without, and older ones
// refuse the database.
type Migration struct {
	Number int // unique among all packages; each package has a range of its own
	Name   string
	SQL    string
}

// Migrations are run in the order of their numbers.
type Migrations []Migration

// check finds what would be an accident later.
func (ms Migrations) check() error {
	seen := map[int]string{}
	for _, m := range ms {
		if other, twice := seen[m.Number]; twice {
			return fmt.Errorf("migrations %q and %q have the same number %d", other, m.Name, m.Number)
		}
		seen[m.Number] = m.Name
		if n := m.Needs(); n != "" {
			if _, err := release.Parse(n); err != nil {
				return fmt.Errorf("migration %d %s: {{needs %s}}: %w", m.Number, m.Name, n, err)
			}
		}
		for _, d := range []Dialect{SQLite, Postgres} {
			if _, err := m.expand(d); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	blocks = regexp.MustCompile(`(?s)\{\{(sqlite|postgres)\}\}(.*?)\{\{end\}\}`)
	types  = map[Dialect]*strings.Replacer{
		SQLite:   strings.NewReplacer("{{id}}", "BLOB", "{{bytes}}", "BLOB", "{{int}}", "INTEGER", "{{real}}", "REAL", "{{text}}", "TEXT"),
		Postgres: strings.NewReplacer("{{id}}", "BYTEA", "{{bytes}}", "BYTEA", "{{int}}", "BIGINT", "{{real}}", "DOUBLE PRECISION", "{{text}}", "TEXT"),
	}
)

var needs = regexp.MustCompile(`\{\{needs ([0-9A-Za-z.-]+)\}\}`)

// Needs is the oldest release whose programs work with what the migration
// leaves; "": all that know this table of migrations.
func (m Migration) Needs() string {
	if found := needs.FindStringSubmatch(m.SQL); found != nil {
		return found[1]
	}
	return ""
}

func (m Migration) expand(d Dialect) (string, error) {
	text := blocks.ReplaceAllStringFunc(m.SQL, func(b string) string {
		part := blocks.FindStringSubmatch(b)
		if (part[1] == "sqlite") == (d == SQLite) {
			return part[2]
		}
		return ""
	})
	text = types[d].Replace(needs.ReplaceAllString(text, ""))
	if i := strings.Index(text, "{{"); i >= 0 {
		return "", fmt.Errorf("migration %d %s: unknown token at %.20q", m.Number, m.Name, text[i:])
	}
	return text, nil
}

// migrationError marks a failure that trying again will not mend.
type migrationError struct {
	m   Migration
	err error
}

func (e *migrationError) Error() string {
	return fmt.Sprintf("migration %d %s: %v", e.m.Number, e.m.Name, e.err)
}
func (e *migrationError) Unwrap() error { return e.err }

const migrationsTable = `CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at BIGINT NOT NULL)`

// needsMigration lets a migration say which programs work with what it leaves.
// Bare databases have it, too.
var needsMigration = Migration{4, "releases that a database needs", `
ALTER TABLE migrations ADD COLUMN needs {{text}} NOT NULL DEFAULT '';
`}

// ran writes down that a migration was run.
func (m Migration) ran(tx *Tx, at time.Time) error {
	if n := m.Needs(); n != "" {
		_, err := tx.Exec(`INSERT INTO migrations (number, name, at, needs) VALUES (?, ?, ?, ?)`, m.Number, m.Name, at.UnixMilli(), n)
		return err
	}
	_, err := tx.Exec(`INSERT INTO migrations (number, name, at) VALUES (?, ?, ?)`, m.Number, m.Name, at.UnixMilli())
	return err
}

// understood refuses a database that a newer program has changed in a way that
// this one does not know. What that program has only added is no hindrance.
func understood(tx *Tx, done []int, ms Migrations) error {
	known := map[int]bool{}
	for _, m := range ms {
		known[m.Number] = true
	}
	for _, n := range done {
		if known[n] {
			continue
		}
		m := Migration{Number: n, Name: "of another version"}
		if !slices.Contains(done, needsMigration.Number) {
			return &migrationError{m, errNewer}
		}
		wanted, err := Row[string](tx, `SELECT needs FROM migrations WHERE number = ?`, n)
		if err != nil {
			return err
		}
		if wanted == "" {
			continue
		}
		if v, err := release.Parse(wanted); err != nil || release.Own().Compare(v) < 0 {
			return &migrationError{m, fmt.Errorf("%w; it needs release %s", errNewer, wanted)}
		}
	}
	return nil
}

var errNewer = errors.New("the database was changed by a newer program, and this one does not know how; start that one, or restore a backup from before it")

// migrate runs what has not been run, all in one transaction: the database has
// either the tables of the older program or those of this one.
func (pl *pool) migrate(ctx context.Context, ms Migrations, at time.Time) error {
	t, err := pl.begin(ctx, bare, pl.enterOwner)
	if err != nil {
		return err
	}
	defer func() { <-pl.gate }()
	defer t.Rollback()
	tx := &Tx{ctx: ctx, sql: t, d: pl.d, mode: bare}
	if _, err := t.ExecContext(ctx, migrationsTable); err != nil {
		return err
	}
	done, err := Rows[int](tx, `SELECT number FROM migrations ORDER BY number`)
	if err != nil {
		return err
	}
	ms = slices.SortedFunc(slices.Values(ms), func(a, b Migration) int { return a.Number - b.Number })
	if err := understood(tx, done, ms); err != nil {
		return err
	}
	var ran []int
	for _, m := range ms {
		if slices.Contains(done, m.Number) {
			continue
		}
		ran = append(ran, m.Number)
		text, err := m.expand(pl.d)
		if err == nil {
			_, err = t.ExecContext(ctx, text)
		}
		if err != nil {
			return &migrationError{m, err}
		}
		if err := m.ran(tx, at); err != nil {
			return err
		}
	}
	if len(ran) > 0 && pl.granted != "" {
		if _, err := t.ExecContext(ctx, pl.granted); err != nil {
			return err
		}
	}
	tx.pool, tx.at = pl, at.UTC()
	if err := pl.note(tx, ran, len(done) == 0); err != nil {
		return err
	}
	return t.Commit()
}
