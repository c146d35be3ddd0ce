package field

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/upgrade"
)

// service starts the program as the system would.
func (w *world) service(file string) (stop func()) {
	w.Helper()
	cmd := exec.Command(file, "collect", "service", "--state", w.state, "--report-in", "4s")
	log := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = log, log
	w.no(cmd.Start())
	over := false
	stop = func() {
		if over {
			return
		}
		over = true
		w.no(cmd.Process.Signal(os.Interrupt))
		w.no(cmd.Wait())
	}
	w.Cleanup(func() {
		stop()
		if w.Failed() {
			w.Log(log.String())
		}
	})
	return stop
}

func (w *world) plan() upgrade.Plan {
	w.Helper()
	p, err := upgrade.Folder{State: w.state}.Plan()
	w.no(err)
	return p
}

func (w *world) status() collect.Status {
	st, err := collect.ReadStatus(w.state)
	if err != nil {
		return collect.Status{}
	}
	return st
}

func (w *world) runs(number string) {
	w.Helper()
	w.until(20*time.Second, number+" runs", func() bool {
		st := w.status()
		return st.Release == number && !st.GreetedAt.IsZero() && w.plan().Trial.Release == ""
	})
}

// A real old program takes a real new one, that the customer asks for in the
// portal; goes back from those that do not work; and collects all the while.
func TestARealUpgrade(t *testing.T) {
	w := newWorld(t)
	old := filepath.Join(t.TempDir(), "ringfence")
	w.no(os.WriteFile(old, program(t, "0.4.0"), 0o700))
	if code, out := w.run("install", "--server", w.http.URL, "--code", w.code(), "--state", w.state, "--from", w.from, "--root", t.TempDir(), "--program", old); code != 0 {
		t.Fatal(out)
	}
	stop := w.service(old)
	w.runs("0.4.0")
	w.recorded("a.wav", 1)
	w.until(20*time.Second, "a.wav is archived", func() bool { return w.archived() == 1 })
	if d := w.device(); d.Release != "0.4.0" || d.Offered != "" || d.Protocol != 4 || d.Platform != runtime.GOOS+"/"+runtime.GOARCH || d.Clock == nil || d.Clock.Abs() > time.Second {
		t.Fatalf("%+v", d)
	}
	if _, err := w.server.Upgrade(t.Context(), w.place, admin, w.device().ID); err == nil {
		t.Error("an upgrade is asked for that nobody holds")
	}

	// From the box: the newest that the server holds.
	w.hold(program(t, "0.4.1"), "0.4.1")
	if code, out := w.run("upgrade", "--state", w.state, "--wait", "30s"); code != 0 || !strings.Contains(out, "0.4.1 runs and has reported back") {
		t.Fatal(code, out)
	}
	w.runs("0.4.1")
	w.until(20*time.Second, "the portal shows it", func() bool { return w.device().Release == "0.4.1" })
	if code, out := w.run("upgrade", "--state", w.state, "--wait", "30s"); code != 1 || !strings.Contains(out, "nothing newer") {
		t.Error(code, out)
	}

	// What does not work is gone back from, and said.
	for _, c := range []struct{ number, text, reason string }{
		{"0.4.2", "exit 1", upgrade.Crashed},
		{"0.4.3", "read x", upgrade.Silent},
	} {
		w.hold([]byte("#!/bin/sh\n[ \"$1\" = version ] && exit 0\n"+c.text+"\n"), c.number)
		if code, out := w.run("upgrade", "--state", w.state, "--wait", "30s"); code != 1 || !strings.Contains(out, c.reason) {
			t.Fatal(code, out)
		}
		w.runs("0.4.1")
		w.until(10*time.Second, "the server knows", func() bool { return strings.HasPrefix(w.device().UpgradeFailed, c.number) })
	}
	w.recorded("b.wav", 2)
	w.until(20*time.Second, "b.wav is archived", func() bool { return w.archived() == 2 })

	// Down only if somebody asks for exactly that.
	w.hold(program(t, "0.4.0"), "0.4.0")
	if code, out := w.run("upgrade", "--state", w.state, "--release", "0.4.0", "--wait", "20s"); code != 1 || !strings.Contains(out, "--down") {
		t.Error(code, out)
	}
	if code, out := w.run("upgrade", "--state", w.state, "--release", "0.4.0", "--down", "--wait", "30s"); code != 0 {
		t.Error(code, out)
	}
	w.runs("0.4.0")
	stop()
	if collect.Running(w.state) {
		t.Error("the collector goes on without its launcher")
	}
}

// The server's disk, or who sits on it, cannot make a box run what the key's
// owner did not sign.
func TestWhatTheServerCannotMakeABoxRun(t *testing.T) {
	w := newWorld(t)
	if code, out := w.run("install", "--server", w.http.URL, "--code", w.code(), "--state", w.state, "--from", w.from, "--root", t.TempDir()); code != 0 {
		t.Fatal(out)
	}
	w.hold([]byte("#!/bin/sh\nexit 0\n"), "0.9.0")
	name := filepath.Join(w.shelf, "ringfence-0.9.0-"+runtime.GOOS+"-"+runtime.GOARCH)
	if _, err := collect.Upgrade(t.Context(), w.state, collect.Wish{}); err != nil {
		t.Fatal("a good one is not taken:", err)
	}
	// Exchanged after the server has looked at it, with its size and times.
	info, err := os.Stat(name)
	w.no(err)
	w.hold([]byte("#!/bin/sh\nexit 0\n"), "0.9.1")
	other := strings.Replace(name, "0.9.0", "0.9.1", 1)
	w.no(os.Chtimes(other, info.ModTime(), info.ModTime()))
	if _, ok := w.server.Shelf().Exactly("0.9.1", runtime.GOOS, runtime.GOARCH); !ok {
		t.Fatal("it is not offered")
	}
	for text, file := range map[string]string{"another than was offered": "#!/bin/sh\nexit 1\n", "not as long": "#!/bin/sh\n"} {
		w.no(os.WriteFile(other, []byte(file), 0o600))
		w.no(os.Truncate(other, int64(len(file))))
		w.no(os.Chtimes(other, info.ModTime(), info.ModTime()))
		_, err := collect.Upgrade(t.Context(), w.state, collect.Wish{Release: "0.9.1"})
		if err == nil {
			t.Errorf("%s: it was taken", text)
		}
	}
	if p := w.plan(); p.Trial.Release != "0.9.0" {
		t.Errorf("%+v", p)
	}
}
