package capture

import (
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
)

// Numbers that never come are listed once a call's life has passed; those of
// calls that go on for long are waited for, and a restart begins anew.
func TestSequence(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC).UnixMilli()
	at := func(minutes int64) int64 { return start + minutes*60_000 }
	var s sequence
	for n := int64(100); n < 120; n++ {
		if n != 105 && n != 110 && n != 111 {
			s.add(n, at(n-100), 0)
		}
	}
	if gaps := s.settle(at(60)); len(gaps) != 0 {
		t.Errorf("%+v: the call may go on", gaps)
	}
	s.add(105, at(200), 0) // it was a long one
	gaps := s.settle(at(12 * 60))
	if len(gaps) != 1 || gaps[0].N != 2 || gaps[0].Kind != coverage.Holes {
		t.Fatalf("%+v", gaps)
	}
	if again := s.settle(at(13 * 60)); len(again) != 0 {
		t.Errorf("told twice: %+v", again)
	}
	s.add(3, at(13*60), 1) // the telephone system was started again
	s.add(4, at(13*60+1), 1)
	if gaps := s.settle(at(40 * 60)); len(gaps) != 0 {
		t.Errorf("a restart is no gap: %+v", gaps)
	}
	s.add(1_000_000, at(14*60), 1)
	if gaps := s.settle(at(40 * 60)); len(gaps) != 0 {
		t.Errorf("what does not count is no gap: %+v", gaps)
	}
}
