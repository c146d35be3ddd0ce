package keyring

import (
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
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
