package collect

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// leaves makes it final that the customer leaves, as package departure does.
func (w *world) leaves(t testing.TB) {
	t.Helper()
	fine(t, w.place.Change(t.Context(), admin, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "customer.parting"})
		return errors.Join(w.archive.Part(tx), w.server.Farewell(tx))
	}))
}

// farewell is what is known of the one box.
func (w *world) farewell(t testing.TB) (out FarewellWord) {
	t.Helper()
	fine(t, w.place.View(t.Context(), func(tx *place.Tx) error {
		all, err := w.server.Farewells(tx)
		if len(all) != 1 {
			t.Fatalf("%d words, %v", len(all), err)
		}
		out = all[0]
		return err
	}))
	return out
}

// part runs the box once for a customer who leaves: it ends with that.
func (w *testWorld) part(change func(*Options)) {
	w.t.Helper()
	if _, err := w.collect(change); err == nil || !strings.Contains(err.Error(), leavesText) {
		w.t.Fatalf("the box ended with %v", err)
	}
}

// All that a box has goes in one act and one signed answer, by the same rules as
// what is destroyed by itself.
func TestTheBoxSaysFarewell(t *testing.T) {
	for name, c := range map[string]struct {
		first, then After
		meanwhile   func(t *testing.T, w *testWorld)
		want        map[Fate]int
		left        int
	}{
		"kept":           {first: Keep, then: Keep, want: map[Fate]int{FateKept: 3}, left: 3},
		"deleted before": {first: Delete, then: Delete, want: map[Fate]int{FateAbsent: 3}},
		"to be deleted":  {first: Keep, then: Delete, want: map[Fate]int{FateRemoved: 3}},
		"moved aside":    {first: Move, then: Move, want: map[Fate]int{FateRemoved: 3}},
		"written to": {first: Keep, then: Delete, want: map[Fate]int{FateRemoved: 2, FateAltered: 1}, left: 1, meanwhile: func(t *testing.T, w *testWorld) {
			fine(t, os.WriteFile(filepath.Join(w.from, "b.wav"), wav(9, 1), 0o600))
		}},
		"one was destroyed before": {first: Keep, then: Delete, want: map[Fate]int{FateRemoved: 2}, meanwhile: func(t *testing.T, w *testWorld) {
			w.destroy(w.archived()[0].ID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.removes()
			w.enrol()
			for i, file := range []string{"a.wav", "b.wav", "sub/c.wav"} {
				wavFile(t, w.from, file, byte(i+1), 1)
			}
			w.mustCollect(func(o *Options) { o.After = c.first })
			if c.meanwhile != nil {
				c.meanwhile(t, w)
			}
			var sum IDSum
			for _, r := range w.archived() {
				sum.Add(r.ID)
			}
			w.leaves(t)
			if got := w.farewell(t); got.State != FateWaiting {
				t.Fatalf("before the box was here: %q", got.State)
			}
			for range 2 { // the second time there is nothing to be said any more
				w.part(func(o *Options) { o.After = c.then })
			}
			got := w.farewell(t)
			if got.State != FateSaid || !maps.Equal(got.Farewell.Recordings, c.want) || !bytes.Equal(got.Farewell.IDs, sum[:]) {
				t.Errorf("the box says %+v (%q), want %v", got.Farewell, got.State, c.want)
			}
			n := 0
			fine(t, filepath.WalkDir(w.from, func(_ string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					n++
				}
				return err
			}))
			if n != c.left {
				t.Errorf("%d files are left, want %d", n, c.left)
			}
		})
	}
}

// What was sealed and not brought goes from the spool, and is told; its source,
// which is no recording, stays. Nothing is captured any more.
func TestWhatWasNotBroughtGoesFromTheSpool(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.state, w.from = filepath.Join(dir, "state"), filepath.Join(dir, "from")
	w.enrol()
	file := wavFile(t, w.from, "a.wav", 1, 1)
	if err := boxAt(t, dir, "whole", "spooled").Run(); !killed(err) {
		t.Fatal(err)
	}
	w.leaves(t)
	wavFile(t, w.from, "later.wav", 2, 1)
	w.part(func(o *Options) { o.After, o.Every = Delete, time.Millisecond })
	got := w.farewell(t)
	if got.State != FateSaid || got.Farewell.Unsent != 1 || got.Farewell.Known() != 0 {
		t.Errorf("%+v", got)
	}
	if n := w.left(); n != 0 || !exists(file) || len(w.archived()) != 0 {
		t.Errorf("%d files in spool and staging; the source is there: %v; %d recordings", n, exists(file), len(w.archived()))
	}
	fine(t, w.server.Unstage(w.place.Customer()))
}

// The box dies at each step; the next one goes on, and says one word.
func TestBoxKilledAtEachStepOfAFarewell(t *testing.T) {
	for _, step := range []string{"parted", "farewell noted", "farewell told"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			dir := t.TempDir()
			w.state, w.from = filepath.Join(dir, "state"), filepath.Join(dir, "from")
			w.enrol()
			file := wavFile(t, w.from, "a.wav", 1, 1)
			w.mustCollect(nil)
			w.leaves(t)
			if err := boxAt(t, dir, "whole", step).Run(); !killed(err) {
				t.Fatalf("the box was to die at %s: %v", step, err)
			}
			if got := w.farewell(t).State; (got == FateSaid) != (step == "farewell told") {
				t.Errorf("after %s the server knows %q", step, got)
			}
			w.part(func(o *Options) { o.After = Delete })
			got := w.farewell(t)
			if got.State != FateSaid || got.Farewell.Gone() != 1 || got.Farewell.Known() != 1 || exists(file) {
				t.Errorf("%+v; the file is there: %v", got, exists(file))
			}
		})
	}
}

// The server dies before and after it has kept the box's word.
func TestServerKilledAtEachStepOfAFarewell(t *testing.T) {
	for _, step := range []string{"farewell", "farewell kept"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.enrol()
			wavFile(t, w.from, "a.wav", 1, 1)
			w.mustCollect(nil)
			w.leaves(t)
			again := func() {
				w.awake()
				if _, err := w.collect(func(o *Options) { o.After = Delete }); err == nil || !strings.Contains(err.Error(), leavesText) {
					t.Error(err)
				}
			}
			w.killServerAt(step, again, func() {})
			if got := w.farewell(t); got.State != FateSaid || got.Farewell.Gone() != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A word that is not this box's own about its own customer, or that was not asked
// for, is refused; the first one stands.
func TestFarewellsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.mustCollect(nil)
	up, err := uplinkOf(w.state)
	fine(t, err)
	_, other, err := ed25519.GenerateKey(nil)
	fine(t, err)
	good := Farewell{Version: farewellVersion, Customer: up.id.Customer, Device: up.id.Device, Recordings: map[Fate]int{FateRemoved: 1}, IDs: make([]byte, 32), At: time.Now()}
	send := func(f Farewell, key ed25519.PrivateKey, label string) int {
		s, err := signDocument(label, f, func(m []byte) ([]byte, error) { return ed25519.Sign(key, m), nil })
		fine(t, err)
		err = up.post(t.Context(), farewellPath, s, nil)
		if r, ok := errors.AsType[*refusal](err); ok {
			return r.Status
		}
		fine(t, err)
		return 204
	}
	if got := send(good, up.key, farewellLabel); got != 422 {
		t.Error("not asked for:", got)
	}
	w.leaves(t)
	for name, change := range map[string]func(f *Farewell) (ed25519.PrivateKey, string){
		"another key":      func(*Farewell) (ed25519.PrivateKey, string) { return other, farewellLabel },
		"another document": func(*Farewell) (ed25519.PrivateKey, string) { return up.key, removalLabel },
		"another customer": func(f *Farewell) (ed25519.PrivateKey, string) {
			f.Customer = id.New[id.Customer]()
			return up.key, farewellLabel
		},
		"another box": func(f *Farewell) (ed25519.PrivateKey, string) {
			f.Device = id.New[id.Device]()
			return up.key, farewellLabel
		},
		"less than none": func(f *Farewell) (ed25519.PrivateKey, string) {
			f.Recordings = map[Fate]int{FateRemoved: -1}
			return up.key, farewellLabel
		},
		"a fate of no box": func(f *Farewell) (ed25519.PrivateKey, string) {
			f.Recordings = map[Fate]int{FateOld: 1}
			return up.key, farewellLabel
		},
		"another version": func(f *Farewell) (ed25519.PrivateKey, string) { f.Version++; return up.key, farewellLabel },
		"no ids":          func(f *Farewell) (ed25519.PrivateKey, string) { f.IDs = nil; return up.key, farewellLabel },
	} {
		f := good
		key, label := change(&f)
		if got := send(f, key, label); got != 422 {
			t.Errorf("%s: %d", name, got)
		}
		if got := w.farewell(t).State; got != FateWaiting {
			t.Fatalf("%s changed it to %q", name, got)
		}
	}
	for range 2 {
		if got := send(good, up.key, farewellLabel); got != 204 {
			t.Error("its own:", got)
		}
	}
	late := good
	late.Recordings = map[Fate]int{FateKept: 1}
	if got := send(late, up.key, farewellLabel); got != 409 {
		t.Error("another word:", got)
	}
}

// An order that was kept on the box's disk is none: only the server's own word is.
func TestAFarewellIsBelievedOfTheServerAlone(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	file := wavFile(t, w.from, "a.wav", 1, 1)
	w.mustCollect(nil)
	var c Config
	path := filepath.Join(w.state, configFile)
	fine(t, readJSON(path, &c))
	c.Farewell = true
	fine(t, writeJSON(path, c))
	w.http.Close()
	b, _, err := openBox(func() Options { o := w.options(); o.After = Delete; return o }())
	fine(t, err)
	defer b.close()
	fine(t, b.configure(t.Context()))
	b.farewell(t.Context())
	if !exists(file) || b.config().Farewell {
		t.Error("it was believed")
	}
}

// Orders and words on both engines; boxes of an earlier protocol, and such as were
// revoked, are not waited for.
func TestFarewellsOnBothEngines(t *testing.T) {
	schemas := recordingtest.Schemas(Migrations())
	schemas.Housekeeping = append(schemas.Housekeeping, Housekeeping...)
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		s, err := NewServer(ServerOptions{Store: store, Keys: w.Keys, Recordings: w.Service, Staging: t.TempDir()})
		fine(t, err)
		t.Cleanup(s.Stop)
		want := map[id.Device]Fate{}
		for name, protocol := range map[string]int{"new": 4, "old": 3, "revoked": 4, "never enrolled": 0} {
			box, _, err := s.Add(t.Context(), w.Place, admin, name, w.Source.ID)
			fine(t, err)
			if protocol == 0 {
				continue
			}
			fine(t, w.Place.Keep(t.Context(), func(tx *place.Tx) error {
				_, err := tx.Exec(`UPDATE collect_devices SET enrolled_at = ?, protocol = ?, public_key = ? WHERE id = ?`, tx.At().UnixMilli(), protocol, []byte("key"), box.ID)
				return err
			}))
			want[box.ID] = map[string]Fate{"new": FateWaiting, "old": FateOld, "revoked": FateRevoked}[name]
		}
		for range 2 {
			fine(t, w.Place.Change(t.Context(), admin, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "customer.parting"})
				return s.Farewell(tx)
			}))
		}
		for d, fate := range want {
			if fate == FateRevoked {
				fine(t, s.Revoke(t.Context(), w.Place, admin, d))
			}
		}
		fine(t, w.Place.View(t.Context(), func(tx *place.Tx) error {
			all, err := s.Farewells(tx)
			got := map[id.Device]Fate{}
			for _, one := range all {
				got[one.Device] = one.State
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			return err
		}))
	})
}

// Whatever a box or a thief of one sends as its last word is its own, or refused.
func FuzzFarewell(f *testing.F) {
	public, key, _ := ed25519.GenerateKey(nil)
	body := []byte(`{"version":1,"recordings":{"removed":3},"unsent":0,"ids":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`)
	f.Add(body, ed25519.Sign(key, bind(farewellLabel, body)))
	f.Fuzz(func(t *testing.T, body, signature []byte) {
		if r, err := OpenFarewell(Signed{body, signature}, public); err == nil && (r.Gone() > r.Known() || r.Gone() < 0) {
			t.Errorf("%+v is believed", r)
		}
	})
}
