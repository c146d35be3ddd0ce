package custody_test

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

func (w *world) rows(table string) (n int) {
	w.Helper()
	w.no(w.store.Registry().View(w.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int](tx, `SELECT count(*) FROM `+table)
		return err
	}))
	return n
}

// A customer who leaves while their rhythm is being set, or their key handed
// over, is not written down again.
func TestACustomerWhoLeaves(t *testing.T) {
	each(t, func(w *world) {
		condemned, gone := make(chan struct{}), make(chan error, 1)
		w.store.OnCommit(func(c place.Commit) {
			for _, e := range c.Events {
				switch e.Code {
				case "place.destroyed":
					close(condemned)
				case "key.rhythm-set": // between the place and the registry
					go func() { gone <- w.store.Destroy(t.Context(), w.p.Customer()) }()
					<-condemned
				}
			}
		})
		w.wants(w.SetRhythm(w.Context(), w.p, w.ada, 6), fault.NotFound)
		w.no(<-gone)
		w.wants(w.Held(w.Context(), w.p.Customer()), fault.NotFound)
		if rhythms, held := w.rows("key_rhythms"), w.rows("keys_held"); rhythms != 0 || held != 0 {
			t.Errorf("%d rhythms and %d keys of one who has left", rhythms, held)
		}
		w.no(w.SetRhythm(w.Context(), w.store.Registry(), w.ada, 6)) // the root key's is nobody's
		if w.rows("key_rhythms") != 1 {
			t.Error("the rhythm of the root key is not kept")
		}
	})
}

// What an older release left of one who has gone is cleared away, not asked for
// every half minute.
func TestALeaverWhoIsStillListed(t *testing.T) {
	each(t, func(w *world) {
		w.no(w.Held(w.Context(), w.p.Customer()))
		w.no(w.Tick(w.Context(), false))
		w.no(w.Held(w.Context(), w.p.Customer()))
		w.no(w.store.Destroy(w.Context(), w.p.Customer()))
		w.no(w.Tick(w.Context(), false))
		if n := w.rows("keys_held"); n != 0 {
			t.Errorf("%d are still listed", n)
		}
	})
}
