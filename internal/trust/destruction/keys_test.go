package destruction_test

import (
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/destruction"
)

// That ways back from pseudonyms are gone is certified once, and again when the
// last backup from before has gone.
func TestWaysBackAreCertified(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.keep = destruction.Backups{On: true, Places: w.now.AddDate(0, 0, 31), Keys: w.now.AddDate(0, 0, 7)}
		k := destruction.Keys{Run: id.New[id.Destruction](), Approval: id.New[id.Approval](), Asked: w.now.Add(-time.Hour), N: 3, TwoKeys: true}
		for range 2 {
			if err := w.certs.CertifyKeys(t.Context(), w.Place, k); err != nil {
				t.Fatal(err)
			}
		}
		first := w.issue(t, 0)
		if len(first) != 1 || first[0].Kind != "pseudonyms" || first[0].Until.IsZero() {
			t.Fatalf("%+v", first)
		}
		if c := w.read(t, first[0].ID); c.Total.Keys != 3 || c.By.Approval != k.Approval.String() || stateOf(t, c, "backups of keys").State != "remaining" {
			t.Errorf("%+v", c)
		}
		w.now = w.now.AddDate(0, 0, 40)
		all := w.issue(t, 1)
		if c := w.read(t, all[0].ID); c.Corrects != first[0].ID.String() || c.Total.Keys != 3 || stateOf(t, c, "backups of keys").State != "gone" || stateOf(t, c, "keys, second").State != "gone" {
			t.Errorf("%+v", c)
		}
		w.issue(t, 0)
	})
}
