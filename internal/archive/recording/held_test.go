package recording_test

import (
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

// change runs a Change that records an event of its own.
func change(t testing.TB, w *recordingtest.World, fn func(tx *place.Tx) error) error {
	t.Helper()
	return w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "hold.placed"})
		return fn(tx)
	})
}

func rowOf(t testing.TB, w *recordingtest.World, rec id.Recording) (n int64) {
	t.Helper()
	err := w.Place.View(t.Context(), func(tx *place.Tx) error {
		r, err := w.Service.Lookup(tx, rec)
		n = r.N
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func hold(t testing.TB, w *recordingtest.World, rec id.Recording) id.Hold {
	t.Helper()
	h := id.New[id.Hold]()
	err := change(t, w, func(tx *place.Tx) error {
		n, late, err := w.Service.Hold(tx, h, []int64{rowOf(t, w, rec)})
		if err == nil && (n != 1 || len(late) > 0) {
			t.Errorf("%d were put under hold, %d late", n, len(late))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Nothing that is held goes, whichever way it would.
func TestNothingUnderAHoldIsDestroyed(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		ctx := t.Context()
		rec, free := w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2)
		h := hold(t, w, rec)
		for what, err := range map[string]error{
			"one":                w.Service.Destroy(ctx, w.Place, w.Who, rec, "a test"),
			"with one that may":  w.Service.DestroyAll(ctx, w.Place, w.Who, []id.Recording{free, rec}, "a test", recording.Authority{Kind: "erasure"}),
			"of a departure":     w.Service.DestroyAll(ctx, w.Place, w.Who, []id.Recording{rec}, "a test", recording.Authority{Kind: "departure"}),
			"of a second person": w.Service.DestroyAll(ctx, w.Place, w.Who, []id.Recording{rec}, "a test", recording.Authority{Kind: "person", Approval: "apr"}),
		} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v, want that it is held", what, err)
			}
		}
		if _, err := w.Service.Get(ctx, w.Place, w.Who, free, recording.Everything); err != nil {
			t.Errorf("what stood beside it went: %v", err)
		}
		if err := w.Service.SetRetention(ctx, w.Place, w.Who, 1); err != nil {
			t.Fatal(err)
		}
		if n, err := w.Service.Sweep(ctx, w.Place); n != 1 || err != nil {
			t.Errorf("the night took %d, want the one that is free: %v", n, err)
		}
		longer := w.Item(t, "a.wav", recordingtest.Tone(1, 1, 3*time.Second))
		if out, err := w.Service.Archive(ctx, w.Place, w.Who, longer); out.Result != recording.Refused || !fault.Is(out.Err, fault.Conflict) {
			t.Errorf("it was replaced by a longer capture: %v, %v", out.Result, err)
		}
		if _, err := w.Service.Get(ctx, w.Place, w.Who, rec, recording.Everything); err != nil {
			t.Fatalf("what is held is not whole: %v", err)
		}
		if err := change(t, w, func(tx *place.Tx) error {
			n, err := w.Service.Release(tx, h)
			if n != 1 {
				t.Errorf("%d were released", n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := w.Service.Destroy(ctx, w.Place, w.Who, rec, "a test"); err != nil {
			t.Errorf("after the hold was lifted: %v", err)
		}
	})
}

// Parts of a recording are parts of what is held.
func TestOriginalsUnderAHoldStay(t *testing.T) {
	w := recordingtest.New(t)
	rec := talk(t, w)
	h := hold(t, w, rec)
	if s := shrink(t, w, rec, true); s.Dropped || !s.Made {
		t.Errorf("%+v: the original was dropped", s)
	}
	if kinds := forms(t, w, rec); !slices.Contains(kinds, recording.Original) {
		t.Errorf("only %v are left", kinds)
	}
	if err := change(t, w, func(tx *place.Tx) error { _, err := w.Service.Release(tx, h); return err }); err != nil {
		t.Fatal(err)
	}
	if s := shrink(t, w, rec, true); !s.Dropped {
		t.Errorf("%+v: after the hold was lifted the original stays", s)
	}
}

// Who was registered to look at what is about to go can still hold it.
func TestWhatIsAboutToGoIsLookedAt(t *testing.T) {
	w := recordingtest.New(t)
	rec, h := w.Archive(t, "a.wav", 1), id.New[id.Hold]()
	w.Service.OnDestroying(func(tx *place.Tx, ns []int64) error {
		_, _, err := w.Service.Hold(tx, h, ns)
		return err
	})
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "a test"); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
}

// Placed before or after each step of a destruction, the hold either finds the
// recording whole and keeps it so, or is told that it comes too late.
func TestAHoldAndADestructionMeetAtEachStep(t *testing.T) {
	steps := []string{"destroy: intend", "destroy: keys", "destroy: objects", "destroy: rows", "destroy: done"}
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		var at string
		var meet func()
		w := recordingtest.On(t, store, recording.Options{Step: func(name string) {
			if name == at && meet != nil {
				do := meet
				meet = nil
				do()
			}
		}})
		for i, step := range steps {
			rec := w.Archive(t, step+".wav", i+1)
			n, h := rowOf(t, w, rec), id.New[id.Hold]()
			placed, late := 0, 0
			at, meet = step, func() {
				if err := change(t, w, func(tx *place.Tx) error {
					k, doomed, err := w.Service.Hold(tx, h, []int64{n})
					placed, late = k, len(doomed)
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			err := w.Service.Destroy(t.Context(), w.Place, w.Who, rec, "a test")
			_, still := w.Service.Get(t.Context(), w.Place, w.Who, rec, recording.Everything)
			switch held := placed == 1; {
			case held && (!fault.Is(err, fault.Conflict) || still != nil):
				t.Errorf("%s: held, but %v, %v", step, err, still)
			case !held && (err != nil || !fault.Is(still, fault.Gone)):
				t.Errorf("%s: too late, but %v, %v", step, err, still)
			case held != (step == "destroy: intend"):
				t.Errorf("%s: held %v", step, held)
			case !held && step != "destroy: done" && late != 1:
				t.Errorf("%s: nobody said that it is too late", step)
			}
			if meet != nil {
				t.Fatalf("there is no step %q any more", step)
			}
		}
		left := -1
		if err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
			left, err = place.Row[int](tx, `SELECT count(*) FROM recording_doomed`)
			return err
		}); err != nil || left != 0 {
			t.Errorf("%d are still said to be doomed, %v", left, err)
		}
	})
}

func TestTagsAndMarks(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		ctx := t.Context()
		rec := w.Archive(t, "a.wav", 1)
		tag, err := w.Service.MakeTag(ctx, w.Place, w.Who, " Complaint ")
		if err != nil || tag.Name != "Complaint" {
			t.Fatal(tag, err)
		}
		for _, bad := range []string{"", "  ", "complaint", "a\x00b", string(make([]byte, 100))} {
			if _, err := w.Service.MakeTag(ctx, w.Place, w.Who, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q became a tag: %v", bad, err)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(change(t, w, func(tx *place.Tx) error { return w.Service.Tag(tx, rec, tag.ID) }))
		must(change(t, w, func(tx *place.Tx) error { return w.Service.Tag(tx, rec, tag.ID) }))
		must(change(t, w, func(tx *place.Tx) error { return w.Service.Mark(tx, rec, recording.CardData) }))
		if err := change(t, w, func(tx *place.Tx) error { return w.Service.Tag(tx, rec, id.New[id.Tag]()) }); !fault.Is(err, fault.Invalid) {
			t.Errorf("a tag that is not there: %v", err)
		}
		if err := change(t, w, func(tx *place.Tx) error { return w.Service.Mark(tx, rec, "anything") }); !fault.Is(err, fault.Invalid) {
			t.Errorf("a mark that is not there: %v", err)
		}
		all, err := w.Service.Tags(ctx, w.Place)
		if err != nil || len(all) != 1 || all[0].Count != 1 {
			t.Fatal(all, err)
		}
		n := rowOf(t, w, rec)
		labels := func() (l recording.Labels) {
			must(w.Place.View(ctx, func(tx *place.Tx) error {
				m, err := w.Service.LabelsOf(tx, []int64{n})
				l = m[n]
				return err
			}))
			return l
		}
		if l := labels(); len(l.Tags) != 1 || !slices.Equal(l.Marks, []recording.Mark{recording.CardData}) {
			t.Errorf("%+v", l)
		}
		must(change(t, w, func(tx *place.Tx) error { return w.Service.Unmark(tx, rec, recording.CardData) }))
		must(change(t, w, func(tx *place.Tx) error { return w.Service.Untag(tx, rec, tag.ID) }))
		if l := labels(); len(l.Tags)+len(l.Marks) != 0 {
			t.Errorf("%+v", l)
		}
		must(change(t, w, func(tx *place.Tx) error { return w.Service.Tag(tx, rec, tag.ID) }))
		if err := w.Service.RemoveTag(ctx, w.Place, w.Who, tag.ID, 0); !fault.Is(err, fault.Invalid) || len(labels().Tags) != 1 {
			t.Errorf("a label that is carried goes without the count: %v", err)
		}
		must(w.Service.RemoveTag(ctx, w.Place, w.Who, tag.ID, 1))
		if err := w.Service.RemoveTag(ctx, w.Place, w.Who, tag.ID, 0); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}
