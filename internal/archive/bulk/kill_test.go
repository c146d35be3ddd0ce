package bulk_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("RINGFENCE_TEST_KILL_DIR"); dir != "" {
		at, _ := strconv.Atoi(os.Getenv("RINGFENCE_TEST_KILL_AT"))
		if err := importUntilKilled(dir, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	placetest.Main(m)
}

// importUntilKilled brings the import of a folder on, and ends its process at a step of it or of the archive's; 0 lets it come to its end.
func importUntilKilled(dir string, at int) error {
	ctx := context.Background()
	armed, steps := false, 0
	step := func(name string) {
		if !armed {
			return
		}
		if steps++; steps == at {
			fmt.Println(name)
			if p, err := os.FindProcess(os.Getpid()); err == nil {
				p.Kill()
			}
			select {}
		}
	}
	w, err := recordingtest.Disk(ctx, dir, recording.Options{Step: step}, recording.Source{Folder: "/nowhere", Profile: "generic"},
		place.Schemas{Place: bulk.Migrations(), Housekeeping: bulk.Housekeeping})
	if err != nil {
		return err
	}
	if err := w.Service.Recover(ctx, w.Place); err != nil {
		return err
	}
	s := bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service, Batch: 3, Step: step})
	i, err := id.Parse[id.Import](os.Getenv("RINGFENCE_TEST_IMPORT"))
	if err != nil {
		return err
	}
	r := job.NewRunner(w.Store, map[string]job.Kind{bulk.Job: s.Kind()}, job.Options{Poll: 10 * time.Millisecond, Lease: 300 * time.Millisecond})
	armed = true
	if err := r.Start(ctx); err != nil {
		return err
	}
	for {
		got, err := s.Get(ctx, w.Place, i)
		if err != nil {
			return err
		}
		switch got.State {
		case bulk.Ready:
			if _, err := s.Start(ctx, w.Place, w.Who, i); err != nil {
				return err
			}
		case bulk.Stopped:
			return fmt.Errorf("stopped: %s", got.Note)
		case bulk.Done:
			r.Stop()
			return w.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestImportKilled: wherever the process is killed, the import goes on, every file ends in one way, and nothing is archived twice.
func TestImportKilled(t *testing.T) {
	dir := t.TempDir()
	o := &old{t: t, dir: t.TempDir()}
	for i := range 4 {
		o.put(fmt.Sprintf("%d/x%d.wav", i%2, i), recordingtest.Tone(i, 1, 100*time.Millisecond))
	}
	o.put("twice.wav", recordingtest.Tone(1, 1, 100*time.Millisecond))
	o.put("broken.wav", []byte("no sound"))
	open := func() (*recordingtest.World, *bulk.Service) {
		w, err := recordingtest.Disk(t.Context(), dir, recording.Options{}, recording.Source{Folder: "/nowhere", Profile: "generic"},
			place.Schemas{Place: bulk.Migrations(), Housekeeping: bulk.Housekeeping})
		if err != nil {
			t.Fatal(err)
		}
		return w, bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service})
	}
	w, s := open()
	d := draft(o)
	d.Pattern = ""
	imp, err := s.Create(t.Context(), w.Place, w.Who, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// Each child goes some steps further than the last one came: one import dies at all of its steps.
	for at, ended := 1, false; !ended; at++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RINGFENCE_TEST_KILL_DIR="+dir, "RINGFENCE_TEST_KILL_AT="+strconv.Itoa(at), "RINGFENCE_TEST_IMPORT="+imp.ID.String())
		out, err := cmd.CombinedOutput()
		if ended = err == nil; !ended && cmd.ProcessState.ExitCode() == 1 {
			t.Fatalf("the child failed: %s", out)
		}
		if at > 60 {
			t.Fatal("it never comes to its end")
		}
	}
	w, s = open()
	defer w.Close()
	got, err := s.Get(t.Context(), w.Place, imp.ID)
	if err != nil || got.State != bulk.Done {
		t.Fatalf("%+v %v", got, err)
	}
	reconciles(t, got.Totals, map[bulk.Outcome]int64{bulk.Archived: 4, bulk.Duplicate: 1, bulk.Unreadable: 1})
	if u, err := w.Service.Usage(t.Context(), w.Place); err != nil || u.Recordings != 4 {
		t.Fatalf("%+v %v", u, err)
	}
}
