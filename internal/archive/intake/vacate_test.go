package intake_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// Of one who has left nothing stays: neither what was whole, nor what was cut,
// nor what is being sent; and nobody opens such a room again. Another's stays.
func TestTheRoomsOfOneWhoHasLeft(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			no := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			store := placetest.Open(t, engine.Config(t), place.Schemas{})
			leaver, stayer := placetest.Customer(t, store), placetest.Customer(t, store)
			r := &room{place: stayer, source: id.New[id.Source](), dir: t.TempDir()}
			r.reopen(t, r.dir)
			r.put(t, "stays.wav", noise(1000))
			before := onDisk(t, r.dir)

			mine := &room{service: r.service, place: leaver}
			first, second := id.New[id.Source](), id.New[id.Source]()
			var under *intake.Writer
			for _, source := range []id.Source{first, second} {
				var err error
				mine.Drop, err = r.service.Drop(t.Context(), leaver, source)
				no(err)
				mine.put(t, "a.wav", noise(1000))
				mine.put(t, "logs/calls.csv", noise(100))
				cut, err := mine.Create("cut.wav")
				no(err)
				_, err = cut.Write(noise(1000))
				no(errors.Join(err, cut.Cut()))
				under, err = mine.Create("coming.wav")
				no(err)
				_, err = under.Write(noise(1000))
				no(err)
			}
			no(store.Destroy(t.Context(), leaver.Customer()))
			for range 2 {
				no(r.service.Vacate(leaver.Customer()))
			}
			nothing := func() {
				t.Helper()
				if _, err := os.Stat(filepath.Join(r.dir, leaver.Customer().String())); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("its folder: %v", err)
				}
			}
			nothing()
			_, err := under.Write(noise(1 << 20))
			if err = errors.Join(err, under.Close()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("what was under way ends with %v", err)
			}
			if _, err := r.service.Drop(t.Context(), leaver, first); !fault.Is(err, fault.NotFound) {
				t.Errorf("opened again: %v", err)
			}
			nothing()
			if n := onDisk(t, r.dir); n != before || len(r.read(t, "stays.wav")) != 1000 {
				t.Errorf("%d files, %d before", n, before)
			}
		})
	}
}

// The list of a drop forgets the names of what has gone: they may be numbers.
// What waits keeps its own, also over a restart.
func TestNamesThatWaitNoMoreAreForgotten(t *testing.T) {
	r := newRoom(t, intake.Options{})
	size := func() int64 {
		t.Helper()
		about, err := os.Stat(filepath.Join(r.dir, r.place.Customer().String(), r.source.String(), "index"))
		if err != nil {
			t.Fatal(err)
		}
		return about.Size()
	}
	sweep := func() {
		t.Helper()
		if err := r.Sweep(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	body := noise(1000)
	r.put(t, "waits.wav", body)
	alone := size()
	for _, name := range []string{"out-+442079460101.wav", "in-+442079460102.wav"} {
		r.put(t, name, noise(1000))
		if err := r.Remove(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if size() <= alone {
		t.Fatal("the list holds no more than what waits: the test shows nothing")
	}
	for range 2 {
		sweep()
		if n := size(); n != alone {
			t.Errorf("the list has %d bytes; with what waits alone it had %d", n, alone)
		}
		r.reopen(t, r.dir)
		if !bytes.Equal(r.read(t, "waits.wav"), body) {
			t.Error("what waits is another")
		}
	}
}
