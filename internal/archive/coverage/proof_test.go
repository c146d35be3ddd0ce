package coverage_test

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const (
	noFile = 50
	noLine = 20
)

// full measures 100,000 calls on PostgreSQL too, as make soak does. Else it is
// 100,000 on SQLite and a tenth of that on PostgreSQL, where the same statements run.
var full = flag.Bool("full", false, "100,000 calls on every engine")

// estate is the answered calls of one day: their CDR lines and their files,
// less what was taken away.
type estate struct {
	logs, sound *tree
	lost        map[string]bool // calls whose file was taken away
	untold      map[string]bool // calls whose line was taken away
}

func newEstate(calls int) *estate {
	e := &estate{logs: newTree(), sound: newTree(), lost: map[string]bool{}, untold: map[string]bool{}}
	day := time.Date(2026, 11, 23, 0, 0, 30, 0, time.UTC)
	var cdr bytes.Buffer
	for i := range calls {
		at := day.Add(time.Duration(i) * 85_000 * time.Second / time.Duration(calls))
		end := at.Add(time.Duration(20+i%40) * time.Second)
		uid := fmt.Sprintf("%d.%d", at.Unix(), i)
		number := fmt.Sprintf("07700%06d", i%900_000)
		if i%(calls/noLine) == 77 {
			e.untold[uid] = true
		} else {
			const form = "2006-01-02 15:04:05"
			fmt.Fprintf(&cdr, `"","%s","201","ext-did","""%s"" <%s>","PJSIP/trunk-%08x","PJSIP/201-%08x","Dial","PJSIP/201,15,tT","%s","%s","%s",%d,%d,"ANSWERED","DOCUMENTATION","%s","","","%s",%d`+"\n",
				number, number, number, i, i, at.Format(form), at.Add(time.Second).Format(form), end.Format(form), int(end.Sub(at).Seconds()), int(end.Sub(at).Seconds())-1, uid, uid, i)
		}
		if i%(calls/noFile) == 33 {
			e.lost[uid] = true
		} else {
			e.sound.put(fmt.Sprintf("%02d/exten-201-%s-%s-%s.wav", i%100, number, at.Format("20060102-150405"), uid), tone, end)
		}
	}
	e.logs.put("cdr-csv/Master.csv", cdr.Bytes(), day.AddDate(0, 0, 1))
	return e
}

// TestSeventyOfAHundredThousand is what completeness is measured by: of 100,000
// calls 50 files and 20 lines of the log are gone. Exactly these 70 are named.
func TestSeventyOfAHundredThousand(t *testing.T) {
	each(t, "UTC", func(t *testing.T, w *world) {
		calls := 100_000
		if w.engine != "SQLite" && !*full {
			calls = 10_000
		}
		e := newEstate(calls)
		began := time.Now()
		batches, at := e.joined(t)
		t.Logf("%d calls joined in %v", calls, time.Since(began).Round(time.Millisecond))
		began = time.Now()
		w.now = noon.AddDate(0, 0, -1) // when the source was first heard of: calls of long before are not expected
		for i, b := range batches {
			w.progress(b, i == 0)
		}
		w.now = at.Add(time.Hour)
		w.turn()
		w.want(map[coverage.State]int64{coverage.Captured: int64(calls) - noFile - noLine, coverage.Missing: noFile, coverage.Unnamed: noLine})
		if len(w.missing) != noFile {
			t.Errorf("%d calls were told to be missing", len(w.missing))
		}
		for state, want := range map[coverage.State]map[string]bool{coverage.Missing: e.lost, coverage.Unnamed: e.untold} {
			page, err := w.s.List(t.Context(), w.p, coverage.Filter{State: state}, id.Expectation{}, 500, true)
			w.no(err)
			named := map[string]bool{}
			for _, x := range page.Items {
				named[x.Call.Idents[0]] = true
			}
			if fmt.Sprint(named) != fmt.Sprint(want) {
				t.Errorf("%s: named %d, not those that were taken away", state, len(named))
			}
		}
		w.stated(noFile, noLine)
		t.Logf("counted in %v", time.Since(began).Round(time.Millisecond))
	})
}

// told is a call as the profile gave it, and whether its sound is there.
type told struct {
	coverage.Call
	sound bool
}

// joined reads logs and folder to their end, as the watcher does.
func (e *estate) joined(t *testing.T) (batches [][]told, at time.Time) {
	profile, err := capture.New(capture.Options{Profile: "asterisk", Files: e.sound, LogFiles: e.logs, Folder: "monitor", Logs: "logs"})
	if err != nil {
		t.Fatal(err)
	}
	at = noon
	for idle := 0; idle < 3; at = at.Add(time.Second) {
		batch, err := profile.Poll(t.Context(), at)
		if err != nil || len(batch.Problems) > 0 {
			t.Fatal(err, batch.Problems)
		}
		if idle++; len(batch.Calls) == 0 {
			at = at.Add(5 * time.Minute) // long enough for files that nothing names
			continue
		}
		idle = 0
		var some []told
		var done []string
		for _, c := range batch.Calls {
			if !c.Ended {
				t.Fatalf("%+v has not ended", c)
			}
			some = append(some, told{capture.Expected(c), len(c.Files) > 0})
			done = append(done, c.ID)
		}
		profile.Done(done...)
		batches = append(batches, some)
	}
	return batches, at
}

// progress does with calls what the watcher does: sound first, some of it before
// and some after the log line, then what the logs name with how far they were read.
func (w *world) progress(calls []told, again bool) {
	w.Helper()
	var r coverage.Report
	var late []string
	for i, c := range calls {
		if c.sound {
			if i%2 == 0 || !c.Named {
				c.Recording = id.New[id.Recording]()
			} else {
				late = append(late, c.Idents[0])
			}
		}
		r.Calls = append(r.Calls, c.Call)
	}
	w.no(w.p.Keep(w.Context(), func(tx *place.Tx) error {
		if err := w.s.Expect(tx, w.source, r); err != nil || !again {
			return err
		}
		return w.s.Expect(tx, w.source, r) // told again, as after a crash: nothing is doubled
	}))
	for some := range slices.Chunk(late, 200) {
		w.no(w.p.Keep(w.Context(), func(tx *place.Tx) error { return w.take(tx, id.New[id.Recording](), some...) }))
	}
}

// stated checks the final statement of the day.
func (w *world) stated(missing, unnamed int64) {
	w.Helper()
	w.now = w.now.Add(60 * time.Hour)
	if n, err := w.s.State(w.Context(), w.p); err != nil || n != 1 {
		w.Fatal(n, err)
	}
	all, err := w.s.Statements(w.Context(), w.p, 0, 99991231)
	w.no(err)
	if len(all) != 1 || all[0].Kind != coverage.Final || all[0].Total.Missing != missing || all[0].Total.Unnamed != unnamed {
		w.Fatalf("%+v", all)
	}
	file, _, err := w.s.Document(w.Context(), w.p, all[0].ID, false)
	w.no(err)
	st, _, err := coverage.Verify(file)
	w.no(err)
	if n := len(st.Sources[0].Missing); int64(n) != missing {
		w.Errorf("the statement names %d missing calls", n)
	}
	if _, _, err := coverage.Verify(bytes.Replace(file, []byte("missing"), []byte("missinG"), 1)); err == nil {
		w.Error("a changed statement verifies")
	}
	pdf, _, err := w.s.Document(w.Context(), w.p, all[0].ID, true)
	w.no(err)
	if _, _, err := coverage.Verify(pdf); err != nil {
		w.Error(err)
	}
	if strings.Contains(string(file), "07700") {
		w.Error("a statement holds a number")
	}
}
