package collect

import (
	"crypto/ed25519"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

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
		revoked, _, err := s.Add(t.Context(), w.Place, admin, "Stolen", w.Source.ID)
		fine(t, err)
		fine(t, w.Place.Keep(t.Context(), func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE collect_devices SET enrolled_at = ?, revoked_at = ?, protocol = 3, public_key = ? WHERE id = ?`, tx.At().UnixMilli(), tx.At().UnixMilli(), []byte("key"), revoked.ID)
			return err
		}))
		order()
		if got := order(); len(got) != 1 || got[0].Device != box.ID || got[0].Fate != FateWaiting {
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
