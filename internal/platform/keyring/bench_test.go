package keyring

import (
	"slices"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// BenchmarkReserve is what the keys of one recording cost when they are reserved
// by the hundred, in two folders.
func BenchmarkReserve(b *testing.B) {
	w := newWorld(b)
	const batch = 100
	for b.Loop() {
		if _, err := w.Reserve(b.Context(), w.c, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/batch, "µs/recording")
}

// BenchmarkUse is what counting and unwrapping add to an opening, in two
// folders: two synced commits.
func BenchmarkUse(b *testing.B) {
	w := newWorld(b)
	key := reserveN(b, w, 1)[0].Content.ID
	openings := make([]place.Opening, 500)
	for i := range openings {
		openings[i] = place.Opening{Subject: "rec_bench", What: "listen", Keys: []id.Key{key}}
	}
	var rs []place.Receipt
	for b.Loop() {
		if len(rs) == 0 {
			b.StopTimer()
			var err error
			if rs, err = w.p.Receipts(b.Context(), actor.ForSystem("bench"), openings); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		if _, err := w.Use(b.Context(), rs[0], key); err != nil {
			b.Fatal(err)
		}
		rs = rs[1:]
	}
}

// BenchmarkDestroy is 100,000 keys, those of 50,000 recordings, destroyed as a
// night does it: 200 recordings in each transaction, in two places.
func BenchmarkDestroy(b *testing.B) {
	const keys, batch, bound = 100_000, 400, 60.0
	for name, at := range map[string]func() Store{
		"SQLite": func() Store { return Store{Dir: b.TempDir()} }, "PostgreSQL": func() Store { return Store{Postgres: placetest.Postgres(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			o := options(b)
			o.Stores = []Store{at(), at()}
			w := newWorldWith(b, o)
			for b.Loop() {
				b.StopTimer()
				var all []id.Key
				for range keys / 2 / 1000 {
					for _, r := range reserveN(b, w, 1000) {
						all = append(all, r.Content.ID, r.Card.ID)
					}
				}
				b.StartTimer()
				for part := range slices.Chunk(all, batch) {
					if err := w.Destroy(b.Context(), w.c, "retention", part...); err != nil {
						b.Fatal(err)
					}
				}
			}
			took := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(took, "s/100,000_keys")
			b.ReportMetric(bound, "s_bound")
			if took > bound {
				b.Errorf("%d keys took %.1f s, more than %.0f", keys, took, bound)
			}
		})
	}
}

func reserveN(b *testing.B, w *world, n int) []Reserved {
	rs, err := w.Reserve(b.Context(), w.c, n)
	if err != nil {
		b.Fatal(err)
	}
	return rs
}

// BenchmarkSealField is a personal field on its way to SQL and back.
func BenchmarkSealField(b *testing.B) {
	w := newWorld(b)
	row, plain := [16]byte{1}, []byte("+44 20 7946 0000")
	for b.Loop() {
		s, err := w.Seal(b.Context(), w.c, 1, row, plain)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Unseal(b.Context(), w.c, 1, row, s); err != nil {
			b.Fatal(err)
		}
	}
}
