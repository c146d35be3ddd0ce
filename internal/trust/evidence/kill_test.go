package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/evidence"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/witness"
)

const (
	killDir = "RINGFENCE_TEST_KILL_DIR"
	killAt  = "RINGFENCE_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		at, _ := strconv.Atoi(os.Getenv(killAt))
		if err := exportUntilKilled(dir, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	placetest.Main(m)
}

// disk is a world in a folder, as a server that is started leaves and finds it.
func disk(dir string, step func(string)) (*recordingtest.World, *parcel.Service, *job.Runner, error) {
	w, err := recordingtest.Disk(context.Background(), dir, recording.Options{}, recording.Source{Profile: "generic", Folder: "/nowhere"}, more())
	if err != nil {
		return nil, nil, nil, err
	}
	points := witness.New(witness.Options{Store: w.Store, Keys: w.Keys, Mail: &mail.Mailbox{}})
	s := parcel.New(parcel.Options{Store: w.Store, Keys: w.Keys, Objects: w.Bucket, Step: step})
	s.Register(evidence.Kind, evidence.New(w.Service, points, time.Now).Maker("recording.download"))
	return w, s, job.NewRunner(w.Store, s.Kinds(), job.Options{}), nil
}

func work(r *job.Runner, at time.Time) error {
	var errs []error
	for range 4 {
		_, err := r.RunDue(context.Background(), at)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// exportUntilKilled makes an evidence file and destroys it again, or kills its own
// process at a step.
func exportUntilKilled(dir string, at int) error {
	steps := 0
	w, s, r, err := disk(dir, func(name string) {
		if steps++; steps == at {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	rec, err := id.Parse[id.Recording](os.Getenv("RINGFENCE_TEST_RECORDING"))
	if err != nil {
		return err
	}
	p, err := s.Ask(ctx, w.Place, keeper, parcel.Order{Kind: evidence.Kind, Name: "x.zip", Args: evidence.Chosen{Recordings: []id.Recording{rec}}, Purpose: "court", Subjects: []string{rec.String()}})
	if err == nil {
		err = work(r, time.Now().Add(time.Second))
	}
	if err == nil {
		err = s.Remove(ctx, w.Place, keeper, p.ID)
	}
	return errors.Join(err, w.Close())
}

// keeper is the same person in each process.
var keeper = actor.ForSystem("keeper")

// Killed at each step, an export is after the next start made whole or gone whole:
// no key without a row, no object without a key.
func TestExportKilledAtEachStep(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		w, _, _, err := disk(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		rec := w.Archive(t, "one.wav", 1)
		objects := count(t, w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(at), "RINGFENCE_TEST_RECORDING="+rec.String())
		out, err := cmd.CombinedOutput()
		step := strings.TrimSpace(string(out))
		if err == nil {
			if at < 9 {
				t.Fatalf("only %d steps", at)
			}
			return
		}
		if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%v %s", err, out)
		}
		after(t, dir, step, objects)
	}
}

// after starts anew and looks at what is left.
func after(t *testing.T, dir, step string, objects int) {
	t.Helper()
	w, s, r, err := disk(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := work(r, time.Now().Add(time.Hour)); err != nil { // the lease of who was killed is over
		t.Fatal(err)
	}
	all, err := s.List(t.Context(), w.Place, keeper)
	if err != nil || len(all) != 1 {
		t.Fatalf("after %q: %+v %v", step, all, err)
	}
	want := objects
	switch all[0].State {
	case parcel.Ready:
		want++
		o, err := s.Open(t.Context(), w.Place, keeper, all[0].ID)
		if err != nil {
			t.Fatalf("after %q: %v", step, err)
		}
		c, err := o.Content(t.Context())
		if err != nil {
			t.Fatalf("after %q: %v", step, err)
		}
		c.Close()
	case parcel.Ended:
	default:
		t.Errorf("after %q it is %s: %s", step, all[0].State, all[0].Reason)
	}
	if got := count(t, w); got > want+1 || got < want || got > want && step != "make: store" && step != "make: stored" {
		t.Errorf("after %q there are %d objects, want %d (%s)", step, got, want, all[0].State)
	}
	if at, err := journal.Altered(t.Context(), w.Place); err != nil || at != 0 {
		t.Errorf("after %q the log does not hold: %d %v", step, at, err)
	}
}

func count(t *testing.T, w *recordingtest.World) (n int) {
	t.Helper()
	if err := w.Bucket.List(t.Context(), "", func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
