package recording_test

import (
	"context"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What was replaced while a backup names it stays until that backup has gone;
// without backups it goes at once.
func TestObjectsWaitForTheOldestBackup(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, s *place.Store) {
		oldest, some := time.Now().Add(-time.Hour), true
		w := recordingtest.On(t, s, recording.Options{Oldest: func(context.Context) (time.Time, bool) { return oldest, some }})
		rec := w.Archive(t, "a.wav", 1)
		attach := func() {
			t.Helper()
			o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			if err := w.Service.SaveTranscript(t.Context(), o, recording.Transcribed{JSON: []byte(`{}`)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		sweep := func() {
			t.Helper()
			if _, err := w.Service.Sweep(t.Context(), w.Place); err != nil {
				t.Fatal(err)
			}
		}
		attach()
		before := objectsOf(t, w)
		attach()
		sweep()
		if n := objectsOf(t, w); n != before+1 {
			t.Fatalf("%d objects after the transcript was replaced, want %d: a backup names the old one", n, before+1)
		}
		oldest = time.Now().Add(time.Hour)
		sweep()
		if n := objectsOf(t, w); n != before {
			t.Fatalf("%d objects after the backup has gone, want %d", n, before)
		}
		some = false
		attach()
		if n := objectsOf(t, w); n != before {
			t.Fatalf("%d objects without backups, want %d", n, before)
		}
	})
}

func objectsOf(t *testing.T, w *recordingtest.World) (n int) {
	t.Helper()
	if err := w.Bucket.List(t.Context(), "", func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
