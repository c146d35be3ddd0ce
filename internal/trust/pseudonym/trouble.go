package pseudonym

import (
	"context"
	"fmt"
	"time"

	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// patience is how long a job may fail before somebody is told, unless it was given
// up before: disks and key servers come back.
const patience = time.Hour

// Trouble is something that does not get done by itself. Nothing of it is personal.
type Trouble struct {
	Subject string // "runs", "keys" or "recordings"
	N       int64
	Since   time.Time // zero: nobody knows
	Text    string
}

// Troubles says what does not get done at an instant: runs that stand still, keys of
// ways back that are not destroyed, and recordings whose names were not replaced
// although a run came to them.
func (s *Service) Troubles(ctx context.Context, p *place.Place, at time.Time) (all []Trouble, err error) {
	runs := Trouble{Subject: "runs", Text: "a replacing of names does not get on: nothing of it is lost, and each night it is tried again"}
	keys := Trouble{Subject: "keys", Text: "keys of ways back from pseudonyms that were to be destroyed are not all destroyed, and there is no certificate yet"}
	left := Trouble{Subject: "recordings"}
	err = p.View(ctx, func(tx *place.Tx) error {
		jobs, err := job.Failing(tx, at.Add(-patience), Job, JobForget)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			of := &runs
			if j.Kind == JobForget {
				of = &keys
			}
			if since := instant(j.EnqueuedAt); of.N == 0 || since.Before(of.Since) {
				of.Since = since
			}
			of.N++
		}
		left.N, err = place.Row[int64](tx, `SELECT count(DISTINCT i.n) FROM pseudonym_items i JOIN recordings r ON r.n = i.n AND r.id = i.rec
			WHERE i.state = 'failed' AND NOT EXISTS (SELECT 1 FROM recording_pseudonymised d WHERE d.n = i.n)`)
		return err
	})
	left.Text = fmt.Sprintf("names stand in recordings in which they were to be replaced: %d", left.N)
	for _, t := range []Trouble{runs, keys, left} {
		if t.N > 0 {
			all = append(all, t)
		}
	}
	return all, err
}

// revive has what was given up tried again.
func revive(tx *place.Tx) error {
	jobs, err := job.Failing(tx, time.Time{}, Job, JobForget)
	for _, j := range jobs {
		if err == nil && j.State == job.Dead {
			err = job.Retry(tx, j.ID)
		}
	}
	return err
}
