package capture_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// Of a customer who leaves, what was moved aside goes, what was written to since
// or never captured stays, and it is counted; nothing is captured any more.
func TestWatchedFoldersArePartedFrom(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, s *place.Store) {
		t.Parallel()
		w := recordingtest.On(t, s, recording.Options{})
		x := watchFolder(t, w, recording.Move)
		there := func(name string) bool {
			_, err := os.Stat(filepath.Join(x.folder, name))
			return err == nil
		}
		for n, name := range []string{"a/gone.wav", "altered.wav", "back.wav"} {
			x.drop(t, name, recordingtest.Tone(n+1, 1, time.Second))
		}
		aside := func(name string) string { return filepath.Join(".ringfence-done", name) }
		until(t, "all are moved aside", func() bool {
			return there(aside("a/gone.wav")) && there(aside("altered.wav")) && there(aside("back.wav"))
		})
		x.service.Stop()
		if err := os.WriteFile(filepath.Join(x.folder, aside("altered.wav")), []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(x.folder, aside("back.wav")), filepath.Join(x.folder, "back.wav")); err != nil {
			t.Fatal(err)
		}
		if err := w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "customer.parting"})
			return w.Service.Part(tx)
		}); err != nil {
			t.Fatal(err)
		}
		x.drop(t, "later.wav", recordingtest.Tone(9, 1, time.Second))
		x.start(t)
		var got recording.Leftover
		until(t, "what was found is told", func() bool {
			if err := w.Place.View(t.Context(), func(tx *place.Tx) error {
				all, err := w.Service.Folders(tx)
				if len(all) == 1 {
					got = all[0]
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return got.Answered != 0
		})
		if got.Removed != 1 || got.Remaining != 2 || got.Blind || got.Elsewhere != 0 {
			t.Errorf("%+v", got)
		}
		if there(aside("a/gone.wav")) || !there(aside("altered.wav")) || !there("back.wav") || !there("later.wav") {
			t.Error("another file was removed than what was captured and moved aside")
		}
	})
}
