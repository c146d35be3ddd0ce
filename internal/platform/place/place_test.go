package place_test

import (
	"errors"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

var (
	tester  = actor.ForSystem("test").For("testing")
	schemas = place.Schemas{
		Place:        place.Migrations{{Number: 90, Name: "notes", SQL: `CREATE TABLE notes (id {{id}} NOT NULL PRIMARY KEY, n {{int}}, text {{text}}); CREATE TABLE caches (k {{text}} NOT NULL PRIMARY KEY, v {{int}} NOT NULL);`}},
		Registry:     place.Migrations{{Number: 91, Name: "people", SQL: `CREATE TABLE people (id {{id}} NOT NULL PRIMARY KEY);`}},
		Housekeeping: []string{"caches"},
	}
)

func TestChangeIsSeen(t *testing.T) {
	placetest.Run(t, schemas, changeIsSeen)
}

func changeIsSeen(t *testing.T, s *place.Store) {
	p := placetest.Customer(t, s)
	err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "note.written", Personal: map[string]string{"name": "Ada"}})
		_, err := tx.Exec(`INSERT INTO notes (id, n, text) VALUES (?, ?, ?)`, []byte("0123456789abcdef"), 7, "x?'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Change(t.Context(), tester, func(tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM notes`)
		return err
	})
	if !errors.Is(err, place.ErrNoEvent) {
		t.Fatal(err)
	}
	p.View(t.Context(), func(tx *place.Tx) error {
		type note struct {
			N    int    `db:"n"`
			Text string `db:"text"`
		}
		all, err := place.Rows[note](tx, `SELECT n, text FROM notes WHERE n IN (?) AND text <> 'a?'`, place.List([]int{6, 7}))
		if err != nil || len(all) != 1 || all[0].N != 7 {
			t.Fatal(all, err)
		}
		return nil
	})
}
