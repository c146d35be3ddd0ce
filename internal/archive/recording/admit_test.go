package recording_test

import (
	"context"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// A customer who is suspended, or has used up a quota, gets nothing new; what
// comes in is counted with what it is.
func TestNothingComesInWhileItMayNot(t *testing.T) {
	var may error
	w := recordingtest.On(t, placetest.New(t, recordingtest.Schemas()), recording.Options{
		Admit: func(context.Context, *place.Place) error { return may },
	})
	var counted time.Duration
	w.Service.OnCapture(func(_ *place.Tx, c recording.Captured) error {
		counted += c.Length
		return nil
	})
	item := w.Item(t, "one.wav", recordingtest.Tone(1, 1, 3*time.Second))
	may = fault.New(fault.Limited, "the quota is used up").After(10 * time.Minute)
	_, err := w.Service.Archive(t.Context(), w.Place, w.Who, item)
	if f := fault.Of(err); !fault.Is(err, fault.Unavailable) || f.RetryAfter != 10*time.Minute || f.Text != "nothing is captured: the quota is used up" {
		t.Errorf("beyond the quota: %v", err)
	}
	if u, err := w.Service.Usage(t.Context(), w.Place); err != nil || u.Recordings != 0 || counted != 0 {
		t.Errorf("%+v, %v, %v", u, counted, err)
	}
	may = nil
	if _, err := w.Service.Archive(t.Context(), w.Place, w.Who, item); err != nil || counted != 3*time.Second {
		t.Errorf("once there is room: %v, %v counted", err, counted)
	}
}
