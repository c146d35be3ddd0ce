package recording_test

import (
	"context"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// redact silences part of a recording.
func redact(ctx context.Context, w *recordingtest.World, rec id.Recording, until time.Time) error {
	o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "redact"})
	if err != nil {
		return err
	}
	defer o.Close()
	return o.Redact(ctx, recording.Redaction{
		Stretches: []recording.Stretch{{From: 200 * time.Millisecond, To: 500 * time.Millisecond, Channel: recording.EveryChannel}}, Until: until,
	}, nil)
}

// loudest is the loudest sample of a stretch, by the way of opening.
func loudest(t *testing.T, w *recordingtest.World, rec id.Recording, what string, from, to time.Duration) (v int) {
	t.Helper()
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: what})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	pcm, err := o.PCM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pcm.Close()
	buf := make([]int16, int(to.Seconds()*float64(pcm.Rate())-from.Seconds()*float64(pcm.Rate()))*pcm.Channels())
	n, err := pcm.ReadFrames(buf, int64(from.Seconds()*float64(pcm.Rate())))
	if err != nil || n*pcm.Channels() != len(buf) {
		t.Fatal(n, err)
	}
	for _, s := range buf {
		v = max(v, int(s), -int(s))
	}
	return v
}

const ms = time.Millisecond

func TestARedactedCopyTakesThePlaceForEveryone(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		ctx := t.Context()
		rec := w.Archive(t, "a.wav", 1)
		if loudest(t, w, rec, "listen", 200*ms, 500*ms) < 1000 {
			t.Fatal("the sample is silent before")
		}
		open, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "listen"})
		if err != nil {
			t.Fatal(err)
		}
		if err := redact(ctx, w, rec, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if v := loudest(t, w, rec, "listen", 200*ms, 500*ms); v != 0 {
			t.Errorf("what was redacted is as loud as %d", v)
		}
		if loudest(t, w, rec, "listen", 600*ms, 900*ms) < 1000 {
			t.Error("what was not redacted is silent")
		}
		if _, err := open.PCM(ctx); !fault.Is(err, fault.Gone) {
			t.Errorf("who was listening hears the original on: %v", err)
		}
		if _, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "original"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("an original that went gives %v", err)
		}
		if dead, err := w.Keys.Destroyed(ctx, w.Place.Customer()); err != nil || len(dead) != 2 { // the old content key, and a card key that was never used
			t.Errorf("%d keys are destroyed, want 2 (%v)", len(dead), err)
		}
		wantObjects(t, w, 1)
		if err := w.Service.Unredact(ctx, w.Place, w.Who, rec, nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("undone without an original: %v", err)
		}
	})
}

func TestAnOriginalStaysApartForItsTime(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		later := time.Now().Add(24 * time.Hour)
		now := time.Now
		w := recordingtest.On(t, store, recording.Options{Now: func() time.Time { return now() }})
		ctx := t.Context()
		first, second, third := w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2), w.Archive(t, "c.wav", 3)
		for _, rec := range []id.Recording{first, second, third} {
			if err := redact(ctx, w, rec, later); err != nil {
				t.Fatal(err)
			}
		}
		if loudest(t, w, first, "original", 200*ms, 500*ms) < 1000 || loudest(t, w, first, "listen", 200*ms, 500*ms) != 0 {
			t.Error("the original has to be heard as such, and only as such")
		}
		if err := w.Service.Unredact(ctx, w.Place, w.Who, first, nil); err != nil {
			t.Fatal(err)
		}
		if loudest(t, w, first, "listen", 200*ms, 500*ms) < 1000 {
			t.Error("undone, and still silent")
		}
		hold(t, w, second)
		now = func() time.Time { return later.Add(time.Hour) }
		if n, err := w.Service.EndOriginals(ctx, w.Place); err != nil || n != 1 {
			t.Errorf("%d originals ended (%v), want that which is not held", n, err)
		}
		now = time.Now
		if _, err := w.Service.Open(ctx, w.Place, w.Who, third, recording.Ask{What: "original"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("an original whose time has ended gives %v", err)
		}
		if loudest(t, w, second, "original", 200*ms, 500*ms) < 1000 {
			t.Error("the original under a hold is gone")
		}
		for _, rec := range []id.Recording{first, third} {
			if err := w.Service.Destroy(ctx, w.Place, w.Who, rec, "a test"); err != nil {
				t.Fatal(err)
			}
		}
		wantObjects(t, w, 2)
	})
}

// Destroying a recording destroys an original that stays beside it.
func TestAnOriginalGoesWithItsRecording(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, recordingtest.Schemas()), recording.Options{})
	rec := w.Archive(t, "a.wav", 1)
	if err := redact(t.Context(), w, rec, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, w, 2)
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "a test"); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, w, 0)
	if dead, err := w.Keys.Destroyed(t.Context(), w.Place.Customer()); err != nil || len(dead) != 4 {
		t.Errorf("%d keys are destroyed, want all four (%v)", len(dead), err)
	}
}

func TestUnderAHoldTheOriginalStays(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, recordingtest.Schemas()), recording.Options{})
	rec := w.Archive(t, "a.wav", 1)
	hold(t, w, rec)
	if err := redact(t.Context(), w, rec, time.Time{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("redacting what is held for good: %v", err)
	}
	wantObjects(t, w, 1)
	if err := redact(t.Context(), w, rec, time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
}

// Wherever the process ends, a recording is what it was or redacted, its sound
// is heard to the end, and nothing is left over.
func TestKilledAtEachStepOfARedaction(t *testing.T) {
	before, after := 0, 0
	for at := 4; ; at++ {
		dir := t.TempDir()
		w := disk(t, dir)
		rec := w.Archive(t, "a.wav", 1)
		w.Close()
		step, was := recordingtest.Killed(t, dir, "redact", rec.String(), at)
		w = disk(t, dir)
		if err := w.Service.Recover(t.Context(), w.Place); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, w, 1)
		switch dead, err := w.Keys.Destroyed(t.Context(), w.Place.Customer()); {
		case err != nil:
			t.Fatal(err)
		case loudest(t, w, rec, "listen", 200*ms, 500*ms) == 0:
			after++
			if len(dead) != 2 {
				t.Errorf("killed at %q: redacted, and %d keys are destroyed, want 2", step, len(dead))
			}
		default:
			before++
		}
		w.Close()
		if !was {
			if before < 3 || after < 2 {
				t.Fatalf("%d before and %d after: the hooks are gone", before, after)
			}
			return
		}
	}
}

func TestStretchesThatCannotBeMeant(t *testing.T) {
	length := 10 * time.Second
	for name, s := range map[string]recording.Stretch{
		"before the beginning": {From: -1, To: 1}, "backwards": {From: 2 * time.Second, To: time.Second}, "empty": {From: 1, To: 1},
		"after the end": {From: 11 * time.Second, To: 12 * time.Second}, "no such channel": {To: time.Second, Channel: 2},
	} {
		if _, err := recording.Redactable([]recording.Stretch{s}, length, 2); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := recording.Redactable([]recording.Stretch{{From: 4 * time.Second, To: 6 * time.Second, Channel: -1}, {From: time.Second, To: 5 * time.Second, Channel: -1}, {From: 9 * time.Second, To: time.Minute}}, length, 2)
	if err != nil || len(got) != 2 || got[0] != (recording.Stretch{From: time.Second, To: 6 * time.Second, Channel: -1}) || got[1].To != length {
		t.Errorf("%v, %v", got, err)
	}
}
