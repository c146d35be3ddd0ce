package person_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/person"
)

type ctx = context.Context

const (
	killDir  = "RINGFENCE_TEST_KILL_DIR"
	killAt   = "RINGFENCE_TEST_KILL_AT"
	killCase = "RINGFENCE_TEST_KILL_CASE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		at, _ := strconv.Atoi(os.Getenv(killAt))
		if err := eraseUntilKilled(dir, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	placetest.Main(m)
}

func onDisk(ctx context.Context, dir string, step func(string)) (*recordingtest.World, *person.Service, error) {
	w, err := recordingtest.Disk(ctx, dir, recording.Options{Step: step}, recording.Source{Folder: "/nowhere", Profile: "generic"},
		place.Schemas{Place: append(search.Migrations(), person.Migrations()...), Housekeeping: append(search.Housekeeping(), person.Housekeeping()...)})
	if err != nil {
		return nil, nil, err
	}
	return w, person.New(person.Options{Store: w.Store, Recordings: w.Service, Step: step}), nil
}

func eraseUntilKilled(dir string, at int) error {
	armed, steps := false, 0
	step := func(name string) {
		if !armed {
			return
		}
		if steps++; steps == at {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	w, persons, err := onDisk(context.Background(), dir, step)
	if err != nil {
		return err
	}
	c, err := id.Parse[id.PersonRequest](os.Getenv(killCase))
	if err != nil {
		return err
	}
	armed = true
	if err := persons.Erase(context.Background(), w.Place, ada, c, 2); err != nil {
		return err
	}
	return w.Close()
}

// Wherever the process ends, after the next start an erasure is either not
// begun or done to its end: both recordings are there, or both are gone.
func TestKilledWhileErasing(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		w, persons, err := onDisk(t.Context(), dir, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		recs := []id.Recording{w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2)}
		c, err := persons.Begin(t.Context(), w.Place, ada, person.Draft{Right: person.Erase, Subject: person.Subject{Identifiers: person.Identifiers{Numbers: []string{agnes}}}})
		if err == nil {
			err = persons.Search(t.Context(), w.Place, c.ID)
		}
		if err == nil {
			_, err = persons.Identify(t.Context(), w.Place, ada, c.ID, "seen", "")
		}
		if err != nil {
			t.Fatal(err)
		}
		all, err := persons.Items(t.Context(), w.Place, c.ID, id.Found{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range all {
			v := person.Rejected
			if it.Store == "recordings" {
				v = person.Confirmed
			}
			if _, err := persons.Decide(t.Context(), w.Place, ada, c.ID, person.Decision{Items: []id.Found{it.ID}, Verdict: v}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(at), killCase+"="+c.ID.String())
		out, err := cmd.CombinedOutput()
		if err == nil {
			if at < 10 {
				t.Errorf("only %d steps were seen", at-1)
			}
			return
		}
		if status, is := cmd.ProcessState.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGKILL {
			t.Fatalf("the child failed: %v\n%s", err, out)
		}
		t.Run(fmt.Sprintf("%02d %s", at, out[:max(0, len(out)-1)]), func(t *testing.T) { recovered(t, dir, c.ID, recs) })
	}
}

func recovered(t *testing.T, dir string, c id.PersonRequest, recs []id.Recording) {
	w, persons, err := onDisk(t.Context(), dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	waiting, _, err := w.Store.Waiting(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Recover(t.Context(), w.Place); err != nil {
		t.Fatal(err)
	}
	if err := persons.Recover(t.Context(), w.Place); err != nil {
		t.Fatal(err)
	}
	gone := 0
	for _, rec := range recs {
		if err := w.Service.May(t.Context(), w.Place, rec, recording.Everything); fault.Is(err, fault.Gone) {
			gone++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	got, err := persons.Read(t.Context(), w.Place, c)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case got.State != person.Open:
		t.Errorf("the request is %s", got.State)
	case gone == 1 || int64(gone) != got.Figures.Erased:
		t.Errorf("%d of 2 are gone, %d are said to be", gone, got.Figures.Erased)
	case gone == 2 && len(waiting) == 0:
		t.Error("a server that starts would not have looked here")
	}
	pending, err := w.Place.Pending(t.Context(), "")
	if err != nil || len(pending) > 0 {
		t.Errorf("%v %v", pending, err)
	}
}
