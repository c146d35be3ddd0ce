package place

import (
	"slices"
	"strings"
	"testing"
)

func TestParametersAreFoundOutsideQuotesAndComments(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT ? WHERE a = ?`:                     `SELECT $1 WHERE a = $2`,
		`SELECT 'what?', "a?b", ?`:                 `SELECT 'what?', "a?b", $1`,
		`SELECT 'it''s?', ?`:                       `SELECT 'it''s?', $1`,
		"SELECT 1 -- ?\n, ?":                       "SELECT 1 -- ?\n, $1",
		`SELECT /* ? */ ?`:                         `SELECT /* ? */ $1`,
		`SELECT ? /* not closed ?`:                 `SELECT $1 /* not closed ?`,
		`SELECT ?, 'not closed ?`:                  `SELECT $1, 'not closed ?`,
		`INSERT INTO a (b, c) VALUES (?,?), (?,?)`: `INSERT INTO a (b, c) VALUES ($1,$2), ($3,$4)`,
	} {
		if got, _ := look(text).bind(Postgres, nil); got != want {
			t.Errorf("%s → %s", text, got)
		}
		if got, _ := look(text).bind(SQLite, nil); got != text {
			t.Errorf("%s → %s", text, got)
		}
	}
}

func TestListsAreSpread(t *testing.T) {
	st := look(`SELECT a FROM b WHERE c = ? AND d IN (?) AND e = ?`)
	args := []any{1, List([]string{"x", "y"}), true}
	for d, want := range map[Dialect]string{
		SQLite:   `SELECT a FROM b WHERE c = ? AND d IN (?,?) AND e = ?`,
		Postgres: `SELECT a FROM b WHERE c = $1 AND d IN ($2,$3) AND e = $4`,
	} {
		text, out := st.bind(d, args)
		if text != want || !slices.Equal(out, []any{1, "x", "y", int64(1)}) {
			t.Errorf("%v: %s %v", d, text, out)
		}
	}
}

// Whatever the text, looking at it ends, and nothing that writes is taken for
// reading: a statement counts as reading only if it is one plain SELECT.
func FuzzLook(f *testing.F) {
	for _, s := range []string{"SELECT ?", "DELETE FROM a", "select 1; delete from a", "WITH x AS (SELECT 1) DELETE FROM a", "SELECT '", "-- \nDELETE FROM a", "/*", ";", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st := look(text)
		if st.reads && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "select") {
			t.Fatalf("%q was taken for reading", text)
		}
		if pg, _ := st.bind(Postgres, nil); len(pg) < len(text) {
			t.Fatalf("%q lost something: %q", text, pg)
		}
		for _, at := range st.marks {
			if text[at] != '?' {
				t.Fatalf("%q has no parameter at %d", text, at)
			}
		}
	})
}
