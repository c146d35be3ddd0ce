package recording_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

const anna, annas = "Anna Testcase", "+441632960961"

// renamed is a call with another name and number.
func renamed(c recording.Call) recording.Call {
	c.Caller.Number, c.Caller.Name = "P-4F7K2-QX9RM", "Person K7QM2-VX4TD"
	return c
}

// rename replaces what a recording's card says of its caller, and its text if it has one.
func rename(ctx context.Context, w *recordingtest.World, rec id.Recording, stretches ...recording.Stretch) error {
	o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "pseudonymise"})
	if err != nil {
		return err
	}
	defer o.Close()
	how := recording.Renaming{Call: renamed, Stretches: stretches}
	if text, err := o.Transcript(ctx); err == nil {
		how.Text = bytes.ReplaceAll(text, []byte(anna), []byte("Person K7QM2-VX4TD"))
	}
	return o.Rename(ctx, how, nil)
}

// annasCall is a recording whose caller has a name and a number.
func annasCall(t *testing.T, w *recordingtest.World, name string) id.Recording {
	t.Helper()
	it := w.Item(t, name, recordingtest.Tone(7, 2, time.Second))
	it.Call.Idents = []string{"call-" + name}
	it.Call.Caller = recording.Party{Number: annas, Name: anna}
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, it)
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, out.Recording, recording.Ask{What: "transcribe"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	err = w.Service.SaveTranscript(t.Context(), o, recording.Transcribed{JSON: []byte(anna + " speaking"), State: recording.TranscriptState{State: recording.TranscriptDone}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.Recording
}

func found(t *testing.T, w *recordingtest.World, number string) int {
	t.Helper()
	page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything, Number: number}, recording.PageAsk{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}

func text(t *testing.T, w *recordingtest.World, rec id.Recording) string {
	t.Helper()
	o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcript"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	b, err := o.Transcript(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNamesAndNumbersAreReplacedEverywhere(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		ctx := t.Context()
		rec := annasCall(t, w, "Anna Testcase "+annas+".wav")
		before, err := w.Service.Get(ctx, w.Place, w.Who, rec, recording.Everything)
		if err != nil {
			t.Fatal(err)
		}
		if found(t, w, annas) != 1 || before.Card.Call.Caller.Name != anna {
			t.Fatal("the caller is not found before")
		}
		if err := rename(ctx, w, rec); err != nil {
			t.Fatal(err)
		}
		after, err := w.Service.Get(ctx, w.Place, w.Who, rec, recording.Everything)
		if err != nil {
			t.Fatal(err)
		}
		c := after.Card
		if c.Call.Caller.Name != "Person K7QM2-VX4TD" || c.Call.Caller.Number != "P-4F7K2-QX9RM" || strings.Contains(c.File, anna) {
			t.Error("the card says", c)
		}
		for _, s := range c.Sums {
			if strings.Contains(s.File, "Anna") || s.SHA256 == "" {
				t.Error("of a form of the sound the card says", s)
			}
		}
		if len(after.Renditions) != len(before.Renditions) || loudest(t, w, rec, "listen", 200*ms, 500*ms) < 1000 {
			t.Error("the sound is not what it was")
		}
		if got := text(t, w, rec); got != "Person K7QM2-VX4TD speaking" {
			t.Error("the transcript says", got)
		}
		if found(t, w, annas) != 0 || found(t, w, "P-4F7K2-QX9RM") != 1 {
			t.Error("it is found by the number, or not by the pseudonym")
		}
	})
}

// What was sealed before opens no more, whatever backup it comes from.
func TestTheKeysOfTheNamesAreDestroyed(t *testing.T) {
	w := recordingtest.New(t)
	ctx := t.Context()
	rec := annasCall(t, w, "a.wav")
	row := func() (r recording.Row) {
		err := w.Place.View(ctx, func(tx *place.Tx) (err error) {
			r, err = w.Service.Lookup(tx, rec)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := row()
	if err := rename(ctx, w, rec, recording.Stretch{From: 200 * ms, To: 500 * ms, Channel: recording.EveryChannel}); err != nil {
		t.Fatal(err)
	}
	dead, err := w.Keys.Destroyed(ctx, w.Place.Customer(), old.ContentKey, old.CardKey)
	if err != nil || len(dead) != 2 {
		t.Fatal("of the two old keys were destroyed:", dead, err)
	}
	now := row()
	if live, err := w.Keys.Destroyed(ctx, w.Place.Customer(), now.ContentKey, now.CardKey); err != nil || len(live) > 0 {
		t.Fatal("keys in use were destroyed", live, err)
	}
	if loudest(t, w, rec, "listen", 200*ms, 500*ms) > 64 || loudest(t, w, rec, "listen", 600*ms, 900*ms) < 1000 {
		t.Error("the stretch is not silent, or more than it is")
	}
}

// Logs that are read again, a longer file and an engine would each bring names back.
func TestNothingBringsNamesBack(t *testing.T) {
	w := recordingtest.New(t)
	ctx := t.Context()
	rec := annasCall(t, w, "a.wav")
	if err := rename(ctx, w, rec); err != nil {
		t.Fatal(err)
	}
	it := w.Item(t, "a.wav", recordingtest.Tone(8, 2, 2*time.Second))
	it.Call.Idents = []string{"call-a.wav"}
	it.Call.Caller = recording.Party{Number: annas, Name: anna}
	if out, err := w.Service.Archive(ctx, w.Place, w.Who, it); !fault.Is(err, fault.Conflict) || out.Result != recording.Refused {
		t.Error("a longer file was taken:", out, err)
	}
	it.Call.Queue = "sales"
	if err := w.Service.Amend(ctx, w.Place, w.Who, w.Source.ID, it.Call); err != nil {
		t.Fatal(err)
	}
	got, err := w.Service.Get(ctx, w.Place, w.Who, rec, recording.Everything)
	if err != nil || got.Card.Call.Caller.Name == anna || found(t, w, annas) != 0 {
		t.Error("the logs brought back", got.Card.Call.Caller, err)
	}
	if _, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "transcribe"}); !fault.Is(err, fault.Conflict) {
		t.Error("it is transcribed anew:", err)
	}
}

func TestHoldsAndRestrictionsKeepNames(t *testing.T) {
	w := recordingtest.New(t)
	ctx := t.Context()
	held, restricted := annasCall(t, w, "a.wav"), w.Archive(t, "b.wav", 2)
	err := w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
		r, err := w.Service.Lookup(tx, held)
		if err != nil {
			return err
		}
		if _, _, err := w.Service.Hold(tx, id.New[id.Hold](), []int64{r.N}); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "hold.placed"})
		return w.Service.Restrict(tx, restricted, id.New[id.PersonRequest]())
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := rename(ctx, w, held); err != recording.ErrHeld {
		t.Error("what is held was renamed:", err)
	}
	if err := rename(ctx, w, restricted); err != recording.ErrRestricted {
		t.Error("what is restricted was renamed:", err)
	}
	if err := w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "hold.lifted"})
		_, err := tx.Exec(`DELETE FROM recording_holds`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := rename(ctx, w, held); err != nil {
		t.Error("after the hold:", err)
	}
}

// Wherever the process ends, the recording is what it was before, or renamed; and
// no object is left over.
func TestKilledAtEachStepOfRenaming(t *testing.T) {
	dir := t.TempDir()
	w := disk(t, dir)
	rec := annasCall(t, w, "a.wav")
	w.Close()
	for at := 1; ; at++ {
		step, was := recordingtest.Killed(t, dir, "rename", rec.String(), at)
		w := disk(t, dir)
		if err := w.Service.Recover(t.Context(), w.Place); err != nil {
			t.Fatal(step, err)
		}
		d, err := w.Service.Get(t.Context(), w.Place, w.Who, rec, recording.Everything)
		if err != nil {
			t.Fatal(step, err)
		}
		words, named := text(t, w, rec), d.Card.Call.Caller.Name == anna
		if named != strings.Contains(words, anna) || named != (found(t, w, annas) == 1) || loudest(t, w, rec, "listen", 200*ms, 500*ms) < 1000 {
			t.Fatalf("killed at %q: the card has %q, the transcript %q", step, d.Card.Call.Caller.Name, words)
		}
		w.Close()
		if n := objects(t, dir); n != 2 {
			t.Fatalf("killed at %q: %d objects instead of sound and text", step, n)
		}
		if !was {
			if named {
				t.Fatal("it was not renamed in the end")
			}
			return
		}
	}
}

// objects counts the files among the objects.
func objects(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "objects", "a"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A text that does not lie where it should is no reason to do without it for ever.
func TestWhatCannotBeReadIsNotTakenForNothing(t *testing.T) {
	w := recordingtest.New(t)
	ctx := t.Context()
	rec := annasCall(t, w, "a.wav")
	o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "pseudonymise"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var all []id.Object
	if err := w.Place.View(ctx, func(tx *place.Tx) (err error) {
		all, err = place.Rows[id.Object](tx, `SELECT object FROM renditions`)
		return err
	}); err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for _, object := range all {
		if err := w.Bucket.Delete(ctx, recording.ObjectName(w.Place.Customer(), object)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.Transcript(ctx); !fault.Is(err, fault.Unavailable) {
		t.Error("the text:", err)
	}
	if _, err := o.PCM(ctx); !fault.Is(err, fault.Unavailable) {
		t.Error("the sound:", err)
	}
}

// A recording whose transcript is on its way is left until it has come: its names
// would stand in what comes.
func TestNamesStayUntilTheTranscriptHasCome(t *testing.T) {
	w := recordingtest.New(t)
	ctx := t.Context()
	rec := annasCall(t, w, "a.wav")
	for _, state := range []string{recording.TranscriptWaiting, recording.TranscriptWorking} {
		if err := w.Service.SetTranscriptState(ctx, w.Place, w.Who, rec, recording.TranscriptState{State: state}); err != nil {
			t.Fatal(err)
		}
		if err := rename(ctx, w, rec); !fault.Is(err, fault.Conflict) {
			t.Errorf("while it is %s: %v", state, err)
		}
	}
	if err := w.Service.SetTranscriptState(ctx, w.Place, w.Who, rec, recording.TranscriptState{State: recording.TranscriptDone}); err != nil {
		t.Fatal(err)
	}
	if err := rename(ctx, w, rec); err != nil {
		t.Error("after it:", err)
	}
}
