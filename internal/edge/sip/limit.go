package sip

import (
	"net/netip"
	"sync"
	"time"
)

// limit is a bucket for each address: so many at once, then so many a second.
// It forgets whoever was quiet, and all when there are too many: somebody who
// forges addresses must not fill our memory.
type limit struct {
	rate  float64
	burst float64

	mu   sync.Mutex
	seen map[netip.Addr]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

const maxBuckets = 4096

func newLimit(rate, burst float64) *limit {
	return &limit{rate: rate, burst: burst, seen: map[netip.Addr]bucket{}}
}

// take reports whether one more is within the limit. Addresses of version 6
// count by their /64: one machine has all of it.
func (l *limit) take(a netip.Addr, at time.Time) bool {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.seen[a]
	if !known {
		if len(l.seen) >= maxBuckets {
			clear(l.seen)
		}
		b = bucket{l.burst, at}
	}
	b.left = min(l.burst, b.left+at.Sub(b.at).Seconds()*l.rate)
	b.at = at
	ok := b.left >= 1
	if ok {
		b.left--
	}
	l.seen[a] = b
	return ok
}
