package identity

import (
	"sync"
	"time"
)

// limiter is a set of token buckets in memory, keyed by text. It bounds guesses
// and locks nobody out: a bucket fills again by itself, and one attacker's
// bucket is not the victim's. After a restart all buckets are full.
type limiter struct {
	mu      sync.Mutex
	burst   float64
	every   time.Duration // one more token after this long
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// mostBuckets bounds the memory that strangers can take up.
const mostBuckets = 100_000

func newLimiter(burst int, every time.Duration) *limiter {
	return &limiter{burst: float64(burst), every: every, buckets: map[string]bucket{}}
}

// take uses one token, or says how long until there is one.
func (l *limiter) take(key string, at time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.level(key, at)
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) * float64(l.every))
	}
	b.tokens--
	if len(l.buckets) >= mostBuckets {
		l.sweep(at)
	}
	l.buckets[key] = b
	return 0
}

// used is how many tokens are missing now.
func (l *limiter) used(key string, at time.Time) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.burst - l.level(key, at).tokens
}

// forget fills a bucket: somebody proved who they are.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.buckets, key)
}

func (l *limiter) level(key string, at time.Time) bucket {
	b, ok := l.buckets[key]
	if !ok {
		return bucket{l.burst, at}
	}
	if passed := at.Sub(b.at); passed > 0 {
		b.tokens = min(l.burst, b.tokens+float64(passed)/float64(l.every))
		b.at = at
	}
	return b
}

// sweep drops full buckets, which say nothing. If none is full, all are
// dropped: memory is bounded even where somebody has a hundred thousand addresses.
func (l *limiter) sweep(at time.Time) {
	for k := range l.buckets {
		if l.level(k, at).tokens >= l.burst {
			delete(l.buckets, k)
		}
	}
	if len(l.buckets) >= mostBuckets {
		clear(l.buckets)
	}
}
