package place_test

import (
	"slices"
	"testing"

	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// A place that begins as a copy has the tables of one that was made by its
// migrations, and none of the rows; other migrations make other places.
func TestPlacesThatBeginAsCopies(t *testing.T) {
	table := place.Migrations{{Number: 1000, Name: "t", SQL: `CREATE TABLE t (n {{int}} PRIMARY KEY)`}}
	more := append(slices.Clone(table), place.Migration{Number: 1001, Name: "u", SQL: `CREATE TABLE u (n {{int}} PRIMARY KEY)`})
	tables := func(cfg place.Config, ms place.Migrations) (all []string) {
		cfg.Dir = t.TempDir()
		s, err := place.Open(t.Context(), cfg, place.Schemas{Place: ms}, placetest.NewSealer())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p := placetest.Customer(t, s)
		if err := p.View(t.Context(), func(tx *place.Tx) error {
			all, err = place.Rows[string](tx, `SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY name`)
			if err != nil {
				return err
			}
			rows, err := place.Rows[int64](tx, `SELECT n FROM t UNION ALL SELECT pos FROM events`)
			if len(rows) > 0 {
				t.Errorf("a new place has the rows %v", rows)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "x.y"})
			_, err := tx.Exec(`INSERT INTO t (n) VALUES (1)`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	var blanks place.Blanks
	for name, ms := range map[string]place.Migrations{"one": table, "more": more} {
		want := tables(place.Config{}, ms)
		for range 3 {
			if got := tables(place.Config{Blanks: &blanks}, ms); !slices.Equal(got, want) {
				t.Errorf("%s: a place has\n%q, want\n%q", name, got, want)
			}
		}
	}
}
