package identity

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringfence/internal/base/fault"
)

func TestAFullHasherRefusesInsteadOfTakingMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hasher{slots: make(chan struct{}, 1), wait: 5 * time.Second}
		release := make(chan struct{})
		go h.do(t.Context(), func() { <-release })
		synctest.Wait()
		begun := time.Now()
		err := h.do(t.Context(), func() { t.Error("ran beside the other") })
		if !fault.Is(err, fault.Limited) || time.Since(begun) != 5*time.Second || fault.Of(err).RetryAfter == 0 {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		close(release)
		if err := h.do(t.Context(), func() {}); err != nil {
			t.Error(err)
		}
	})
}

func TestBucketsFillAndForget(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	l := newLimiter(3, 10*time.Second)
	for i := range 3 {
		if wait := l.take("a", at); wait != 0 {
			t.Fatalf("take %d waits %v", i, wait)
		}
	}
	if wait := l.take("a", at.Add(4*time.Second)); wait != 6*time.Second {
		t.Errorf("wait %v, want 6s", wait)
	}
	if wait := l.take("a", at.Add(10*time.Second)); wait != 0 {
		t.Errorf("after ten seconds: wait %v", wait)
	}
	if wait := l.take("a", at.Add(-time.Hour)); wait <= 0 {
		t.Error("a clock that went back filled the bucket")
	}
	l.forget("a")
	if used := l.used("a", at); used != 0 {
		t.Errorf("%v used after forgetting", used)
	}
}

func TestStrangersCannotTakeTheMemory(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	l := newLimiter(3, time.Hour)
	for i := range mostBuckets + 10 {
		l.take(fmt.Sprint(i), at)
	}
	if n := len(l.buckets); n > mostBuckets {
		t.Errorf("%d buckets", n)
	}
}

func TestOnlySeventyTwoLettersAreScored(t *testing.T) {
	for in, want := range map[string]int{"": 0, "abc": 3, strings.Repeat("é", 100): 144} {
		if got := len(firstRunes(in, 72)); got != want {
			t.Errorf("%d bytes of %d, want %d", got, len(in), want)
		}
	}
}
