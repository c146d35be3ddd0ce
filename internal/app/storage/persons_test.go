package storage

import (
	"regexp"
	"slices"
	"testing"

	"ringfence/internal/trust/person"
	personal "ringfence/internal/trust/person/stores"
)

var (
	madeTable = regexp.MustCompile(`(?s)CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)\n\s*\)`)
	addedTo   = regexp.MustCompile(`ALTER TABLE (\w+) ADD COLUMN \w+ \{\{bytes\}\}`)
	sealedIn  = regexp.MustCompile(`\{\{bytes\}\}`)
)

// Each table of a place that has sealed or opaque bytes is searched for a
// person, or it is said why nobody would be found in it. Whoever adds one says so
// in internal/trust/person/stores.
func TestEveryTableIsSearchedForAPerson(t *testing.T) {
	claimed := map[string]string{}
	for _, st := range person.New(person.Options{Stores: personal.All(personal.Services{})}).Stores() {
		for _, table := range st.Tables {
			claimed[table] = st.Name
		}
		if st.Find == nil || st.Title == "" || st.Erase == nil && st.Kept == "" {
			t.Errorf("the store %s does not say how it is searched, or why it is kept", st.Name)
		}
	}
	for _, table := range []string{"recordings", "parties", "calls", "call_idents", "renditions", "contents", "spoken_words"} {
		claimed[table] = "recordings" // its store needs the service
	}
	with := map[string]bool{}
	for _, m := range Schemas().Place {
		for _, found := range madeTable.FindAllStringSubmatch(m.SQL, -1) {
			if sealedIn.MatchString(found[2]) {
				with[found[1]] = true
			}
		}
		for _, found := range addedTo.FindAllStringSubmatch(m.SQL, -1) {
			with[found[1]] = true
		}
	}
	if len(with) < 40 {
		t.Fatalf("only %d tables were seen: %v", len(with), with)
	}
	var open []string
	for table := range with {
		if claimed[table] == "" && personal.Apart[table] == "" {
			open = append(open, table)
		}
	}
	slices.Sort(open)
	if len(open) > 0 {
		t.Errorf("tables with sealed or opaque bytes in which nobody looks for a person: %v; add each to a store or to Apart in internal/trust/person/stores", open)
	}
}
