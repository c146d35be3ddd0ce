package capture_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
)

const (
	killDir = "RINGFENCE_TEST_KILL_DIR"
	killAt  = "RINGFENCE_TEST_KILL_AT"
)

// TestMain runs the child of the kill test when it is asked to.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		at, _ := strconv.Atoi(os.Getenv(killAt))
		if err := captureUntilKilled(dir, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	_ = flag.Set("test.parallel", "8") // they wait for folders and disks, not for a processor
	os.Exit(m.Run())
}

const sounds = 3

// captureUntilKilled watches the folder until all its files are archived and
// removed, or kills its own process at the given step.
func captureUntilKilled(dir string, at int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	armed := false
	steps := 0
	o := recording.Options{Step: func(name string) {
		if !armed {
			return
		}
		if steps++; steps == at {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	folder := filepath.Join(dir, "drop")
	w, err := recordingtest.Disk(ctx, dir, o, recording.Source{Profile: "generic", Folder: folder, After: recording.Delete})
	if err != nil {
		return err
	}
	armed = true
	s := capture.NewService(capture.ServiceOptions{Store: w.Store, Recordings: w.Service, Every: 20 * time.Millisecond})
	if err := s.Start(ctx); err != nil {
		return err
	}
	for {
		left, err := os.ReadDir(folder)
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if len(left) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Stop()
	return w.Close()
}

// Whatever the step at which the server is killed, after the next start each
// recording is in the archive exactly once, and no source was removed before
// its recording was verified.
func TestKilledAtEachStepOfCapture(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		dir := t.TempDir()
		sums := dropSounds(t, filepath.Join(dir, "drop"))
		killed, step := child(t, dir, at)
		if !killed {
			if at < 10 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			return
		}
		t.Run(fmt.Sprintf("%02d %s", at, step), func(t *testing.T) {
			removedOnlyIfVerified(t, dir, sums)
			if killed, _ := child(t, dir, 0); killed {
				t.Fatal("the second run did not finish")
			}
			archivedOnce(t, dir, sums)
		})
	}
}

func dropSounds(t *testing.T, folder string) map[string]bool {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	sums := map[string]bool{}
	for i := range sounds {
		data := recordingtest.Tone(i+1, 1, time.Second)
		sums[fmt.Sprintf("%x", sha256.Sum256(data))] = true
		path := filepath.Join(folder, fmt.Sprintf("%d.wav", i))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Minute)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	return sums
}

// child runs this binary on a folder; at 0 it is not killed.
func child(t *testing.T, dir string, at int) (killed bool, step string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false, ""
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return true, string(out[:max(0, len(out)-1)])
	}
	t.Fatalf("the child failed: %v\n%s", err, out)
	return false, ""
}

// look opens the world that a child has left.
func look(t *testing.T, dir string) (*recordingtest.World, []recording.Recording) {
	t.Helper()
	w, err := recordingtest.Disk(t.Context(), dir, recording.Options{}, recording.Source{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	page, err := w.Service.List(t.Context(), w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{})
	if err != nil {
		t.Fatal(err)
	}
	return w, page.Items
}

func removedOnlyIfVerified(t *testing.T, dir string, sums map[string]bool) {
	t.Helper()
	w, all := look(t, dir)
	defer w.Close()
	verified := map[string]bool{}
	for _, r := range all {
		verified[r.Card.File] = !r.VerifiedAt.IsZero()
	}
	for i := range sounds {
		name := fmt.Sprintf("%d.wav", i)
		if _, err := os.Stat(filepath.Join(dir, "drop", name)); errors.Is(err, os.ErrNotExist) && !verified[name] {
			t.Errorf("%s was removed before its recording was verified", name)
		}
	}
}

func archivedOnce(t *testing.T, dir string, sums map[string]bool) {
	t.Helper()
	ctx := t.Context()
	w, all := look(t, dir)
	if len(all) != len(sums) {
		t.Fatalf("%d recordings, want %d", len(all), len(sums))
	}
	heard := map[string]bool{}
	for _, r := range all {
		o, err := w.Service.Open(ctx, w.Place, w.Who, r.ID, recording.Ask{What: "listen"})
		if err != nil {
			t.Fatal(err)
		}
		wav, err := o.WAV(ctx)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(wav, 0, wav.Size())); err != nil {
			t.Fatal(err)
		}
		heard[fmt.Sprintf("%x", h.Sum(nil))] = true
	}
	for sum := range sums {
		if !heard[sum] {
			t.Error("a sound is not in the archive")
		}
	}
	pending, err := w.Place.Pending(ctx, "")
	if err != nil || len(pending) != 0 {
		t.Errorf("intents are left: %v, %v", pending, err)
	}
	objects := 0
	if err := w.Bucket.List(ctx, "", func(string, int64) error { objects++; return nil }); err != nil || objects != len(sums) {
		t.Errorf("%d objects, want %d (%v)", objects, len(sums), err)
	}
}

// A server that is killed while it finishes what an earlier crash left undone
// finishes it at the start after that.
func TestKilledWhileRecovering(t *testing.T) {
	t.Parallel()
	const beforeCommit, beforeVerify = 5, 7
	for _, first := range []int{beforeCommit, beforeVerify} {
		for second := 1; second <= 4; second++ {
			dir := t.TempDir()
			sums := dropSounds(t, filepath.Join(dir, "drop"))
			for _, at := range []int{first, second} {
				if killed, _ := child(t, dir, at); !killed {
					t.Fatalf("not killed at step %d", at)
				}
				removedOnlyIfVerified(t, dir, sums)
			}
			if killed, _ := child(t, dir, 0); killed {
				t.Fatal("the last run did not finish")
			}
			archivedOnce(t, dir, sums)
		}
	}
}
