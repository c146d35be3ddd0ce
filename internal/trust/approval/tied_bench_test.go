package approval

import (
	"context"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// Who is whose second person is asked of a log of 100,000 events, of which a
// hundred gave roles.
func BenchmarkTiedTo(b *testing.B) {
	for _, e := range placetest.Engines {
		b.Run(e.Name, func(b *testing.B) {
			store := placetest.Open(b, e.Config(b), place.Schemas{})
			p := placetest.Customer(b, store)
			who := actor.ForSystem("bench")
			for range 100 {
				if err := p.Change(context.Background(), who, func(tx *place.Tx) error {
					for range 999 {
						tx.Record(place.Event{Code: "opening.granted", Subject: id.New[id.Recording]().String()})
					}
					tx.Record(place.Event{Code: "member.invited", Subject: id.New[id.Person]().String(), Facts: map[string]string{"roles": "user"}})
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			since := time.Now().Add(-7 * 24 * time.Hour).UnixMilli()
			for b.Loop() {
				if err := p.View(context.Background(), func(tx *place.Tx) error {
					tied, err := tiedTo(tx, "per_x", since)
					if len(tied) == 0 {
						b.Fatal("nobody")
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
