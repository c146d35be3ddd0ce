package place

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Migration is one step from an older set of tables to a newer one. One text
// serves both engines: {{id}}, {{bytes}}, {{int}}, {{real}} and {{text}} become
// the engine's types; what stands in {{sqlite}}…{{end}} or {{postgres}}…{{end}}
// is for that engine alone. Once released, a migration is never edited; the next
// one expands, and what is no longer used is taken away a release later.
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

func (m Migration) expand(d Dialect) (string, error) {
	text := blocks.ReplaceAllStringFunc(m.SQL, func(b string) string {
		part := blocks.FindStringSubmatch(b)
		if (part[1] == "sqlite") == (d == SQLite) {
			return part[2]
		}
		return ""
	})
	text = types[d].Replace(text)
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
	for _, n := range done {
		if !slices.ContainsFunc(ms, func(m Migration) bool { return m.Number == n }) {
			m := Migration{Number: n, Name: "of another version"}
			return &migrationError{m, fmt.Errorf("the database was written by a newer program; start that one, or restore a backup from before it")}
		}
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
		if _, err := tx.Exec(`INSERT INTO migrations (number, name, at) VALUES (?, ?, ?)`, m.Number, m.Name, at.UnixMilli()); err != nil {
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
