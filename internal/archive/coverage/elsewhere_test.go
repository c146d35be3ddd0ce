package coverage_test

import (
	"fmt"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// pair is an archive with two sources, of which the first records.
type pair struct {
	*recordingtest.World
	count  *coverage.Service
	second id.Source
	now    time.Time
	n      int
}

// eachPair runs a test on both engines.
func eachPair(t *testing.T, fn func(t *testing.T, w *pair)) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := &pair{now: time.Date(2026, 11, 20, 9, 2, 0, 0, time.UTC)}
			cfg := engine.Config(t)
			cfg.Now = func() time.Time { return w.now }
			schemas := recordingtest.Schemas(coverage.Migrations())
			schemas.Housekeeping = append(schemas.Housekeeping, coverage.Housekeeping()...)
			w.World = recordingtest.On(t, placetest.Open(t, cfg, schemas), recording.Options{})
			w.count = coverage.New(coverage.Options{Store: w.Store, Now: cfg.Now})
			w.Service.OnTaken(w.count.Taken)
			w.Service.OnDestroyed(w.count.Destroyed)
			src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Kind: recording.Siprec, Name: "SBC", Profile: "generic", Country: "GB"})
			if err != nil {
				t.Fatal(err)
			}
			w.second = src.ID
			fn(t, w)
		})
	}
}

// item is a call that the first source records: from +441614960187 to
// +441614960000, answered by 201, from 9:00 to 9:01 with 40 seconds of sound.
func (w *pair) item(t *testing.T, name string, change func(*recording.Item)) recording.Item {
	w.n++
	item := w.Item(t, name, recordingtest.Tone(w.n, 1, 40*time.Second))
	if change != nil {
		change(&item)
	}
	return item
}

func (w *pair) archive(t *testing.T, item recording.Item) id.Recording {
	t.Helper()
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, item)
	if err != nil {
		t.Fatal(err)
	}
	return out.Recording
}

// expect has the second source name a call, and lets its time pass.
func (w *pair) expect(t *testing.T, call coverage.Call) {
	t.Helper()
	err := w.Place.Keep(t.Context(), func(tx *place.Tx) error {
		return w.count.Expect(tx, w.second, coverage.Report{Calls: []coverage.Call{call}})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	if _, _, err := w.count.Turn(t.Context(), w.Place); err != nil {
		t.Fatal(err)
	}
}

// stands checks how many calls of the second source are captured, of these by
// the first one, missing and erased.
func (w *pair) stands(t *testing.T, captured, elsewhere, missing, erased int64) {
	t.Helper()
	all, err := w.count.Days(t.Context(), w.Place, 0, 99991231)
	if err != nil {
		t.Fatal(err)
	}
	var sum coverage.Figures
	for _, f := range all {
		if f.Source == w.second {
			sum.Named, sum.Captured, sum.Elsewhere = sum.Named+f.Named, sum.Captured+f.Captured, sum.Elsewhere+f.Elsewhere
			sum.Missing, sum.Erased, sum.Waiting = sum.Missing+f.Missing, sum.Erased+f.Erased, sum.Waiting+f.Waiting
		}
	}
	if sum.Captured != captured || sum.Elsewhere != elsewhere || sum.Missing != missing || sum.Erased != erased {
		t.Fatalf("%+v, want %d captured, %d of them elsewhere, %d missing, %d erased", sum, captured, elsewhere, missing, erased)
	}
	if sum.Named != sum.Captured+sum.Missing+sum.Erased+sum.Waiting {
		t.Fatalf("the figures do not add up: %+v", sum)
	}
}

// elsewhereCall is the same call as the second source tells it: under a name of its own,
// its clock seven seconds behind, the numbers written as at home.
func elsewhereCall(name string) coverage.Call {
	at := time.Date(2026, 11, 20, 8, 59, 53, 0, time.UTC)
	return coverage.Call{
		Idents: []string{name}, Named: true, StartedAt: at, EndedAt: at.Add(time.Minute), Direction: "inbound", Disposition: "answered", Talk: 50,
		Caller: "01614960187", Dialled: "01614960000", Extensions: []string{"201"},
	}
}

// TestCapturedByAnotherSource: what two sources name and one of them recorded is
// missing for neither, if the two agree by a name of the call or by people and
// time; else it is.
func TestCapturedByAnotherSource(t *testing.T) {
	later := func(d time.Duration) func(*coverage.Call) {
		return func(c *coverage.Call) { c.StartedAt, c.EndedAt = c.StartedAt.Add(d), c.EndedAt.Add(d) }
	}
	strangers := func(c *coverage.Call) {
		c.Caller, c.Dialled, c.Extensions = "01614960999", "01614960998", []string{"299"}
	}
	const theSame = "the name that the first source has"
	cases := []struct {
		name     string
		call     func(*coverage.Call)
		item     func(*recording.Item)
		captured bool
	}{
		{name: "by people and time", captured: true},
		{name: "by people, one of them not told", call: func(c *coverage.Call) { c.Dialled = "" }, captured: true},
		{name: "by its name", call: func(c *coverage.Call) {
			c.Idents, c.Caller, c.Dialled, c.Extensions = []string{"x", theSame}, "", "", nil
		}, captured: true},
		{name: "by its name, and a clock a minute off", call: func(c *coverage.Call) {
			c.Idents = []string{theSame}
			later(100 * time.Second)(c)
		}, captured: true},
		{name: "its name, hours later", call: func(c *coverage.Call) {
			c.Idents = []string{theSame}
			later(5 * time.Hour)(c)
		}},
		{name: "its name, other people", call: func(c *coverage.Call) {
			c.Idents = []string{theSame}
			strangers(c)
		}},
		{name: "the name of a file", call: func(c *coverage.Call) {
			c.Idents = []string{"file:0001"}
			strangers(c)
			c.Caller, c.Dialled, c.Extensions = "", "", nil
		}, item: func(i *recording.Item) { i.Call.Idents = []string{"file:0001"} }},
		{name: "one number alone", call: func(c *coverage.Call) { c.Dialled, c.Extensions = "", nil }},
		{name: "another caller", call: func(c *coverage.Call) { c.Caller, c.Extensions = "01614960999", nil }},
		{name: "another caller of the same line and colleague", call: func(c *coverage.Call) { c.Caller = "01614960999" }},
		{name: "a caller who withholds their number", call: func(c *coverage.Call) { c.Caller = "" }},
		{name: "the line goes by another number", call: func(c *coverage.Call) { c.Dialled = "600" }, captured: true},
		{name: "another one was called", call: func(c *coverage.Call) {
			c.Direction, c.Caller, c.Dialled = "outbound", "01614960000", "01614960999"
		}},
		{name: "of a direction that is not known, another caller", call: func(c *coverage.Call) { c.Direction, c.Caller = "", "01614960999" }},
		{name: "another colleague", call: func(c *coverage.Call) { c.Extensions = []string{"202"} }},
		{name: "the same people again", call: later(2 * time.Minute)},
		{name: "only its end overlaps", call: later(35 * time.Second)},
		{name: "strangers", call: strangers},
	}
	eachPair(t, func(t *testing.T, w *pair) {
		for i, one := range cases { // each on a day of its own
			day := time.Duration(i) * 24 * time.Hour
			w.now = time.Date(2026, 11, 20, 9, 2, 0, 0, time.UTC).Add(day)
			w.archive(t, w.item(t, fmt.Sprint(i), func(item *recording.Item) {
				item.StartedAt, item.Call.StartedAt, item.Call.EndedAt = item.StartedAt.Add(day), item.Call.StartedAt.Add(day), item.Call.EndedAt.Add(day)
				if one.item != nil {
					one.item(item)
				}
			}))
			call := elsewhereCall(fmt.Sprintf("sbc-%d", i))
			later(day)(&call)
			if one.call != nil {
				one.call(&call)
			}
			for n, ident := range call.Idents {
				if ident == theSame {
					call.Idents[n] = fmt.Sprintf("id-%d", i)
				}
			}
			w.expect(t, call)
			w.now = w.now.Add(8 * time.Hour)
			if _, _, err := w.count.Turn(t.Context(), w.Place); err != nil {
				t.Fatal(err)
			}
			want := coverage.Missing
			if one.captured {
				want = coverage.Captured
			}
			page, err := w.count.List(t.Context(), w.Place, coverage.Filter{State: want, Source: w.second, From: coverage.DayOf(w.now, time.UTC), To: coverage.DayOf(w.now, time.UTC)}, id.Expectation{}, 10, false)
			if err != nil || len(page.Items) != 1 || page.Items[0].By.IsZero() == one.captured {
				t.Errorf("%s: want it %s: %+v, %v", one.name, want, page.Items, err)
			}
		}
	})
}

// TestOneRecordingStandsInOnce: of two calls of the same people at the same time
// one recording is there, and so one call is missing.
func TestOneRecordingStandsInOnce(t *testing.T) {
	eachPair(t, func(t *testing.T, w *pair) {
		w.archive(t, w.item(t, "a", nil))
		w.expect(t, elsewhereCall("sbc-1"))
		w.expect(t, elsewhereCall("sbc-2"))
		w.stands(t, 1, 1, 1, 0)
		w.archive(t, w.item(t, "b", nil))
		w.stands(t, 2, 2, 0, 0)
	})
}

// TestCapturedElsewhereLater: a missing call is captured when another source
// brings it, is its own source's once that brings it, too, and erased with its
// recording.
func TestCapturedElsewhereLater(t *testing.T) {
	eachPair(t, func(t *testing.T, w *pair) {
		w.expect(t, elsewhereCall("sbc-1"))
		w.stands(t, 0, 0, 1, 0)
		rec := w.archive(t, w.item(t, "a", nil))
		w.stands(t, 1, 1, 0, 0)
		page, err := w.count.List(t.Context(), w.Place, coverage.Filter{State: coverage.Captured, Source: w.second}, id.Expectation{}, 10, true)
		if err != nil || len(page.Items) != 1 || page.Items[0].Recording != rec || page.Items[0].By != w.Source.ID {
			t.Fatalf("%+v, %v", page, err)
		}
		w.expect(t, elsewhereCall("sbc-1")) // told again, it stays what it is
		w.stands(t, 1, 1, 0, 0)
		own := w.archive(t, w.item(t, "c", func(i *recording.Item) { i.Source, i.Call.Idents = w.second, []string{"sbc-1"} }))
		w.stands(t, 1, 0, 0, 0)
		w.destroy(t, rec)
		w.stands(t, 1, 0, 0, 0)
		w.destroy(t, own)
		w.stands(t, 0, 0, 0, 1)
	})
}

// TestElsewhereErasedAndFolded: a call that another source captured is erased
// with that recording; folded, the figures still tell which were another's.
func TestElsewhereErasedAndFolded(t *testing.T) {
	eachPair(t, func(t *testing.T, w *pair) {
		rec := w.archive(t, w.item(t, "a", nil))
		w.expect(t, elsewhereCall("sbc-1"))
		w.archive(t, w.item(t, "b", func(i *recording.Item) { i.Call.Caller.Number = "+441614960555" }))
		other := elsewhereCall("sbc-2")
		other.Caller = "01614960555"
		w.expect(t, other)
		w.stands(t, 2, 2, 0, 0)
		w.destroy(t, rec)
		w.stands(t, 1, 1, 0, 1)
		w.now = w.now.AddDate(0, 0, 30)
		if err := w.count.Fold(t.Context(), w.Place, 0); err != nil {
			t.Fatal(err)
		}
		w.stands(t, 1, 1, 0, 1)
	})
}

func (w *pair) destroy(t *testing.T, rec id.Recording) {
	t.Helper()
	if err := w.Service.Destroy(t.Context(), w.Place, actor.ForSystem("test"), rec, "a test"); err != nil {
		t.Fatal(err)
	}
}
