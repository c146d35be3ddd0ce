package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/span"
	"ringfence/internal/platform/place"
)

// Kind says how jobs of one kind are run.
type Kind struct {
	Run      Handler
	Parallel int // at once in this process; 0 means 1
	Attempts int // before it is given up; 0 means 10

	// GivenUp, if set, is told before a job becomes dead, so that what waits for
	// it can say so. It may be told twice.
	GivenUp func(ctx context.Context, p *place.Place, j Job, reason string) error
}

// Options of a Runner; zero values mean the defaults.
type Options struct {
	Parallel int              // jobs at once in this process; 0: as many as processors, at least 2
	Lease    time.Duration    // how long after a crash a job is run again; 0: 30 s
	Poll     time.Duration    // how often to look without being woken; 0: 5 s
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: discards
	Tracer   span.Tracer      // nil: nobody traces
	// Ran is told how each run ended (done, later, given-up, interrupted), for figures.
	Ran func(kind, outcome string, took time.Duration)
}

// Runner runs due jobs of all places and of the registry. Places take turns: a
// place with a thousand jobs does not keep another's single one waiting.
type Runner struct {
	store *place.Store
	kinds map[string]Kind
	opts  Options
	wake  chan struct{}

	mu      sync.Mutex
	busy    map[string]int // running jobs by kind
	running int
	turn    id.Customer            // who was served last
	ill     map[id.Customer]string // places that could not be served, and why

	cancel context.CancelFunc
	loop   sync.WaitGroup
	hands  sync.WaitGroup
}

// NewRunner makes a runner; Start lets it work.
func NewRunner(store *place.Store, kinds map[string]Kind, opts Options) *Runner {
	if opts.Parallel == 0 {
		opts.Parallel = max(2, runtime.NumCPU())
	}
	if opts.Lease == 0 {
		opts.Lease = 30 * time.Second
	}
	if opts.Poll == 0 {
		opts.Poll = 5 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Ran == nil {
		opts.Ran = func(string, string, time.Duration) {}
	}
	r := &Runner{store: store, kinds: maps.Clone(kinds), opts: opts, wake: make(chan struct{}, 1), busy: map[string]int{}, ill: map[id.Customer]string{}}
	store.OnCommit(func(c place.Commit) {
		if c.Jobs {
			r.nudge()
		}
	})
	return r
}

func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Start begins to look for work and returns.
func (r *Runner) Start(ctx context.Context) error {
	if r.cancel != nil {
		return errors.New("the runner was started before")
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.loop.Go(func() { r.watch(ctx) })
	return nil
}

// Stop interrupts what runs, gives it back, and waits. Twice is fine, and so
// is a runner that was never started.
func (r *Runner) Stop() {
	if r.cancel != nil {
		r.cancel()
	}
	r.loop.Wait()
	r.hands.Wait()
}

func (r *Runner) watch(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := r.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			r.opts.Log.Error("looking for jobs", "error", err)
		}
		wait := r.opts.Poll
		if !next.IsZero() {
			wait = min(wait, max(0, next.Sub(r.opts.Now())))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// sweep hands out due jobs, in turns over the places, until no hand is free or
// nothing is due. It gives the time of the next job that is not due yet.
func (r *Runner) sweep(ctx context.Context) (time.Time, error) {
	now := r.opts.Now()
	due, next, err := r.store.Waiting(ctx, now)
	if err != nil {
		return next, err
	}
	places := []id.Customer{{}} // the registry gives no hints
	for _, w := range due {
		places = append(places, w.Customer)
	}
	places = r.fromTurn(places)
	for len(places) > 0 && ctx.Err() == nil {
		var more []id.Customer
		for _, c := range places {
			kinds := r.free()
			if len(kinds) == 0 {
				return next, nil
			}
			n, err := r.serve(ctx, c, kinds, now)
			r.report(ctx, c, err)
			if err != nil {
				continue // a closed or damaged place keeps nobody else waiting
			}
			if n > 0 {
				more = append(more, c)
				r.turn = c
			}
		}
		places = more
	}
	return next, nil
}

// report logs trouble with a place once, not at every look. Only sweep calls it.
func (r *Runner) report(ctx context.Context, c id.Customer, err error) {
	if err == nil {
		delete(r.ill, c)
		return
	}
	if text := err.Error(); r.ill[c] != text && ctx.Err() == nil {
		r.ill[c] = text
		r.opts.Log.Error("taking a job", "customer", c, "error", err)
	}
}

// fromTurn starts after the place that was served last.
func (r *Runner) fromTurn(cs []id.Customer) []id.Customer {
	slices.SortFunc(cs, func(a, b id.Customer) int { return slices.Compare(a[:], b[:]) })
	i, _ := slices.BinarySearchFunc(cs, r.turn, func(a, b id.Customer) int {
		if d := slices.Compare(a[:], b[:]); d != 0 {
			return d
		}
		return -1 // the one served last is not the first again
	})
	return slices.Concat(cs[i:], cs[:i])
}

// free lists the kinds that have a free hand.
func (r *Runner) free() (kinds []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running >= r.opts.Parallel {
		return nil
	}
	for name, k := range r.kinds {
		if r.busy[name] < max(1, k.Parallel) {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

func (r *Runner) place(ctx context.Context, c id.Customer) (*place.Place, error) {
	if c.IsZero() {
		return r.store.Registry(), nil
	}
	return r.store.Place(ctx, c)
}

// serve claims one job of a place and starts it.
func (r *Runner) serve(ctx context.Context, c id.Customer, kinds []string, now time.Time) (int, error) {
	p, err := r.place(ctx, c)
	if err != nil {
		return 0, err
	}
	jobs, err := claim(ctx, p, kinds, 1, now, r.opts.Lease)
	if err != nil {
		return 0, err
	}
	for _, j := range jobs {
		r.count(j.Kind, +1)
		r.hands.Go(func() {
			defer r.nudge()
			defer r.count(j.Kind, -1)
			r.do(ctx, p, j, r.opts.Now)
		})
	}
	return len(jobs), nil
}

func (r *Runner) count(kind string, by int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[kind] += by
	r.running += by
}

// RunDue runs all jobs that are due at a time, one after another, and those
// that they enqueue for the same time; for tests and for commands.
func (r *Runner) RunDue(ctx context.Context, now time.Time) (ran int, err error) {
	kinds := slices.Sorted(maps.Keys(r.kinds))
	for {
		due, _, err := r.store.Waiting(ctx, now)
		if err != nil {
			return ran, err
		}
		before := ran
		for _, w := range append(due, place.Work{}) {
			p, err := r.place(ctx, w.Customer)
			if err != nil {
				return ran, err
			}
			jobs, err := claim(ctx, p, kinds, 100, now, r.opts.Lease)
			if err != nil {
				return ran, err
			}
			for _, j := range jobs {
				r.do(ctx, p, j, func() time.Time { return now })
				ran++
			}
		}
		if ran == before {
			return ran, nil
		}
	}
}

// do runs one job to one of its ends.
func (r *Runner) do(ctx context.Context, p *place.Place, j Job, now func() time.Time) {
	kind := r.kinds[j.Kind]
	log := r.opts.Log.With("job", j.ID, "kind", j.Kind, "customer", p.Customer(), "attempt", j.Attempt)
	most := kind.Attempts
	if most == 0 {
		most = 10
	}
	begun, outcome := time.Now(), "done"
	ctx, s := span.Begin(span.Continue(span.With(ctx, r.opts.Tracer), j.trace), "job "+j.Kind)
	var err error
	defer func() { s.End(err); r.opts.Ran(j.Kind, outcome, time.Since(begun)) }()
	if id := span.ID(ctx); id != "" {
		log = log.With("trace", id)
	}
	if j.Attempt > most {
		err = Permanent(fault.New(fault.Internal, "it was begun %d times and the program ended each time before it was done", most))
	} else {
		err = r.run(ctx, kind, p, j, now, log)
	}
	// What follows must be written although the runner may be stopping.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, permanent := errors.AsType[*permanentError](err)
	var kept error
	switch {
	case err == nil:
		kept = finish(keep, p, j)
	case errors.Is(err, ErrLost):
		outcome = "interrupted"
		log.Warn("a job was taken over by another runner")
	case ctx.Err() != nil && !permanent:
		outcome = "interrupted"
		kept = giveBack(keep, p, j, now())
	case permanent || j.Attempt >= most:
		outcome = "given-up"
		log.Error("a job was given up", "error", err)
		kept = r.giveUp(keep, kind, p, j, reasonOf(err))
	default:
		outcome = "later"
		wait := max(delay(j), fault.Of(err).RetryAfter)
		log.Warn("a job failed and will be tried again", "error", err, "after", wait)
		kept = postpone(keep, p, j, now().Add(wait), reasonOf(err))
	}
	if kept != nil {
		// The lease runs out, and the job is run again.
		log.Error("the end of a job could not be written", "error", kept)
	}
}

func (r *Runner) giveUp(ctx context.Context, kind Kind, p *place.Place, j Job, reason string) error {
	if kind.GivenUp != nil {
		if err := kind.GivenUp(ctx, p, j, reason); err != nil {
			return err
		}
	}
	return bury(ctx, p, j, reason)
}

// run calls the handler and renews the lease while it works. A handler that
// panics has failed; the other jobs go on.
func (r *Runner) run(ctx context.Context, kind Kind, p *place.Place, j Job, now func() time.Time, log *slog.Logger) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(r.opts.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := renew(ctx, p, j, now().Add(r.opts.Lease)); errors.Is(err, ErrLost) {
					// The handler may have finished the job itself a moment ago.
					cancel(ErrLost)
				} else if err != nil && ctx.Err() == nil {
					log.Warn("a lease could not be renewed", "error", err)
				}
			}
		}
	})
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if err != nil && errors.Is(context.Cause(ctx), ErrLost) {
			err = ErrLost
		}
		cancel(nil)
		renewing.Wait()
	}()
	return kind.Run(ctx, p, j)
}
