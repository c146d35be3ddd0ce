package capture

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// truth is what really happened on the telephones, as truth.json tells it.
type truth struct {
	ID        string
	Direction Direction
	Caller    struct{ Number, Presentation string }
	Dialled   string
	Queue     *string
	Agents    []struct {
		Extension, Name string
		Outcome         Outcome
		Role            string
	}
	Start, Answer, End *time.Time
	HangupBy           string   `json:"hangup_by"`
	LinkedIDsSeen      []string `json:"linkedids_seen"`
	UniqueIDs          []struct{ UniqueID string }
	Recordings         []struct {
		Path          string
		Seconds       float64
		ChannelLayout string     `json:"channel_layout"`
		StartedAt     *time.Time `json:"started_at"`
		Truncated     bool
	}
	Expect struct{ Status string }
}

const fixtures = "testdata/asterisk"

func readTruth(t *testing.T) []truth {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(fixtures, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []truth
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 15 {
		t.Fatalf("%d calls in the truth", len(all))
	}
	return all
}

// line is what a dry run writes of a call, read back from its JSON.
type line struct {
	Direction   Direction
	Caller      string
	Withheld    bool
	Dialled     string
	Queue       *string
	Agents      []struct{ Extension, Name, Outcome, Role string }
	StartedAt   *time.Time `json:"started_at"`
	AnsweredAt  *time.Time `json:"answered_at"`
	EndedAt     *time.Time `json:"ended_at"`
	Waiting     float64    `json:"waiting_seconds"`
	UniqueIDs   []string
	LinkedIDs   []string
	Disposition Disposition
	Events      []struct{ What, By, To, Detail string }
	Legs        []struct{ Party, Extension, Role string }
	Recordings  []struct {
		File, Group, Layout, Reason string
		State                       FileState
		Seconds                     float64
		StartedAt                   *time.Time `json:"started_at"`
		Heard                       bool       `json:"heard_by_customer"`
		Parties                     []string
	}
	Sources []string
}

func dryRun(t *testing.T, opt Options) []line {
	t.Helper()
	opt.JSON = true
	if opt.Profile == "" {
		opt.Profile = "asterisk"
	}
	var out bytes.Buffer
	if opt.Report == nil {
		opt.Report = func(p Problem) { t.Logf("problem: %+v", p) }
	}
	if err := DryRun(t.Context(), opt, &out); err != nil {
		t.Fatal(err)
	}
	var lines []line
	for dec := json.NewDecoder(&out); dec.More(); {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// of finds the call that holds a uniqueid.
func of(t *testing.T, lines []line, uid string) line {
	t.Helper()
	var found []line
	for _, l := range lines {
		if slices.Contains(l.UniqueIDs, uid) {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d calls hold %s", len(found), uid)
	}
	return found[0]
}

func TestEveryCallOfTheFixturesIsAsItReallyWas(t *testing.T) {
	lines := dryRun(t, Options{Folder: filepath.Join(fixtures, "monitor"), Logs: fixtures})
	all := readTruth(t)
	if len(lines) != len(all) {
		t.Errorf("%d calls instead of %d", len(lines), len(all))
	}
	for _, want := range all {
		t.Run(want.ID, func(t *testing.T) {
			got := of(t, lines, want.UniqueIDs[0].UniqueID)
			compareCall(t, got, want)
			compareFiles(t, got, want)
		})
	}
}

func compareCall(t *testing.T, got line, want truth) {
	t.Helper()
	number := want.Caller.Number
	if got.Direction != want.Direction || got.Caller != number || got.Dialled != want.Dialled || text(got.Queue) != text(want.Queue) {
		t.Errorf("%s %s→%s queue %s, want %s %s→%s queue %s", got.Direction, got.Caller, got.Dialled, text(got.Queue), want.Direction, number, want.Dialled, text(want.Queue))
	}
	if got.Withheld != (want.Caller.Presentation == "withheld") {
		t.Errorf("withheld: %v", got.Withheld)
	}
	var have, should []string
	for _, a := range got.Agents {
		have = append(have, strings.Join([]string{a.Extension, a.Name, a.Outcome, a.Role}, "|"))
	}
	for _, a := range want.Agents {
		should = append(should, strings.Join([]string{a.Extension, a.Name, string(a.Outcome), a.Role}, "|"))
	}
	if !slices.Equal(have, should) {
		t.Errorf("agents %v, want %v", have, should)
	}
	disposition := Answered
	if want.Answer == nil {
		disposition = Abandoned
	}
	if got.Disposition != disposition {
		t.Errorf("%s, want %s", got.Disposition, disposition)
	}
	end := want.End
	if want.HangupBy == "pbx killed" || want.ID == "d16" {
		end = nil // no log tells of an end
	}
	compareTime(t, "started", got.StartedAt, want.Start, 50*time.Millisecond)
	compareTime(t, "answered", got.AnsweredAt, want.Answer, 50*time.Millisecond)
	compareTime(t, "ended", got.EndedAt, end, 50*time.Millisecond)
	var uids []string
	for _, u := range want.UniqueIDs {
		uids = append(uids, u.UniqueID)
	}
	slices.Sort(uids)
	slices.Sort(got.UniqueIDs)
	if !slices.Equal(got.UniqueIDs, uids) || !slices.Equal(got.LinkedIDs, want.LinkedIDsSeen) {
		t.Errorf("channels %v %v, want %v %v", got.UniqueIDs, got.LinkedIDs, uids, want.LinkedIDsSeen)
	}
}

func compareFiles(t *testing.T, got line, want truth) {
	t.Helper()
	layouts := map[string]string{
		"mono mix of both sides": "mono-mix", "mono, only what the caller says (option r)": "caller", "mono, only what the caller hears (option t)": "agent",
	}
	found := 0
	for _, w := range want.Recordings {
		file, ok := strings.CutPrefix(w.Path, "monitor/")
		if !ok {
			continue
		}
		found++
		state := Complete
		switch {
		case w.Truncated:
			state = Truncated
		case w.Seconds == 0:
			state = Empty
		case want.Expect.Status == "partial":
			state = Partial
		}
		i := slices.IndexFunc(got.Recordings, func(r struct {
			File, Group, Layout, Reason string
			State                       FileState
			Seconds                     float64
			StartedAt                   *time.Time `json:"started_at"`
			Heard                       bool       `json:"heard_by_customer"`
			Parties                     []string
		},
		) bool {
			return r.File == file
		})
		if i < 0 {
			t.Errorf("%s is missing", file)
			continue
		}
		r := got.Recordings[i]
		if r.State != state || math.Abs(r.Seconds-w.Seconds) > 0.01 || r.Layout != layouts[w.ChannelLayout] {
			t.Errorf("%s: %s %v s %s, want %s %v s %s", file, r.State, r.Seconds, r.Layout, state, w.Seconds, layouts[w.ChannelLayout])
		}
		if w.StartedAt != nil {
			compareTime(t, file, r.StartedAt, w.StartedAt, 200*time.Millisecond)
		}
		consultation := strings.HasPrefix(filepath.Base(file), "internal-217-204")
		if r.Heard != (got.Direction != Internal && !consultation) {
			t.Errorf("%s: heard by the customer: %v", file, r.Heard)
		}
	}
	if len(got.Recordings) != found {
		t.Errorf("%d files, want %d", len(got.Recordings), found)
	}
}

func compareTime(t *testing.T, what string, got, want *time.Time, within time.Duration) {
	t.Helper()
	if got == nil || want == nil {
		if got != want {
			t.Errorf("%s at %v, want %v", what, got, want)
		}
		return
	}
	if d := got.Sub(*want).Abs(); d > within {
		t.Errorf("%s at %v, want %v", what, got, want)
	}
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// copyFixtures makes a source that a test may change.
func copyFixtures(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fixtures)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// addLater puts what came later into the source: the finished file replaces the partial one, lines are appended.
func addLater(t *testing.T, dir string) {
	t.Helper()
	later := filepath.Join(dir, "later")
	err := filepath.WalkDir(later, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(later, p)
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if strings.HasPrefix(rel, "monitor") {
			return os.WriteFile(filepath.Join(dir, rel), b, 0o644)
		}
		return appendTo(filepath.Join(dir, rel), b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(b)
	return err
}

func TestTheFinishedFileReplacesThePartialOne(t *testing.T) {
	dir := copyFixtures(t)
	opt := Options{Profile: "asterisk", Folder: filepath.Join(dir, "monitor"), Logs: dir}
	p, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 5, 42, 25, 0, time.UTC)
	first, err := p.Poll(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	pick := func(b Batch) (c Call, n int) {
		for _, x := range b.Calls {
			if x.ID == "pbx2-1795326130.0" {
				c, n = x, n+1
			}
		}
		return c, n
	}
	c, n := pick(first)
	if n != 1 || len(c.Files) != 1 || c.Files[0].State != Partial || c.Ended {
		t.Fatalf("%d times: %+v", n, c)
	}
	addLater(t, dir)
	second, err := p.Poll(t.Context(), now.Add(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	c, n = pick(second)
	if n != 1 || len(second.Calls) != 1 {
		t.Fatalf("%d calls changed, this one %d times", len(second.Calls), n)
	}
	if len(c.Files) != 1 || c.Files[0].State != Complete || c.Files[0].Sound.Seconds != 25.46 || !c.Ended {
		t.Fatalf("%+v", c)
	}
	third, err := p.Poll(t.Context(), now.Add(40*time.Second))
	if err != nil || len(third.Calls) != 0 {
		t.Fatalf("nothing changed but %d calls were given: %v", len(third.Calls), err)
	}
	whole := dryRun(t, opt)
	if got := of(t, whole, "pbx2-1795326130.0"); len(got.Recordings) != 1 || got.Recordings[0].State != Complete || len(got.Agents) != 1 || len(got.Events) != 2 {
		t.Fatalf("%+v", got) // later/ repeats the rows that were there
	}
}
