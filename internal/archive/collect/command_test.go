package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
)

func runCommand(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Command(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCommandExplainsItself(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string // on stdout for 0, on stderr else
	}{
		{[]string{"-h"}, 0, "--dry-run"},
		{[]string{"enrol", "-h"}, 0, "--code"},
		{[]string{}, 2, "--state is missing"},
		{[]string{"--state", "x"}, 2, "--from is missing"},
		{[]string{"enrol", "--server", "https://x"}, 2, "--code is missing"},
		{[]string{"--bogus"}, 2, "bogus"},
		{[]string{"--state", "x", "--from", ".", "extra"}, 2, `"extra" is not understood`},
		{[]string{"--state", "x", "--from", ".", "--after", "burn"}, 2, "none of keep, move, delete"},
		{[]string{"--state", "x", "--from", ".", "--spool-limit", "lots"}, 2, "500MiB"},
		{[]string{"--state", "x", "--from", ".", "--time-zone", "UTC"}, 2, "set in the portal"},
		{[]string{"--state", "x", "--from", "/does/not/exist"}, 1, "--from"},
		{[]string{"--state", "x", "--from", "command_test.go"}, 1, "not a folder"},
		{[]string{"--state", filepath.Join(t.TempDir(), "none"), "--from", "."}, 1, "collect enrol"},
		{[]string{"--dry-run", "--from", "."}, 2, "--profile is missing"},
		{[]string{"--dry-run", "--from", ".", "--profile", "asterisk", "--time-zone", "Mars/Base"}, 1, "Mars/Base"},
		{[]string{"enrol", "--server", "ftp://x", "--code", "c", "--state", t.TempDir()}, 1, "is no address"},
	} {
		code, out, errs := runCommand(t, c.args...)
		text := errs
		if c.code == 0 {
			text = out
		}
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%q: code %d, %q, %q; want %d and %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

func TestDryRunNeedsNothingAndChangesNothing(t *testing.T) {
	code, out, errs := runCommand(t, "--dry-run", "--json", "--profile", "asterisk", "--from", filepath.Join(pbx, "monitor"), "--logs", pbx)
	if code != 0 {
		t.Fatalf("%d: %s", code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 15 {
		t.Fatalf("%d calls", len(lines))
	}
	for _, l := range lines {
		var c struct {
			Direction, Disposition string
			Recordings             []struct{ File, State string }
		}
		if err := json.Unmarshal([]byte(l), &c); err != nil || c.Direction == "" || c.Disposition == "" {
			t.Fatalf("%s: %v", l, err)
		}
	}
	if code, out, _ := runCommand(t, "--dry-run", "--profile", "asterisk", "--from", filepath.Join(pbx, "monitor"), "--logs", pbx); code != 0 || out == "" {
		t.Fatal("nothing is shown to people")
	}
}

func TestCommandEnrolsAndCollects(t *testing.T) {
	w := newWorld(t)
	_, code, err := w.server.Add(t.Context(), w.place, admin, "Box", w.src)
	if err != nil {
		t.Fatal(err)
	}
	n, out, errs := runCommand(t, "enrol", "--server", w.http.URL, "--code", "  "+strings.ToUpper(code.Reveal())+"\n", "--state", w.state)
	if n != 0 || !strings.Contains(out, `now "Box"`) || !strings.Contains(out, "Next: ringfence collect") {
		t.Fatal(n, out, errs)
	}
	if n, _, errs = runCommand(t, "enrol", "--server", w.http.URL, "--code", "wrong", "--state", filepath.Join(t.TempDir(), "s")); n != 1 || !strings.Contains(errs, "make a new one") {
		t.Fatal(n, errs)
	}
	path := wavFile(t, w.from, "a.wav", 1, 2)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	n, out, errs = runCommand(t, "--state", w.state, "--from", w.from, "--once", "--json", "--after", "move", "--profile", "generic")
	if n != 0 || len(w.archived()) != 1 || exists(path) {
		t.Fatal(n, out, errs)
	}
	seen := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var e Event
		if err := json.Unmarshal([]byte(l), &e); err != nil || e.At.IsZero() {
			t.Fatalf("%s: %v", l, err)
		}
		seen[e.What] = true
	}
	for _, what := range []string{"sealed", "uploading", "verified", "idle"} {
		if !seen[what] {
			t.Errorf("no event %q in %s", what, out)
		}
	}
	// For people: what was done, and nothing that only a terminal understands.
	n, out, errs = runCommand(t, "--state", w.state, "--from", w.from, "--once", "--wait", "1ms")
	if n != 0 || !strings.Contains(errs, "0 recordings archived") || strings.Contains(out+errs, "\x1b") {
		t.Fatal(n, out, errs)
	}
}

func TestSecondCollectorOnTheSameFolderIsRefused(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	b, _, err := openBox(w.options())
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if _, err := w.collect(nil); err == nil || !strings.Contains(err.Error(), "another collector") {
		t.Fatalf("got %v", err)
	}
}

func TestProgressLine(t *testing.T) {
	var out, errs bytes.Buffer
	d := &display{out: &out, err: &errs, terminal: true}
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	d.event(Event{At: at, What: "sealed"})
	d.event(Event{At: at.Add(time.Second), What: "verified", Bytes: 3 << 20})
	d.event(Event{At: at.Add(2 * time.Second), What: "attention", File: "bad.wav", Text: "this is not sound", Advice: "remove it"})
	d.end()
	if !strings.Contains(out.String(), "1 of 1 archived") || !strings.Contains(out.String(), "████") || !strings.Contains(errs.String(), "bad.wav: this is not sound") {
		t.Fatalf("%q %q", out.String(), errs.String())
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "2KiB": 2048, "500MiB": 500 << 20, "8GiB": 8 << 30, " 1 TiB ": 1 << 40} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%q is %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "9999999999TiB", "1GB", "x"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
}

// A recording that no log names yet waits for two minutes: a run with --once says
// so, and does not say that it has taken all.
func TestOnceSaysWhatItLeaves(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	logs := t.TempDir()
	if err := os.WriteFile(filepath.Join(logs, "queue_log"), []byte("1795330000|NONE|NONE|NONE|QUEUESTART|\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := wavFile(t, w.from, "exten-209-01614960152-20261122-054210-1795326130.0.wav", 1, 2)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	n, out, errs := runCommand(t, "--state", w.state, "--from", w.from, "--logs", logs, "--profile", "asterisk", "--once", "--wait", "1ms")
	if n != 3 || !strings.Contains(errs, "not all has been archived; 1 file that no log names yet waits for its log until ") || len(w.archived()) != 0 {
		t.Fatal(n, out, errs)
	}
	began, looks := time.Now(), atomic.Int64{}
	events := w.mustCollect(func(o *Options) {
		o.profile, o.Profile, o.Logs, o.Wait, o.Every = nil, "asterisk", logs, onceWait, time.Millisecond
		o.now = func() time.Time { // two minutes go by, within what the server lets a clock be off
			return began.Add(min(time.Duration(looks.Add(1))*100*time.Millisecond, 3*time.Minute))
		}
	})
	if last := events[len(events)-1]; len(w.archived()) != 1 || last.What != "idle" || last.Waiting != 0 || strings.Contains(last.Text, "not all") {
		t.Fatalf("%+v", events)
	}
}

// A damaged file cannot be taken, whatever a log may say of it: each run with
// --once reports it at once and ends well. One that was written to just now may
// still become a recording, and is waited for.
func TestOnceDoesNotFailForADamagedFile(t *testing.T) {
	for profile, name := range map[string]string{
		"asterisk": "exten-209-01614960152-20261122-054210-1795326130.0.wav", "generic": "a.wav", "freeswitch": "b.wav",
		"yeastar": "c.wav", "3cx": "[Agent]_201-01614960152_20261122054210(1).wav",
	} {
		for what, data := range map[string]string{"text": "no sound at all, by no means, not even a header of it", "cut": "RIFF", "empty": ""} {
			t.Run(profile+" "+what, func(t *testing.T) {
				w := newWorld(t)
				w.enrol()
				logs := t.TempDir()
				if err := os.WriteFile(filepath.Join(logs, "queue_log"), []byte("1795330000|NONE|NONE|NONE|QUEUESTART|\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				args := []string{"--state", w.state, "--from", w.from, "--profile", profile, "--once", "--wait", "1ms"}
				if profile == "asterisk" {
					args = append(args, "--logs", logs)
				}
				path := filepath.Join(w.from, name)
				if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
				if n, out, errs := runCommand(t, args...); n != 3 {
					t.Fatal("written to just now:", n, out, errs)
				}
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(path, old, old); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					n, out, errs := runCommand(t, args...)
					if n != 0 || what == "text" && (!strings.Contains(errs, "needs attention: ") || !strings.Contains(errs, "; 1 needs attention")) {
						t.Fatal(n, out, errs)
					}
				}
				if listed, err := w.archive.Attention(t.Context(), w.place); err != nil || what == "text" && len(listed) != 1 {
					t.Fatalf("the server knows of %+v, %v", listed, err)
				}
			})
		}
	}
}

// Logs of years come in portions; one run with --once takes them all.
func TestOnceReadsLogsToTheirEnd(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	for i := range 5 {
		wavFile(t, w.from, string(rune('a'+i))+".wav", byte(i), 1)
	}
	w.mustCollect(func(o *Options) {
		o.profile = func(c capture.Options) (capture.Profile, error) { return portions{&plain{c}}, nil }
	})
	if n := len(w.archived()); n != 5 {
		t.Fatalf("%d recordings", n)
	}
}

// portions gives one call at a time.
type portions struct{ *plain }

func (p portions) Poll(ctx context.Context, now time.Time) (capture.Batch, error) {
	b, err := p.plain.Poll(ctx, now)
	b.More = len(b.Calls) > 1
	b.Calls = b.Calls[:min(1, len(b.Calls))]
	return b, err
}
