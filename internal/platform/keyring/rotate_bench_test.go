package keyring

import (
	"context"
	"flag"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

var benchRecordings = flag.Int("recordings", 20000, "how many recordings BenchmarkRotate has; each has two keys")

// rotateBound is how long a rotation of a million recordings' keys may take.
const rotateBound = 2 * time.Minute

// BenchmarkRotate gives a customer with many recordings a new key, in two folders,
// and then puts it under another root key. The bound is that of a million
// recordings, in proportion.
func BenchmarkRotate(b *testing.B) {
	w := newWorld(b)
	for n := 0; n < *benchRecordings; n += 5000 {
		reserveN(b, w, min(5000, *benchRecordings-n))
	}
	h := &fakeHolder{name: "transit bench", key: secret.NewKey()}
	w.Ask(func(context.Context, id.Customer, string) (Holder, error) { return h, nil })
	b.ResetTimer()
	for b.Loop() {
		done, err := w.Turn(b.Context(), w.c, Turn{})
		if err != nil {
			b.Fatal(err)
		}
		if done.Keys != int64(2**benchRecordings) {
			b.Fatalf("%d keys were put under the new one", done.Keys)
		}
	}
	per := b.Elapsed() / time.Duration(b.N) / time.Duration(*benchRecordings)
	b.ReportMetric(float64(per.Nanoseconds())/1000, "µs/recording")
	b.ReportMetric((per * 1_000_000).Seconds(), "s/million")
	b.ReportMetric(rotateBound.Seconds(), "s/bound")
	if per*1_000_000 > rotateBound {
		b.Errorf("a million recordings would take %v, the bound is %v", per*1_000_000, rotateBound)
	}
}
