package collect

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// What the logs beside a box name travels sealed and arrives once, with whether
// the box holds its sound; nothing of it stays in the box's folder.
func TestWhatTheLogsNameArrives(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	logs := t.TempDir()
	for _, d := range []string{"cdr-csv", "cdr-custom", "cel-custom"} {
		add(t, filepath.Join(pbx, d), filepath.Join(logs, d))
	}
	addFile(t, filepath.Join(pbx, "queue_log"), filepath.Join(logs, "queue_log"))
	if err := os.CopyFS(filepath.Join(w.from, "monitor"), os.DirFS(filepath.Join(pbx, "monitor"))); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	told := map[string]coverage.Call{}
	w.server.expect = func(_ *place.Tx, source id.Source, r coverage.Report) error {
		mu.Lock()
		defer mu.Unlock()
		if source != w.src {
			t.Errorf("told of the source %s", source)
		}
		for _, c := range r.Calls {
			told[c.Idents[0]] = c
		}
		return nil
	}
	w.mustCollect(func(o *Options) { o.profile, o.Profile, o.Logs = nil, "asterisk", logs })
	held := 0
	for _, c := range told {
		if !c.Named {
			t.Errorf("%+v is named by no log", c)
		}
		if c.Held {
			held++
		}
	}
	if held == 0 || held == len(told) {
		t.Errorf("%d calls, of which the box held the sound of %d", len(told), held)
	}
	left, err := os.ReadDir(filepath.Join(w.state, expectedDir))
	if err != nil || len(left) != 0 {
		t.Errorf("%d reports are left: %v", len(left), err)
	}
}

// A box that starts while its server is away does not know yet whether that
// counts calls: what the logs name waits, and a disk that is full loses none of it.
func TestWhatTheLogsNameWaitsForTheServer(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	logs := t.TempDir()
	profile := func(o *Options) { o.profile, o.Profile, o.Logs = nil, "asterisk", logs }
	w.mustCollect(profile) // the settings are on the box now
	add(t, filepath.Join(pbx, "cdr-csv"), filepath.Join(logs, "cdr-csv"))
	var told atomic.Int64
	w.server.expect = func(_ *place.Tx, _ id.Source, r coverage.Report) error {
		told.Add(int64(len(r.Calls)))
		return nil
	}
	unsent := filepath.Join(w.state, expectedDir)
	if err := os.WriteFile(unsent, nil, 0o600); err != nil { // nothing can be written there
		t.Fatal(err)
	}
	if events, err := w.collect(profile); err == nil {
		t.Fatalf("the logs were read, and nothing was written down: %+v", events)
	}
	if err := os.Remove(unsent); err != nil {
		t.Fatal(err)
	}
	w.front.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, helloPath) {
			http.Error(rw, "away", http.StatusServiceUnavailable)
			return
		}
		w.server.ServeHTTP(rw, r)
	}))
	w.mustCollect(profile)
	if left, err := os.ReadDir(unsent); err != nil || len(left) == 0 || told.Load() != 0 {
		t.Fatalf("%d reports wait, %d calls were told to a server that said nothing: %v", len(left), told.Load(), err)
	}
	w.front.serve(w.server)
	w.mustCollect(profile)
	if left, err := os.ReadDir(unsent); err != nil || len(left) != 0 || told.Load() < 10 {
		t.Fatalf("%d reports are left, %d calls were told: %v", len(left), told.Load(), err)
	}
}

// What a stolen box can make the server keep is bounded.
func TestExpectationsAreBounded(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	ok := coverage.Call{Idents: []string{"1.1"}, StartedAt: at, EndedAt: at.Add(time.Minute)}
	with := func(fn func(*coverage.Call)) coverage.Report {
		c := ok
		fn(&c)
		return coverage.Report{Calls: []coverage.Call{c}}
	}
	if !fits(coverage.Report{Calls: []coverage.Call{ok}, Gaps: []coverage.Gap{{Kind: coverage.Unreadable, Log: "cdr"}}}) {
		t.Error("an ordinary report is refused")
	}
	long := strings.Repeat("x", 301)
	for name, r := range map[string]coverage.Report{
		"without a name":     with(func(c *coverage.Call) { c.Idents = nil }),
		"a long name":        with(func(c *coverage.Call) { c.Idents = []string{long} }),
		"a long number":      with(func(c *coverage.Call) { c.Caller = long }),
		"many extensions":    with(func(c *coverage.Call) { c.Extensions = make([]string, 201) }),
		"ends before":        with(func(c *coverage.Call) { c.EndedAt = at.Add(-time.Minute) }),
		"of another century": with(func(c *coverage.Call) { c.StartedAt = at.AddDate(-100, 0, 0) }),
		"many calls":         {Calls: make([]coverage.Call, expectedCalls+1)},
		"an unknown gap":     {Gaps: []coverage.Gap{{Kind: "x"}}},
	} {
		if fits(r) {
			t.Errorf("%s is taken", name)
		}
	}
}
