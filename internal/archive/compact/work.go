package compact

import (
	"context"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

const (
	atOnce   = 10             // recordings of one run: then others have their turn
	fillAt   = 200            // rows queued at a time
	forText  = 24 * time.Hour // how long a transcript is waited for: an engine hears the original better
	giveUp   = 5              // failures after which the original is kept for good
	again    = 10 * time.Minute
	mostWait = 24 * time.Hour
)

// run works a part of the queue off and enqueues itself for the rest.
func (s *Service) run(ctx context.Context, p *place.Place, j job.Job) error {
	c, turns, err := s.fill(ctx, p)
	if err != nil {
		return err
	}
	for _, t := range turns {
		if err := s.shrink(ctx, p, c, t); err != nil {
			return err
		}
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		if err := j.Finish(tx); err != nil || !c.Opus {
			return err
		}
		next, err := place.Row[*int64](tx, `SELECT min(due_at) FROM compact_queue`)
		if err != nil {
			return err
		}
		at := s.now()
		if next == nil {
			high, err := mark(tx)
			if err != nil {
				return err
			}
			if more, err := place.Row[int64](tx, `SELECT count(*) FROM (SELECT 1 AS one FROM recordings WHERE n > ? LIMIT 1) AS few`, high); err != nil || more == 0 {
				return err
			}
		} else if due := time.UnixMilli(*next); due.After(at) {
			at = due
		}
		_, err = job.Enqueue(tx, Job, struct{}{}, job.Once("all"), job.At(at))
		return err
	})
}

// fill queues recordings that came in since, and gives those whose turn it is.
func (s *Service) fill(ctx context.Context, p *place.Place) (c Choice, turns []turn, err error) {
	err = p.Keep(ctx, func(tx *place.Tx) error {
		if c, err = choice(tx); err != nil || !c.Opus {
			return err
		}
		now := s.now().UnixMilli()
		turns, err = place.Rows[turn](tx, dueTurns, now, atOnce)
		if err != nil || len(turns) == atOnce {
			return err
		}
		high, err := mark(tx)
		if err != nil {
			return err
		}
		ns, err := place.Rows[int64](tx, `SELECT n FROM recordings WHERE n > ? ORDER BY n LIMIT ?`, high, fillAt)
		if err != nil || len(ns) == 0 {
			return err
		}
		for _, n := range ns {
			if _, err := tx.Exec(`INSERT INTO compact_queue (n, due_at, tries) VALUES (?, ?, 0) ON CONFLICT (n) DO NOTHING`, n, now); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`INSERT INTO compact_mark (one, high) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET high = excluded.high`, ns[len(ns)-1]); err != nil {
			return err
		}
		turns, err = place.Rows[turn](tx, dueTurns, now, atOnce)
		return err
	})
	return c, turns, err
}

// dueTurns also gives rows whose recording is gone: they are taken out.
const dueTurns = `SELECT q.n, q.tries, r.id, r.verified_at, coalesce(r.transcript_state, '') AS transcript_state, coalesce(r.captured_at, 0) AS captured_at
	FROM compact_queue AS q LEFT JOIN recordings AS r ON r.n = q.n WHERE q.due_at <= ? ORDER BY q.due_at, q.n LIMIT ?`

// shrink gives one recording its turn. Its error is one of the whole place.
func (s *Service) shrink(ctx context.Context, p *place.Place, c Choice, t turn) error {
	switch {
	case t.ID.IsZero():
		return s.settle(ctx, p, t.N, "", recording.Saving{})
	case t.Verified == nil, t.Text == string(recording.TranscriptWaiting) && s.now().Sub(time.UnixMilli(t.Captured)) < forText:
		return s.later(ctx, p, t, again, t.Tries)
	}
	o, err := s.recordings.Open(ctx, p, system.For("making it smaller"), t.ID, recording.Ask{What: "make-smaller"})
	if err == nil {
		defer o.Close()
		_, err = o.Shrink(ctx, recording.Smaller{Kbit: c.Kbit, Drop: c.Drop}, func(tx *place.Tx, saving recording.Saving) error {
			return settle(tx, t.N, stateOf(saving), saving)
		})
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Gone):
		return s.settle(ctx, p, t.N, "", recording.Saving{})
	case t.Tries+1 >= giveUp:
		s.log.WarnContext(ctx, "a recording could not be made smaller; its original is kept", "recording", t.ID, "error", err)
		return s.settle(ctx, p, t.N, "failed", recording.Saving{})
	}
	s.log.InfoContext(ctx, "a recording could not be made smaller yet", "recording", t.ID, "error", err)
	return s.later(ctx, p, t, min(again<<t.Tries, mostWait), t.Tries+1)
}

func stateOf(s recording.Saving) string {
	switch {
	case s.Dropped:
		return "dropped"
	case s.Made:
		return "made"
	default:
		return "same"
	}
}

func (s *Service) later(ctx context.Context, p *place.Place, t turn, after time.Duration, tries int) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE compact_queue SET due_at = ?, tries = ? WHERE n = ?`, s.now().Add(after).UnixMilli(), tries, t.N)
		return err
	})
}

func (s *Service) settle(ctx context.Context, p *place.Place, n int64, state string, saving recording.Saving) error {
	return p.Keep(ctx, func(tx *place.Tx) error { return settle(tx, n, state, saving) })
}

// settle notes what became of a recording and takes it out of the queue; no
// state: there is no such recording any more.
func settle(tx *place.Tx, n int64, state string, saving recording.Saving) error {
	if _, err := tx.Exec(`DELETE FROM compact_queue WHERE n = ?`, n); err != nil || state == "" {
		return err
	}
	tx.Notify(Topic)
	_, err := tx.Exec(`INSERT INTO compacted (n, state, before_bytes, after_bytes) VALUES (?, ?, ?, ?)
		ON CONFLICT (n) DO UPDATE SET state = excluded.state, before_bytes = excluded.before_bytes, after_bytes = excluded.after_bytes`,
		n, state, saving.Before, saving.After)
	return err
}
