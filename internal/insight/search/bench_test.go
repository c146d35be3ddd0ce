package search_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

var howMany = flag.Int("rows", 100_000, "rows in the index of BenchmarkFind")

// vocabulary gives n words whose frequencies fall off as a language's do.
func vocabulary(i, n int) string {
	all := make([]string, n)
	for k := range all {
		x := uint64(i*31+k*7919)*6364136223846793005 + 1442695040888963407
		u := float64(x>>11) / (1 << 53)
		all[k] = fmt.Sprintf("w%x", int(20_000*u*u*u))
	}
	return strings.Join(all, " ")
}

// BenchmarkFind measures two words in an index of -rows recordings, on both
// engines: the median and the 95th percentile of fifty different questions.
func BenchmarkFind(b *testing.B) {
	for name, cfg := range map[string]func() place.Config{
		"sqlite":   func() place.Config { return place.Config{Dir: b.TempDir()} },
		"postgres": func() place.Config { return place.Config{Postgres: placetest.Postgres(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			c := cfg()
			p := placetest.Customer(b, placetest.Open(b, c, schemas))
			began := time.Now()
			var bulk search.Bulk
			for at := 1; at <= *howMany; at += 2_000 {
				err := p.Change(b.Context(), actor.ForSystem("bench"), func(tx *place.Tx) error {
					tx.Record(place.Event{Code: "test.changed"})
					said := make([]search.Spoken, 2_000)
					for i := range said {
						said[i] = search.Spoken{N: int64(at + i), Texts: []string{vocabulary(at+i, 60)}}
					}
					return bulk.Put(tx, said)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.Logf("%d rows written in %v", *howMany, time.Since(began).Round(time.Second))
			placetest.Settle(b, c)
			for b.Loop() {
				took := make([]time.Duration, 50)
				for i := range took {
					began := time.Now()
					err := p.View(b.Context(), func(tx *place.Tx) error {
						_, err := search.Find(tx, vocabulary(i, 2), "r.n")
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
					took[i] = time.Since(began)
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[25].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[47].Microseconds())/1000, "p95-ms")
			}
		})
	}
}
