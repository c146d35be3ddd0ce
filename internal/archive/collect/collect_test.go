package collect

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
)

func count(events []Event, what string) int {
	n := 0
	for _, e := range events {
		if e.What == what {
			n++
		}
	}
	return n
}

func TestRecordingsReachTheArchive(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	a := wavFile(t, w.from, "2026/11/a.wav", 1, 2)
	b := wavFile(t, w.from, "b.wav", 2, 120) // several chunks
	events := w.mustCollect(nil)
	if n := count(events, "verified"); n != 2 {
		t.Fatalf("%d verified: %+v", n, events)
	}
	all := w.archived()
	if len(all) != 2 {
		t.Fatalf("%d recordings in the archive", len(all))
	}
	for _, r := range all {
		if r.VerifiedAt.IsZero() || r.Card.Call.Caller.Number != "+441514960001" {
			t.Errorf("not as it was sent: %+v", r)
		}
	}
	if !exists(a) || !exists(b) {
		t.Fatal("a source is gone, though it was to be kept")
	}
	if w.left() != 0 {
		t.Fatal("something is left in spool or staging")
	}
	if events := w.mustCollect(nil); count(events, "sealed") != 0 {
		t.Fatalf("the second run captured again: %+v", events)
	}
}

// What is heard is byte for byte what lay on the box.
func TestSoundIsWhatWasOnTheBox(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "b.wav", 2, 30)
	w.mustCollect(nil)
	o, err := w.archive.Open(t.Context(), w.place, admin.For("test"), w.archived()[0].ID, recording.Ask{What: "listen"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	heard, err := o.WAV(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(heard, 0, heard.Size()))
	if err != nil {
		t.Fatal(err)
	}
	if want := wav(2, 30); !bytes.Equal(got[len(got)-30*16000:], want[44:]) {
		t.Fatal("the sound is another")
	}
}

// left counts the files in spool and staging.
func (w *testWorld) left() int { return w.spooled() + files(filepath.Join(w.dir, "staging")) }

func (w *testWorld) spooled() int { return files(filepath.Join(w.state, "spool")) }

func files(dir string) (n int) {
	filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}

func TestSourceIsMovedOrDeletedOnceVerified(t *testing.T) {
	for _, after := range []After{Move, Delete} {
		t.Run(string(after), func(t *testing.T) {
			w := newWorld(t)
			w.enrol()
			a := wavFile(t, w.from, "sub/a.wav", 1, 2)
			w.mustCollect(func(o *Options) { o.After = after })
			if exists(a) {
				t.Fatal("the source is still there")
			}
			moved := filepath.Join(w.from, doneFolder, "sub/a.wav")
			if got, err := os.ReadFile(moved); (err == nil) != (after == Move) || after == Move && !bytes.Equal(got, wav(1, 2)) {
				t.Fatalf("moved: %v", err)
			}
			if len(w.archived()) != 1 {
				t.Fatal("not one recording")
			}
			// A later capture under the same name never writes over what was moved.
			wavFile(t, w.from, "sub/a.wav", 9, 3)
			w.mustCollect(func(o *Options) { o.After = after })
			if exists(a) {
				t.Fatal("the second source is still there")
			}
			if got, err := os.ReadFile(moved); after == Move && (err != nil || !bytes.Equal(got, wav(1, 2))) {
				t.Fatal("the moved file was written over")
			}
			if got, err := os.ReadFile(moved + ".1"); after == Move && (err != nil || !bytes.Equal(got, wav(9, 3))) {
				t.Fatal("the second file was not moved", err)
			}
		})
	}
}

// The receipt says in how many places the recording lies; with one, sources stay.
func TestOnePlaceKeepsTheSource(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	a := wavFile(t, w.from, "a.wav", 1, 2)
	b, e := w.verifiedEntry(a)
	if err := b.release(e, b.permitted(e, Receipt{State: Verified, Copies: 1})); err != nil || !exists(a) {
		t.Fatalf("with one copy the source was touched: %v", err)
	}
	if err := b.release(e, b.permitted(e, Receipt{State: Verified, Copies: 2})); err != nil || exists(a) {
		t.Fatalf("with two copies it was not: %v", err)
	}
}

// verifiedEntry is a box with after=delete and one entry sealed from file.
func (w *testWorld) verifiedEntry(file string) (*box, *entry) {
	w.t.Helper()
	o := w.options()
	o.After = Delete
	b, _, err := openBox(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(b.close)
	if err := b.configure(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	s := newScanner(b)
	if err := s.look(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	rel, _ := filepath.Rel(w.from, file)
	item, ok := s.todo[rel]
	if !ok {
		w.t.Fatalf("%s was not found: %v", rel, s.todo)
	}
	e, err := b.sealInto(w.t.Context(), s.conf, item)
	if err != nil {
		w.t.Fatal(err)
	}
	b.accept(e, item.Files)
	return b, e
}

// A file that was written over after it was sealed is not the one that was
// archived, even with the same size and date.
func TestChangedSourceIsNotTouched(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	a := wavFile(t, w.from, "a.wav", 1, 2)
	info, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	b, e := w.verifiedEntry(a)
	if err := os.WriteFile(a, wav(2, 2), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(a, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := b.release(e, b.permitted(e, Receipt{State: Verified, Copies: 2})); err != nil || !exists(a) {
		t.Fatalf("another file was removed: %v", err)
	}
}

func TestSameFileTwiceIsOneRecording(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	w.mustCollect(nil)
	wavFile(t, w.from, "copy.wav", 1, 2)
	events := w.mustCollect(func(o *Options) { o.After = Delete })
	if len(w.archived()) != 1 || !slices.ContainsFunc(events, func(e Event) bool { return e.What == "verified" && e.Duplicate }) {
		t.Fatalf("%d recordings; %+v", len(w.archived()), events)
	}
	if exists(filepath.Join(w.from, "copy.wav")) {
		t.Fatal("the copy of a verified recording was to be deleted")
	}
}

// Two boxes bring the same file at the same moment.
func TestSameFileFromTwoBoxesAtOnce(t *testing.T) {
	w := newWorld(t)
	boxes := make([]Options, 2)
	for i := range boxes {
		w.state, w.from = filepath.Join(t.TempDir(), "state"), t.TempDir()
		w.enrol()
		for k := range 5 {
			wavFile(t, w.from, string(rune('a'+k))+".wav", byte(k), 2)
		}
		boxes[i] = w.options()
	}
	var all sync.WaitGroup
	for _, o := range boxes {
		all.Go(func() {
			if err := Run(context.Background(), o); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(w.archived()); n != 5 {
		t.Fatalf("%d recordings of 5 files", n)
	}
}

func TestErasedIsNeverCapturedAgain(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	a := wavFile(t, w.from, "a.wav", 1, 2)
	w.mustCollect(nil)
	if err := w.archive.Destroy(t.Context(), w.place, admin, w.archived()[0].ID, "asked for"); err != nil {
		t.Fatal(err)
	}
	// A box that has lost its memory brings it again.
	w.state = filepath.Join(t.TempDir(), "state")
	w.enrol()
	events := w.mustCollect(func(o *Options) { o.After = Delete })
	if count(events, "erased") != 1 || len(w.archived()) != 0 {
		t.Fatalf("%+v", events)
	}
	if !exists(a) {
		t.Fatal("nobody asked to remove the source")
	}
	if events := w.mustCollect(nil); count(events, "sealed") != 0 {
		t.Fatal("it was sealed again")
	}
}

// Nothing on the box opens or tells anything: neither while recordings wait in
// the spool nor after.
func TestStateFolderTellsNothing(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "q-sales-01514960001-20261122.wav", 1, 3)
	w.http.CloseClientConnections()
	w.front.serve(only(w.server, "/config"))
	if _, err := w.collect(func(o *Options) { o.Patience = time.Millisecond }); err == nil {
		t.Fatal("nothing was to get through")
	}
	if w.left() == 0 {
		t.Fatal("nothing waits in the spool")
	}
	searchFor(t, w.state, "CANARY", "01514960001", "+4415", "sales", "q-sales", "RIFF", "WAVE")
	w.front.serve(w.server)
	w.mustCollect(nil)
	if len(w.archived()) != 1 || w.left() != 0 {
		t.Fatal("it did not go on")
	}
	searchFor(t, w.state, "CANARY", "01514960001", "+4415", "sales", "RIFF", "WAVE")
	searchFor(t, filepath.Join(w.dir, "objects1"), "CANARY", "01514960001", "RIFF")
	searchFor(t, filepath.Join(w.dir, "data"), "CANARY", "01514960001", "RIFF")
}

func searchFor(t *testing.T, dir string, words ...string) {
	t.Helper()
	if files(dir) == 0 {
		t.Fatalf("%s holds no files", dir)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, word := range words {
			if strings.Contains(path, word) || bytes.Contains(b, []byte(word)) {
				t.Errorf("%s tells %q", path, word)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The server's word is what counts: keys on the box are gone, so not even the
// box's own process can open an entry.
func TestKeysAreNowhereOnTheBox(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	_, e := w.verifiedEntry(wavFile(t, w.from, "a.wav", 1, 2))
	keys, err := w.keys.Adopt(t.Context(), w.place.Customer(), e.manifest.Capsule, capsuleInfo(e.manifest.Customer, e.manifest.Device, e.Upload))
	if err != nil {
		t.Fatal(err)
	}
	searchFor(t, w.state, string(keys.Content.Key.Reveal()), string(keys.Card.Key.Reveal()))
	if _, err := w.keys.Adopt(t.Context(), w.place.Customer(), e.manifest.Capsule, capsuleInfo(e.manifest.Customer, e.manifest.Device, id.New[id.Upload]())); err == nil {
		t.Fatal("the capsule opens for another upload")
	}
}
