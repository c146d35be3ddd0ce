package upgrade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The child is this test binary: it takes a release or launches, and dies where
// its environment says.
const (
	childVar = "RINGFENCE_UPGRADE_CHILD" // "take", "launch" or "exchange"
	killVar  = "RINGFENCE_UPGRADE_KILL"  // step
	dirVar   = "RINGFENCE_UPGRADE_DIR"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childVar) {
	case "take":
		err = takeChild(os.Getenv(dirVar))
	case "exchange":
		err = exchangeChild(os.Getenv(dirVar))
	case "launch":
		err = launchChild(os.Getenv(dirVar))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func die(step string) {
	if step == os.Getenv(killVar) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// scene is what a child is given: an offer with its file, and the key.
type scene struct {
	Offer Offer
	File  []byte
	Keys  []string
}

func readScene(dir string) (s scene, keys Keys, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "scene.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err == nil {
		keys, err = ParseKeys(s.Keys...)
	}
	return s, keys, err
}

func takeChild(dir string) error {
	s, keys, err := readScene(dir)
	if err != nil {
		return err
	}
	return Folder{dir}.Take(context.Background(), Ask{Offer: s.Offer, Keys: keys, Own: "1.2.0", Get: from(s.File), Step: die})
}

// launchChild runs for as long as the test wants, which it says with a file.
func launchChild(dir string) error {
	_, keys, err := readScene(dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	go func() {
		for !is(filepath.Join(dir, "enough")) {
			time.Sleep(20 * time.Millisecond)
		}
		stop()
	}()
	l := &Launcher{
		Folder: Folder{dir}, Self: filepath.Join(dir, "self"), Own: own, Keys: keys, ReportIn: 2 * time.Second,
		Args: func(Choice) []string { return []string{dir} }, Reported: alive(dir), Out: os.Stdout, Err: os.Stderr,
		Log: slog.New(slog.DiscardHandler), Step: die, pause: 50 * time.Millisecond,
	}
	return l.Run(ctx)
}

func is(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// alive is how the test's programs report back: with their process id.
func alive(dir string) func(int, string, time.Time) bool {
	return func(pid int, _ string, _ time.Time) bool {
		b, err := os.ReadFile(filepath.Join(dir, "alive"))
		return err == nil && strings.TrimSpace(string(b)) == strconv.Itoa(pid)
	}
}

// The programs: each leaves its name in the diary, and ends with its input.
var (
	reports = script(`echo new >>"$1/diary"; echo $$ >"$1/alive"; read x; exit 0`)
	crashes = script(`echo crash >>"$1/diary"; exit 1`)
	silent  = script(`echo silent >>"$1/diary"; read x; exit 0`)
	before  = script(`echo old >>"$1/diary"; read x; exit 0`)
)

// box is a folder with the program that runs now, and one that is offered.
func box(t *testing.T, file []byte) (string, signer, Offer) {
	t.Helper()
	dir, s := t.TempDir(), newSigner(t)
	o := s.offer(file, "1.2.1")
	b, err := json.Marshal(scene{o, file, s.keys.Texts()})
	fine(t, err)
	fine(t, os.WriteFile(filepath.Join(dir, "scene.json"), b, 0o600))
	fine(t, os.WriteFile(filepath.Join(dir, "self"), before, 0o700))
	return dir, s, o
}

func child(t *testing.T, what, dir, kill string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childVar+"="+what, dirVar+"="+dir, killVar+"="+kill)
	c.Stderr = os.Stderr
	return c
}

func killed(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	w, ok := e.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && w.Signal() == syscall.SIGKILL
}

// Killed at each step of taking a release, either the old program is chosen or
// the new one, whole; and taken again, it is the new one.
func TestKilledAtEachStepOfTaking(t *testing.T) {
	for _, step := range []string{"download", "downloaded", "checked", "tried", "placed", "on trial"} {
		t.Run(step, func(t *testing.T) {
			dir, s, o := box(t, reports)
			if err := child(t, "take", dir, step).Run(); !killed(err) {
				t.Fatalf("it was to die at %s: %v", step, err)
			}
			f := Folder{dir}
			switch c, err := f.Choose(filepath.Join(dir, "self"), own, s.keys, time.Now()); {
			case err != nil:
				t.Fatal(err)
			case step == "on trial" && c.Release != "1.2.1", step != "on trial" && c.Program != filepath.Join(dir, "self"):
				t.Fatalf("%+v is chosen", c)
			}
			fine(t, child(t, "take", dir, "").Run())
			if c, err := f.Choose("self", own, s.keys, time.Now()); err != nil || c.Release != "1.2.1" || !c.Trial {
				t.Fatalf("%+v %v", c, err)
			}
			if got, err := os.ReadFile(f.program(o)); err != nil || !bytes.Equal(got, reports) || count(f.bin()) != 1 {
				t.Errorf("%d files, %v", count(f.bin()), err)
			}
		})
	}
}

func diary(dir string) []string {
	b, _ := os.ReadFile(filepath.Join(dir, "diary")) // not there yet: nothing ran
	return strings.Fields(string(b))
}

func last(dir string) string {
	if d := diary(dir); len(d) > 0 {
		return d[len(d)-1]
	}
	return ""
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 4*time.Minute; time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("not within four minutes: " + what)
}

// launched starts a launcher and gives the function that ends it.
func launched(t *testing.T, dir, kill string) (*exec.Cmd, func()) {
	t.Helper()
	c := child(t, "launch", dir, kill)
	fine(t, c.Start())
	return c, func() {
		fine(t, os.WriteFile(filepath.Join(dir, "enough"), nil, 0o600))
		fine(t, c.Wait())
	}
}

func TestANewReleaseHasToReportBack(t *testing.T) {
	for name, c := range map[string]struct {
		file   []byte
		runs   string
		reason string
	}{
		"reports":      {reports, "new", ""},
		"crashes":      {crashes, "old", Crashed},
		"says nothing": {silent, "old", Silent},
		"cannot start": {append([]byte("#!/nowhere\n"), reports...), "old", Unable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, s, o := box(t, c.file)
			f := Folder{dir}
			fine(t, os.MkdirAll(f.bin(), 0o700))
			fine(t, os.WriteFile(f.program(o), c.file, 0o700))
			fine(t, f.Begin(o))
			_, stop := launched(t, dir, "")
			until(t, c.runs+" runs", func() bool {
				p, err := f.Plan()
				return err == nil && p.Trial.Release == "" && last(dir) == c.runs
			})
			stop()
			p, err := f.Plan()
			fine(t, err)
			l, failed := p.LastFailure()
			if failed != (c.reason != "") || l.Reason != c.reason || (p.Active.Release == "1.2.1") != (c.reason == "") {
				t.Errorf("%+v; %v", p, diary(dir))
			}
			if want, err := f.Choose("self", own, s.keys, time.Now()); err != nil || (want.Release == "1.2.1") != (c.reason == "") {
				t.Errorf("%+v %v", want, err)
			}
		})
	}
}

// The launcher is killed at each of its steps, and started again: in the end the
// new release runs if it reports back, and the old one if it does not. What the
// killed one had started has ended by itself.
func TestLauncherKilledAtEachStep(t *testing.T) {
	for _, c := range []struct {
		file []byte
		step string
		runs string
	}{
		{reports, "chosen", "new"},
		{reports, "started", "new"},
		{reports, "keep", "new"},
		{crashes, "chosen", "old"},
		{crashes, "started", "old"},
		{crashes, "roll back", "old"},
		{silent, "roll back", "old"},
	} {
		t.Run(c.runs+"/"+c.step, func(t *testing.T) {
			t.Parallel()
			dir, _, o := box(t, c.file)
			f := Folder{dir}
			fine(t, os.MkdirAll(f.bin(), 0o700))
			fine(t, os.WriteFile(f.program(o), c.file, 0o700))
			fine(t, f.Begin(o))
			if err := child(t, "launch", dir, c.step).Run(); !killed(err) {
				t.Fatalf("it was to die at %s: %v", c.step, err)
			}
			_, stop := launched(t, dir, "")
			until(t, c.runs+" runs", func() bool {
				p, err := f.Plan()
				return err == nil && p.Trial.Release == "" && last(dir) == c.runs
			})
			stop()
		})
	}
}

// A launcher starts again what has ended, at once if it asked for that.
func TestWhatEndsIsStartedAgain(t *testing.T) {
	dir, _, _ := box(t, reports)
	fine(t, os.WriteFile(filepath.Join(dir, "self"), script(`echo old >>"$1/diary"; [ $(wc -l <"$1/diary") = 1 ] && exit 75; [ $(wc -l <"$1/diary") = 2 ] && exit 1; read x`), 0o700))
	_, stop := launched(t, dir, "")
	until(t, "three starts", func() bool { return len(diary(dir)) == 3 })
	stop()
}
