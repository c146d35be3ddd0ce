package destruction_test

import (
	"bytes"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/destruction"
)

// An erasure at a person's request is certified in every store, once, also where
// no recording was among what went.
func TestAnErasureIsCertifiedInEveryStore(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.keep = destruction.Backups{On: true, Places: w.now.AddDate(0, 0, 31), Keys: w.now.AddDate(0, 0, 7)}
		e := destruction.Erasure{
			Run: id.New[id.Destruction](), Request: id.New[id.PersonRequest]().String(), Ordered: time.Now(),
			Stores: []destruction.Store{
				{Name: "contacts", Title: "Who is told of alerts", Erased: 2},
				{Name: "members", Title: "Members", Kept: []destruction.Kept{{Count: 1, Why: "who heard what has to stay provable"}}},
			},
		}
		for range 2 {
			if err := w.certs.Erased(t.Context(), w.Place, e); err != nil {
				t.Fatal(err)
			}
		}
		all, _, err := w.certs.List(t.Context(), w.Place, id.Certificate{}, 50)
		if err != nil || len(all) != 1 || all[0].Kind != "erasure" || all[0].Run != e.Run {
			t.Fatalf("%+v %v", all, err)
		}
		c := w.read(t, all[0].ID)
		if c.By.Request != e.Request || len(c.Stores) != 2 || c.Stores[0].Erased != 2 || c.Stores[1].Kept[0].Count != 1 {
			t.Errorf("%+v", c)
		}
		// When the last backup from before is gone, that is said, and what was done still is.
		w.now = w.now.AddDate(0, 0, 40)
		if w.issue(t, 1); w.read(t, all[0].ID).Corrects != "" {
			t.Error("the first certificate was changed")
		}
		all, _, err = w.certs.List(t.Context(), w.Place, id.Certificate{}, 50)
		if err != nil || len(all) != 2 || all[1].Replaced != all[0].ID {
			t.Fatalf("%+v %v", all, err)
		}
		if c := w.read(t, all[0].ID); len(c.Stores) != 2 || c.By.Request != e.Request || stateOf(t, c, "backups of rows").State != "gone" {
			t.Errorf("%+v", c)
		}
		w.issue(t, 0)
		pdf, err := w.certs.Document(t.Context(), w.Place, all[0].ID, true)
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Error(err)
		}
	})
}
