package field

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/platform/service"
)

// manager is a system that is told what to do and does nothing.
type manager struct {
	service.Systemd
	said  *[]string
	state service.State
}

func (m manager) Install(ctx context.Context, w service.Wanted) error {
	*m.said = append(*m.said, "install "+w.State)
	return m.Systemd.Install(ctx, w)
}

func (m manager) Stop(context.Context) error {
	*m.said = append(*m.said, "stop")
	return nil
}

func (m manager) Remove(ctx context.Context) error {
	*m.said = append(*m.said, "remove")
	return m.Systemd.Remove(ctx)
}

func (m manager) State(context.Context) (service.State, error) { return m.state, nil }

// told runs a command on a system that only notes what it is asked.
func (w *world) told(m *manager, args ...string) (int, string) {
	w.Helper()
	var out strings.Builder
	code := Command(w.Context(), args, Process{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out,
		Manager: func(root string) service.Manager { m.Root = root; return *m },
	})
	return code, out.String()
}

func TestWhatInstallRefuses(t *testing.T) {
	w := newWorld(t)
	said := []string{}
	m := &manager{said: &said}
	key := "--release-key"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"install"}, 2, "--from is missing"},
		{[]string{"install", "--from", w.from, "--state", w.state}, 2, "--server and --code are missing"},
		{[]string{"install", "--from", "/does/not/exist", "--state", w.state, "--after", "burn", key, "x"}, 2, "is no folder"},
		{[]string{"install", "--from", "/does/not/exist", "--state", w.state, "--after", "burn", key, "x"}, 2, "none of keep, move, delete"},
		{[]string{"install", "--from", "/does/not/exist", "--state", w.state, "--after", "burn", key, "x"}, 2, "public key of minisign"},
		{[]string{"install", "--from", w.from, "--state", w.state, "--server", w.http.URL, "--code", "wrong", "--root", t.TempDir()}, 1, "make a new one"},
		{[]string{"install", "--bogus"}, 2, "bogus"},
		{[]string{"install", "-h"}, 0, "Usage"},
		{[]string{"upgrade", "--down"}, 2, "--down goes with --release"},
		{[]string{"uninstall", "--lose", "3"}, 2, "--lose goes with --forget"},
		{[]string{"status", "--state", filepath.Join(t.TempDir(), "none")}, 1, "collect install"},
		{[]string{"service", "--state", w.state}, 1, "run ringfence collect install"},
	} {
		if code, out := w.told(m, c.args...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%q: code %d, %q; want %d and %q", c.args, code, out, c.code, c.want)
		}
	}
	if len(said) != 0 {
		t.Errorf("the system was touched: %v", said)
	}
}

// A dry run shows every file and command, and writes nothing: no key, no folder.
func TestADryRunShowsAndWritesNothing(t *testing.T) {
	w := newWorld(t)
	root := t.TempDir()
	args := []string{"install", "--from", w.from, "--state", "/var/lib/ringfence-collector-test", "--after", "move", "--groups", "asterisk", "--dry-run", "--root", root}
	code, out := w.run(args...)
	if code != 0 {
		t.Fatal(out)
	}
	for _, part := range []string{"service.json", "ringfence-collector.service", "SupplementaryGroups=asterisk", "ReadWritePaths=" + w.from, "systemctl enable", "Nothing was written"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	if left, err := os.ReadDir(root); err != nil || len(left) != 0 || exists("/var/lib/ringfence-collector-test") {
		t.Error("a dry run has written something")
	}
	var steps []service.Step
	if code, out := w.run(append(args, "--json")...); code != 0 || json.Unmarshal([]byte(out), &steps) != nil || len(steps) < 4 {
		t.Errorf("%d %s", code, out)
	}
}

// The whole stay of a box: installed with its code, seen, installed once more
// without, and taken off again.
func TestInstalledAndTakenOff(t *testing.T) {
	w := newWorld(t)
	w.recorded("a.wav", 1)
	said, root := []string{}, t.TempDir()
	m := &manager{said: &said, state: service.State{Installed: true, Running: true, Text: "active"}}
	code, out := w.told(m, "install", "--server", w.http.URL, "--code", " "+strings.ToUpper(w.code()), "--state", w.state, "--from", w.from, "--root", root)
	if code != 0 || !strings.Contains(out, `knows this box as "Box"`) || !strings.Contains(out, "it holds 1 files") {
		t.Fatal(code, out)
	}
	if s, err := readSettings(w.state); err != nil || s.From != w.from {
		t.Fatal(s, err)
	}
	if code, out = w.told(m, "install", "--state", w.state, "--from", w.from, "--after", "delete", "--root", root); code != 0 {
		t.Fatal("an enrolled folder is not taken:", out)
	}
	if s, err := readSettings(w.state); err != nil || s.After != "delete" {
		t.Fatal(s, err)
	}

	// What is sealed and not in the archive may not be lost by mistake. It is
	// sealed while the server does not take uploads.
	w.refuse("/uploads")
	o, err := readSettings(w.state)
	w.no(err)
	opts := o.options(w.state)
	opts.Once, opts.Patience, opts.Wait = true, time.Millisecond, 20*time.Second
	if err := collect.Run(t.Context(), opts); err == nil {
		t.Fatal("nothing was to get through")
	}
	if n, bytes, err := collect.Undelivered(w.state); err != nil || n != 1 || bytes == 0 {
		t.Fatalf("%d recordings of %d bytes, %v", n, bytes, err)
	}
	said = nil
	for _, lose := range [][]string{nil, {"--lose", "2"}} {
		code, out := w.told(m, append([]string{"uninstall", "--state", w.state, "--forget", "--root", root}, lose...)...)
		if code != 1 || !strings.Contains(out, "--lose 1") || len(said) != 0 {
			t.Fatalf("%v: code %d, %s, %v", lose, code, out, said)
		}
	}
	if code, out := w.told(m, "uninstall", "--state", w.state, "--root", root); code != 0 || !strings.Contains(out, "with 1 recordings") || !exists(w.state) {
		t.Fatal(code, out)
	}
	w.refuse("")
	if code, out := w.told(m, "uninstall", "--state", w.state, "--forget", "--lose", "1", "--root", root); code != 0 || exists(w.state) {
		t.Fatal(code, out)
	}
	if d := w.device(); d.RevokedAt.IsZero() {
		t.Error("the server was not told")
	}
	if left, _ := filepath.Glob(filepath.Join(root, "etc/systemd/system/*")); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	if !exists(filepath.Join(w.from, "a.wav")) {
		t.Error("a source is gone whose recording was lost on purpose")
	}
}

// Each thing that can be wrong is said, with what to do; a box that is well
// says nothing.
func TestWhatStatusFinds(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ms, since := int64(2500), at.Add(-2*time.Hour)
	good := collect.Status{Release: "0.4.0", At: at.Add(-time.Second), ContactAt: at.Add(-time.Minute), GreetedAt: at.Add(-time.Minute), Server: "https://calls.example.com", SpoolLimit: 1 << 30}
	for kind, change := range map[string]func(*Report){
		"":                     func(*Report) {},
		"no_service":           func(r *Report) { r.Service.Installed = false },
		"not_running":          func(r *Report) { r.Running = false },
		"hangs":                func(r *Report) { r.Box.At = at.Add(-5 * time.Minute) },
		"server_away":          func(r *Report) { r.Box.Trouble = "calls.example.com cannot be reached" },
		"too_old":              func(r *Report) { r.Box.Trouble = "this collector is too old for its server" },
		"clock_off":            func(r *Report) { r.Box.ClockMS = &ms },
		"certificate_expiring": func(r *Report) { r.Box.PinUntil = at.Add(24 * time.Hour) },
		"on_hold":              func(r *Report) { r.Box.Hold = "nothing is captured until an administrator has chosen" },
		"spool_filling":        func(r *Report) { r.Box.Spooled = 900 << 20 },
		"waits_long":           func(r *Report) { r.Box.OldestAt = &since },
		"files_failing":        func(r *Report) { r.Box.Attention = 2 },
		"rolled_back": func(r *Report) {
			r.Upgrade.Failed = []upgrade.Failure{{Release: "0.4.1", At: at.Add(-time.Hour), Reason: upgrade.Silent}}
		},
	} {
		box := good
		r := Report{State: "/s", Service: service.State{Installed: true, Running: true, Text: "active"}, Running: true, Box: &box, Problems: []Wrong{}}
		change(&r)
		r.judge(at)
		r.Well = len(r.Problems) == 0
		if kind == "" {
			if !r.Well || !strings.Contains(r.text(), "well") {
				t.Errorf("a box that is well: %+v", r.Problems)
			}
			continue
		}
		if len(r.Problems) != 1 || r.Problems[0].Kind != kind || r.Problems[0].Todo == "" || !strings.Contains(r.text(), r.Problems[0].Todo) {
			t.Errorf("%s: %+v", kind, r.Problems)
		}
	}
}

// The exit code and the JSON are for programs that watch boxes.
func TestStatusForPrograms(t *testing.T) {
	w := newWorld(t)
	said := []string{}
	m := &manager{said: &said, state: service.State{Installed: true, Running: true, Text: "active"}}
	if code, out := w.told(m, "install", "--server", w.http.URL, "--code", w.code(), "--state", w.state, "--from", w.from, "--root", t.TempDir()); code != 0 {
		t.Fatal(out)
	}
	code, out := w.told(m, "status", "--state", w.state, "--json")
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 1 || r.Well || r.Problems[0].Kind != "not_running" {
		t.Fatalf("%d %s %v", code, out, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		var out strings.Builder
		ended <- Command(ctx, []string{"run", "--state", w.state}, Process{Stdout: &out, Stderr: &out, Manager: func(string) service.Manager { return m }})
	}()
	w.until(20*time.Second, "the box is well", func() bool { code, _ := w.told(m, "status", "--state", w.state); return code == 0 })
	if code, out := w.told(m, "status", "--state", w.state); code != 0 || !strings.Contains(out, "status         well") || !strings.Contains(out, "s against the server's") {
		t.Error(code, out)
	}
	stop()
	if code := <-ended; code != 0 {
		t.Error("told to stop, it ended with", code)
	}
}

func TestDefaultFolders(t *testing.T) {
	env := func(string) string { return `D:\Data` }
	if got := defaultState("windows", env); got != `D:\Data\Ringfence\Collector` {
		t.Error(got)
	}
	if got := defaultState("linux", env); got != "/var/lib/ringfence-collector" {
		t.Error(got)
	}
}
