package parcel_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
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

func TestMain(m *testing.M) {
	if v := recordingtest.Told(); v != nil {
		v.Done(untilKilled(v))
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

func untilKilled(v *recordingtest.Victim) error {
	ctx := context.Background()
	d, err := openDisk(ctx, v.Dir, v.Step)
	if err != nil {
		return err
	}
	v.Arm()
	if v.Act == "make" {
		return d.work(ctx)
	}
	i, err := id.Parse[id.Parcel](v.Of)
	if err != nil {
		return err
	}
	return d.s.Remove(ctx, d.Place, asker, i)
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
		step, was := recordingtest.Killed(t, dir, "make", asked.ID.String(), at)
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
		step, was := recordingtest.Killed(t, dir, "end", asked.ID.String(), at)
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
