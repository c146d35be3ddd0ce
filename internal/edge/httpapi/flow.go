package httpapi

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/org"
)

// flow bounds requests by the second: a bucket for each customer with a limit,
// and for each node above with one, which all below it share. It is in memory:
// two servers let through up to twice as much, a restart fills the buckets.
type flow struct {
	mu      sync.Mutex
	buckets map[id.Node]*bucket
	counts  map[id.Customer]int64 // requests since they were last taken
}

type bucket struct {
	tokens float64
	at     time.Time
	second int64 // the second that is being counted
	here   int64 // requests in it
	last   int64 // requests in the one before
}

// burst is how many seconds' worth of requests may come at once: a page asks
// several things together.
const burst = 2

func newFlow() *flow {
	return &flow{buckets: map[id.Node]*bucket{}, counts: map[id.Customer]int64{}}
}

// take lets one request of a customer through, or says how long to wait. All
// bounds are asked before any is used: a refused request costs nobody else.
func (f *flow) take(c id.Customer, rates []org.Rate, at time.Time) (left allowance, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[c]++
	f.of(c, at).count(at)
	for _, r := range rates {
		b := f.of(r.Node, at)
		if r.Node != c {
			b.count(at)
		}
		b.fill(r.Most, at)
		if b.tokens < 1 {
			if r.Most < 1 {
				return allowance{most: r.Most}, time.Minute
			}
			wait = max(wait, time.Duration((1-b.tokens)/float64(r.Most)*float64(time.Second)))
		}
	}
	if wait > 0 {
		wait = max(wait, time.Millisecond)
	}
	for _, r := range rates {
		b := f.of(r.Node, at)
		if wait == 0 {
			b.tokens--
		}
		if here := (allowance{r.Most, b.tokens}); !left.limited() || here.tokens < left.tokens {
			left = here
		}
	}
	return left, wait
}

// allowance is what is left of the limit that binds: of several, the one of which
// least is left.
type allowance struct {
	most   int64   // requests a second; 0 with no tokens: there is no limit
	tokens float64 // requests that may come at once
}

func (a allowance) limited() bool { return a.most > 0 || a.tokens != 0 }

// headers says what is left, as draft-ietf-httpapi-ratelimit-headers-10 writes
// it: q requests in w seconds, of which r are left; in t seconds all of them are.
// Which node's limit it is, its own or one above, is not said.
func (a allowance) headers(h http.Header) {
	if !a.limited() {
		return
	}
	full := a.most * burst
	left := max(0, int64(a.tokens))
	h.Set("RateLimit-Policy", fmt.Sprintf(`"requests";q=%d;w=%d`, full, burst))
	h.Set("RateLimit", fmt.Sprintf(`"requests";r=%d;t=%d`, left, int64(math.Ceil((float64(full)-a.tokens)/float64(a.most)))))
}

func (f *flow) of(n id.Node, at time.Time) *bucket {
	b := f.buckets[n]
	if b == nil {
		b = &bucket{tokens: -1, at: at}
		f.buckets[n] = b
	}
	return b
}

// fill adds what has come since; a bucket that was never used is full.
func (b *bucket) fill(most int64, at time.Time) {
	full := float64(most) * burst
	if b.tokens < 0 {
		b.tokens = full
	}
	if passed := at.Sub(b.at); passed > 0 {
		b.tokens = min(full, b.tokens+passed.Seconds()*float64(most))
		b.at = at
	}
	b.tokens = min(full, b.tokens)
}

func (b *bucket) count(at time.Time) {
	b.roll(at)
	b.here++
}

func (b *bucket) roll(at time.Time) {
	switch second := at.Unix(); {
	case second == b.second+1:
		b.last, b.here, b.second = b.here, 0, second
	case second != b.second:
		b.last, b.here, b.second = 0, 0, second
	}
}

// now is how many requests came in the last whole second.
func (f *flow) now(n id.Node, at time.Time) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.buckets[n]
	if b == nil {
		return 0
	}
	b.roll(at)
	return b.last
}

// Requests gives how many requests a customer made since it was last asked, for
// the month's count.
func (s *Server) Requests(c id.Customer) int64 {
	s.flow.mu.Lock()
	defer s.flow.mu.Unlock()
	n := s.flow.counts[c]
	delete(s.flow.counts, c)
	return n
}

// Busy is who has made requests that Requests has not told yet.
func (s *Server) Busy() []id.Customer {
	s.flow.mu.Lock()
	defer s.flow.mu.Unlock()
	return slices.Collect(maps.Keys(s.flow.counts))
}

// throttle refuses a request beyond what a customer may make in a second. It is
// asked after the membership: strangers cannot use up somebody's requests.
func (s *Server) throttle(ctx context.Context, v *visit, c id.Customer) error {
	rates, err := s.deps.Tree.Rates(ctx, c)
	if err != nil {
		return err
	}
	var wait time.Duration
	if v.left, wait = s.flow.take(c, rates, v.at); wait > 0 {
		return fault.New(fault.Limited, "more requests in a second than this customer may make; wait a little").After(wait)
	}
	return nil
}
