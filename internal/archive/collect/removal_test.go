package collect

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// removes lets the destruction of a recording order its removal on the boxes, as
// the certificates do.
func (w *world) removes() {
	w.archive.OnEnded(func(tx *place.Tx, e recording.Ending) error {
		for _, i := range e.Items {
			if _, err := w.server.Remove(tx, i.Recording, []id.Source{i.Source}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *testWorld) destroy(rec id.Recording) {
	w.t.Helper()
	fine(w.t, w.archive.Destroy(w.t.Context(), w.place, admin, rec, "asked for"))
}

// word is what is known of a recording on the one box.
func (w *world) word(t testing.TB, rec id.Recording) (out Word) {
	t.Helper()
	fine(t, w.place.View(t.Context(), func(tx *place.Tx) error {
		all, err := w.server.Words(tx, []id.Recording{rec})
		if len(all) != 1 {
			t.Fatalf("%d words, %v", len(all), err)
		}
		out = all[0]
		return err
	}))
	return out
}

// What is destroyed in the archive is removed on the box where it may be, and the
// box signs what became of it.
func TestTheBoxRemovesWhatWasDestroyed(t *testing.T) {
	for name, c := range map[string]struct {
		first, then After // the setting when it was captured, and when it is asked for
		meanwhile   func(t *testing.T, file string)
		want        Fate
		left        bool // a file of it is left
	}{
		"kept":            {first: Keep, then: Keep, want: FateKept, left: true},
		"kept, then not":  {first: Keep, then: Delete, want: FateRemoved},
		"moved":           {first: Move, then: Move, want: FateRemoved},
		"removed by hand": {first: Keep, then: Delete, meanwhile: func(t *testing.T, file string) { fine(t, os.Remove(file)) }, want: FateAbsent},
		"written to": {first: Keep, then: Keep, want: FateAltered, left: true, meanwhile: func(t *testing.T, file string) {
			fine(t, os.WriteFile(file, wav(9, 1), 0o600))
		}},
		"written to, of the same size": {first: Keep, then: Keep, want: FateAltered, left: true, meanwhile: func(t *testing.T, file string) {
			info, err := os.Stat(file)
			fine(t, err)
			b := wav(1, 1)
			b[len(b)-1] ^= 1
			fine(t, os.WriteFile(file, b, 0o600))
			fine(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
		}},
		"deleted when it was verified": {first: Delete, then: Delete, want: FateAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.removes()
			w.enrol()
			file := wavFile(t, w.from, "in/a.wav", 1, 1)
			w.mustCollect(func(o *Options) { o.After = c.first })
			rec := w.archived()[0].ID
			other := wavFile(t, w.from, "in/other.wav", 2, 1)
			w.mustCollect(func(o *Options) { o.After = Keep })
			if c.meanwhile != nil {
				c.meanwhile(t, file)
			}
			w.destroy(rec)
			if got := w.word(t, rec); got.Fate != FateWaiting {
				t.Fatalf("before the box was here: %q", got.Fate)
			}
			w.mustCollect(func(o *Options) { o.After = c.then })
			got := w.word(t, rec)
			if got.Fate != c.want {
				t.Errorf("the box says %q, want %q", got.Fate, c.want)
			}
			if said, err := OpenRemoval(got.Said, got.Key); err != nil || said.Recording != rec || said.Fate != got.Fate {
				t.Errorf("%+v, %v", said, err)
			}
			if exists(file) != c.left {
				t.Errorf("the file is there: %v", exists(file))
			}
			if moved := filepath.Join(w.from, doneFolder, "in/a.wav"); exists(moved) {
				t.Error("the moved copy is there")
			}
			if !exists(other) {
				t.Error("another recording's file went along")
			}
		})
	}
}

// destroyedOnTheBox is a world with a box that has one file, whose recording was
// destroyed and not asked for yet.
func destroyedOnTheBox(t *testing.T) (w *testWorld, file string, rec id.Recording) {
	t.Helper()
	w = newWorld(t)
	w.removes()
	dir := t.TempDir()
	w.state, w.from = filepath.Join(dir, "state"), filepath.Join(dir, "from")
	w.enrol()
	file = wavFile(t, w.from, "a.wav", 1, 1)
	w.mustCollect(nil)
	rec = w.archived()[0].ID
	w.destroy(rec)
	return w, file, rec
}

// settled checks that the box has answered once, and that the file has gone.
func (w *testWorld) settled(rec id.Recording, file string) {
	w.t.Helper()
	got := w.word(w.t, rec)
	if got.Fate != FateRemoved && got.Fate != FateAbsent || exists(file) {
		w.t.Errorf("the box says %q; the file is there: %v", got.Fate, exists(file))
	}
	fine(w.t, w.place.View(w.t.Context(), func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM events WHERE code = 'device.removed'`)
		if n != 1 {
			w.t.Errorf("%d answers stand in the journal", n)
		}
		return err
	}))
}

// The box dies at each step of a removal; the next one goes on. Before the file
// has gone nobody is told that it has.
func TestBoxKilledAtEachStepOfARemoval(t *testing.T) {
	for _, step := range []string{"removed", "removal noted", "removal told"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w, file, rec := destroyedOnTheBox(t)
			dir := filepath.Dir(w.state)
			if err := boxAt(t, dir, "whole", step).Run(); !killed(err) {
				t.Fatalf("the box was to die at %s: %v", step, err)
			}
			if got := w.word(t, rec).Fate; (got == FateWaiting) != (step != "removal told") {
				t.Errorf("after %s the server knows %q", step, got)
			}
			if err := boxAt(t, dir, "whole", "").Run(); err != nil {
				t.Fatal(err)
			}
			w.settled(rec, file)
		})
	}
}

// Which files a recording came from is remembered before its source is touched:
// a box that dies then still finds them when the recording is destroyed.
func TestBoxKilledBeforeItForgets(t *testing.T) {
	w := newWorld(t)
	w.removes()
	dir := t.TempDir()
	w.state, w.from = filepath.Join(dir, "state"), filepath.Join(dir, "from")
	w.enrol()
	file := wavFile(t, w.from, "a.wav", 1, 1)
	if err := boxAt(t, dir, "whole", "remembered").Run(); !killed(err) {
		t.Fatal(err)
	}
	rec := w.archived()[0].ID
	w.destroy(rec)
	for range 2 { // the first brings the spool to its end, and is told that it was destroyed
		if err := boxAt(t, dir, "whole", "").Run(); err != nil {
			t.Fatal(err)
		}
	}
	w.settled(rec, file)
	if n := w.left(); n != 0 {
		t.Errorf("%d files are left in spool and staging", n)
	}
}

// An order that the pinned key has not signed for this very box is none.
func TestOrdersThatAreNotBelieved(t *testing.T) {
	w, file, rec := destroyedOnTheBox(t)
	d, err := openDevice(w.state)
	fine(t, err)
	good := Removals{Version: removalVersion, Customer: d.Customer, Device: d.Device, Recordings: []id.Recording{rec}, At: time.Now()}
	_, other, err := ed25519.GenerateKey(nil)
	fine(t, err)
	servers := func(m []byte) ([]byte, error) { return w.keys.SignReceipt(t.Context(), m) }
	for name, c := range map[string]struct {
		change func(r *Removals)
		label  string
		sign   func([]byte) ([]byte, error)
	}{
		"another key":      {func(*Removals) {}, orderLabel, func(m []byte) ([]byte, error) { return ed25519.Sign(other, m), nil }},
		"another document": {func(*Removals) {}, helloLabel, servers},
		"another box":      {func(r *Removals) { r.Device = id.New[id.Device]() }, orderLabel, servers},
		"another customer": {func(r *Removals) { r.Customer = id.New[id.Customer]() }, orderLabel, servers},
		"another version":  {func(r *Removals) { r.Version++ }, orderLabel, servers},
	} {
		order := good
		c.change(&order)
		signed, err := signDocument(c.label, order, c.sign)
		fine(t, err)
		w.front.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, removalsPath) {
				fine(t, answer(rw, 200, signed))
				return
			}
			w.server.ServeHTTP(rw, r)
		}))
		w.mustCollect(func(o *Options) { o.After = Delete })
		if !exists(file) {
			t.Fatalf("%s: the file was removed", name)
		}
	}
}

// A purge of a year does not keep the box from what is new: after a minute it
// looks again, and goes on with the rest later.
func TestRemovingGivesWayToCapturing(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	fine(t, w.place.Change(t.Context(), admin, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "recording.destroyed"})
		for range 2*removalsAtOnce + 1 {
			if _, err := w.server.Remove(tx, id.New[id.Recording](), []id.Source{w.src}); err != nil {
				return err
			}
		}
		return nil
	}))
	o, now := w.options(), time.Now()
	o.Once = false
	o.now = func() time.Time { return now }
	o.crash = func(step string) {
		if step == "removal told" {
			now = now.Add(removeFor)
		}
	}
	b, _, err := openBox(o)
	fine(t, err)
	defer b.close()
	fine(t, b.configure(t.Context()))
	for _, left := range []int{removalsAtOnce + 1, 1, 0} {
		b.remove(t.Context())
		got := 0
		fine(t, w.place.View(t.Context(), func(tx *place.Tx) error {
			all, err := w.server.Unanswered(tx)
			for _, u := range all {
				got = u.Recordings
			}
			return err
		}))
		if got != left {
			t.Errorf("%d are left to be answered for, want %d", got, left)
		}
	}
}

// In an empty folder the box knows what it has deleted itself.
func TestAnEmptyFolderOfFilesThatWereDeleted(t *testing.T) {
	w := newWorld(t)
	w.removes()
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 1)
	w.mustCollect(func(o *Options) { o.After = Delete })
	rec := w.archived()[0].ID
	w.destroy(rec)
	w.mustCollect(nil)
	if got := w.word(t, rec).Fate; got != FateAbsent {
		t.Errorf("it says %q", got)
	}
}

// A box that was set up anew does not know what the earlier one brought, and a
// share that is not connected is no proof that nothing lies there.
func TestABoxDoesNotGuess(t *testing.T) {
	w, file, rec := destroyedOnTheBox(t)
	fine(t, os.Rename(file, filepath.Join(filepath.Dir(w.state), "away")))
	for _, after := range []After{Keep, Move, Delete} {
		w.mustCollect(func(o *Options) { o.After = after })
		if got := w.word(t, rec).Fate; got != FateWaiting {
			t.Errorf("with an empty folder, set to %s, it says %q", after, got)
		}
	}
	fine(t, os.Remove(filepath.Join(w.state, ledgerFile)))
	w.mustCollect(func(o *Options) { o.After = Delete })
	if got := w.word(t, rec).Fate; got != FateForgotten {
		t.Errorf("without its ledger it says %q", got)
	}
}

// Planted on the box, found there byte by byte, destroyed in the archive, and
// found no more: in the source's folder, the moved copies, the spool, the ledger
// and the server's staging.
func TestCanaryOnTheBox(t *testing.T) {
	w := newWorld(t)
	w.removes()
	dir := t.TempDir()
	w.state, w.from = filepath.Join(dir, "state"), filepath.Join(dir, "from")
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 1)
	if err := boxAt(t, dir, "whole", "spooled").Run(); !killed(err) {
		t.Fatal(err)
	}
	s, entries, err := openSpool(filepath.Join(w.state, "spool"), 1<<30, 0)
	fine(t, err)
	sealed, err := os.ReadFile(s.path(entries[0].Upload))
	fine(t, err)
	mark := entries[0].Sources[0].Content
	traces := map[string][]byte{"sound": []byte("PLAINTEXT-CANARY-001"), "sealed sound": sealed[4096:4160], "its mark": mark[:]}
	found := func() map[string]bool {
		out := map[string]bool{}
		for _, top := range []string{dir, filepath.Join(w.dir, "staging")} {
			fine(t, filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				b, err := os.ReadFile(path)
				for name, trace := range traces {
					out[name] = out[name] || bytes.Contains(b, trace) || bytes.Contains(b, []byte(hex.EncodeToString(trace)))
				}
				return err
			}))
		}
		return out
	}
	for name, is := range found() {
		if !is {
			t.Errorf("before: no %s is on the box, so that its absence would prove nothing", name)
		}
	}
	w.mustCollect(func(o *Options) { o.After = Move })
	if is := found(); !is["sound"] || !is["its mark"] || is["sealed sound"] {
		t.Errorf("archived, and its source moved: %v", is)
	}
	rec := w.archived()[0].ID
	w.destroy(rec)
	w.mustCollect(func(o *Options) { o.After = Move })
	if got := w.word(t, rec).Fate; got != FateRemoved {
		t.Errorf("the box says %q", got)
	}
	w.mustCollect(func(o *Options) { o.After = Move }) // the ledger drops what was answered when a box starts
	for name, is := range found() {
		if is {
			t.Errorf("after: %s is on the box", name)
		}
	}
}
