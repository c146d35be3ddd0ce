package collect

import (
	"os"
	"path/filepath"
	"testing"

	"ringfence/internal/base/id"
)

// Two files of one name were moved one after the other: of the recording that is
// destroyed its own copy goes, whatever number it was given.
func TestMovedCopiesOfOneName(t *testing.T) {
	for own, other := range map[string]string{"a.wav": "a.wav.1", "a.wav.1": "a.wav"} {
		t.Run(own, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.removes()
			w.enrol()
			wavFile(t, w.from, "a.wav", 1, 1)
			w.mustCollect(func(o *Options) { o.After = Move })
			rec := w.archived()[0].ID
			moved := filepath.Join(w.from, doneFolder)
			fine(t, os.Rename(filepath.Join(moved, "a.wav"), filepath.Join(moved, own)))
			wavFile(t, moved, other, 2, 1)
			w.destroy(rec)
			w.mustCollect(func(o *Options) { o.After = Move })
			if got := w.word(t, rec).Fate; got != FateRemoved {
				t.Errorf("the box says %q", got)
			}
			if exists(filepath.Join(moved, own)) || !exists(filepath.Join(moved, other)) {
				t.Error("not its own copy went, or not it alone")
			}
		})
	}
}

// What is on its way to the server is not answered for: the spool holds it, and
// the server's answer to the upload decides.
func TestWhatIsOnItsWayIsNotAnsweredFor(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	b, e := w.verifiedEntry(wavFile(t, w.from, "a.wav", 1, 1))
	rec := []id.Recording{e.manifest.Recording}
	if said, err := b.fates(t.Context(), rec); err != nil || len(said) != 0 {
		t.Errorf("in the spool: %v, %v", said, err)
	}
	b.forget(e)
	if said, err := b.fates(t.Context(), rec); err != nil || said[rec[0]] != FateForgotten {
		t.Errorf("without it: %v, %v", said, err)
	}
}

// Where some folder cannot be read, nothing is said to have gone but what was
// found and removed.
func TestAFolderThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	b, e := w.verifiedEntry(wavFile(t, w.from, "a.wav", 1, 1))
	s := e.Sources[0]
	for _, v := range []view{{blind: true}, {blind: true, at: map[mark16][]string{s.Path: {"a.wav"}}}} {
		if fate, ok := b.end(v, e.manifest.Recording, map[source]bool{s: false}); !ok || fate != FateStuck {
			t.Errorf("%+v: %q, %v", v, fate, ok)
		}
	}
	if exists(filepath.Join(w.from, "a.wav")) {
		t.Error("what was found is there")
	}
}
