package parcel_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/parcel"
)

func schemas() place.Schemas {
	return place.Schemas{
		Registry: job.Migrations, Place: append(append(place.Migrations{}, job.Migrations...), parcel.Migrations()...),
		Housekeeping: append(append([]string{}, job.Housekeeping...), parcel.Housekeeping()...),
	}
}

type world struct {
	t       *testing.T
	s       *parcel.Service
	p       *place.Place
	store   *place.Store
	keys    *keyring.Keyring
	objects blob.Bucket
	runner  *job.Runner
	now     time.Time
	free    int64
}

var ada = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7")

func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{t: t, store: store, p: placetest.Customer(t, store), keys: keyringtest.New(t), now: time.Now(), free: 100 << 30}
	if err := w.keys.CreateCustomer(t.Context(), w.p.Customer()); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.objects, err = blob.OpenFolder(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.s = parcel.New(parcel.Options{Store: store, Keys: w.keys, Objects: w.objects, Now: func() time.Time { return w.now }, Free: func() (int64, bool) { return w.free, true }})
	w.s.Register("test", parcel.Maker{
		Act: "recording.download",
		Estimate: func(_ context.Context, _ *place.Place, args json.RawMessage) (int64, error) {
			return int64(len(args)), nil
		},
		Make: func(ctx context.Context, _ *place.Place, b *parcel.Box) error {
			var text string
			if err := b.Decode(&text); err != nil {
				return err
			}
			if text == "bad" {
				return fault.New(fault.Invalid, "there is nothing to be had")
			}
			return errors.Join(b.Add("a/text.txt", []byte(text)), b.Progress(ctx, 1, 1), b.Add("sound.wav", bytes.Repeat([]byte{7}, 300_000)))
		},
	})
	w.runner = job.NewRunner(store, w.s.Kinds(), job.Options{Now: func() time.Time { return w.now }})
	return w
}

func (w *world) work() {
	w.t.Helper()
	at := w.now
	if soon := time.Now().Add(time.Second); soon.After(at) { // the store has a clock of its own
		at = soon
	}
	for range 3 {
		if _, err := w.runner.RunDue(w.t.Context(), at); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) ask(text string, about ...string) parcel.Parcel {
	w.t.Helper()
	a, err := w.s.Ask(w.t.Context(), w.p, ada, parcel.Order{Kind: "test", Name: "x.zip", Args: text, Purpose: "court", Subjects: about})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) read(i id.Parcel) parcel.Parcel {
	w.t.Helper()
	p, err := w.s.Read(w.t.Context(), w.p, ada, i)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) objectCount() (n int) {
	_ = w.objects.List(w.t.Context(), "", func(string, int64) error { n++; return nil })
	return n
}

// The life of a parcel: asked, made, taken with a receipt, over.
func TestLife(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		a := w.ask("hello")
		if a.State != parcel.Making || w.read(a.ID).State != parcel.Making {
			t.Fatalf("%+v", a)
		}
		if _, err := w.s.Open(t.Context(), w.p, ada, a.ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("what is not made was opened: %v", err)
		}
		w.work()
		a = w.read(a.ID)
		if a.State != parcel.Ready || a.Bytes < 300_000 || a.Name != "x.zip" || a.Done != 1 || a.Act != "recording.download" {
			t.Fatalf("%+v", a)
		}
		before, _ := w.keys.Openings(t.Context(), w.p.Customer())
		o, err := w.s.Open(t.Context(), w.p, ada, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if after, _ := w.keys.Openings(t.Context(), w.p.Customer()); after != before+1 {
			t.Fatalf("%d openings, then %d", before, after)
		}
		c, err := o.Content(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		z, err := zip.NewReader(c, c.Size())
		if err != nil || len(z.File) != 2 || z.File[0].Name != "a/text.txt" {
			t.Fatalf("%v %+v", err, z)
		}
		f, _ := z.File[0].Open()
		if text, _ := io.ReadAll(f); string(text) != "hello" {
			t.Fatalf("%q", text)
		}
		c.Close()
		for name, who := range map[string]actor.Actor{
			"somebody else": actor.ForPerson(id.New[id.Person](), id.New[id.Session](), ""),
			"the program":   actor.ForSystem("test"),
		} {
			if _, err := w.s.Open(t.Context(), w.p, who, a.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := w.s.Opened(w.p, who, o.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if all, _ := w.s.List(t.Context(), w.p, who); len(all) != 0 {
				t.Errorf("%s sees %v", name, all)
			}
		}
		w.now = w.now.Add(parcel.KeptFor + time.Minute)
		if _, err := w.s.Open(t.Context(), w.p, ada, a.ID); !fault.Is(err, fault.Gone) {
			t.Fatalf("after its time: %v", err)
		}
		w.work()
		if a = w.read(a.ID); a.State != parcel.Ended || a.Name != "" || w.objectCount() != 0 {
			t.Fatalf("%+v, %d objects", a, w.objectCount())
		}
		dead, err := w.keys.Destroyed(t.Context(), w.p.Customer())
		if err != nil || len(dead) != 1 {
			t.Fatalf("%v %v", dead, err)
		}
	})
}

// What a parcel was made from was destroyed: it opens from that commit on for nobody.
func TestGoesWithItsSource(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		one, other, unmade := w.ask("one", "rec_1", "rec_2"), w.ask("other", "rec_3"), id.Parcel{}
		w.work()
		unmade = w.ask("unmade", "rec_2").ID
		held, err := w.s.Open(t.Context(), w.p, ada, one.ID)
		if err != nil {
			t.Fatal(err)
		}
		err = w.p.Change(t.Context(), ada, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "recording.destroyed", Subject: "rec_2"})
			return parcel.Gone(tx, "rec_2")
		})
		if err != nil {
			t.Fatal(err)
		}
		w.now = time.Now().Add(time.Second) // the store has a clock of its own
		if _, err := w.s.Open(t.Context(), w.p, ada, one.ID); !fault.Is(err, fault.Gone) {
			t.Fatalf("%v", err)
		}
		w.work()
		if w.read(one.ID).State != parcel.Ended || w.read(unmade).State != parcel.Ended || w.read(other.ID).State != parcel.Ready || w.objectCount() != 1 {
			t.Fatalf("%+v %+v %+v", w.read(one.ID), w.read(unmade), w.read(other.ID))
		}
		if _, err := held.Content(t.Context()); !fault.Is(err, fault.Gone) {
			t.Fatalf("an opening outlives its parcel: %v", err)
		}
	})
}

func TestWhatCannotBeMadeSaysWhy(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		a := w.ask("bad")
		w.work()
		if a = w.read(a.ID); a.State != parcel.Failed || a.Reason != "there is nothing to be had" || w.objectCount() != 0 {
			t.Fatalf("%+v, %d objects", a, w.objectCount())
		}
		if _, err := w.s.Ask(t.Context(), w.p, ada, parcel.Order{Kind: "nothing"}); !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		w.free = 1<<30 + 10
		if _, err := w.s.Ask(t.Context(), w.p, ada, parcel.Order{Kind: "test", Args: "a text of more than ten bytes"}); !fault.Is(err, fault.TooLarge) {
			t.Fatalf("a full disk: %v", err)
		}
		w.free = 100 << 30
		for range 5 {
			w.ask("x")
		}
		if _, err := w.s.Ask(t.Context(), w.p, ada, parcel.Order{Kind: "test", Args: "y"}); !fault.Is(err, fault.Conflict) {
			t.Fatalf("a sixth: %v", err)
		}
		all, err := w.s.List(t.Context(), w.p, ada)
		if err != nil || len(all) != 6 {
			t.Fatal(len(all), err)
		}
		if err := w.s.Remove(t.Context(), w.p, ada, all[0].ID); err != nil {
			t.Fatal(err)
		}
		w.work()
		if w.read(all[0].ID).State != parcel.Ended || w.read(all[1].ID).State != parcel.Ready {
			t.Fatal("the removed one was made, or another was not")
		}
	})
}

// A try that was cut off leaves a key and an object; the next try ends both.
func TestACutOffTryLeavesNothing(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	tries := 0
	w.s.Register("cut", parcel.Maker{
		Estimate: func(context.Context, *place.Place, json.RawMessage) (int64, error) { return 1, nil },
		Make: func(_ context.Context, _ *place.Place, b *parcel.Box) error {
			if tries++; tries == 1 {
				return errors.Join(b.Add("half.wav", make([]byte, 200_000)), errors.New("the power went"))
			}
			return b.Add("whole.wav", make([]byte, 10))
		},
	})
	a, err := w.s.Ask(t.Context(), w.p, ada, parcel.Order{Kind: "cut"})
	if err != nil {
		t.Fatal(err)
	}
	w.work()
	w.now = w.now.Add(time.Hour)
	w.work()
	if got := w.read(a.ID); got.State != parcel.Ready || w.objectCount() != 1 || tries != 2 {
		t.Fatalf("%+v, %d objects, %d tries", got, w.objectCount(), tries)
	}
	if dead, _ := w.keys.Destroyed(t.Context(), w.p.Customer()); len(dead) != 1 {
		t.Fatalf("the first try's key: %v", dead)
	}
}

func TestNamesStayWithinTheFolder(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	var errs []error
	w.s.Register("names", parcel.Maker{
		Estimate: func(context.Context, *place.Place, json.RawMessage) (int64, error) { return 1, nil },
		Make: func(_ context.Context, _ *place.Place, b *parcel.Box) error {
			for _, name := range []string{"", "/etc/passwd", "../x", "a/../../x", `a\b`, "a//b", "a/"} {
				errs = append(errs, b.Add(name, nil))
			}
			return errors.Join(b.Add("twice", nil))
		},
	})
	if _, err := w.s.Ask(t.Context(), w.p, ada, parcel.Order{Kind: "names"}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if len(errs) != 7 {
		t.Fatal("not made")
	}
	for i, err := range errs {
		if err == nil {
			t.Errorf("name %d was taken", i)
		}
	}
}
