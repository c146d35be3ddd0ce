package coverage_test

import (
	"fmt"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// A missing recording is told within an hour of the call's end; if it comes
// later, it is captured by itself.
func TestMissingWithinTheHour(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		w.expect(w.call("1.1", time.Minute))
		w.turn()
		w.want(map[coverage.State]int64{coverage.Waiting: 1})
		_, next, err := w.s.Turn(t.Context(), w.p)
		w.no(err)
		if due := next.Sub(w.now); due > 15*time.Minute {
			t.Errorf("looked at again in %v", due)
		}
		w.now = w.now.Add(14 * time.Minute)
		overdue := w.turn()
		w.want(map[coverage.State]int64{coverage.Missing: 1})
		if len(overdue) != 1 || overdue[0].Calls != 1 || len(w.missing) != 1 {
			t.Fatalf("%+v, told of %d", overdue, len(w.missing))
		}
		w.taken("1.1")
		w.want(map[coverage.State]int64{coverage.Captured: 1})
		if left := w.turn(); len(left) != 0 {
			t.Errorf("%+v are overdue", left)
		}
	})
}

// The longest grace that can be chosen still tells within the hour.
func TestTheLongestGrace(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		set, err := w.s.Settings(t.Context(), w.p)
		w.no(err)
		set.Grace[w.source] = 46 * time.Minute
		if err := w.s.SetSettings(t.Context(), w.p, who, set); err == nil {
			t.Error("46 minutes of grace")
		}
		set.Grace[w.source] = 45 * time.Minute
		w.no(w.s.SetSettings(t.Context(), w.p, who, set))
		w.expect(w.call("1.1", time.Minute))
		w.now = w.now.Add(43 * time.Minute)
		w.turn()
		w.want(map[coverage.State]int64{coverage.Waiting: 1})
		w.now = w.now.Add(2 * time.Minute)
		w.turn()
		w.want(map[coverage.State]int64{coverage.Missing: 1})
	})
}

// The same call told again, under more names or after a crash, is one call; two
// that turn out to be one are one.
func TestToldAgain(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		a, b := w.call("1.1", time.Minute), w.call("2.1", time.Minute)
		w.expect(a, b)
		w.expect(a, b)
		w.want(map[coverage.State]int64{coverage.Waiting: 2})
		a.Idents = []string{"1.1", "2.1"}
		w.expect(a)
		w.want(map[coverage.State]int64{coverage.Waiting: 1})
		w.taken("2.1")
		w.want(map[coverage.State]int64{coverage.Captured: 1})
		w.expect(a, b)
		w.want(map[coverage.State]int64{coverage.Captured: 1})
	})
}

// What a log has said of a call stands when later only its file is told of: one
// that cannot be read would else make it an unanswered call, and excuse it.
func TestAFileDoesNotUnsayItsLog(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		named := w.call("1.1", 20*time.Minute)
		w.expect(named)
		alone := named
		alone.Named, alone.Disposition, alone.Talk, alone.EndedAt = false, "unanswered", 0, named.StartedAt
		w.expect(alone)
		w.now = w.now.Add(3 * time.Minute)
		w.turn()
		w.want(map[coverage.State]int64{coverage.Missing: 1})
		w.expect(alone)
		w.turn()
		w.want(map[coverage.State]int64{coverage.Missing: 1})
		w.taken("1.1")
		w.expect(alone)
		w.want(map[coverage.State]int64{coverage.Captured: 1})
	})
}

// A recording that no log names is unnamed, once its time has passed, where the
// source has logs; a log that names it later settles it.
func TestUnnamed(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		alone := w.call("file:x", time.Minute)
		alone.Named, alone.Recording = false, id.New[id.Recording]()
		w.expect(alone)
		w.now = w.now.Add(time.Hour)
		w.turn()
		if got := w.states()[coverage.Unnamed]; got != 0 {
			t.Error("the source has no logs that could have named it")
		}
		other := w.call("file:y", time.Minute)
		other.Named, other.Recording = false, id.New[id.Recording]()
		w.expect(other, w.call("1.1", time.Minute))
		w.now = w.now.Add(time.Hour)
		w.turn()
		w.want(map[coverage.State]int64{coverage.Unnamed: 1, coverage.Missing: 1})
		named := w.call("9.9", time.Hour)
		named.Idents, named.Recording = []string{"9.9", "file:y"}, other.Recording
		w.expect(named)
		if got := w.states(); got[coverage.Unnamed] != 0 {
			t.Errorf("%v", got)
		}
	})
}

// Rules excuse with their reason; a change is previewed, looks anew at what has
// no recording, and never touches what is captured.
func TestRules(t *testing.T) {
	each(t, "Europe/London", func(t *testing.T, w *world) {
		unanswered, internal, short, plain, there := w.call("1.1", time.Minute), w.call("2.1", time.Minute), w.call("3.1", time.Minute), w.call("4.1", time.Minute), w.call("5.1", time.Minute)
		unanswered.Disposition, internal.Direction, short.Talk = "abandoned", "internal", 3
		there.Direction, there.Recording = "internal", id.New[id.Recording]()
		w.expect(unanswered, internal, short, plain, there)
		w.want(map[coverage.State]int64{coverage.Excused: 1, coverage.Waiting: 3, coverage.Captured: 1})
		w.now = w.now.Add(time.Hour)
		w.turn()
		rule := coverage.Excuse{Kind: coverage.ByDirection, Args: coverage.ExcuseArgs{Directions: []string{"internal"}}, Owner: "Data protection", Reason: "works council", Active: true}
		eff, err := w.s.Preview(t.Context(), w.p, rule)
		w.no(err)
		if eff != (coverage.Effect{Excused: 1, Open: 3}) {
			t.Errorf("%+v", eff)
		}
		w.want(map[coverage.State]int64{coverage.Excused: 1, coverage.Missing: 3, coverage.Captured: 1})
		rule, eff, err = w.s.PutExcuse(t.Context(), w.p, who, rule)
		w.no(err)
		if eff.Excused != 1 {
			t.Errorf("%+v", eff)
		}
		_, _, err = w.s.PutExcuse(t.Context(), w.p, who, coverage.Excuse{Kind: coverage.ByLength, Args: coverage.ExcuseArgs{Seconds: 5}, Owner: "x", Reason: "y", Active: true})
		w.no(err)
		w.want(map[coverage.State]int64{coverage.Excused: 3, coverage.Missing: 1, coverage.Captured: 1})
		if _, err := w.s.RemoveExcuse(t.Context(), w.p, who, rule.ID); err != nil {
			t.Fatal(err)
		}
		w.turn()
		w.want(map[coverage.State]int64{coverage.Excused: 2, coverage.Missing: 2, coverage.Captured: 1})
		if _, err := w.s.RemoveExcuse(t.Context(), w.p, who, coverage.BuiltIn); err == nil {
			t.Error("the first rule was removed")
		}
		page, err := w.s.List(t.Context(), w.p, coverage.Filter{State: coverage.Missing}, id.Expectation{}, 10, true)
		w.no(err)
		w.no(w.s.ExcuseOne(t.Context(), w.p, who, page.Items[0].ID, "a test call"))
		w.want(map[coverage.State]int64{coverage.Excused: 3, coverage.Missing: 1, coverage.Captured: 1})
		w.expect(*page.Items[0].Call) // told again, it stays excused
		w.want(map[coverage.State]int64{coverage.Excused: 3, coverage.Missing: 1, coverage.Captured: 1})
	})
}

// Whose recording is destroyed is erased, by whose authority; a statement says so.
func TestErased(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		w.expect(w.call("1.1", time.Minute))
		rec := w.taken("1.1")
		w.no(w.p.Keep(t.Context(), func(tx *place.Tx) error { return w.s.Destroyed(tx, rec, "retention") }))
		w.want(map[coverage.State]int64{coverage.Erased: 1})
		w.expect(w.call("1.1", time.Minute))
		w.want(map[coverage.State]int64{coverage.Erased: 1})
	})
}

// A day is stated provisionally, then for good, then corrected; what ended well
// is folded into the same figures, and what is missing keeps its name.
func TestStatementsAndFolding(t *testing.T) {
	each(t, "America/New_York", func(t *testing.T, w *world) {
		w.expect(w.call("1.1", time.Minute), w.call("2.1", time.Minute), w.call("3.1", time.Minute))
		w.taken("1.1")
		kinds := func(n int) []coverage.Stated {
			t.Helper()
			if _, err := w.s.State(t.Context(), w.p); err != nil {
				t.Fatal(err)
			}
			all, err := w.s.Statements(t.Context(), w.p, 0, 99991231)
			w.no(err)
			if len(all) != n {
				t.Fatalf("%d statements, want %d: %+v", len(all), n, all)
			}
			return all
		}
		kinds(0)
		w.now = w.now.Add(18 * time.Hour)
		w.turn()
		if st := kinds(1)[0]; st.Kind != coverage.Provisional || st.Total.Missing != 2 {
			t.Errorf("%+v", st)
		}
		w.now = w.now.Add(48 * time.Hour)
		kinds(2)
		kinds(2)
		w.taken("2.1")
		if st := kinds(3)[0]; st.Kind != coverage.Correction || st.Total.Missing != 1 || st.Corrects.IsZero() {
			t.Errorf("%+v", st)
		}
		w.now = w.now.Add(10 * 24 * time.Hour)
		before := w.states()
		w.no(w.s.Fold(t.Context(), w.p, 0))
		w.want(before)
		kinds(3)
		page, err := w.s.List(t.Context(), w.p, coverage.Filter{}, id.Expectation{}, 10, true)
		w.no(err)
		if len(page.Items) != 1 || page.Items[0].Call == nil || page.Items[0].Call.Idents[0] != "3.1" {
			t.Fatalf("%+v", page.Items)
		}
		w.now = w.now.Add(40 * 24 * time.Hour)
		w.no(w.s.Fold(t.Context(), w.p, 30))
		if page, _ = w.s.List(t.Context(), w.p, coverage.Filter{}, id.Expectation{}, 10, true); len(page.Items) != 1 || page.Items[0].Call != nil {
			t.Error("the name of a missing call is kept longer than recordings")
		}
	})
}

// A log that said nothing for hours, at a time when it usually does, is a gap,
// and stands in the statement of its day.
func TestALogThatWasSilent(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		n := 0
		day := func(date time.Time, hours ...int) {
			for _, h := range hours {
				var calls []coverage.Call
				for i := range 20 {
					n++
					end := time.Date(date.Year(), date.Month(), date.Day(), h, 2*i+5, 0, 0, time.UTC)
					calls = append(calls, coverage.Call{Idents: []string{fmt.Sprint(n)}, Named: true, StartedAt: end.Add(-time.Minute), EndedAt: end, Disposition: "abandoned"})
				}
				w.now = calls[len(calls)-1].EndedAt.Add(time.Minute)
				w.expect(calls...)
			}
		}
		for week := 3; week > 0; week-- {
			day(noon.AddDate(0, 0, -7*week), 8, 9, 10, 11, 12, 13)
		}
		day(noon, 8, 9, 12, 13)
		today := coverage.DayOf(noon, time.UTC)
		gaps, err := w.s.Gaps(t.Context(), w.p, 0, 99991231)
		w.no(err)
		if len(gaps) != 1 || gaps[0].Day != today || gaps[0].Kind != coverage.Silence || gaps[0].From.Hour() != 9 || gaps[0].To.Hour() != 12 {
			t.Errorf("%+v", gaps)
		}
	})
}
