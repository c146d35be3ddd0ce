package destruction_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/destruction"
)

// Keys of ways back are certified once for a run, with where copies last, and anew
// when the backups have ended.
func TestKeysOfWaysBackAreCertified(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.keep = destruction.Backups{On: true, Places: w.now.Add(48 * time.Hour), Keys: w.now.Add(24 * time.Hour)}
		k := destruction.Keys{Run: id.New[id.Destruction](), Approval: id.New[id.Approval](), Asked: w.now.Add(-time.Hour).UTC().Truncate(time.Second), N: 7, TwoKeys: true}
		for range 2 { // a job may be done twice
			if err := w.certs.CertifyKeys(t.Context(), w.Place, k); err != nil {
				t.Fatal(err)
			}
		}
		all := w.issue(t, 0)
		if len(all) != 1 {
			t.Fatal("certificates:", all)
		}
		c := w.read(t, all[0].ID)
		if c.Run != k.Run.String() || c.By.Kind != "pseudonyms" || c.By.Approval != k.Approval.String() || !c.Ordered.Equal(k.Asked) || c.Total.Keys != 7 || c.Total.Recordings != 0 || c.ID != all[0].ID.String() || c.Customer != w.Place.Customer().String() {
			t.Errorf("the certificate says %+v", c)
		}
		for what, state := range map[string]string{"keys, first": "gone", "keys, second": "gone", "originals and marks": "gone"} {
			if got := stateOf(t, c, what); got.State != state {
				t.Errorf("%s: %+v", what, got)
			}
		}
		if got := stateOf(t, c, "backups of keys"); got.State != "remaining" || got.Until == nil || !got.Until.Equal(w.keep.Keys) {
			t.Errorf("backups of keys: %+v", got)
		}
		if got := stateOf(t, c, "backups of rows"); got.State != "remaining" || got.Until == nil || !got.Until.Equal(w.keep.Places) || !strings.Contains(got.Detail, "requests of persons") {
			t.Errorf("backups of rows: %+v", got)
		}
		w.now = w.now.Add(72 * time.Hour)
		if got := stateOf(t, w.read(t, w.issue(t, 1)[0].ID), "backups of rows"); got.State != "gone" {
			t.Errorf("after the last backup: %+v", got)
		}
		k.Run, k.TwoKeys = id.New[id.Destruction](), false
		if err := w.certs.CertifyKeys(t.Context(), w.Place, k); err != nil {
			t.Fatal(err)
		}
		if got := stateOf(t, w.read(t, w.issue(t, 0)[0].ID), "keys, second"); got.State == "gone" {
			t.Errorf("keys in one place are gone from a second: %+v", got)
		}
	})
}
