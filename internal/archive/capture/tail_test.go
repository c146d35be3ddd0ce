package capture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// calls gives ids and how often each was told over several polls.
func calls(t *testing.T, p Profile, now time.Time, into map[string]Call) []Problem {
	t.Helper()
	b, err := p.Poll(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Calls {
		into[c.ID] = c
	}
	return b.Problems
}

// Logs are rotated in every way that logrotate knows while they are read, at each place of a line: every row counts once.
func TestLogsThatRotateAreReadOnce(t *testing.T) {
	day := time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, how := range []string{"rename", "rename dated", "copy and truncate", "rename and compress", "remove"} {
		for _, cut := range []int{0, 1, 40} {
			t.Run(fmt.Sprintf("%s, %d bytes into a line", how, cut), func(t *testing.T) {
				p := newPBX(day)
				var want []string
				for range 6 {
					want = append(want, p.direct("01614960152", "01614960516", "209", "Aisha Khan", 60).uid)
					p.wait(time.Minute)
				}
				dir := t.TempDir()
				profile, err := New(Options{Profile: "asterisk", Folder: t.TempDir(), Logs: dir})
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]Call{}
				for k, name := range map[logKind]string{kindCEL: "cel-custom/Master.csv", kindCDR: "cdr-csv/Master.csv"} {
					all := p.text(k)
					half := strings.Index(all, want[3])
					half = strings.LastIndex(all[:half], "\n") + 1
					put(t, dir, name, []byte(all[:half+cut]))
					_ = k
				}
				if problems := calls(t, profile, day.Add(time.Hour), got); len(problems) > 0 {
					t.Fatalf("%+v", problems)
				}
				for k, name := range map[logKind]string{kindCEL: "cel-custom/Master.csv", kindCDR: "cdr-csv/Master.csv"} {
					all := p.text(k)
					path := filepath.Join(dir, name)
					next := strings.Index(all, want[4])
					next = strings.LastIndex(all[:next], "\n") + 1
					if how != "remove" { // what was written between the last look and the rotation
						put(t, dir, name, []byte(all[:next]))
					} else {
						put(t, dir, name, []byte(all[:next]))
						calls(t, profile, day.Add(time.Hour), got)
					}
					rotate(t, how, path)
					put(t, dir, name, []byte(all[next:]))
				}
				if problems := calls(t, profile, day.Add(time.Hour), got); len(problems) > 0 {
					t.Fatalf("%+v", problems)
				}
				if len(got) != len(want) {
					t.Fatalf("%d calls, want %d", len(got), len(want))
				}
				for _, uid := range want {
					if c := got[uid]; !c.Ended || len(c.Agents) != 1 || c.Disposition != Answered || c.Talked != 60 || len(c.Events) != 0 {
						t.Errorf("%s: %+v", uid, c)
					}
				}
			})
		}
	}
}

func rotate(t *testing.T, how, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "rename":
		err = os.Rename(path, path+".1")
	case "rename dated":
		err = os.Rename(path, path+"-20261122")
	case "copy and truncate":
		if err = os.WriteFile(path+".1", b, 0o644); err == nil {
			err = os.Truncate(path, 0)
		}
	case "rename and compress":
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err = w.Write(b); err == nil && w.Close() == nil {
			err = os.WriteFile(path+".1.gz", z.Bytes(), 0o644)
		}
		remove(t, path)
	case "remove":
		remove(t, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLinesThatAreWrongAreToldAndStopNothing(t *testing.T) {
	p := newPBX(time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC))
	in := p.queued("care", "01614960152", "01614960516", "204", "Fatima Noor", 3*time.Second, time.Minute)
	dir := t.TempDir()
	p.write(t, dir)
	bad := map[string][]string{
		"cel-custom/Master.csv": {`"ANSWER","2026-11-22 09:00:00"`, `"unclosed`, "\x00\x00\x00", strings.Repeat("x", 100_000), `"ANSWER","yesterday","","","","","","","","1795325804.0","1795325804.0","",""`, `"ANSWER","2026-11-22 09:00:00","","","","","","","","no id","","",""`},
		"cdr-csv/Master.csv":    {`"a","b"`, `"","1","2","c","d","e","f","g","h","2026-11-22 09:00:00","","2026-11-22 09:00:00",0,0,"ANSWERED","DOCUMENTATION"`, `"x"y,"z"`},
		"queue_log":             {"1795325804|1795325804.0|care", "never|x|y|z|CONNECT", ""},
	}
	for name, lines := range bad {
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"+string(good)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var problems []Problem
	lines := dryRun(t, Options{Folder: t.TempDir(), Logs: dir, Report: func(p Problem) { problems = append(problems, p) }})
	if l := of(t, lines, in.uid); len(lines) != 1 || l.Disposition != Answered || l.Agents[0].Extension != "204" || l.EndedAt == nil {
		t.Fatalf("%+v", lines)
	}
	told := map[string]bool{}
	for _, p := range problems {
		told[fmt.Sprintf("%s:%d", p.Path, p.Line)] = p.Reason != "" && p.Advice != "" || strings.Contains(p.Reason, "longer")
	}
	for _, where := range []string{
		"cel-custom/Master.csv:1", "cel-custom/Master.csv:2", "cel-custom/Master.csv:3", "cel-custom/Master.csv:4", "cel-custom/Master.csv:5", "cel-custom/Master.csv:6",
		"cdr-csv/Master.csv:1", "cdr-csv/Master.csv:2", "cdr-csv/Master.csv:3", "queue_log:1", "queue_log:2",
	} {
		if !told[where] {
			t.Errorf("%s was not told", where)
		}
	}
	if len(problems) != 11 {
		t.Errorf("%+v", problems)
	}
}

// A process that is killed at any point goes on without losing a call or telling half of one.
func TestReadingGoesOnAfterARestart(t *testing.T) {
	p := newPBX(time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC))
	var want []string
	for range 5 {
		want = append(want, p.direct("01614960152", "01614960516", "209", "Aisha Khan", 60).uid)
		p.wait(-30 * time.Second) // they overlap
	}
	cel, cdr := p.text(kindCEL), p.text(kindCDR)
	opt := Options{Profile: "asterisk", Folder: t.TempDir(), Logs: t.TempDir()}
	for at := 100; at < len(cel); at += 777 {
		put(t, opt.Logs, "cel-custom/Master.csv", []byte(cel[:at]))
		put(t, opt.Logs, "cdr-csv/Master.csv", nil)
		got := map[string]Call{}
		first, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		calls(t, first, p.at, got)
		var ended []string
		for id, c := range got {
			if c.Ended {
				ended = append(ended, id)
			}
		}
		first.Done(ended...)
		state, err := first.State()
		if err != nil {
			t.Fatal(err)
		}
		second, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Restore(state); err != nil {
			t.Fatal(err)
		}
		put(t, opt.Logs, "cel-custom/Master.csv", []byte(cel))
		put(t, opt.Logs, "cdr-csv/Master.csv", []byte(cdr))
		again := map[string]Call{}
		calls(t, second, p.at, again)
		for _, id := range ended {
			if _, ok := again[id]; ok {
				t.Errorf("at %d: %s was kept and is told again", at, id)
			}
		}
		for id, c := range again {
			got[id] = c
		}
		for _, uid := range want {
			if c := got[uid]; !c.Ended || c.Talked != 60 || len(c.Agents) != 1 {
				t.Errorf("at %d: %s %+v", at, uid, c)
			}
		}
		if len(got) != len(want) {
			t.Errorf("at %d: %d calls", at, len(got))
		}
	}
}

func TestUnusableStateStartsAnew(t *testing.T) {
	p, _ := New(Options{Profile: "asterisk", Folder: t.TempDir()})
	if err := p.Restore([]byte(`{"version":99,"logs":[{"name":"x"}]}`)); err != nil {
		t.Error(err)
	}
	if err := p.Restore([]byte("nonsense")); err == nil {
		t.Error("nonsense was taken")
	}
}

func TestLogsDirectlyInTheFolder(t *testing.T) {
	p := newPBX(time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC))
	in := p.queued("care", "01614960152", "01614960516", "204", "Fatima Noor", 3*time.Second, time.Minute)
	dir := t.TempDir()
	put(t, dir, "cel.csv", []byte(p.text(kindCEL)))
	put(t, dir, "Master.csv", []byte(p.text(kindCDR)))
	put(t, dir, "queue_log.1", []byte(p.text(kindQueue)))
	put(t, dir, "other.csv", []byte("a,b,c\n1,2,3\n"))
	l := of(t, dryRun(t, Options{Folder: t.TempDir(), Logs: dir}), in.uid)
	if strings.Join(l.Sources, " ") != "cdr cel queue_log" || text(l.Queue) != "care" {
		t.Fatalf("%+v", l)
	}
}
