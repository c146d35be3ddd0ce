package storage

import (
	"regexp"
	"slices"
	"testing"
)

// takesAway finds what a program of the release before could no longer read or
// write: an upgrade could not be taken back then.
var takesAway = regexp.MustCompile(`(?i)\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN)|ADD\s+COLUMN\s+[^,;]*NOT\s+NULL(?:[^,;D]|D[^E])*(,|;|$))`)

// TestMigrationsOnlyAdd: what takes something away says which release it needs.
func TestMigrationsOnlyAdd(t *testing.T) {
	s := Schemas()
	for _, m := range slices.Concat(s.Registry, s.Place) {
		if found := takesAway.FindString(m.SQL); found != "" && m.Needs() == "" && !rebuilds[m.Number] {
			t.Errorf("migration %d %s: %q without {{needs RELEASE}}: the release before could not be put back", m.Number, m.Name, found)
		}
	}
	for text, bad := range map[string]bool{
		"ALTER TABLE a DROP COLUMN b;": true, "drop table a": true, "ALTER TABLE a RENAME TO b": true,
		"ALTER TABLE a ADD COLUMN b TEXT NOT NULL;": true, "ALTER TABLE a ADD COLUMN b TEXT NOT NULL DEFAULT '';": false,
		"ALTER TABLE a ADD COLUMN b TEXT; CREATE INDEX c ON a (b);": false, "DROP INDEX c": false,
	} {
		if takesAway.MatchString(text) != bad {
			t.Errorf("%s: %v", text, !bad)
		}
	}
}

// rebuilds are migrations that put a table of the same columns in the place of
// another, as SQLite changes a constraint.
var rebuilds = map[int]bool{}
