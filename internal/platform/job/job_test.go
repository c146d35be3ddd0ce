package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var (
	schemas = place.Schemas{Place: job.Migrations, Registry: job.Migrations, Housekeeping: job.Housekeeping}
	tester  = actor.ForSystem("test")
)

func enqueue(t *testing.T, p *place.Place, kind string, args any, opts ...job.Option) (j id.Job) {
	t.Helper()
	err := p.Change(t.Context(), tester, func(tx *place.Tx) (err error) {
		tx.Record(place.Event{Code: "test.done"})
		j, err = job.Enqueue(tx, kind, args, opts...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func list(t *testing.T, p *place.Place, s job.State) (all []job.Info) {
	t.Helper()
	err := p.View(t.Context(), func(tx *place.Tx) (err error) {
		all, err = job.List(tx, s, id.Job{}, 100)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func runDue(t *testing.T, r *job.Runner, now time.Time) int {
	t.Helper()
	n, err := r.RunDue(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAJobIsThereIfItsCauseIs(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		var got []string
		r := job.NewRunner(s, map[string]job.Kind{"greet": {Run: func(_ context.Context, p *place.Place, j job.Job) error {
			var name string
			err := j.Decode(&name)
			got = append(got, name)
			return err
		}}}, job.Options{})
		boom := errors.New("boom")
		err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test.done"})
			job.Enqueue(tx, "greet", "undone")
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		enqueue(t, p, "greet", "Ada")
		enqueue(t, s.Registry(), "greet", "registry")
		if n := runDue(t, r, time.Now().Add(time.Second)); n != 2 || !slices.Contains(got, "Ada") || !slices.Contains(got, "registry") {
			t.Fatalf("ran %d: %v", n, got)
		}
		if left := list(t, p, ""); len(left) != 0 {
			t.Fatal(left)
		}
		if due, next, err := s.Waiting(t.Context(), time.Now().Add(time.Hour)); err != nil || len(due) != 0 || !next.IsZero() {
			t.Fatalf("an idle place still has a hint: %v %v %v", due, next, err)
		}
	})
}

func TestFailuresWaitLongerAndEndDead(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		runs, told, woken := 0, "", 0
		s.OnCommit(func(c place.Commit) {
			if slices.Contains(c.Topics, place.Conditions) {
				woken++ // who watches for alerts
			}
		})
		r := job.NewRunner(s, map[string]job.Kind{"fail": {
			Attempts: 3,
			Run: func(context.Context, *place.Place, job.Job) error {
				runs++
				if runs == 2 {
					return fault.New(fault.Limited, "the engine is busy").After(10 * time.Minute)
				}
				return fault.Wrap(errors.New("card 4111"), fault.Unavailable, "the engine does not answer")
			},
			GivenUp: func(_ context.Context, _ *place.Place, _ job.Job, reason string) error {
				told = reason
				return nil
			},
		}}, job.Options{})
		j := enqueue(t, p, "fail", nil, job.Once("k"))
		if d := delayed(t, p); len(d) != 0 {
			t.Fatalf("delayed before it was run: %+v", d)
		}
		now := time.Now().Add(time.Second)
		if n := runDue(t, r, now); n != 1 {
			t.Fatal(n)
		}
		if n := runDue(t, r, now.Add(4*time.Second)); n != 0 {
			t.Fatal("it did not wait")
		}
		if d := delayed(t, p); len(d) != 1 || d["k"].ID != j || d["k"].Reason != "the engine does not answer" || d["k"].DueAt < now.UnixMilli() {
			t.Fatalf("delayed: %+v", d)
		}
		now = now.Add(6 * time.Second)
		if n := runDue(t, r, now); n != 1 {
			t.Fatal(n)
		}
		if n := runDue(t, r, now.Add(9*time.Minute)); n != 0 {
			t.Fatal("it did not wait as long as it was told")
		}
		if n := runDue(t, r, now.Add(10*time.Minute)); n != 1 {
			t.Fatal(n)
		}
		dead := list(t, p, job.Dead)
		if len(dead) != 1 || dead[0].ID != j || dead[0].Reason != "the engine does not answer" || told != dead[0].Reason {
			t.Fatalf("%+v, told %q", dead, told)
		}
		if woken != 3 {
			t.Fatalf("%d of 3 failures are looked at soon", woken)
		}
		if n := runDue(t, r, now.Add(24*time.Hour)); n != 0 {
			t.Fatal("a dead job was run")
		}
		if err := p.Keep(t.Context(), func(tx *place.Tx) error { return job.Retry(tx, j) }); err != nil {
			t.Fatal(err)
		}
		if d := delayed(t, p); len(d) != 0 {
			t.Fatalf("a retried job waits for what was: %+v", d)
		}
		if n := runDue(t, r, now.Add(24*time.Hour)); n != 1 {
			t.Fatal("a retried job was not run")
		}
	})
}

func delayed(t *testing.T, p *place.Place) (all map[string]job.Info) {
	t.Helper()
	if err := p.View(t.Context(), func(tx *place.Tx) (err error) {
		all, err = job.Delayed(tx, "fail", "k", "other")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPermanentErrorsAndPanics(t *testing.T) {
	store := placetest.New(t, schemas)
	p := placetest.Customer(t, store)
	r := job.NewRunner(store, map[string]job.Kind{
		"nonsense": {Run: func(context.Context, *place.Place, job.Job) error {
			return job.Permanent(fault.New(fault.Invalid, "no such language"))
		}},
		"panics": {Run: func(context.Context, *place.Place, job.Job) error { panic("4111 1111") }},
	}, job.Options{})
	enqueue(t, p, "nonsense", nil)
	enqueue(t, p, "panics", nil)
	if n := runDue(t, r, time.Now().Add(time.Second)); n != 2 {
		t.Fatal(n)
	}
	if dead := list(t, p, job.Dead); len(dead) != 1 || dead[0].Reason != "no such language" {
		t.Fatalf("%+v", dead)
	}
	if w := list(t, p, job.Waiting); len(w) != 1 || strings.Contains(w[0].Reason, "4111") || w[0].Reason == "" {
		t.Fatalf("%+v", w)
	}
}

func TestOnceKeepsOneJob(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		runs := 0
		r := job.NewRunner(s, map[string]job.Kind{"count": {Run: func(_ context.Context, p *place.Place, j job.Job) error {
			if runs++; runs == 1 {
				if again := enqueue(t, p, "count", nil, job.Once("k")); again != j.ID {
					t.Errorf("a second job %v beside %v", again, j.ID)
				}
			}
			return nil
		}}}, job.Options{})
		later := time.Now().Add(time.Hour)
		a := enqueue(t, p, "count", nil, job.Once("k"), job.At(later))
		b := enqueue(t, p, "count", nil, job.Once("k"), job.At(later.Add(time.Hour)))
		other := enqueue(t, p, "count", nil, job.Once("other"), job.At(later.Add(2*time.Hour)))
		if a != b || a == other || len(list(t, p, "")) != 2 {
			t.Fatal("the key did not keep one job")
		}
		if n := runDue(t, r, later.Add(-time.Minute)); n != 0 {
			t.Fatal("run before its time")
		}
		if n := runDue(t, r, later); n != 2 || runs != 2 {
			t.Fatalf("%d runs: what was enqueued while it ran must run once more", runs)
		}
		if err := p.Keep(t.Context(), func(tx *place.Tx) error { return job.Drop(tx, "count", "other") }); err != nil {
			t.Fatal(err)
		}
		if left := list(t, p, ""); len(left) != 0 {
			t.Fatal(left)
		}
	})
}

func TestFinishEndsTheJobWithItsResults(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		fail := true
		r := job.NewRunner(s, map[string]job.Kind{"work": {Run: func(ctx context.Context, p *place.Place, j job.Job) error {
			return p.Change(ctx, tester, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "test.result"})
				if err := j.Finish(tx); err != nil {
					return err
				}
				if fail {
					return errors.New("undone")
				}
				return nil
			})
		}}}, job.Options{})
		enqueue(t, p, "work", nil)
		now := time.Now().Add(time.Second)
		runDue(t, r, now)
		if w := list(t, p, job.Waiting); len(w) != 1 {
			t.Fatalf("an undone end is no end: %+v", w)
		}
		fail = false
		if n := runDue(t, r, now.Add(time.Minute)); n != 1 || len(list(t, p, "")) != 0 {
			t.Fatal("the job did not end")
		}
	})
}

// A runner that takes a job and is never heard of again is a killed process.
func TestALeaseThatRunsOutIsTakenOver(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		now := time.Now().Add(time.Second)
		var second *job.Runner
		runs := 0
		kinds := map[string]job.Kind{"work": {Run: func(ctx context.Context, p *place.Place, j job.Job) error {
			if runs++; runs == 1 {
				if n := runDue(t, second, now.Add(29*time.Second)); n != 0 {
					t.Error("taken over while the lease held")
				}
				if n := runDue(t, second, now.Add(31*time.Second)); n != 1 {
					t.Error("not taken over after the lease")
				}
				return p.Keep(ctx, j.Finish)
			}
			return nil
		}}}
		first := job.NewRunner(s, kinds, job.Options{})
		second = job.NewRunner(s, kinds, job.Options{})
		enqueue(t, p, "work", nil)
		runDue(t, first, now)
		if runs != 2 || len(list(t, p, "")) != 0 {
			t.Fatalf("%d runs, left %v", runs, list(t, p, ""))
		}
	})
}

func TestStartedRunnerIsWokenByCommitsAndServesPlacesInTurns(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		busy, quiet := placetest.Customer(t, s), placetest.Customer(t, s)
		var mu sync.Mutex
		var order []string
		done := make(chan struct{})
		r := job.NewRunner(s, map[string]job.Kind{"work": {Run: func(_ context.Context, p *place.Place, j job.Job) error {
			mu.Lock()
			defer mu.Unlock()
			if order = append(order, p.Customer().String()); len(order) == 11 {
				close(done)
			}
			return nil
		}}}, job.Options{Parallel: 1, Poll: time.Hour})
		for i := range 10 {
			enqueue(t, busy, "work", i)
		}
		enqueue(t, quiet, "work", 0)
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer r.Stop()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d jobs were run", len(order))
		}
		mu.Lock()
		defer mu.Unlock()
		if i := slices.Index(order, quiet.Customer().String()); i > 1 {
			t.Fatalf("the quiet place was served as number %d", i+1)
		}
	})
}

func TestStopGivesBackWhatRan(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		began := make(chan struct{})
		r := job.NewRunner(s, map[string]job.Kind{"long": {Run: func(ctx context.Context, _ *place.Place, _ job.Job) error {
			close(began)
			<-ctx.Done()
			return fmt.Errorf("stopped: %w", ctx.Err())
		}}}, job.Options{Poll: time.Hour})
		r.Stop() // not started yet
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		enqueue(t, p, "long", nil)
		<-began
		r.Stop()
		r.Stop()
		if w := list(t, p, job.Waiting); len(w) != 1 || w[0].Attempts != 0 {
			t.Fatalf("%+v", list(t, p, ""))
		}
	})
}

// A handler may take much longer than a lease, which its runner renews.
func TestALongJobKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := placetest.New(t, schemas)
		p := placetest.Customer(t, s)
		var runs, done atomic.Int32
		kinds := map[string]job.Kind{"long": {Parallel: 2, Run: func(ctx context.Context, _ *place.Place, _ job.Job) error {
			runs.Add(1)
			select {
			case <-time.After(10 * time.Minute):
				done.Add(1)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}}
		for range 2 {
			r := job.NewRunner(s, kinds, job.Options{Poll: time.Minute})
			if err := r.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer r.Stop()
		}
		enqueue(t, p, "long", nil)
		time.Sleep(12 * time.Minute)
		if runs.Load() != 1 || done.Load() != 1 || len(list(t, p, "")) != 0 {
			t.Fatalf("begun %d times, done %d times", runs.Load(), done.Load())
		}
	})
}

// What kills the program each time must not do so for ever.
func TestAJobThatNeverEndsIsGivenUp(t *testing.T) {
	s := placetest.New(t, schemas)
	p := placetest.Customer(t, s)
	now := time.Now().Add(time.Second)
	runs := 0
	var r *job.Runner
	r = job.NewRunner(s, map[string]job.Kind{"deadly": {Attempts: 3, Run: func(context.Context, *place.Place, job.Job) error {
		runs++
		now = now.Add(time.Minute) // the process is gone; after the lease another one comes
		runDue(t, r, now)
		return nil
	}}}, job.Options{})
	enqueue(t, p, "deadly", nil)
	runDue(t, r, now)
	if dead := list(t, p, job.Dead); runs != 3 || len(dead) != 1 || !strings.Contains(dead[0].Reason, "begun 3 times") {
		t.Fatalf("%d runs: %+v", runs, dead)
	}
}
