package departure_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/departure"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// home is one installation.
type home struct {
	root    keyring.Root
	o       keyring.Options
	keys    *keyring.Keyring
	store   *place.Store
	objects blob.Bucket
	service *recording.Service
	key     *paper.Key
}

func schemas() place.Schemas {
	s := recordingtest.Schemas(search.Migrations())
	s.Housekeeping = append(s.Housekeeping, search.Housekeeping()...)
	return s
}

func newHome(t *testing.T, cfg place.Config) *home {
	t.Helper()
	return homeWith(t, cfg, schemas())
}

// settled is a customer with some recordings, one of them destroyed, and words.
func (h *home) settled(t *testing.T) (w *recordingtest.World, heard id.Recording) {
	t.Helper()
	c := id.New[id.Customer]()
	w = &recordingtest.World{Store: h.store, Keys: h.keys, Bucket: h.objects, Service: h.service, Who: actor.ForSystem("test")}
	err := errors.Join(h.keys.CreateCustomer(t.Context(), c), h.store.Create(t.Context(), c))
	if err == nil {
		w.Place, err = h.store.Place(t.Context(), c)
	}
	if err == nil {
		err = h.service.SetRetention(t.Context(), w.Place, w.Who, 0)
	}
	if err == nil {
		w.Source, err = h.service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Kind: recording.Folder, Name: "drop", Profile: "generic", Folder: "/nowhere", Country: "GB"})
	}
	if err != nil {
		t.Fatal(err)
	}
	heard = archive(t, w, "a.wav", 1)
	gone := archive(t, w, "b.wav", 2)
	archive(t, w, "c.wav", 3)
	err = w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "recording.transcribed"})
		for n, text := range []string{"", "zebra crossing", "zebra house", "canary islands"} {
			if n > 0 {
				if err := search.Put(tx, int64(n), text); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		err = transcribed(t, w, heard)
	}
	if err == nil {
		err = h.service.Destroy(t.Context(), w.Place, w.Who, gone, "asked for")
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, heard
}

const spoken = `{"turns":[{"text":"a zebra crossing"}]}`

// transcribed gives a recording its transcript: a rendition without a blind
// index, which is bytes that are none.
func transcribed(t *testing.T, w *recordingtest.World, rec id.Recording) error {
	t.Helper()
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
	if err != nil {
		return err
	}
	defer o.Close()
	return w.Service.SaveTranscript(t.Context(), o, recording.Transcribed{JSON: []byte(spoken), State: recording.TranscriptState{State: recording.TranscriptDone}}, nil)
}

// archive is World.Archive for one place of objects.
func archive(t *testing.T, w *recordingtest.World, name string, seed int) id.Recording {
	t.Helper()
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, name, recordingtest.Tone(seed, 2, time.Second)))
	if err != nil || out.Recording.IsZero() {
		t.Fatalf("archived as %s: %v", out.Result, err)
	}
	return out.Recording
}

func (h *home) bundle(t *testing.T, p *place.Place, to []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	box := departure.NewZipBox(&out, time.Now(), nil)
	err := departure.Write(t.Context(), departure.Source{
		Place: p, Keys: h.keys, Objects: h.objects, Name: "Acme", Program: "test", To: to,
		Sign: func(_ context.Context, text []byte) ([]byte, error) { return h.key.SignText(text) },
	}, box)
	if err := errors.Join(err, box.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// take imports a bundle, as the command line does; at each step it may be cut off.
func (h *home) take(t *testing.T, file []byte, cut func(step string) bool) (*place.Place, error) {
	t.Helper()
	ctx := t.Context()
	errCut := errors.New("cut off")
	b, err := departure.Open(bytes.NewReader(file), int64(len(file)))
	if err == nil {
		err = b.Check(ctx)
	}
	if err != nil {
		return nil, err
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"keys", func() error {
			r, err := b.Keys()
			if err != nil {
				return err
			}
			defer r.Close()
			if err := keyring.Receive(ctx, h.o, h.root, b.ID, r); err != nil {
				return err
			}
			return h.keys.CreateCustomer(ctx, b.ID)
		}},
		{"objects", func() error { _, err := b.PutObjects(ctx, h.objects); return err }},
		{"place", func() error { return h.store.Create(ctx, b.ID) }},
		{"rows", func() error {
			return h.store.Rebuild(ctx, b.ID, func(builder *place.Builder) error { return builder.Fill(ctx, b.ID, b.Fill) })
		}},
	}
	for _, s := range steps {
		if cut(s.name) {
			return nil, errCut
		}
		if err := s.do(); err != nil {
			return nil, err
		}
	}
	p, err := h.store.Place(ctx, b.ID)
	if err == nil {
		err = b.Compare(ctx, p)
	}
	return p, err
}

func never(string) bool { return false }

// The same customer on another installation, whichever the engines: ids, journal,
// receipts, sound and search are there.
func TestACustomerMoves(t *testing.T) {
	for _, from := range placetest.Engines {
		for _, to := range placetest.Engines {
			t.Run(from.Name+" to "+to.Name, func(t *testing.T) {
				a, b := newHome(t, from.Config(t)), newHome(t, to.Config(t))
				w, rec := a.settled(t)
				key, err := b.root.ReceiveKey()
				if err != nil {
					t.Fatal(err)
				}
				p, err := b.take(t, a.bundle(t, w.Place, key), never)
				if err != nil {
					t.Fatal(err)
				}
				same(t, a, b, w, p, rec)
			})
		}
	}
}

func same(t *testing.T, a, b *home, w *recordingtest.World, p *place.Place, rec id.Recording) {
	t.Helper()
	listen := func(h *home, at *place.Place) []int16 {
		o, err := h.service.Open(t.Context(), at, w.Who, rec, recording.Ask{What: "listen"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.PCM(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		sound := make([]int16, 8000)
		n, err := r.ReadFrames(sound, 0)
		if err != nil || n < 1000 {
			t.Fatalf("%d frames: %v", n, err)
		}
		return sound
	}
	if !slices.Equal(listen(a, w.Place), listen(b, p)) {
		t.Error("another sound is heard")
	}
	o, err := b.service.Open(t.Context(), p, w.Who, rec, recording.Ask{What: "transcript"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if text, err := o.Transcript(t.Context()); err != nil || string(text) != spoken {
		t.Errorf("the transcript is %q, %v", text, err)
	}
	was, err := a.service.Get(t.Context(), w.Place, w.Who, rec, recording.Everything)
	if err != nil {
		t.Fatal(err)
	}
	is, err := b.service.Get(t.Context(), p, w.Who, rec, recording.Everything)
	if err != nil {
		t.Fatal(err)
	}
	if is.ID != was.ID || is.Card.Call.Caller != was.Card.Call.Caller || is.Card.Call.Caller == (recording.Party{}) || !is.StartedAt.Equal(was.StartedAt) {
		t.Errorf("the recording is %+v, was %+v", is, was)
	}
	err = p.View(t.Context(), func(tx *place.Tx) error {
		for query, want := range map[string]int{"zebra": 1, "canary": 1, "house": 0} {
			found, err := search.Find(tx, query, "n")
			if err != nil {
				return err
			}
			got, err := place.Rows[int64](tx, `SELECT n FROM recordings WHERE `+found.Condition, found.Args...)
			if err != nil {
				return err
			}
			if len(got) != want {
				t.Errorf("%q finds %d recordings, want %d", query, len(got), want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// What was destroyed stays destroyed, and is not captured again.
	out, err := b.service.Archive(t.Context(), p, w.Who, w.Item(t, "again.wav", recordingtest.Tone(2, 2, time.Second)))
	if out.Result != recording.Erased {
		t.Errorf("what was destroyed came back as %s: %v", out.Result, err)
	}
	opened, err := b.keys.Openings(t.Context(), p.Customer())
	if err != nil || opened == 0 {
		t.Errorf("%d openings were counted: %v", opened, err)
	}
}

// Cut off before any step, the next try ends it; until then there is nothing half.
func TestAnImportThatWasCutOffGoesOn(t *testing.T) {
	a, b := newHome(t, place.Config{Dir: t.TempDir()}), newHome(t, place.Config{Dir: t.TempDir()})
	w, rec := a.settled(t)
	key, err := b.root.ReceiveKey()
	if err != nil {
		t.Fatal(err)
	}
	file := a.bundle(t, w.Place, key)
	for _, at := range []string{"keys", "objects", "place", "rows"} {
		if _, err := b.take(t, file, func(s string) bool { return s == at }); err == nil {
			t.Fatalf("it was not cut off before %s", at)
		}
	}
	p, err := b.take(t, file, never)
	if err != nil {
		t.Fatal(err)
	}
	same(t, a, b, w, p, rec)
}

// A bundle for another installation, or one that was changed, gives nothing.
func TestABundleIsForItsReceiver(t *testing.T) {
	a, b, other := newHome(t, place.Config{Dir: t.TempDir()}), newHome(t, place.Config{Dir: t.TempDir()}), newHome(t, place.Config{Dir: t.TempDir()})
	w, _ := a.settled(t)
	key, err := b.root.ReceiveKey()
	if err != nil {
		t.Fatal(err)
	}
	file := a.bundle(t, w.Place, key)
	if _, err := other.take(t, file, never); !fault.Is(err, fault.Denied) {
		t.Errorf("somebody else takes it: %v", err)
	}
	living, _, err := other.keys.Customers(t.Context())
	if err != nil || len(living) != 0 {
		t.Errorf("keys of %v are there: %v", living, err)
	}
	for _, at := range []int{len(file) / 3, len(file) / 2, len(file) * 2 / 3} {
		bad := slices.Clone(file)
		bad[at] ^= 0x10
		if _, err := b.take(t, bad, never); err == nil {
			t.Errorf("a byte at %d was changed, and nobody noticed", at)
		}
	}
	if _, err := b.take(t, file[:len(file)-30], never); !fault.Is(err, fault.Invalid) {
		t.Errorf("its end is missing: %v", err)
	}
	words := []string{"Agnes Canary", "441614960187", "zebra"}
	for _, word := range words {
		if bytes.Contains(file, []byte(word)) {
			t.Errorf("the bundle tells %q", word)
		}
	}
	if m := must(departure.Open(bytes.NewReader(file), int64(len(file)))); m.Rows["recordings"] != 2 || m.Words != 2 || len(slices.Collect(maps.Keys(m.Rows))) < 10 {
		t.Errorf("the manifest: %+v", m.Manifest)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Whatever is given as a bundle, the answer is one or a reason.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	f.Fuzz(func(_ *testing.T, file []byte) {
		if b, err := departure.Open(bytes.NewReader(file), int64(len(file))); err == nil {
			_ = b.Check(context.Background())
		}
	})
}
