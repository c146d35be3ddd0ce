package job

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

type row struct {
	ID       id.Job `db:"id"`
	Kind     string `db:"kind"`
	Args     []byte `db:"args"`
	Attempts int    `db:"attempts"`
	Trace    string `db:"trace"`
}

// claim takes up to n due jobs of the given kinds and leases them. Jobs whose
// lease has run out are due like any other. It also writes down when this
// place is to be looked at next.
func claim(ctx context.Context, p *place.Place, kinds []string, n int, now time.Time, lease time.Duration) (jobs []Job, err error) {
	err = p.Keep(ctx, func(tx *place.Tx) error {
		jobs = nil
		rows, err := place.Rows[row](tx, `SELECT id, kind, args, attempts, trace FROM jobs
			WHERE state <> 'dead' AND due_at <= ? AND kind IN (?) ORDER BY due_at, id LIMIT ?`, now.UnixMilli(), place.List(kinds), n)
		if err != nil {
			return err
		}
		for _, r := range rows {
			token := make([]byte, 8)
			rand.Read(token)
			_, err := tx.Exec(`UPDATE jobs SET state = 'running', lease = ?, due_at = ?, attempts = attempts + 1 WHERE id = ?`,
				token, now.Add(lease).UnixMilli(), r.ID)
			if err != nil {
				return err
			}
			jobs = append(jobs, Job{r.ID, r.Kind, r.Args, r.Attempts + 1, token, r.Trace})
		}
		return settle(tx)
	})
	return jobs, err
}

// settle writes the time of the place's next job into the registry.
func settle(tx *place.Tx) error {
	next, err := place.Row[*int64](tx, `SELECT min(due_at) FROM jobs WHERE state <> 'dead'`)
	if err != nil {
		return err
	}
	if next == nil {
		return tx.Settle(time.Time{})
	}
	return tx.Settle(time.UnixMilli(*next))
}

// renew keeps the lease; ErrLost says that it is gone.
func renew(ctx context.Context, p *place.Place, j Job, until time.Time) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		n, err := tx.Exec(`UPDATE jobs SET due_at = ? WHERE id = ? AND lease = ?`, until.UnixMilli(), j.ID, j.lease)
		if err == nil && n == 0 {
			return ErrLost
		}
		return err
	})
}

// finish ends a job whose handler has not done so itself.
func finish(ctx context.Context, p *place.Place, j Job) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		if err := j.Finish(tx); err != nil && err != ErrLost {
			return err
		}
		return settle(tx)
	})
}

// giveBack returns a job that was interrupted by a stop: nothing is held
// against it.
func giveBack(ctx context.Context, p *place.Place, j Job, now time.Time) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE jobs SET state = 'waiting', lease = NULL, attempts = attempts - 1, due_at = ? WHERE id = ? AND lease = ?`,
			now.UnixMilli(), j.ID, j.lease)
		if err != nil {
			return err
		}
		return settle(tx)
	})
}

// postpone lets a failed job wait; bury gives it up.
func postpone(ctx context.Context, p *place.Place, j Job, at time.Time, reason string) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE jobs SET state = 'waiting', lease = NULL, again = 0, due_at = ?, reason = ? WHERE id = ? AND lease = ?`,
			at.UnixMilli(), reason, j.ID, j.lease)
		if err != nil {
			return err
		}
		tx.Notify(place.Conditions)
		return settle(tx)
	})
}

func bury(ctx context.Context, p *place.Place, j Job, reason string) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE jobs SET state = 'dead', lease = NULL, again = 0, reason = ? WHERE id = ? AND lease = ?`, reason, j.ID, j.lease)
		if err != nil {
			return err
		}
		tx.Notify(place.Conditions)
		return settle(tx)
	})
}

const (
	firstDelay = 5 * time.Second
	lastDelay  = time.Hour
)

// delay doubles with each attempt up to an hour. The id adds up to a tenth, so
// that jobs which failed together do not come back together.
func delay(j Job) time.Duration {
	d := lastDelay
	if shift := j.Attempt - 1; shift < 10 {
		d = min(firstDelay<<shift, lastDelay)
	}
	return d + d/10*time.Duration(j.ID[15])/255
}

// reasonOf is what a person may read: the fault's text and details. An error
// without a fault may quote anything, so it goes to the log only.
func reasonOf(err error) string {
	f := fault.Of(err)
	text := f.Text
	for _, d := range f.Details {
		text += fmt.Sprintf("; %s: %s", d.Path, d.Text)
	}
	return text
}
