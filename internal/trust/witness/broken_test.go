package witness_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/witness"
)

// A log from which an event was taken out is not signed, and somebody is told.
func TestABrokenLogIsTold(t *testing.T) {
	dir := t.TempDir()
	store := placetest.Open(t, place.Config{Dir: dir}, schemas())
	w := newWorld(t, store)
	var told []error
	w.s = witness.New(witness.Options{Store: store, Keys: w.keys, Mail: w.box, Broken: func(_ context.Context, _ *place.Place, why error) { told = append(told, why) }})
	store.OnCommit(w.s.Watch)
	w.record(3)
	db, err := sql.Open("sqlite", filepath.Join(dir, "places", w.p.Customer().String()+".db"))
	if err == nil {
		_, err = db.Exec(`DROP TRIGGER events_last; DELETE FROM events WHERE pos = 2`)
	}
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	w.s.Turn(t.Context())
	if len(told) != 1 || !errors.Is(told[0], journal.ErrBroken) || !strings.Contains(fault.Of(told[0]).Text, "after position 1 comes 3") {
		t.Fatalf("%v", told)
	}
	if list, _ := w.s.List(t.Context(), w.p, 0, 1); len(list) != 0 {
		t.Error("it was signed")
	}
}
