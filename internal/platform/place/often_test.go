package place_test

import (
	"sync"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// A kept statement gives what is there now, to more readers at once than there
// are connections, and none of them waits for itself.
func TestOftenReadsWhatIsThere(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		f := id.New[id.File]()
		read := func() (n int, err error) {
			err = p.View(t.Context(), func(tx *place.Tx) error {
				n, err = place.Often[int](tx, `SELECT n FROM notes WHERE id = ?`, f)
				return err
			})
			return n, err
		}
		if _, err := read(); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		for want := range 5 {
			err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "x.y"})
				_, err := tx.Exec(`INSERT INTO notes (id, n, text) VALUES (?, ?, 'a') ON CONFLICT (id) DO UPDATE SET n = excluded.n`, f, want)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if n, err := read(); n != want || err != nil {
						t.Errorf("read %d, want %d: %v", n, want, err)
					}
				})
			}
			all.Wait()
		}
	})
}
