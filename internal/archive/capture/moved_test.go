package capture_test

import (
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What was moved aside goes with its recording; what was written to since stays,
// and is said to. Where the folder is another by now, nobody can say.
func TestMovedFilesGoWithTheirRecordings(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, s *place.Store) {
		t.Parallel()
		w := recordingtest.On(t, s, recording.Options{})
		var mu sync.Mutex
		heard := map[id.Recording]recording.Fate{}
		w.Service.OnSwept(func(_ *place.Tx, rec id.Recording, fate recording.Fate) error {
			mu.Lock()
			defer mu.Unlock()
			heard[rec] = fate
			return nil
		})
		fates := func() map[id.Recording]recording.Fate {
			mu.Lock()
			defer mu.Unlock()
			return maps.Clone(heard)
		}
		x := watchFolder(t, w, recording.Move)
		there := func(name string) bool {
			_, err := os.Stat(filepath.Join(x.folder, name))
			return err == nil
		}
		names := []string{"a/gone.wav", "altered.wav", "removed.wav", "kept.wav", "unknown.wav", "back.wav"}
		for n, name := range names {
			x.drop(t, name, recordingtest.Tone(n+1, 1, time.Duration(n+1)*time.Second)) // told apart by their lengths
		}
		until(t, "all are moved aside", func() bool {
			for _, name := range names {
				if !there(".ringfence-done/" + name) {
					return false
				}
			}
			return true
		})
		of := map[string]id.Recording{}
		for _, r := range x.listed(t) {
			of[names[int(r.Length/time.Second)-1]] = r.ID
		}
		if len(of) != len(names) {
			t.Fatalf("names of %d files are known: %v", len(of), of)
		}
		destroy := func(name string) {
			t.Helper()
			if err := x.Service.Destroy(t.Context(), x.Place, x.Who, of[name], "a test"); err != nil {
				t.Fatal(err)
			}
		}
		x.service.Stop()
		if err := os.WriteFile(filepath.Join(x.folder, ".ringfence-done", "altered.wav"), []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(x.folder, ".ringfence-done", "removed.wav")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(x.folder, ".ringfence-done", "back.wav"), filepath.Join(x.folder, "back.wav")); err != nil {
			t.Fatal(err)
		}
		destroy("back.wav")
		destroy("a/gone.wav")
		destroy("altered.wav")
		destroy("removed.wav")
		x.start(t)
		want := map[id.Recording]recording.Fate{
			of["a/gone.wav"]: recording.FateGone, of["altered.wav"]: recording.FateRemains, of["removed.wav"]: recording.FateGone,
			of["back.wav"]: recording.FateRemains,
		}
		until(t, "what became of each is told", func() bool { return len(fates()) == len(want) })
		if got := fates(); !maps.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
		if there(".ringfence-done/a/gone.wav") || !there(".ringfence-done/altered.wav") || !there("back.wav") || !there(".ringfence-done/kept.wav") {
			t.Error("another file was removed than that of the destroyed recording")
		}

		x.service.Stop()
		destroy("kept.wav")
		w.Source.Folder = t.TempDir() // what waits is given up, and what comes later is not found
		if _, err := w.Service.ChangeSource(t.Context(), w.Place, w.Who, w.Source); err != nil {
			t.Fatal(err)
		}
		if got := fates()[of["kept.wav"]]; got != recording.FateRemains {
			t.Errorf("a file of the folder before: %q", got)
		}
		destroy("unknown.wav")
		x.start(t)
		time.Sleep(300 * time.Millisecond) // an empty folder proves nothing
		if got := fates()[of["unknown.wav"]]; got != "" {
			t.Errorf("in an empty folder: %q", got)
		}
		if err := os.WriteFile(filepath.Join(w.Source.Folder, "note.txt"), []byte("a folder"), 0o600); err != nil {
			t.Fatal(err)
		}
		until(t, "that nobody can say is told", func() bool { return fates()[of["unknown.wav"]] == recording.FateUnknown })
	})
}
