package place_test

import (
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestValuesComeBackAsTheyWere(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		f := id.New[id.File]()
		err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "x.y"})
			_, err := tx.Exec(`INSERT INTO notes (id, n, text, ratio) VALUES (?, ?, 'a?', ?), (?, ?, ?, NULL)`,
				f, true, 0.25, id.New[id.File](), nil, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		type base struct {
			ID id.File `db:"id"`
		}
		type note struct {
			base
			Yes   bool     `db:"yes"`
			N     *int64   `db:"n"`
			Text  string   `db:"text"`
			Ratio float64  `db:"ratio"`
			Raw   [16]byte `db:"raw"`
			Bytes []byte   `db:"bytes"`
			Other id.Call  `db:"other"`
		}
		var all []note
		err = p.View(t.Context(), func(tx *place.Tx) (err error) {
			all, err = place.Rows[note](tx, `SELECT id, n AS yes, n, text, ratio, id AS raw, id AS bytes, NULL AS other FROM notes WHERE text <> ? OR text IS NULL ORDER BY id`, "b")
			return err
		})
		if err != nil || len(all) != 2 {
			t.Fatal(all, err)
		}
		if a := all[0]; a.ID != f || !a.Yes || *a.N != 1 || a.Text != "a?" || a.Ratio != 0.25 || a.Raw != f || string(a.Bytes) != string(f[:]) || !a.Other.IsZero() {
			t.Fatalf("%+v", a)
		}
		if b := all[1]; b.Yes || b.N != nil || b.Text != "" || b.Ratio != 0 {
			t.Fatalf("%+v", b)
		}
		if n := one[int](t, p, `SELECT count(*) FROM notes WHERE id IN (?) AND n = ?`, place.List([]id.File{id.New[id.File](), f}), 1); n != 1 {
			t.Fatal("a list did not match")
		}
		if n := one[int](t, p, `SELECT count(*) FROM notes WHERE id IN (?)`, place.List([]id.File{})); n != 0 {
			t.Fatal("an empty list matched")
		}
		if n := one[int](t, p, `SELECT sum(n) FROM notes`); n != 1 {
			t.Fatal("a sum")
		}
		p.View(t.Context(), func(tx *place.Tx) error {
			if _, err := place.Row[int](tx, `SELECT n FROM notes WHERE n = 5`); !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
			if _, err := place.Rows[int](tx, `SELECT text FROM notes`); err == nil {
				t.Error("a text was read as a number")
			}
			return nil
		})
		p.View(t.Context(), func(tx *place.Tx) error {
			if _, err := place.Rows[base](tx, `SELECT id, n FROM notes`); err == nil || !strings.Contains(err.Error(), `"n"`) {
				t.Error("a column without a field:", err)
			}
			return nil
		})
		err = p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "x.y"})
			_, err := tx.Exec(`INSERT INTO notes (id) VALUES (?)`, f)
			return err
		})
		if !place.IsDuplicate(err) {
			t.Fatal(err)
		}
	})
}
