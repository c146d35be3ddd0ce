package storage

import (
	"maps"
	"slices"
	"testing"

	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// Every table of a place is named: as derived from recordings, with what ends it,
// or as holding nothing of them, with whose it is. A new table fails here until
// somebody has said which.
func TestEveryTableIsNamedForDestruction(t *testing.T) {
	p := placetest.Customer(t, placetest.New(t, Schemas()))
	named := apartData()
	for _, d := range derivedData() {
		if d.Name == "" || d.Goes == "" || len(d.Tables) == 0 {
			t.Errorf("%+v says too little", d)
		}
		for _, table := range d.Tables {
			if named[table] != "" {
				t.Errorf("%q is named twice", table)
			}
			named[table] = d.Goes
		}
	}
	st, err := p.Check(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	shadow := map[string]bool{}
	for _, end := range []string{"_data", "_idx", "_docsize", "_config"} {
		shadow["spoken_words"+end] = true
	}
	for _, table := range slices.Sorted(maps.Keys(st.Rows)) {
		if named[table] == "" && !shadow[table] {
			t.Errorf("the table %q is in none of the lists of derived.go: say what ends it, or that it holds nothing of a recording", table)
		}
	}
	var hidden []string
	err = p.View(t.Context(), func(tx *place.Tx) (err error) {
		hidden, err = place.Rows[string](tx, `SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'recording')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	apart := apartData()
	for _, table := range hidden {
		if why := apart[table]; why != "" {
			t.Errorf("%q has a recording's id and is listed as %q", table, why)
		}
	}
}
