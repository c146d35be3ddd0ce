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

// BenchmarkOpen500 opens a store and uses each of its 500 places once.
func BenchmarkOpen500(b *testing.B) {
	cfg := place.Config{Dir: b.TempDir()}
	s := placetest.Open(b, cfg, schemas)
	for range 500 {
		placetest.Customer(b, s)
	}
	s.Close()
	for b.Loop() {
		s := placetest.Open(b, cfg, schemas)
		customers, err := s.Customers(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range customers {
			p, err := s.Place(b.Context(), c)
			if err != nil {
				b.Fatal(err)
			}
			err = p.View(b.Context(), func(tx *place.Tx) error {
				_, err := place.Row[int](tx, `SELECT count(*) FROM notes`)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		s.Close()
	}
}
