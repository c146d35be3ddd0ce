package recording_test

import (
	"bytes"
	"os"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// conversation is a call of two people, one in each channel.
func conversation(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../demo/sounds/call-back.wav")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func talk(t testing.TB, w *recordingtest.World) id.Recording {
	t.Helper()
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, "talk.wav", conversation(t)))
	if err != nil || out.Result != recording.Verified {
		t.Fatal(out.Result, err)
	}
	return out.Recording
}

func shrink(t testing.TB, w *recordingtest.World, rec id.Recording, drop bool) recording.Saving {
	t.Helper()
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "make-smaller"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	s, err := o.Shrink(t.Context(), recording.Smaller{Kbit: sound.UsualOpus, Drop: drop}, func(*place.Tx, recording.Saving) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forms are the kinds of what is stored of a recording, after checking that its
// sound can be heard and sounds like the conversation.
func forms(t testing.TB, w *recordingtest.World, rec id.Recording) (kinds []recording.Kind) {
	t.Helper()
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "listen"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for _, f := range o.Forms {
		kinds = append(kinds, f.Kind)
		heard, err := o.PCMOf(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		data := conversation(t)
		file := recordingtest.File(t, "talk.wav", recording.Original, data)
		was, err := sound.OpenPCM(t.Context(), readerAt(data), file.Probed)
		if err != nil {
			t.Fatal(err)
		}
		same, err := sound.Alike(t.Context(), was, heard)
		if err != nil || !same {
			t.Errorf("the form %s does not sound like the conversation (%v)", f.Kind, err)
		}
		heard.Close()
	}
	return kinds
}

type readerAt []byte

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return copy(p, r[off:]), nil }

func TestOpusBesideTheOriginalAndThenInItsPlace(t *testing.T) {
	w := recordingtest.New(t)
	rec := talk(t, w)
	if s := shrink(t, w, rec, false); !s.Made || s.Dropped || s.After*2 > s.Before {
		t.Errorf("made beside: %+v; want a form of less than half", s)
	}
	if got := forms(t, w, rec); len(got) != 2 || got[1] != recording.Opus {
		t.Errorf("there are the forms %v", got)
	}
	if s := shrink(t, w, rec, true); !s.Dropped {
		t.Errorf("dropped: %+v", s)
	}
	if got := forms(t, w, rec); len(got) != 1 || got[0] != recording.Opus {
		t.Errorf("there are the forms %v", got)
	}
	wantObjects(t, w, 1)
	// What it came from is still known: it is not captured a second time.
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, copied(w.Item(t, "again.wav", conversation(t)), "id-talk.wav"))
	if err != nil || out.Result != recording.Duplicate {
		t.Errorf("captured again: %s, %v", out.Result, err)
	}
}

func TestWhatGainsLittleStaysAsItIs(t *testing.T) {
	w := recordingtest.New(t)
	data := conversation(t)
	was, err := sound.OpenPCM(t.Context(), readerAt(data), recordingtest.File(t, "talk.wav", recording.Original, data).Probed)
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	if err := sound.EncodeOpus(t.Context(), &small, was, 16); err != nil {
		t.Fatal(err)
	}
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, "small.opus", small.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if s := shrink(t, w, out.Recording, true); s.Made || s.Dropped {
		t.Errorf("what was Opus already became %+v", s)
	}
	wantObjects(t, w, 1)
}

// Whatever the step at which the process ends, the recording has its forms from
// before or from after, and nothing is left beside.
func TestKilledAtEachStepOfMakingSmaller(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		w := disk(t, dir)
		rec := talk(t, w)
		w.Close()
		step, was := recordingtest.Killed(t, dir, "smaller", rec.String(), at)
		w = disk(t, dir)
		if err := w.Service.Recover(t.Context(), w.Place); err != nil {
			t.Fatal(err)
		}
		got := forms(t, w, rec)
		if len(got) != 1 || !was && got[0] != recording.Opus {
			t.Errorf("killed at %q: there are the forms %v", step, got)
		}
		wantObjects(t, w, 1)
		w.Close()
		if !was {
			if at < 6 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			return
		}
	}
}
