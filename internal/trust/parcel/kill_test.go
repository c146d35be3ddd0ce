package parcel_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/parcel"
)

// The kill tests end a process with SIGKILL at each step of making and ending an
// export. The child is this test binary, told by its environment what to do.
const (
	killDir = "RINGFENCE_PARCEL_KILL_DIR"
	killAct = "RINGFENCE_PARCEL_KILL_ACT"
	killAt  = "RINGFENCE_PARCEL_KILL_AT"
	killOf  = "RINGFENCE_PARCEL_KILL_OF"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		at, _ := strconv.Atoi(os.Getenv(killAt))
		if err := untilKilled(dir, os.Getenv(killAct), at); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	placetest.Main(m)
}

// asker is the same in every process.
var asker = actor.ForSystem("asker")

// disk is a world that outlives its process.
type disk struct {
	*recordingtest.World
	s      *parcel.Service
	runner *job.Runner
}

func openDisk(ctx context.Context, dir string, step func(string)) (*disk, error) {
	w, err := recordingtest.Disk(ctx, dir, recording.Options{}, recording.Source{Folder: "/nowhere", Profile: "generic"},
		place.Schemas{Place: parcel.Migrations(), Housekeeping: parcel.Housekeeping()})
	if err != nil {
		return nil, err
	}
	d := &disk{World: w}
	d.s = parcel.New(parcel.Options{Store: w.Store, Keys: w.Keys, Objects: w.Bucket, Step: step})
	d.s.Register("test", parcel.Maker{
		Act:      "recording.download",
		Estimate: func(context.Context, *place.Place, json.RawMessage) (int64, error) { return 1, nil },
		Make: func(_ context.Context, _ *place.Place, b *parcel.Box) error {
			return b.Add("sound.wav", bytes.Repeat([]byte{7}, 300_000))
		},
	})
	d.runner = job.NewRunner(w.Store, d.s.Kinds(), job.Options{})
	return d, nil
}

// work runs what is due, also what a process that was killed had taken.
func (d *disk) work(ctx context.Context) error {
	for n := range 4 {
		if _, err := d.runner.RunDue(ctx, time.Now().Add(time.Duration(n+1)*24*time.Hour)); err != nil {
			return err
		}
	}
	return nil
}

func untilKilled(dir, act string, at int) error {
	ctx, n := context.Background(), 0
	d, err := openDisk(ctx, dir, func(name string) {
		if n++; n == at {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		return err
	}
	if act == "make" {
		return d.work(ctx)
	}
	i, err := id.Parse[id.Parcel](os.Getenv(killOf))
	if err != nil {
		return err
	}
	return d.s.Remove(ctx, d.Place, asker, i)
}

// parcelKilled runs the act in a child that is killed at a step; false: it ended before.
func parcelKilled(t *testing.T, dir, act string, of id.Parcel, at int) (step string, was bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), killDir+"="+dir, killAct+"="+act, killAt+"="+strconv.Itoa(at), killOf+"="+of.String())
	out, err := c.CombinedOutput()
	if err == nil {
		return "", false
	}
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signal() == syscall.SIGKILL {
		return string(bytes.TrimSpace(out)), true
	}
	t.Fatalf("the child failed: %v\n%s", err, out)
	return "", false
}

func reopen(t *testing.T, dir string) *disk {
	t.Helper()
	d, err := openDisk(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// left counts the objects that lie in the first place.
func (d *disk) left(t *testing.T) (n int) {
	t.Helper()
	if err := d.Bucket.List(t.Context(), "", func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// Killed at each step of its making, an export is made whole by the next start,
// and of the first try nothing is left.
func TestKilledAtEachStepOfMakingAnExport(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		d := reopen(t, dir)
		asked, err := d.s.Ask(t.Context(), d.Place, asker, parcel.Order{Kind: "test", Name: "x.zip", Purpose: "court"})
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		step, was := parcelKilled(t, dir, "make", asked.ID, at)
		d = reopen(t, dir)
		if err := d.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := d.s.Read(t.Context(), d.Place, asker, asked.ID)
		if err != nil || got.State != parcel.Ready {
			t.Fatalf("killed at %q: %+v, %v", step, got, err)
		}
		o, err := d.s.Open(t.Context(), d.Place, asker, asked.ID)
		if err != nil {
			t.Fatal(err)
		}
		file, err := o.Content(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		z, err := zip.NewReader(file, file.Size())
		if err != nil || len(z.File) != 1 {
			t.Fatalf("killed at %q: %v", step, err)
		}
		r, err := z.File[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || len(b) != 300_000 {
			t.Errorf("killed at %q: %d bytes, %v", step, len(b), err)
		}
		file.Close()
		if n := d.left(t); n != 1 {
			t.Errorf("killed at %q: %d objects", step, n)
		}
		d.Close()
		if !was {
			if at < 5 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			return
		}
	}
}

// Killed at each step of its end, an export is as before or ends with the next
// start: its key and its bytes are gone.
func TestKilledAtEachStepOfEndingAnExport(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		d := reopen(t, dir)
		asked, err := d.s.Ask(t.Context(), d.Place, asker, parcel.Order{Kind: "test", Name: "x.zip", Purpose: "court"})
		if err == nil {
			err = d.work(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		step, was := parcelKilled(t, dir, "end", asked.ID, at)
		d = reopen(t, dir)
		if err := d.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := d.s.Read(t.Context(), d.Place, asker, asked.ID)
		if err != nil {
			t.Fatal(err)
		}
		dead, err := d.Keys.Destroyed(t.Context(), d.Place.Customer())
		if err != nil {
			t.Fatal(err)
		}
		switch got.State {
		case parcel.Ready:
			if step != "end: row" || d.left(t) != 1 || len(dead) != 0 {
				t.Errorf("killed at %q: ready, %d objects, %d keys destroyed", step, d.left(t), len(dead))
			}
		case parcel.Ended:
			if d.left(t) != 0 || len(dead) != 1 {
				t.Errorf("killed at %q: ended, %d objects, %d keys destroyed", step, d.left(t), len(dead))
			}
		default:
			t.Errorf("killed at %q: %s", step, got.State)
		}
		d.Close()
		if !was {
			if at < 5 {
				t.Fatalf("only %d steps: the hooks are gone", at-1)
			}
			return
		}
	}
}
