package recording_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// fill archives recordings that differ in what lists filter and sort by.
func fill(t *testing.T, w *recordingtest.World) []id.Recording {
	t.Helper()
	var items []recording.Item
	for i := range 12 {
		it := w.Item(t, fmt.Sprintf("%d.wav", i), recordingtest.Tone(i+1, 1, time.Duration(1+i%4)*time.Second))
		it.StartedAt = it.StartedAt.Add(time.Duration(i/2) * time.Hour) // pairs begin at the same instant
		it.Call.StartedAt, it.Call.Idents = it.StartedAt, []string{fmt.Sprint("call-", i)}
		it.Call.Queue = []string{"support", "sales"}[i%2]
		it.Call.Direction = []recording.Direction{recording.Inbound, recording.Outbound, recording.Internal}[i%3]
		it.Call.Caller.Number = fmt.Sprintf([]string{"+44161496%04d", "0161496%04d"}[i%2], i) // as one system or another writes it
		it.Call.Agents[0].Extension = fmt.Sprint(200 + i%4)
		items = append(items, it)
	}
	out, err := w.Service.ArchiveBatch(t.Context(), w.Place, w.Who, items)
	if err != nil {
		t.Fatal(err)
	}
	var recs []id.Recording
	for i, o := range out {
		if o.Result != recording.Verified {
			t.Fatalf("item %d is %s: %v", i, o.Result, o.Err)
		}
		recs = append(recs, o.Recording)
	}
	rate(t, w, recs)
	return recs
}

// rate gives two of three recordings a transcript and a score.
func rate(t *testing.T, w *recordingtest.World, recs []id.Recording) {
	t.Helper()
	for i, rec := range recs {
		if i%3 == 0 {
			continue
		}
		o, err := w.Service.Open(t.Context(), w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Service.SaveTranscript(t.Context(), o, recording.Transcribed{
			JSON:  []byte(`{"turns":[{"text":"canary words"}]}`),
			State: recording.TranscriptState{State: recording.TranscriptDone, Language: "en-GB", Engine: "test"},
			Sentiment: &recording.Sentiment{
				Milli: int64(i*100 - 500), Label: []string{"negative", "neutral", "positive"}[i%3],
			},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPagesHoldEachRecordingOnceInEveryOrder(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		recs := fill(t, w)
		for _, sort := range []recording.Sort{
			recording.Newest, recording.Oldest, recording.Longest, recording.Shortest, recording.MostPositive, recording.MostNegative,
		} {
			want := len(recs)
			if sort == recording.MostPositive || sort == recording.MostNegative {
				want = 8 // those that are rated
			}
			seen := map[id.Recording]bool{}
			var last *recording.Recording
			for ask := (recording.PageAsk{Sort: sort, Limit: 5}); ; {
				page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, ask)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.Items {
					if seen[r.ID] {
						t.Fatalf("%s: %v is on two pages", sort, r.ID)
					}
					seen[r.ID] = true
					if last != nil && !inOrder(sort, *last, r) {
						t.Fatalf("%s: out of order", sort)
					}
					last = &r
				}
				if ask.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			if len(seen) != want {
				t.Errorf("%s: %d recordings, want %d", sort, len(seen), want)
			}
		}
	})
}

func inOrder(s recording.Sort, a, b recording.Recording) bool {
	switch s {
	case recording.Newest:
		return !a.StartedAt.Before(b.StartedAt)
	case recording.Oldest:
		return !a.StartedAt.After(b.StartedAt)
	case recording.Longest:
		return a.Length >= b.Length
	case recording.Shortest:
		return a.Length <= b.Length
	case recording.MostPositive:
		return a.Sentiment.Milli >= b.Sentiment.Milli
	default:
		return a.Sentiment.Milli <= b.Sentiment.Milli
	}
}

func TestEachFilterFindsWhatItNames(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		recs := fill(t, w)
		t.Run("few fit", func(t *testing.T) { eachFilter(t, w, recs) })
		t.Run("many fit", func(t *testing.T) {
			defer recording.SetFew(0)()
			eachFilter(t, w, recs)
		})
	})
}

func eachFilter(t *testing.T, w *recordingtest.World, recs []id.Recording) {
	t.Helper()
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	where := func(text string, args ...any) recording.Matcher {
		return func(_ *place.Tx, column string) (string, []any, error) { return column + text, args, nil }
	}
	for _, c := range []struct {
		name   string
		filter recording.Filter
		want   func(i int) bool
	}{
		{"nothing", recording.Filter{}, func(int) bool { return true }},
		{"from", recording.Filter{From: start.Add(2 * time.Hour)}, func(i int) bool { return i >= 4 }},
		{"to", recording.Filter{To: start.Add(2 * time.Hour)}, func(i int) bool { return i < 4 }},
		{"number in E.164", recording.Filter{Number: "+441614960003"}, func(i int) bool { return i == 3 }},
		{"number as dialled at home", recording.Filter{Number: "0161 496 0003"}, func(i int) bool { return i == 3 }},
		{"number of another writing", recording.Filter{Number: "0161 496 0004"}, func(i int) bool { return i == 4 }},
		{"another number", recording.Filter{Number: "0161 496 0099"}, func(int) bool { return false }},
		{"extension", recording.Filter{Extension: "202"}, func(i int) bool { return i%4 == 2 }},
		{"queue", recording.Filter{Queue: "sales"}, func(i int) bool { return i%2 == 1 }},
		{"direction", recording.Filter{Direction: recording.Outbound}, func(i int) bool { return i%3 == 1 }},
		{"at least", recording.Filter{MinLength: 3 * time.Second}, func(i int) bool { return i%4 >= 2 }},
		{"at most", recording.Filter{MaxLength: 2 * time.Second}, func(i int) bool { return i%4 < 2 }},
		{"sentiment", recording.Filter{Sentiment: "positive"}, func(i int) bool { return i%3 == 2 }},
		{"transcribed", recording.Filter{State: "done"}, func(i int) bool { return i%3 != 0 }},
		{"waiting", recording.Filter{State: "waiting"}, func(i int) bool { return i%3 == 0 }},
		{"complete", recording.Filter{State: "complete"}, func(int) bool { return true }},
		{"words", recording.Filter{Words: where(` IN (?, ?)`, 2, 5)}, func(i int) bool { return i == 1 || i == 4 }},
		{"several", recording.Filter{Queue: "sales", Extension: "201", MinLength: time.Second, Direction: recording.Inbound}, func(i int) bool { return i == 9 }},
		{"own extensions", recording.Filter{Scope: recording.OfExtensions("200", "203")}, func(i int) bool { return i%4 == 0 || i%4 == 3 }},
		{"own extensions and a number", recording.Filter{Number: "+441614960003", Scope: recording.OfExtensions("200")}, func(int) bool { return false }},
		{"no extensions", recording.Filter{Scope: recording.OfExtensions()}, func(int) bool { return false }},
		{"no part", recording.Filter{Scope: recording.Scope{Parts: []recording.Part{}}}, func(int) bool { return false }},
		{"an extension until it was another's", scoped(recording.Part{Spans: []recording.Span{{Extension: "200", To: half(8)}}}), func(i int) bool { return i%4 == 0 && i < 8 }},
		{"an extension since it was another's", scoped(recording.Part{Spans: []recording.Span{{Extension: "200", From: half(8)}}}), func(i int) bool { return i%4 == 0 && i >= 8 }},
		{"spans of several times", scoped(recording.Part{Spans: []recording.Span{{Extension: "200", To: half(4)}, {Extension: "201", From: half(4)}, {Extension: "", To: half(99)}}}), func(i int) bool {
			return i%4 == 0 && i < 4 || i%4 == 1 && i >= 4
		}},
		{"a span that ends before it begins", scoped(recording.Part{Spans: []recording.Span{{Extension: "200", From: half(8), To: half(2)}}}), func(int) bool { return false }},
		{"a queue", scoped(recording.Part{Queues: []string{"sales", ""}}), func(i int) bool { return i%2 == 1 }},
		{"a queue, not old", scoped(recording.Part{Queues: []string{"sales"}, NotBefore: half(6)}), func(i int) bool { return i%2 == 1 && i >= 6 }},
		{"anything, not old", scoped(recording.Part{Any: true, NotBefore: half(6)}), func(i int) bool { return i >= 6 }},
		{"extensions, not old", scoped(recording.Part{Spans: []recording.Span{{Extension: "200"}}, NotBefore: half(5)}), func(i int) bool { return i%4 == 0 && i >= 5 }},
		{"a queue or an extension", scoped(recording.Part{Queues: []string{"sales"}, Spans: []recording.Span{{Extension: "200", To: half(4)}}}), func(i int) bool { return i%2 == 1 || i%4 == 0 && i < 4 }},
		{"two parts", scoped(recording.Part{Queues: []string{"sales"}, NotBefore: half(6)}, recording.Part{Spans: []recording.Span{{Extension: "202"}}}), func(i int) bool { return i%2 == 1 && i >= 6 || i%4 == 2 }},
		{"a scope, a number and words", recording.Filter{Number: "+441614960003", Words: where(` IN (?, ?)`, 4, 5), Scope: recording.OfExtensions("203")}, func(i int) bool { return i == 3 }},
	} {
		if c.filter.Scope.Parts == nil {
			c.filter.Scope = recording.Everything
		}
		var got, want []id.Recording
		for ask := (recording.PageAsk{Sort: recording.Oldest, Limit: 3}); ; {
			page, err := w.Service.List(t.Context(), w.Place, w.Who, c.filter, ask)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for _, r := range page.Items {
				got = append(got, r.ID)
			}
			if ask.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		for i, rec := range recs {
			if c.want(i) {
				want = append(want, rec)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d recordings, want %d", c.name, len(got), len(want))
		}
	}
}

func scoped(parts ...recording.Part) recording.Filter {
	return recording.Filter{Scope: recording.Scope{Parts: parts}}
}

// half is when the i-th recording started.
func half(i int) time.Time {
	return time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute)
}

// What the list shows can be looked at and what it leaves out cannot: both ask
// the scope, in two ways.
func TestLookingAgreesWithTheList(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		recs := fill(t, w)
		for _, part := range []recording.Part{
			{Spans: []recording.Span{{Extension: "200", To: half(8)}, {Extension: "203", From: half(7)}}},
			{Queues: []string{"sales"}, NotBefore: half(3)},
			{Any: true, NotBefore: half(4)},
			{Spans: []recording.Span{{Extension: "201"}}, NotBefore: half(5)},
			{},
		} {
			f := scoped(part)
			page, err := w.Service.List(t.Context(), w.Place, w.Who, f, recording.PageAsk{Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			for i, rec := range recs {
				listed := slices.ContainsFunc(page.Items, func(r recording.Recording) bool { return r.ID == rec })
				err := w.Service.May(t.Context(), w.Place, rec, f.Scope)
				if listed != (err == nil) || err != nil && !fault.Is(err, fault.NotFound) {
					t.Errorf("%+v, recording %d: listed %v, looked at: %v", part, i, listed, err)
				}
			}
		}
	})
}

// A team of a thousand extensions, each since another day, is one statement that
// both engines take.
func TestAScopeMayBeLarge(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		recs := fill(t, w)
		var part recording.Part
		for i := range 1500 {
			part.Spans = append(part.Spans, recording.Span{Extension: strconv.Itoa(200 + i), From: half(-i)})
		}
		page, err := w.Service.List(t.Context(), w.Place, w.Who, scoped(part), recording.PageAsk{Limit: 200})
		if err != nil || len(page.Items) != len(recs) {
			t.Errorf("%d recordings of %d, %v", len(page.Items), len(recs), err)
		}
	})
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	w := recordingtest.New(t)
	fill(t, w)
	page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		filter recording.Filter
		ask    recording.PageAsk
	}{
		{"query.cursor", recording.Filter{}, recording.PageAsk{Cursor: page.Next, Sort: recording.Longest}},
		{"query.cursor", recording.Filter{}, recording.PageAsk{Cursor: "nonsense"}},
		{"query.sort", recording.Filter{}, recording.PageAsk{Sort: "card"}},
		{"query.limit", recording.Filter{}, recording.PageAsk{Limit: 201}},
		{"query.sentiment", recording.Filter{Sentiment: "angry"}, recording.PageAsk{}},
		{"query.state", recording.Filter{State: "lost"}, recording.PageAsk{}},
		{"query.max_seconds", recording.Filter{MinLength: 2 * time.Second, MaxLength: time.Second}, recording.PageAsk{}},
	} {
		c.filter.Scope = recording.Everything
		_, err := w.Service.List(t.Context(), w.Place, w.Who, c.filter, c.ask)
		if !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != c.path {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

func TestOutOfScopeIsNotFound(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		rec := w.Archive(t, "a.wav", 1)
		for _, c := range []struct {
			scope recording.Scope
			want  bool
		}{
			{recording.Everything, true},
			{recording.OfExtensions("201"), true},
			{recording.OfExtensions("202"), false},
			{recording.Scope{}, false},
		} {
			_, err := w.Service.Get(t.Context(), w.Place, w.Who, rec, c.scope)
			if c.want && err != nil || !c.want && !fault.Is(err, fault.NotFound) {
				t.Errorf("%+v: %v", c.scope, err)
			}
		}
	})
}

// A page whose cards were opened a moment ago leaves no second receipt.
func TestOnePageOneReceipt(t *testing.T) {
	w := recordingtest.New(t)
	fill(t, w)
	before := granted(t, w)
	for range 3 {
		if _, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := granted(t, w) - before; n != 1 {
		t.Errorf("three looks at a page left %d receipts, want 1", n)
	}
}
