package recording_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// Nothing of what was said, by whom, or from which number lies readable on any
// disk: databases, their logs, key stores and objects.
func TestNoCanaryOnDisk(t *testing.T) {
	dir := t.TempDir()
	w := disk(t, dir)
	rec := w.Archive(t, "canary-01614960187.wav", 1)
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.SaveTranscript(t.Context(), o, recording.Transcribed{
		JSON: []byte(`{"turns":[{"text":"the canary sang"}]}`), State: recording.TranscriptState{State: recording.TranscriptDone},
	}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Report(t.Context(), w.Place, w.Who, recording.Report{Source: w.Source.ID, Path: "bad-01614960187.wav", Reason: "no sound", Todo: "remove it"}); err != nil {
		t.Fatal(err)
	}
	all, err := w.Service.Attention(t.Context(), w.Place)
	if err != nil || len(all) != 1 || all[0].Path != "bad-01614960187.wav" {
		t.Fatalf("Attention: %+v, %v", all, err)
	}
	files := 0
	look := func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for _, word := range []string{"441614960187", "01614960187", "1614960000", "Agnes", "Bertram", "Canary", "canary", "RIFF"} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s holds %q", filepath.Base(path), word)
			}
		}
		return err
	}
	if err := filepath.WalkDir(dir, look); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := filepath.WalkDir(dir, look); err != nil || files < 10 {
		t.Fatalf("looked at %d files: %v", files, err)
	}
}

func TestTranscriptIsReadThroughAnOpeningAndGoesWithItsRecording(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		ctx := t.Context()
		var removed []int64
		w.Service.OnDestroy(func(_ *place.Tx, n int64) error { removed = append(removed, n); return nil })
		rec := w.Archive(t, "a.wav", 1)
		for _, text := range []string{`{"turns":[1]}`, `{"turns":[1,2]}`} {
			o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Service.SaveTranscript(ctx, o, recording.Transcribed{JSON: []byte(text), State: recording.TranscriptState{State: "done"}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		wantObjects(t, w, 2)
		o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "transcript"})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := o.Transcript(ctx); err != nil || string(text) != `{"turns":[1,2]}` {
			t.Fatalf("Transcript: %s, %v", text, err)
		}
		if _, err := o.PCM(ctx); !fault.Is(err, fault.Denied) {
			t.Errorf("an opening for the transcript gave sound: %v", err)
		}
		if err := w.Service.Destroy(ctx, w.Place, w.Who, rec, "a test"); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, w, 0)
		if !slices.Equal(removed, []int64{1}) {
			t.Errorf("what else hangs on the recording was removed for %v, want [1]", removed)
		}
	})
}

func TestSweepDestroysWhatIsDueAndNoMore(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{Now: func() time.Time { return now }})
		due := w.Item(t, "due.wav", recordingtest.Tone(1, 1, time.Second))
		due.StartedAt = now.AddDate(0, 0, -10)
		young := w.Item(t, "young.wav", recordingtest.Tone(2, 1, time.Second))
		young.StartedAt = now.AddDate(0, 0, -10).Add(time.Second)
		out, err := w.Service.ArchiveBatch(t.Context(), w.Place, w.Who, []recording.Item{due, young})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := w.Service.Sweep(t.Context(), w.Place); n != 0 || err != nil {
			t.Fatalf("kept for ever, but %d were destroyed, %v", n, err)
		}
		if err := w.Service.SetRetention(t.Context(), w.Place, w.Who, 10); err != nil {
			t.Fatal(err)
		}
		d, err := w.Service.Get(t.Context(), w.Place, w.Who, out[1].Recording, recording.Everything)
		if err != nil || d.DueAt == nil || !d.DueAt.Equal(now.Add(time.Second)) {
			t.Errorf("due at %v, %v", d.DueAt, err)
		}
		if n, err := w.Service.Sweep(t.Context(), w.Place); n != 1 || err != nil {
			t.Fatalf("%d were destroyed, want 1: %v", n, err)
		}
		if _, err := w.Service.Get(t.Context(), w.Place, w.Who, out[0].Recording, recording.Everything); !fault.Is(err, fault.Gone) {
			t.Errorf("what was due is still there: %v", err)
		}
	})
}

// An attended transfer joins two calls after the first was archived: both
// recordings then tell the whole call.
func TestCallsJoinAndEarlierCardsFollow(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		ctx := t.Context()
		first, second := w.Item(t, "1.wav", recordingtest.Tone(1, 1, time.Second)), w.Item(t, "2.wav", recordingtest.Tone(2, 1, time.Second))
		second.Call.Idents = []string{"id-2.wav", "id-1.wav"}
		second.Call.Agents = append(second.Call.Agents, recording.Agent{Extension: "299", Outcome: "answered"})
		var recs []id.Recording
		for _, it := range []recording.Item{first, second} {
			out, err := w.Service.Archive(ctx, w.Place, w.Who, it)
			if err != nil {
				t.Fatal(err)
			}
			recs = append(recs, out.Recording)
		}
		d, err := w.Service.Get(ctx, w.Place, w.Who, recs[0], recording.Everything)
		if err != nil || len(d.Siblings) != 2 || len(d.Card.Call.Agents) != 2 {
			t.Fatalf("the earlier recording knows %d recordings and %d agents, %v", len(d.Siblings), len(d.Card.Call.Agents), err)
		}
		page, err := w.Service.List(ctx, w.Place, w.Who, recording.Filter{Extension: "299", Scope: recording.Everything}, recording.PageAsk{})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("the new agent is found in %d recordings, want 2 (%v)", len(page.Items), err)
		}
		later := second.Call
		later.Queue = "sales"
		if err := w.Service.Amend(ctx, w.Place, w.Who, w.Source.ID, later); err != nil {
			t.Fatal(err)
		}
		call, err := w.Service.CallOf(ctx, w.Place, w.Who, d.Call, recording.Everything)
		if err != nil || call.Queue != "sales" || len(call.Recordings) != 2 {
			t.Fatalf("CallOf: %+v, %v", call, err)
		}
		calls, err := w.Service.Calls(ctx, w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{})
		if err != nil || len(calls.Items) != 1 {
			t.Fatalf("%d calls, want 1 (%v)", len(calls.Items), err)
		}
	})
}

func TestAnOpeningIsOnesOwnAndEnds(t *testing.T) {
	now := time.Now()
	w := recordingtest.On(t, placetest.New(t, recordingtest.Schemas()), recording.Options{Now: func() time.Time { return now }})
	rec := w.Archive(t, "a.wav", 1)
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "listen"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Opening(w.Place, w.Who, o.ID); err != nil {
		t.Fatal(err)
	}
	other := w.Who
	other.ID = id.New[id.Person]().String()
	if _, err := w.Service.Opening(w.Place, other, o.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another person uses the opening: %v", err)
	}
	wav, err := o.WAV(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(16 * time.Minute)
	if _, err := wav.ReadAt(make([]byte, 100), 1000); !fault.Is(err, fault.Gone) {
		t.Errorf("an opening that has ended still gives sound: %v", err)
	}
	if _, err := w.Service.Opening(w.Place, w.Who, o.ID); !fault.Is(err, fault.Gone) {
		t.Errorf("an opening that has ended is found: %v", err)
	}
}

func TestDamageInOneCopyIsHeardFromTheOther(t *testing.T) {
	w := recordingtest.New(t)
	rec := w.Archive(t, "a.wav", 1)
	err := filepath.WalkDir(filepath.Join(w.Dir, "a"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return os.Truncate(path, 1000)
	})
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "listen"})
	if err != nil {
		t.Fatal(err)
	}
	if pcm, err := o.PCM(t.Context()); err != nil {
		t.Fatal(err)
	} else if err := pcm.Close(); err != nil {
		t.Fatal(err)
	}
}
