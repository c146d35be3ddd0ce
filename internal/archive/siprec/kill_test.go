package siprec

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// The kill test ends a process with SIGKILL at each step of a session's life,
// from its key to its end in the archive, starts it again, and looks at what has
// become of the sound. The child is this test binary.
const (
	childVar = "RINGFENCE_SIPREC_CHILD" // folder of its world
	killVar  = "RINGFENCE_SIPREC_KILL"  // number of the step at which to die
)

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// disk opens the world of a folder; step is told each step.
func disk(ctx context.Context, dir string, now func() time.Time, step func(string)) (*recordingtest.World, *Service, error) {
	more := place.Schemas{Place: Migrations(), Housekeeping: Housekeeping}
	w, err := recordingtest.Disk(ctx, dir, recording.Options{Step: step}, recording.Source{Folder: "/nowhere", Profile: "generic"}, more)
	if err != nil {
		return nil, nil, err
	}
	s, err := New(Options{Store: w.Store, Recordings: w.Service, Spool: filepath.Join(dir, "spool"), Now: now, Step: step})
	return w, s, err
}

// child records one call of two seconds, or dies on the way.
func child() error {
	ctx, at := context.Background(), noon
	last, _ := strconv.Atoi(os.Getenv(killVar))
	armed, steps := false, 0
	w, s, err := disk(ctx, os.Getenv(childVar), func() time.Time { return at }, func(name string) {
		if !armed {
			return
		}
		if steps++; steps == last {
			fmt.Print(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		return err
	}
	armed = true
	b := Binding{Customer: w.Place.Customer(), Source: w.Source.ID, Settings: Settings{MaxCalls: 1}}
	tape, err := s.Begin(ctx, b, Fact{What: Invited, At: at, Streams: two}, ALaw, nil)
	if err != nil {
		return err
	}
	for n := range 100 {
		for track := range 2 {
			tape.Packet(Packet{Track: track, Law: ALaw, SSRC: 1, Seq: uint16(n), Time: uint32(n * 160), Payload: tone(440, int64(n)*160, 160)}, at)
		}
		at = at.Add(20 * time.Millisecond)
		if n%20 == 0 {
			s.Tick(at)
			s.o.Step("heard")
		}
	}
	tape.Fact(Fact{What: Left, At: at})
	s.o.Step("left")
	s.Archive(ctx)
	return nil
}

func TestKilledAtEachStep(t *testing.T) {
	seen := map[string]bool{}
	for at := 1; ; at++ {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"="+dir, killVar+"="+strconv.Itoa(at))
		out, err := cmd.Output()
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if err != nil && status.Signal() != syscall.SIGKILL {
			t.Fatalf("the child failed: %v", err)
		}
		step := string(out)
		seen[step] = true
		after(t, dir, fmt.Sprintf("%d (%s)", at, step), seen["heard"])
		if err == nil {
			break
		}
	}
	for _, step := range []string{"key", "spool", "begun", "heard", "left", "archive", "archived", "forget", "key-gone", "commit", "committed"} {
		if !seen[step] {
			t.Errorf("never killed at %s", step)
		}
	}
}

// after starts the server again on what the child has left.
func after(t *testing.T, dir, step string, sound bool) {
	t.Helper()
	ctx := t.Context()
	w, s, err := disk(ctx, dir, nil, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Service.Recover(ctx, w.Place); err != nil {
		t.Fatal(err)
	}
	if err := s.recover(ctx, []id.Customer{w.Place.Customer()}); err != nil {
		t.Fatal(err)
	}
	s.Archive(ctx)
	page, err := w.Service.List(ctx, w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	if sound {
		want = 1
	}
	// Killed at the first look, no sound may have settled yet.
	if n := len(page.Items); n != want && !(n == 0 && step[len(step)-7:] == "(heard)") {
		t.Errorf("killed at %s: %d recordings, want %d", step, n, want)
	}
	spools, err := filepath.Glob(filepath.Join(dir, "spool", "*"+spoolSuffix))
	if err != nil || len(spools) != 0 {
		t.Errorf("killed at %s: left %v, %v", step, spools, err)
	}
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM siprec_sessions`)
		if n != 0 {
			t.Errorf("killed at %s: %d keys are left", step, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
