package capture_test

import (
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/platform/place"
)

// Of two calls in which nobody spoke, each is listed with its own time and people;
// a copy in another folder, and one under a name that tells nothing, are none.
func TestCallsOfTheSameSoundAreListedEach(t *testing.T) {
	t.Parallel()
	w := recordingtest.New(t)
	w.Source.Pattern = "{started:20060102-150405}_{caller}_{extension}"
	x := watchFolder(t, w, recording.Keep)
	sound := recordingtest.Tone(1, 1, time.Second)
	for _, name := range []string{"20260901-100000_02079460001_201.wav", "20260901-113000_02079460002_201.wav", "old/20260901-100000_02079460001_201.wav", "copy.wav"} {
		x.drop(t, name, sound)
		until(t, name+" was dealt with", func() bool {
			var f recording.FileState
			err := x.Place.View(t.Context(), func(tx *place.Tx) (err error) {
				f, err = x.Service.FileState(tx, x.Source.ID, name)
				return err
			})
			return err == nil && f.State != ""
		})
	}
	got := map[string]bool{}
	for _, r := range x.listed(t) {
		got[r.StartedAt.Format(time.RFC3339)+" "+r.Card.Call.Caller.Number] = true
	}
	if len(got) != 2 || len(x.listed(t)) != 2 || !got["2026-09-01T10:00:00Z 02079460001"] || !got["2026-09-01T11:30:00Z 02079460002"] {
		t.Errorf("listed are %v, want two calls of 10:00 and 11:30", got)
	}
}
