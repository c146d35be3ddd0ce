package bulk

import (
	"context"
	"errors"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// Kind is how the job of an import is run: one at a time in this process, as often as it takes.
func (s *Service) Kind() job.Kind {
	return job.Kind{Run: s.work, Parallel: 1, Attempts: 1 << 30}
}

// errTurn means that an import was told to wait or to end, or that it did.
var errTurn = errors.New("the import does not go on")

// again is how long after a fault an import tries again.
const again = 30 * time.Second

// work brings an import on until it is done, told to wait, or cannot.
func (s *Service) work(ctx context.Context, p *place.Place, j job.Job) error {
	var a args
	if err := j.Decode(&a); err != nil {
		return err
	}
	err := s.bring(ctx, p, a.Import)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil, errors.Is(err, errTurn), fault.Is(err, fault.NotFound):
		return p.Keep(ctx, j.Finish)
	}
	if why := s.halt(ctx, p, a.Import, err); why != nil {
		return why
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		if err := j.Finish(tx); err != nil {
			return err
		}
		return enqueue(tx, a.Import, tx.At().Add(again))
	})
}

// bring does what there is to do, step by step.
func (s *Service) bring(ctx context.Context, p *place.Place, i id.Import) error {
	var known *sizes
	var src source
	defer func() {
		if src.close != nil {
			src.close()
		}
	}()
	listed := false
	began, done := s.o.Now(), 0
	for {
		var r row
		if err := p.View(ctx, func(tx *place.Tx) (err error) {
			r, err = read(tx, i)
			return err
		}); err != nil {
			return err
		}
		state := State(r.State)
		if state == Stopped {
			state = State(r.Goes)
		}
		if state != Looking && state != Running {
			return errTurn
		}
		if src.files == nil || !listed && r.Listed != 0 {
			if src.close != nil {
				src.close()
			}
			var err error
			if src, err = s.open(ctx, p, r); err != nil {
				return err
			}
			listed = r.Listed != 0
		}
		if err := s.mayGoOn(ctx, p, r); err != nil {
			return err
		}
		more, n, err := s.step(ctx, p, r, src, &known)
		if err != nil {
			return err
		}
		if err := s.goes(ctx, p, r); err != nil {
			return err
		}
		if !more {
			if err := s.end(ctx, p, r); err != nil {
				return err
			}
		}
		if done += n; src.draft.PerMinute > 0 {
			due := began.Add(time.Duration(done) * time.Minute / time.Duration(src.draft.PerMinute))
			if err := wait(ctx, min(due.Sub(s.o.Now()), time.Minute)); err != nil {
				return err
			}
		}
	}
}

// step is the next piece of work.
func (s *Service) step(ctx context.Context, p *place.Place, r row, src source, known **sizes) (more bool, n int, err error) {
	if r.Listed == 0 {
		_, err = s.list(ctx, p, r, src.files)
		return true, 0, err
	}
	if State(r.Goes) == Looking {
		if *known == nil {
			if *known, err = s.sizesOf(ctx, p); err != nil {
				return true, 0, err
			}
		}
		more, err = s.look(ctx, p, r, src, *known)
		return more, 0, err
	}
	return s.run(ctx, p, r, src)
}

// mayGoOn asks what can stop a run: the quota, and that it must be chosen how long recordings are kept.
func (s *Service) mayGoOn(ctx context.Context, p *place.Place, r row) error {
	if State(r.Goes) != Running {
		return nil
	}
	keep, err := s.o.Recordings.Retention(ctx, p)
	if err != nil {
		return err
	}
	if !keep.Chosen {
		return fault.New(fault.Unavailable, "nothing is taken in before it is chosen how long recordings are kept")
	}
	return s.o.Recordings.Admit(ctx, p)
}

// yield lets live capture go first. It ends when capture has no work, or the import is told to wait.
func (s *Service) yield(ctx context.Context, p *place.Place, it recording.Item) error {
	said := false
	say := func(on bool) error {
		return p.Keep(ctx, func(tx *place.Tx) error {
			tx.Notify(Topic)
			_, err := tx.Exec(`UPDATE imports SET yielding = ? WHERE source = ?`, flag(on), it.Source)
			return err
		})
	}
	for s.o.Busy() {
		if !said {
			said = true
			if err := say(true); err != nil {
				return err
			}
			s.o.Step("yield")
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		state := ""
		if err := p.View(ctx, func(tx *place.Tx) (err error) {
			state, err = place.Row[string](tx, `SELECT state FROM imports WHERE source = ?`, it.Source)
			return err
		}); err != nil {
			return err
		}
		if State(state) == Paused || State(state) == Cancelled {
			return errTurn
		}
	}
	if said {
		return say(false)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// halt says why an import cannot go on, once for each reason.
func (s *Service) halt(ctx context.Context, p *place.Place, i id.Import, cause error) error {
	f := fault.Of(cause)
	why := f.Text
	if f.Kind == fault.Internal {
		s.o.Log.ErrorContext(ctx, "an import cannot go on", "customer", p.Customer(), "import", i, "error", cause)
		why = "something went wrong in the program; its operator finds more in the log"
	}
	var r row
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		r, err = read(tx, i)
		return err
	}); err != nil {
		return err
	}
	if State(r.State) != Stopped || r.Note != why {
		err := p.Change(ctx, actor.ForSystem("import"), func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "import.stopped", Subject: i.String(), Facts: map[string]string{"why": why}})
			tx.Notify(Topic)
			_, err := tx.Exec(`UPDATE imports SET state = 'stopped', note = ?, yielding = 0 WHERE id = ? AND state IN ('looking', 'running', 'stopped')`, why, i)
			return err
		})
		if err != nil {
			return err
		}
		s.o.Halted(ctx, p, i, why)
	}
	return nil
}

// goes takes back that an import was stopped.
func (s *Service) goes(ctx context.Context, p *place.Place, r row) error {
	if State(r.State) != Stopped {
		return nil
	}
	err := p.Change(ctx, actor.ForSystem("import"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "import.resumed", Subject: r.ID.String(), Facts: map[string]string{"why": "what stopped it is gone"}})
		tx.Notify(Topic)
		_, err := tx.Exec(`UPDATE imports SET state = goes, note = '' WHERE id = ? AND state = 'stopped'`, r.ID)
		return err
	})
	if err == nil {
		s.o.Goes(ctx, p, r.ID)
	}
	return err
}

// end ends a phase: a preview waits for a start, a run is over.
func (s *Service) end(ctx context.Context, p *place.Place, r row) error {
	if State(r.Goes) == Looking {
		err := p.Change(ctx, actor.ForSystem("import"), func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "import.previewed", Subject: r.ID.String()})
			tx.Notify(Topic)
			_, err := tx.Exec(`UPDATE imports SET state = 'ready' WHERE id = ? AND goes = 'looking' AND state IN ('looking', 'stopped')`, r.ID)
			return err
		})
		return errors.Join(err, errTurn)
	}
	return errors.Join(s.finish(ctx, p, r, Done), errTurn)
}
