package collect

import (
	"context"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/platform/place"
)

// A box from outside the customer's access list is told what a stranger is, the
// administrators learn of it, and nothing gets through; from inside it goes on.
func TestABoxFromElsewhereIsRefused(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	let, told := false, 0
	w.server.admits = func(_ *place.Tx, from string) (bool, error) {
		if from != "127.0.0.1" {
			t.Errorf("the list is asked about %q", from)
		}
		return let, nil
	}
	w.server.refused = func(_ context.Context, p *place.Place, who actor.Actor) {
		if p != w.place || who.Kind != actor.Device {
			t.Errorf("told of %+v", who)
		}
		told++
	}
	wavFile(t, w.from, "a.wav", 1, 2)
	if _, err := w.collect(nil); err == nil || told == 0 || len(w.archived()) != 0 {
		t.Fatalf("%v, told %d times, %d archived", err, told, len(w.archived()))
	}
	let = true
	if _, err := w.collect(nil); err != nil || len(w.archived()) != 1 {
		t.Fatalf("%v, %d archived", err, len(w.archived()))
	}
	list, err := w.server.Devices(t.Context(), w.place)
	if err != nil || list[0].SeenFrom != "127.0.0.1" {
		t.Errorf("%+v %v", list, err)
	}
}
