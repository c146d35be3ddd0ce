package capture

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// copyTree makes a source of the samples of a dialect that a test may change.
func copyTree(t *testing.T, name string) (recordings, logs string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "recordings"), filepath.Join(dir, "logs")
}

func profileOf(t *testing.T, opt Options) Profile {
	t.Helper()
	p, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func poll(t *testing.T, p Profile, at time.Time) []Call {
	t.Helper()
	b, err := p.Poll(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	for _, pr := range b.Problems {
		t.Errorf("problem: %+v", pr)
	}
	return b.Calls
}

// TestRecordsLive: a recording is there before its line; it waits for it, is then given with all that is known, and after a restart nothing
// is given again but what was not done.
func TestRecordsLive(t *testing.T) {
	recordings, logs := copyTree(t, "3cx")
	log := filepath.Join(logs, "cdr.log")
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	if err := os.WriteFile(log, []byte(strings.Join(lines[:3], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	opt := Options{Profile: "3cx", Folder: recordings, Logs: logs, Zone: time.UTC}
	p := profileOf(t, opt)
	now := time.Now()
	first := poll(t, p, now)
	if len(first) != 2 || first[0].Dialled != "02079460104" || first[1].Queue != "Support" {
		t.Fatalf("%+v", first)
	}
	p.Done(first[0].ID) // the second is not kept yet
	state, err := p.State()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(strings.Join(lines[3:], "")); err != nil {
		t.Fatal(err)
	}
	file.Close()

	p = profileOf(t, opt)
	if err := p.Restore(state); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, c := range poll(t, p, now.Add(time.Second)) {
		seen = append(seen, c.Dialled+" "+string(c.Disposition))
	}
	if slices.Contains(seen, "02079460104 answered") && len(seen) != 5 || !slices.Contains(seen, "02079460100 answered") || !slices.Contains(seen, "02079460100 abandoned") {
		t.Fatalf("after the restart: %q", seen)
	}
	lone := poll(t, p, now.Add(5*time.Minute))
	if !slices.ContainsFunc(lone, func(c Call) bool { return c.Dialled == "107" && c.ID[:5] == "file:" && c.Files[0].State == Complete }) {
		t.Fatalf("what no line knows of must be given after a while: %+v", lone)
	}
}

// TestRecordsLateLine: a line that comes after its recording was given by name alone absorbs it.
func TestRecordsLateLine(t *testing.T) {
	recordings, logs := copyTree(t, "yeastar")
	list := filepath.Join(logs, "cdr-20260302.csv")
	whole, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	p := profileOf(t, Options{Profile: "yeastar", Folder: recordings, Logs: logs, Zone: time.UTC})
	now := time.Now()
	b, err := p.Poll(t.Context(), now)
	if err != nil || len(b.Calls) != 0 || b.Unnamed.Files == 0 || !b.Unnamed.Until.Equal(now.Add(2*time.Minute)) {
		t.Fatalf("given without waiting for the list, or unsaid: %+v, %v", b, err)
	}
	alone := poll(t, p, now.Add(3*time.Minute))
	if len(alone) != 5 {
		t.Fatalf("%d calls of 5 recordings", len(alone))
	}
	if err := os.WriteFile(list, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	var absorbed int
	for _, c := range poll(t, p, now.Add(4*time.Minute)) {
		absorbed += len(c.Absorbed)
	}
	if absorbed != 4 {
		t.Fatalf("%d recordings were taken into the calls of the list", absorbed)
	}
}

// TestRecordsZones: names are in the system's zone; lines may be in it or in UTC, and which is found out by the recordings.
func TestRecordsZones(t *testing.T) {
	for name, hours := range map[string]int{"in the zone": 1, "in UTC": 0} {
		t.Run(name, func(t *testing.T) {
			recordings, logs := t.TempDir(), t.TempDir()
			wav, err := os.ReadFile(filepath.Join("testdata", "yeastar", "recordings", "20260302090007-1772442000.11-+447700900301-301-Inbound.wav"))
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2026, 7, 2, 9, 0, 0, 0, time.UTC)
			local := at.Add(time.Hour).Format("20060102150405")
			if err := os.WriteFile(filepath.Join(recordings, "[x]_07700900999-104_"+local+"(1).wav"), wav, 0o600); err != nil {
				t.Fatal(err)
			}
			wall := at.Add(time.Duration(hours) * time.Hour)
			line := "Call 1,00A_1,00:00:30," + wall.Format("2006/01/02 15:04:05") + "," + wall.Format("2006/01/02 15:04:05") + "," +
				wall.Add(30*time.Second).Format("2006/01/02 15:04:05") + ",TerminatedBySrc,+447700900999,Ext.104,10001,104,104,,,,,,,,Chain: +447700900999;Ext.104;\n"
			if err := os.WriteFile(filepath.Join(logs, "cdr.log"), []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation("Europe/London")
			if err != nil {
				t.Fatal(err)
			}
			calls := poll(t, profileOf(t, Options{Profile: "3cx", Folder: recordings, Logs: logs, Zone: zone, DryRun: true}), time.Now())
			if len(calls) != 1 || len(calls[0].Files) != 1 || !calls[0].StartedAt.Equal(at) || !calls[0].Files[0].StartedAt.Equal(at) {
				b, _ := json.Marshal(calls)
				t.Fatalf("%s", b)
			}
		})
	}
}

// TestRecordsBroken: what cannot be read is a problem with its place and advice, and stops nothing.
func TestRecordsBroken(t *testing.T) {
	recordings, logs := copyTree(t, "freeswitch")
	for name, text := range map[string]string{
		"xml_cdr/broken.cdr.xml": "<cdr><variables><uuid>x</uuid>", "json_cdr/none.json": `{"variables":{}}`, "json_cdr/list.json": "[]",
		"xml_cdr/deep.xml": "<cdr>" + strings.Repeat("<a>", 100), "xml_cdr/huge.xml": strings.Repeat("x", maxRecordFile+1),
	} {
		if err := os.WriteFile(filepath.Join(logs, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := profileOf(t, Options{Profile: "freeswitch", Folder: recordings, Logs: logs, Zone: time.UTC, DryRun: true})
	b, err := p.Poll(t.Context(), time.Now())
	if err != nil || len(b.Problems) != 5 || len(b.Calls) != 6 {
		t.Fatalf("%d calls, %+v, %v", len(b.Calls), b.Problems, err)
	}
	for _, pr := range b.Problems {
		if pr.Reason == "" || pr.Advice == "" {
			t.Errorf("%+v", pr)
		}
	}
}

func TestThreeCXNames(t *testing.T) {
	for name, want := range map[string]named{
		"101/[Ada]_101-02079460100_20240131123456(123).wav": {owner: "101", title: "Ada", first: "101", second: "02079460100", wall: time.Date(2024, 1, 31, 12, 34, 56, 0, time.UTC).UnixMilli()},
		"[]_100-0836826436_20190211124709(2).wav":           {first: "100", second: "0836826436", wall: time.Date(2019, 2, 11, 12, 47, 9, 0, time.UTC).UnixMilli()},
		"100/27836826436-100_20190211124743.wav":            {owner: "100", first: "27836826436", second: "100", wall: time.Date(2019, 2, 11, 12, 47, 43, 0, time.UTC).UnixMilli()},
		"100/notes.wav":                                     {owner: "100"},
	} {
		got := (&threeCX{}).name(name)
		got.keys = nil
		if got.first != want.first || got.second != want.second || got.owner != want.owner || got.wall != want.wall || got.title != want.title {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzRecords gives any text to each dialect, as a name, a line and a file; what it takes can be joined and written.
func FuzzRecords(f *testing.F) {
	for _, name := range []string{"3cx/logs/cdr.log", "yeastar/logs/cdr-20260302.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
		for _, l := range strings.Split(string(b), "\n")[:4] {
			f.Add(l)
		}
	}
	for _, dir := range []string{"xml_cdr", "json_cdr"} {
		all, err := os.ReadDir(filepath.Join("testdata/freeswitch/logs", dir))
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range all[:2] {
			b, err := os.ReadFile(filepath.Join("testdata/freeswitch/logs", dir, e.Name()))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(b))
		}
	}
	f.Add(`{"Id":7,"StartTime":"2026-03-02T09:00:00Z","CallType":"Internal","FromDn":"1"}`)
	f.Add("[%5B%]_%-1_20260302090000(1).wav")
	f.Add("cdr=%3Ccdr%3E")
	f.Fuzz(func(t *testing.T, text string) {
		for name, make := range dialects {
			opt := Options{Profile: name, Zone: time.UTC, DryRun: true}
			d := make(opt)
			r := newRecords(opt, d)
			n := d.name(text)
			rows, _ := d.whole("x.json", []byte(text))
			src := &source{path: "x.csv"}
			for i, l := range strings.Split(text, "\n") {
				src.line = i + 1
				more, _ := d.line(src, l)
				rows = append(rows, more...)
			}
			for i := range rows[:min(len(rows), 50)] {
				_ = d.near(n, &rows[i])
				r.add(&rows[i], origin{path: "x"}, time.Unix(1e9, 0))
			}
			for c := range r.all {
				call := r.build(c, time.Unix(1e9, 0))
				if _, err := json.Marshal(call); err != nil && call.StartedAt.Year() > 0 && call.EndedAt.Year() < 10000 {
					t.Fatal(err)
				}
			}
			if len(rows) > 0 && rows[0].id == "" {
				t.Fatalf("a row without a name: %+v", rows[0])
			}
		}
	})
}
