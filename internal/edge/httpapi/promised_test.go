package httpapi_test

import (
	"sync/atomic"
	"testing"
	"time"
)

// promised begins to measure what is promised within a time. The function that
// it gives says how long it may have taken by then: the time, and as long as
// the machine was too busy to run this process at all.
func promised(t testing.TB, within time.Duration) func() time.Duration {
	const nap = 10 * time.Millisecond
	var late atomic.Int64
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for at := time.Now(); ; at = time.Now() {
			select {
			case <-done:
				return
			case <-time.After(nap):
				late.Add(int64(max(0, time.Since(at)-nap)))
			}
		}
	}()
	return func() time.Duration { return within + time.Duration(late.Load()) }
}
