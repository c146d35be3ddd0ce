package capture

import (
	"time"

	"ringfence/internal/archive/coverage"
)

// sequence watches the numbers that Asterisk gives its CDRs (cdr.conf: sequence): they grow by one while it runs, so a number that never
// comes is a row that somebody, or the settings, left out. A row is written when its call ends: a number is given up only once rows that
// are a call's life younger have come.
type sequence struct {
	seen map[int64]int64 // number → end of its call, ms
	low  int64           // the first that was not seen yet
	last int64           // end of the call before it
	runs int             // restarts of the telephone system that were known when this run began
}

// Bounds of what is watched: beyond them the numbers are no counting.
const (
	sequenceKept = 200_000
	sequenceJump = 10_000
)

// add takes the number of one row; runs is how many restarts are known.
func (s *sequence) add(number, at int64, runs int) {
	if number < 0 {
		return
	}
	if s.seen == nil || runs != s.runs || len(s.seen) > sequenceKept {
		*s = sequence{seen: map[int64]int64{}, low: number, last: at, runs: runs}
	}
	if number >= s.low {
		s.seen[number] = at
	}
}

// settle gives the numbers that were left out.
func (s *sequence) settle(newest int64) (gaps []coverage.Gap) {
	for len(s.seen) > 0 {
		if at, ok := s.seen[s.low]; ok {
			delete(s.seen, s.low)
			s.low, s.last = s.low+1, max(s.last, at)
			continue
		}
		next := s.low + 1
		for ; next <= s.low+sequenceJump; next++ {
			if _, ok := s.seen[next]; ok {
				break
			}
		}
		at, ok := s.seen[next]
		if !ok {
			*s = sequence{} // no counting: it begins anew with the next row
			return gaps
		}
		if at > newest-lifetime.Milliseconds() {
			return gaps // it may belong to a call that still goes on
		}
		gaps = append(gaps, coverage.Gap{Kind: coverage.Holes, Log: "cdr", From: time.UnixMilli(min(s.last, at)).UTC(), To: time.UnixMilli(at).UTC(), N: next - s.low})
		s.low = next
	}
	return gaps
}
