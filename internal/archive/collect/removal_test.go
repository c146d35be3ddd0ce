package collect

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
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

// The server dies before and after it has kept what a box says.
func TestServerKilledAtEachStepOfARemoval(t *testing.T) {
	for _, step := range []string{"removed", "removed kept"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w, file, rec := destroyedOnTheBox(t)
			again := func() {
				w.awake()
				if _, err := w.collect(func(o *Options) { o.After = Delete }); err != nil {
					t.Error(err)
				}
			}
			w.killServerAt(step, again, func() {})
			w.settled(rec, file)
		})
	}
}

// awake waits until the server answers the box: one that is asked once would else
// find nobody.
func (w *testWorld) awake() {
	for end := time.Now().Add(time.Minute); ; {
		_, err := Reach(w.t.Context(), w.state)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.t.Error("no server:", err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// What is not this box's own answer to what it was asked is refused, and changes
// nothing.
func TestAnswersThatAreRefused(t *testing.T) {
	w, file, rec := destroyedOnTheBox(t)
	up, err := uplinkOf(w.state)
	fine(t, err)
	_, other, err := ed25519.GenerateKey(nil)
	fine(t, err)
	sign := func(r Removal, key ed25519.PrivateKey) Signed {
		s, err := signDocument(removalLabel, r, func(m []byte) ([]byte, error) { return ed25519.Sign(key, m), nil })
		fine(t, err)
		return s
	}
	good := Removal{removalVersion, up.id.Customer, up.id.Device, rec, FateRemoved, time.Now()}
	send := func(all ...Signed) int {
		err := up.post(t.Context(), removalsPath, removed{all}, nil)
		if r, ok := errors.AsType[*refusal](err); ok {
			return r.Status
		}
		fine(t, err)
		return 204
	}
	for name, change := range map[string]func(r *Removal) ed25519.PrivateKey{
		"another key":      func(*Removal) ed25519.PrivateKey { return other },
		"another customer": func(r *Removal) ed25519.PrivateKey { r.Customer = id.New[id.Customer](); return up.key },
		"another box":      func(r *Removal) ed25519.PrivateKey { r.Device = id.New[id.Device](); return up.key },
		"not asked for":    func(r *Removal) ed25519.PrivateKey { r.Recording = id.New[id.Recording](); return up.key },
		"a fate of no box": func(r *Removal) ed25519.PrivateKey { r.Fate = FateOld; return up.key },
		"no fate":          func(r *Removal) ed25519.PrivateKey { r.Fate = ""; return up.key },
		"another version":  func(r *Removal) ed25519.PrivateKey { r.Version = 2; return up.key },
	} {
		r := good
		key := change(&r)
		if got := send(sign(good, up.key), sign(r, key)); got != 422 {
			t.Errorf("%s: %d", name, got)
		}
		if got := w.word(t, rec).Fate; got != FateWaiting {
			t.Fatalf("%s changed it to %q", name, got)
		}
	}
	if got := send(); got != 422 {
		t.Error("nothing at all:", got)
	}
	if got := send(sign(good, up.key)); got != 204 {
		t.Fatal("the answer:", got)
	}
	late := good
	late.At = late.At.Add(time.Hour)
	if got := send(sign(good, up.key), sign(late, up.key)); got != 204 {
		t.Error("the same again:", got)
	}
	late.Fate = FateKept
	if got := send(sign(late, up.key)); got != 409 {
		t.Error("another word:", got)
	}
	if got := w.word(t, rec).Fate; got != FateRemoved {
		t.Errorf("it stands as %q", got)
	}
	fine(t, os.Remove(file))
	w.settled(rec, file)
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

// A box of an earlier release cannot say; once it is upgraded it is asked. One
// that is revoked never answers.
func TestBoxesThatCannotSay(t *testing.T) {
	w, _, rec := destroyedOnTheBox(t)
	var heard []Fate
	w.server.OnWord(func(_ *place.Tx, words []Word) error {
		for _, one := range words {
			heard = append(heard, one.Fate)
		}
		return nil
	})
	up, err := uplinkOf(w.state)
	fine(t, err)
	speaks := func(protocols ...int) {
		_, err := up.hello(t.Context(), Hello{Release: "0.4.0", Protocols: protocols, OS: "linux", Arch: "amd64", Nonce: randomBytes(16)})
		fine(t, err)
	}
	speaks(1, 2)
	if got := w.word(t, rec).Fate; got != FateOld {
		t.Errorf("a box of an earlier release: %q", got)
	}
	speaks(1, 2, 3)
	if got := w.word(t, rec).Fate; got != FateWaiting {
		t.Errorf("once it was upgraded: %q", got)
	}
	fine(t, w.server.Revoke(t.Context(), w.place, admin, up.id.Device))
	if got := w.word(t, rec).Fate; got != FateRevoked {
		t.Errorf("once it was revoked: %q", got)
	}
	if !slices.Equal(heard, []Fate{FateOld, FateWaiting, FateRevoked}) {
		t.Errorf("the certificates were told %v", heard)
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

// What was answered for leaves the ledger at the next start, but for the answer;
// of a torn end nothing is guessed.
func TestTheLedgerForgetsWhatWasAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), ledgerFile)
	l, err := openLedger(path)
	fine(t, err)
	a, b := id.New[id.Recording](), id.New[id.Recording]()
	mark := source{Path: mark16{1, 2, 3}, Size: 10, ModTime: 7, Content: mark16{4, 5, 6}}
	gone := source{Path: mark16{2}, Size: 11}
	fine(t, errors.Join(l.had(a, []source{mark}, false), l.had(a, []source{mark}, true), l.had(b, []source{mark, gone}, false), l.had(b, []source{gone}, true), l.answered(map[id.Recording]Fate{a: FateRemoved}), l.Close()))
	whole, err := os.ReadFile(path)
	fine(t, err)
	l, err = openLedger(path)
	fine(t, err)
	found, err := l.find(map[id.Recording]bool{a: true, b: true})
	fine(t, err)
	if len(found[a].sources) != 0 || found[a].said != FateRemoved || !maps.Equal(found[b].sources, map[source]bool{mark: false, gone: true}) {
		t.Errorf("%+v", found)
	}
	fine(t, l.Close())
	for n := range len(whole) {
		fine(t, os.WriteFile(path, whole[:n], 0o600))
		l, err := openLedger(path)
		fine(t, err)
		fine(t, l.had(b, []source{mark}, false))
		found, err := l.find(map[id.Recording]bool{b: true})
		if err != nil || len(found[b].sources) == 0 || found[a].said != "" {
			t.Fatalf("after a cut at %d: %+v, %v", n, found, err)
		}
		fine(t, l.Close())
	}
}

// Orders and answers on both engines.
func TestRemovalsOnBothEngines(t *testing.T) {
	schemas := recordingtest.Schemas(Migrations())
	schemas.Housekeeping = append(schemas.Housekeeping, Housekeeping...)
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		s, err := NewServer(ServerOptions{Store: store, Keys: w.Keys, Recordings: w.Service, Staging: t.TempDir()})
		fine(t, err)
		t.Cleanup(s.Stop)
		box, _, err := s.Add(t.Context(), w.Place, admin, "Box", w.Source.ID)
		fine(t, err)
		rec := id.New[id.Recording]()
		order := func() (words []Word) {
			fine(t, w.Place.Change(t.Context(), admin, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "recording.destroyed"})
				words, err = s.Remove(tx, rec, []id.Source{w.Source.ID})
				return err
			}))
			return words
		}
		if got := order(); len(got) != 0 {
			t.Errorf("a box that never enrolled was asked: %+v", got)
		}
		fine(t, w.Place.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE collect_devices SET enrolled_at = ?, protocol = 3, public_key = ? WHERE id = ?`, tx.At().UnixMilli(), []byte("key"), box.ID)
			return err
		}))
		order()
		if got := order(); len(got) != 1 || got[0].Fate != FateWaiting {
			t.Fatalf("%+v", got)
		}
		waiting := func() (out map[id.Device]Unanswered) {
			fine(t, w.Place.View(t.Context(), func(tx *place.Tx) error { out, err = s.Unanswered(tx); return err }))
			return out
		}
		if got := waiting()[box.ID]; got.Recordings != 1 || got.Since.IsZero() {
			t.Errorf("%+v", got)
		}
		v := &visit{place: w.Place, device: deviceRow{ID: box.ID}, who: admin}
		said := []Removal{{Recording: rec, Device: box.ID, Fate: FateKept}}
		fine(t, s.keepRemoved(t.Context(), v, said, []Signed{{Body: []byte("body"), Signature: []byte("signature")}}))
		fine(t, s.keepRemoved(t.Context(), v, said, []Signed{{}}))
		if got := order(); len(got) != 1 || got[0].Fate != FateKept || string(got[0].Said.Body) != "body" || len(waiting()) != 0 {
			t.Errorf("%+v", got)
		}
	})
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

// Whatever a box or a thief of one sends as its answer is its own, or refused.
func FuzzRemoval(f *testing.F) {
	public, key, _ := ed25519.GenerateKey(nil)
	body := []byte(`{"version":1,"recording":"rec_06b3k0000000000000000000000","fate":"removed"}`)
	f.Add(body, ed25519.Sign(key, bind(removalLabel, body)))
	f.Fuzz(func(t *testing.T, body, signature []byte) {
		if r, err := OpenRemoval(Signed{body, signature}, public); err == nil && (fateCodes[r.Fate] == 0 || r.Recording.IsZero()) {
			t.Errorf("%+v is believed", r)
		}
	})
}

// Whatever the ledger's file holds, the box starts, and what it adds is found.
func FuzzLedger(f *testing.F) {
	f.Add([]byte("h"))
	f.Add(bytes.Repeat([]byte{'s', 0, 255}, 40))
	f.Fuzz(func(t *testing.T, file []byte) {
		path := filepath.Join(t.TempDir(), ledgerFile)
		fine(t, os.WriteFile(path, file, 0o600))
		l, err := openLedger(path)
		fine(t, err)
		defer l.Close()
		rec := id.New[id.Recording]()
		fine(t, l.had(rec, []source{{Size: 5}}, false))
		if found, err := l.find(map[id.Recording]bool{rec: true}); err != nil || len(found[rec].sources) != 1 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}
