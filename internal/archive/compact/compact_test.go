package compact_test

import (
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/archive/compact"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

type world struct {
	*recordingtest.World
	*compact.Service
	t     *testing.T
	later atomic.Int64 // how far the clock is ahead
}

func schemas() place.Schemas {
	s := recordingtest.Schemas(compact.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, compact.Housekeeping)
	return s
}

func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{World: recordingtest.On(t, store, recording.Options{}), t: t}
	w.Service = compact.New(compact.Options{Recordings: w.World.Service, Now: w.now})
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }

func (w *world) take(file string) id.Recording {
	w.t.Helper()
	data, err := os.ReadFile("../../../demo/sounds/" + file)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.World.Service.Archive(w.t.Context(), w.Place, w.Who, w.Item(w.t, file, data))
	if err != nil || out.Result != recording.Verified {
		w.t.Fatal(out.Result, err)
	}
	return out.Recording
}

// work runs what is due until nothing is, as if so much time had gone by.
func (w *world) work(after time.Duration) {
	w.t.Helper()
	w.later.Store(int64(after))
	r := job.NewRunner(w.Store, map[string]job.Kind{compact.Job: w.Kind()}, job.Options{Now: w.now})
	if err := r.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	defer r.Stop()
	w.until(func(s compact.Standing) bool { return s.Waiting == 0 })
}

func (w *world) standing() compact.Standing {
	w.t.Helper()
	s, err := w.Standing(w.t.Context(), w.Place)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) until(good func(compact.Standing) bool) {
	w.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(time.Minute); !good(w.standing()); <-look.C {
		if time.Now().After(limit) {
			w.t.Fatalf("after a minute: %+v", w.standing())
		}
	}
}

func (w *world) choose(c compact.Choice) {
	w.t.Helper()
	if err := w.Choose(w.t.Context(), w.Place, w.Who, c); err != nil {
		w.t.Fatal(err)
	}
}

// heard marks a recording as one whose transcript is not waited for.
func (w *world) heard(recs ...id.Recording) {
	w.t.Helper()
	err := w.Place.Change(w.t.Context(), w.Who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "transcript.stored"})
		_, err := tx.Exec(`UPDATE recordings SET transcript_state = 'done' WHERE id IN (?)`, place.List(recs))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestSoundBecomesSmallerAsChosen(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		first, second := w.take("call-back.wav"), w.take("password.wav")
		w.heard(first, second)
		if s := w.standing(); s.Waiting != 0 || s.Opus {
			t.Fatalf("before anything was chosen: %+v", s)
		}
		w.choose(compact.Choice{Opus: true, Kbit: 24})
		w.work(0)
		s := w.standing()
		if s.Made != 2 || s.Dropped != 0 || s.Saved != -s.After || s.Before < 2*s.After {
			t.Errorf("beside the originals: %+v", s)
		}
		w.choose(compact.Choice{Opus: true, Drop: true, Kbit: 24})
		w.work(0)
		if s = w.standing(); s.Made != 2 || s.Dropped != 2 || s.Saved != s.Before-s.After {
			t.Errorf("in place of the originals: %+v", s)
		}
		// What comes in from now on follows by itself, and what is destroyed is counted no more.
		w.heard(w.take("new-address.wav"))
		w.work(2 * time.Minute)
		if err := w.World.Service.Destroy(t.Context(), w.Place, w.Who, first, "a test"); err != nil {
			t.Fatal(err)
		}
		w.work(4 * time.Minute)
		if s = w.standing(); s.Made != 2 || s.Dropped != 2 {
			t.Errorf("one came, one went: %+v", s)
		}
	})
}

func TestATranscriptIsWaitedFor(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	w.choose(compact.Choice{Opus: true, Drop: true, Kbit: 24})
	rec := w.take("password.wav")
	w.later.Store(int64(2 * time.Minute))
	r := job.NewRunner(w.Store, map[string]job.Kind{compact.Job: w.Kind()}, job.Options{Now: w.now})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(func(s compact.Standing) bool { return w.tried() })
	r.Stop()
	if s := w.standing(); s.Waiting != 1 || s.Made != 0 {
		t.Errorf("while the transcript is being made: %+v", s)
	}
	w.heard(rec)
	w.work(time.Hour)
	if s := w.standing(); s.Dropped != 1 {
		t.Errorf("with its transcript: %+v", s)
	}
}

// tried reports whether the only recording was put off.
func (w *world) tried() (later bool) {
	w.t.Helper()
	err := w.Place.View(w.t.Context(), func(tx *place.Tx) error {
		due, err := place.Row[*int64](tx, `SELECT max(due_at) FROM compact_queue`)
		later = due != nil && time.UnixMilli(*due).After(w.now().Add(5*time.Minute))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return later
}

func TestChoicesThatCannotBeMeant(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	for field, c := range map[string]compact.Choice{"kbit": {Opus: true, Kbit: 3}, "originals": {Drop: true, Kbit: 24}} {
		err := w.Choose(t.Context(), w.Place, w.Who, c)
		if !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != field {
			t.Errorf("%+v gives %v, want a fault of %s", c, err, field)
		}
	}
}
