package server_test

import (
	"context"
	"errors"
	"testing"

	"ringfence/internal/app/apptest"
	"ringfence/internal/platform/place"
)

// A round that fails is told of until one ends well, and what fails in it keeps
// nothing else from being done.
func TestANightThatFailsIsTold(t *testing.T) {
	w := integrate(t, nil)
	open := func() (n int) {
		t.Helper()
		apptest.No(t, w.place.View(t.Context(), func(tx *place.Tx) (err error) {
			n, err = place.Row[int](tx, `SELECT count(*) FROM alerts WHERE kind = 'night_failed' AND ended_at = 0`)
			return err
		}))
		return n
	}
	broken, done := errors.New("no disk"), 0
	fails := func(context.Context, *place.Place) (int, error) { return 0, broken }
	counts := func(context.Context, *place.Place) (int, error) { done++; return 0, nil }
	if err := w.s.Night(t.Context(), w.place, fails, counts); !errors.Is(err, broken) || done != 1 || open() != 1 {
		t.Error("of a night that failed:", err, done, open())
	}
	apptest.No(t, w.s.Night(t.Context(), w.place, counts))
	if done != 2 || open() != 0 {
		t.Error("after one that did not:", done, open())
	}
}
