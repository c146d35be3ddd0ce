package coverage_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

const (
	killDir = "RINGFENCE_TEST_KILL_DIR"
	killAt  = "RINGFENCE_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		at, _ := strconv.Atoi(os.Getenv(killAt))
		if err := captureUntilKilled(dir, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	placetest.Main(m)
}

// child stands in for a test in a process that is none.
type child struct{ testing.TB }

func (child) Helper()                        {}
func (child) Fatal(args ...any)              { panic(fmt.Sprint(args...)) }
func (child) Name() string                   { return "child" }
func (child) Cleanup(func())                 {}
func (c child) Fatalf(f string, args ...any) { c.Fatal(fmt.Sprintf(f, args...)) }

// counted is an archive in a folder, with its count of calls.
type counted struct {
	*recordingtest.World
	count *coverage.Service
}

func openCounted(ctx context.Context, dir string, step func(string)) (*counted, error) {
	w, err := recordingtest.Disk(ctx, dir, recording.Options{Step: step}, recording.Source{Folder: "/nowhere", Profile: "generic", TimeZone: "UTC"},
		place.Schemas{Place: coverage.Migrations(), Housekeeping: coverage.Housekeeping()})
	if err != nil {
		return nil, err
	}
	c := &counted{w, coverage.New(coverage.Options{Store: w.Store})}
	w.Service.OnTaken(c.count.Taken)
	return c, w.Service.Recover(ctx, w.Place)
}

// look does what a look at a source does: the sound is archived, then what the
// log names is expected, with how far the log was read.
func (c *counted) look(ctx context.Context, t testing.TB) error {
	item := c.Item(t, "a.wav", recordingtest.Tone(1, 1, time.Second))
	if _, err := c.Service.Archive(ctx, c.Place, c.Who, item); err != nil {
		return err
	}
	call := coverage.CallOf(item.Call, true)
	return c.Place.Keep(ctx, func(tx *place.Tx) error {
		return c.count.Expect(tx, c.Source.ID, coverage.Report{Calls: []coverage.Call{call}})
	})
}

func captureUntilKilled(dir string, at int) error {
	armed, steps := false, 0
	die := func(name string) {
		if !armed {
			return
		}
		if steps++; steps == at {
			fmt.Print(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	c, err := openCounted(context.Background(), dir, die)
	if err != nil {
		return err
	}
	armed = true
	if err := c.look(context.Background(), child{}); err != nil {
		return err
	}
	die("expected")
	return c.Close()
}

// Wherever the process ends between a call's sound and its expectation, the next
// look finds one recording and one expectation, and the one captured by the other.
func TestKilledAtEachStepOfACapture(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(at))
		step, err := cmd.Output()
		killed := err != nil
		if status, is := cmd.ProcessState.Sys().(syscall.WaitStatus); killed && (!is || status.Signal() != syscall.SIGKILL) {
			t.Fatalf("the child failed: %v", err)
		}
		c, err := openCounted(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.look(t.Context(), t); err != nil {
				t.Fatal(err)
			}
		}
		list, err := c.Service.List(t.Context(), c.Place, c.Who, recording.Filter{Scope: recording.Scope{All: true}}, recording.PageAsk{Limit: 10})
		if err != nil || len(list.Items) != 1 {
			t.Errorf("killed at %q: %d recordings, %v", step, len(list.Items), err)
		}
		all, err := c.count.List(t.Context(), c.Place, coverage.Filter{State: coverage.Captured}, id.Expectation{}, 10, true)
		if err != nil || len(all.Items) != 1 {
			t.Errorf("killed at %q: %d expectations are captured, %v", step, len(all.Items), err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if !killed {
			if at < 4 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			return
		}
	}
}
