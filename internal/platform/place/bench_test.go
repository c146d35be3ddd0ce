package place_test

import (
	"testing"

	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// BenchmarkChange is one event and 100 rows, durably.
func BenchmarkChange(b *testing.B) {
	for _, engine := range placetest.Engines {
		b.Run(engine.Name, func(b *testing.B) {
			p := benchPlace(b, engine)
			for b.Loop() {
				err := p.Change(b.Context(), tester, func(tx *place.Tx) error {
					for n := range 100 {
						if err := write(tx, n); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkView is one row found by its key.
func BenchmarkView(b *testing.B) {
	for _, engine := range placetest.Engines {
		b.Run(engine.Name, func(b *testing.B) {
			p := benchPlace(b, engine)
			if err := p.Change(b.Context(), tester, func(tx *place.Tx) error { return write(tx, 1) }); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				err := p.View(b.Context(), func(tx *place.Tx) error {
					_, err := place.Row[string](tx, `SELECT text FROM notes WHERE n = ?`, 1)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchPlace(b *testing.B, e placetest.Engine) *place.Place {
	return placetest.Customer(b, placetest.Open(b, e.Config(b), schemas))
}
