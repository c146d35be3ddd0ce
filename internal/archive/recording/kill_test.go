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

func TestMain(m *testing.M) {
	if v := recordingtest.Told(); v != nil {
		v.Done(actUntilKilled(v))
	}
	placetest.Main(m)
}

// actUntilKilled opens, shrinks or destroys the one recording that is there, or kills
// its own process at a step of it.
func actUntilKilled(v *recordingtest.Victim) error {
	ctx := context.Background()
	w, err := recordingtest.Disk(ctx, v.Dir, recording.Options{Step: v.Step}, recording.Source{})
	if err != nil {
		return err
	}
	rec, err := id.Parse[id.Recording](v.Of)
	if err != nil {
		return err
	}
	v.Arm()
	switch v.Act {
	case "destroy":
		err = w.Service.Destroy(ctx, w.Place, w.Who, rec, "a test")
	case "redact":
		err = redact(ctx, w, rec, time.Time{})
	case "rename":
		err = rename(ctx, w, rec)
	case "silence":
		_, err = w.Service.RemoveSound(ctx, w.Place, w.Who, rec, func(*place.Tx, recording.Row) (bool, error) { return true, nil })
	case "smaller":
		var o *recording.Opening
		if o, err = w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "make-smaller"}); err == nil {
			_, err = o.Shrink(ctx, recording.Smaller{Kbit: 24, Drop: true}, func(*place.Tx, recording.Saving) error { return nil })
		}
	default:
		_, err = w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "listen"})
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func disk(t *testing.T, dir string) *recordingtest.World {
	t.Helper()
	w, err := recordingtest.Disk(t.Context(), dir, recording.Options{}, recording.Source{Folder: "/nowhere", Profile: "generic"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// granted counts the receipts of openings in the journal.
func granted(t *testing.T, w *recordingtest.World) (n int64) {
	t.Helper()
	err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM events WHERE code = 'opening.granted'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Wherever the process ends, the key store never counts an opening that the
// journal does not know.
func TestKilledAtEachStepOfAnOpening(t *testing.T) {
	dir := t.TempDir()
	w := disk(t, dir)
	rec := w.Archive(t, "a.wav", 1)
	before := granted(t, w)
	w.Close()
	for at := 1; ; at++ {
		step, was := recordingtest.Killed(t, dir, "open", rec.String(), at)
		w := disk(t, dir)
		opened, err := w.Keys.Openings(t.Context(), w.Place.Customer())
		if err != nil {
			t.Fatal(err)
		}
		logged := granted(t, w)
		w.Close()
		if opened > logged {
			t.Fatalf("killed at %q: %d openings of keys, but %d in the journal", step, opened, logged)
		}
		if !was {
			if at < 4 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			if logged < before+3 {
				t.Fatalf("%d openings in the journal, want at least %d", logged, before+3)
			}
			return
		}
	}
}

// Wherever the process ends while the sound goes, the transcript is there, and
// the sound is whole or gone for ever.
func TestKilledAtEachStepOfRemovingTheSound(t *testing.T) {
	for at := 4; ; at++ {
		dir := t.TempDir()
		w := disk(t, dir)
		rec := w.Archive(t, "a.wav", 1)
		o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Service.SaveTranscript(t.Context(), o, recording.Transcribed{
			JSON: []byte(`{"turns":[]}`), State: recording.TranscriptState{State: recording.TranscriptDone},
		}, func(*place.Tx, int64) error { return nil }); err != nil {
			t.Fatal(err)
		}
		o.Close()
		w.Close()
		step, was := recordingtest.Killed(t, dir, "silence", rec.String(), at)
		w = disk(t, dir)
		if err := w.Service.Recover(t.Context(), w.Place); err != nil {
			t.Fatal(err)
		}
		o, err = w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcript"})
		if err != nil {
			t.Fatalf("killed at %q: %v", step, err)
		}
		if text, err := o.Transcript(t.Context()); err != nil || string(text) != `{"turns":[]}` {
			t.Errorf("killed at %q: the transcript is %q, %v", step, text, err)
		}
		gone := len(o.Forms) == 0
		o.Close()
		wantObjects(t, w, map[bool]int{true: 1, false: 2}[gone])
		if dead, err := w.Keys.Destroyed(t.Context(), w.Place.Customer()); err != nil || gone && len(dead) != 2 {
			t.Errorf("killed at %q: %d keys are destroyed, %v", step, len(dead), err)
		}
		w.Close()
		if !was {
			if !gone || at < 7 {
				t.Fatalf("only %d steps, sound gone %v", at-1, gone)
			}
			return
		}
	}
}

// A destruction that was ordered is finished by the next start, and nothing of
// the recording is left whatever the step at which the process ended.
func TestKilledAtEachStepOfADestruction(t *testing.T) {
	for at := 2; ; at++ {
		dir := t.TempDir()
		w := disk(t, dir)
		rec := w.Archive(t, "a.wav", 1)
		w.Close()
		step, was := recordingtest.Killed(t, dir, "destroy", rec.String(), at)
		w = disk(t, dir)
		if err := w.Service.Recover(t.Context(), w.Place); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Service.Get(t.Context(), w.Place, w.Who, rec, recording.Everything); !fault.Is(err, fault.Gone) {
			t.Errorf("killed at %q: Get gives %v", step, err)
		}
		wantObjects(t, w, 0)
		if dead, err := w.Keys.Destroyed(t.Context(), w.Place.Customer()); err != nil || len(dead) != 2 {
			t.Errorf("killed at %q: %d keys are destroyed, want 2 (%v)", step, len(dead), err)
		}
		out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, "again.wav", recordingtest.Tone(1, 2, time.Second)))
		if out.Result != recording.Erased {
			t.Errorf("killed at %q: it came back as %s, %v", step, out.Result, err)
		}
		w.Close()
		if !was {
			if at < 5 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			return
		}
	}
}
