package capture_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// pushedTo is a source that files are pushed for.
type pushedTo struct {
	*watched
	source id.Source
	drops  *intake.Service
	room   *intake.Drop
	dir    string // of all drops
}

func pushTo(t *testing.T, w *recordingtest.World) *pushedTo {
	t.Helper()
	src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Name: "Cloud", Kind: recording.Drop, Profile: "generic", After: recording.Delete})
	if err != nil {
		t.Fatal(err)
	}
	x := &pushedTo{watched: &watched{World: w}, source: src.ID, dir: t.TempDir()}
	if x.drops, err = intake.Open(intake.Options{Dir: x.dir, Store: w.Store}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.drops.Close)
	if x.room, err = x.drops.Drop(t.Context(), w.Place, src.ID); err != nil {
		t.Fatal(err)
	}
	x.start(t)
	return x
}

func (x *pushedTo) start(t *testing.T) {
	t.Helper()
	x.service = capture.NewService(capture.ServiceOptions{
		Store: x.Store, Recordings: x.Service, Every: 50 * time.Millisecond,
		Drop: func(ctx context.Context, p *place.Place, s id.Source) (capture.Drop, error) {
			return x.drops.Drop(ctx, p, s)
		},
	})
	if err := x.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.service.Stop)
}

func (x *pushedTo) put(t *testing.T, name string, b []byte) {
	t.Helper()
	up, err := x.room.Create(name)
	if err == nil {
		_, err = up.Write(b)
	}
	if err = errors.Join(err, up.Close()); err != nil {
		t.Fatal(err)
	}
}

// cut is an upload that ends before its end.
func (x *pushedTo) cut(t *testing.T, name string, b []byte) {
	t.Helper()
	up, err := x.room.Create(name)
	if err == nil {
		_, err = up.Write(b)
	}
	if err = errors.Join(err, up.Cut()); err != nil {
		t.Fatal(err)
	}
}

// waits are the names of the files in the room, whole ones and cut ones.
func (x *pushedTo) waits() (names []string) {
	for _, f := range x.room.Latest(100) {
		names = append(names, f.Path)
	}
	slices.Sort(names)
	return names
}

// onDisk are the names of the files that the room consists of, but its key and
// its list.
func (x *pushedTo) onDisk(t *testing.T) (names []string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(x.dir, x.Place.Customer().String(), x.source.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Name() != "key" && e.Name() != "index" {
			names = append(names, e.Name())
		}
	}
	return names
}

// What is destroyed leaves nothing in the room of its source, though the sender
// has sent it again, under its name and another, before or after that; and it is
// not captured again.
func TestWhatIsDestroyedLeavesItsDrop(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, s *place.Store) {
		t.Parallel()
		w := recordingtest.On(t, s, recording.Options{})
		x := pushTo(t, w)
		sound, other := recordingtest.Tone(1, 1, time.Second), recordingtest.Tone(2, 1, 2*time.Second)
		x.put(t, "2026/11/out-1.wav", sound)
		x.put(t, "other.wav", other)
		until(t, "both are archived and have left the drop", func() bool { return len(x.listed(t)) == 2 && len(x.waits()) == 0 })
		var gone id.Recording
		for _, r := range x.listed(t) {
			if r.Length == time.Second {
				gone = r.ID
			}
		}
		x.service.Stop()
		x.put(t, "2026/11/out-1.wav", sound)
		x.put(t, "again.wav", sound)
		if err := w.Service.Destroy(t.Context(), w.Place, w.Who, gone, "a test"); err != nil {
			t.Fatal(err)
		}
		x.put(t, "late.wav", sound)
		x.start(t)
		until(t, "what was sent again has left the drop", func() bool { return len(x.waits()) == 0 })
		if all := x.listed(t); len(all) != 1 || all[0].Length != 2*time.Second {
			t.Errorf("%d recordings", len(all))
		}
		x.service.Stop()
		if err := x.room.Sweep(time.Now()); err != nil {
			t.Fatal(err)
		}
		if left := x.onDisk(t); len(left) != 0 {
			t.Errorf("on the disk are left: %v", left)
		}
	})
}

// Of a customer who leaves everything goes that waits in the room: what is in the
// archive is counted as removed, what never came to it goes uncounted. What was
// not whole goes with the room.
func TestDropsArePartedFrom(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, s *place.Store) {
		t.Parallel()
		w := recordingtest.On(t, s, recording.Options{})
		x := pushTo(t, w)
		sounds := map[string][]byte{"a/one.wav": recordingtest.Tone(1, 1, time.Second), "two.wav": recordingtest.Tone(2, 1, time.Second), "three.wav": recordingtest.Tone(3, 1, time.Second)}
		for name, b := range sounds {
			x.put(t, name, b)
		}
		until(t, "all are archived and have left the drop", func() bool { return len(x.listed(t)) == 3 && len(x.waits()) == 0 })
		x.service.Stop()
		x.put(t, "a/one.wav", sounds["a/one.wav"]) // sent again
		x.put(t, "two.wav", recordingtest.Tone(7, 1, 2*time.Second))
		x.put(t, "two.json", []byte(`{"caller": "+442079460101"}`))
		x.put(t, "never.wav", recordingtest.Tone(9, 1, time.Second))
		x.cut(t, "cut.wav", recordingtest.Tone(8, 1, time.Second))
		if err := w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "customer.parting"})
			return w.Service.Part(tx)
		}); err != nil {
			t.Fatal(err)
		}
		x.start(t)
		var got recording.Leftover
		until(t, "what was found is told", func() bool {
			if err := w.Place.View(t.Context(), func(tx *place.Tx) error {
				all, err := w.Service.Folders(tx)
				for _, f := range all {
					if f.Source == x.source {
						got = f
					}
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return got.Answered != 0
		})
		if got.Removed != 2 || got.Remaining != 0 || got.Blind || got.Elsewhere != 0 {
			t.Errorf("%+v", got)
		}
		if left := x.waits(); !slices.Equal(left, []string{"cut.wav"}) {
			t.Errorf("there wait %v", left)
		}
		x.service.Stop()
		if err := x.drops.Vacate(w.Place.Customer()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(x.dir, w.Place.Customer().String())); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the rooms of one who has left: %v", err)
		}
	})
}
