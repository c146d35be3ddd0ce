package privacy

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/approval"
)

var howMany = flag.Int("recordings", 1_000_000, "recordings in the place of BenchmarkRetention")

// BenchmarkRetention measures one night over a million recordings and 50 rules,
// of which nothing is due: what finding out costs. The bound is 60 seconds on
// either engine; it fails beyond it. What a destruction costs is measured apart.
func BenchmarkRetention(b *testing.B) {
	for name, open := range map[string]func(*testing.B) place.Config{
		"sqlite":   func(b *testing.B) place.Config { return place.Config{Dir: b.TempDir()} },
		"postgres": func(b *testing.B) place.Config { return place.Config{Postgres: placetest.Postgres(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			cfg := open(b)
			w := on(b, placetest.Open(b, cfg, recordingtest.Schemas(approval.Migrations(), Migrations())))
			r := random{rand.New(rand.NewPCG(1, 1))}
			const step = 5000
			for from := 0; from < *howMany; from += step {
				if err := w.Place.Change(b.Context(), w.Who, func(tx *place.Tx) error {
					tx.Record(place.Event{Code: "recording.captured"})
					for i := range min(step, *howMany-from) {
						f := r.facts()
						f.StartedAt = w.now.AddDate(0, 0, -100-r.IntN(265))
						if err := insert(tx, int64(from+i+1), f); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			placetest.Settle(b, cfg)
			p := fifty()
			if err := p.Check(); err != nil {
				b.Fatal(err)
			}
			if err := w.Place.Change(b.Context(), w.Who, func(tx *place.Tx) error { return w.s.bringIn(tx, w.Who.ID, p, 1) }); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				began := time.Now()
				done, err := w.s.Run(b.Context(), w.Place)
				took := time.Since(began)
				if err != nil || done.Destroyed != 0 {
					b.Fatal(done, err)
				}
				b.ReportMetric(took.Seconds(), "s/night")
				if took > time.Minute {
					b.Errorf("a night takes %s", took)
				}
			}
		})
	}
}

// fifty are rules of which all have to be asked about every recording: each has
// ended for what it fits, and it fits none of them, since those would be gone.
func fifty() Policy {
	p := days(400)
	for i := range 50 {
		w := When{Queues: []string{"sales", "service"}, Languages: []string{"q" + string(rune('a'+i%26))}}
		switch i % 5 {
		case 0:
			w = When{Tags: []id.Tag{{9}}, Length: &Range{From: i + 1}}
		case 1:
			w = When{Extensions: []string{fmt.Sprint(900 + i)}, Directions: []string{"inbound", "outbound"}}
		case 2:
			w = When{Queues: []string{fmt.Sprint("queue ", i)}, Outcomes: []string{"answered"}}
		case 3:
			w = When{Tags: []id.Tag{{9}}, Marks: []recording.Mark{recording.CardData}, Length: &Range{From: i + 1}}
		}
		p.Rules = append(p.Rules, rule(fmt.Sprint("rule ", i), 60+i%30, w))
	}
	return p
}
