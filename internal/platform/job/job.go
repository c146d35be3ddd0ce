// Package job is work that must not be forgotten: it is enqueued in the same
// transaction as its cause, and is there if and only if the cause is. A job is
// run at least once, so handlers are idempotent; one that ends its job with
// Finish in the Change that holds its results is done exactly once.
//
//	waiting ── claimed ──▶ running ── done ──▶ (gone)
//	   ▲                     │ │
//	   └── failed, later ────┘ └── failed for good ──▶ dead ── Retry ──▶ waiting
//
// A running job holds a lease that its runner renews; the lease of a process
// that died runs out and the job is run again. Arguments and reasons lie in the
// database as they are: ids belong in them, nothing personal.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/span"
	"ringfence/internal/platform/place"
)

// Migrations make the table of jobs, in places and in the registry alike.
var Migrations = place.Migrations{{Number: 20, Name: "jobs", SQL: `
CREATE TABLE jobs (
	id          {{id}} NOT NULL PRIMARY KEY,
	kind        {{text}} NOT NULL,
	args        {{text}} NOT NULL,
	only_once   {{text}},
	state       {{text}} NOT NULL,
	due_at      {{int}} NOT NULL,
	attempts    {{int}} NOT NULL,
	again       {{int}} NOT NULL,
	lease       {{bytes}},
	reason      {{text}} NOT NULL,
	enqueued_at {{int}} NOT NULL
);
CREATE UNIQUE INDEX jobs_once ON jobs (kind, only_once);
CREATE INDEX jobs_due ON jobs (due_at) WHERE state <> 'dead';
`}, {Number: 61, Name: "what a job follows from", SQL: `
ALTER TABLE jobs ADD COLUMN trace {{text}} NOT NULL DEFAULT '';
`}}

// Housekeeping are the tables that are written without an event.
var Housekeeping = []string{"jobs"}

// State is how far a job has come.
type State string

const (
	Waiting State = "waiting" // for its time or for a free hand
	Running State = "running" // due_at is when its lease ends
	Dead    State = "dead"    // given up; Reason says why
)

// Job is one piece of work, as its handler sees it.
type Job struct {
	ID      id.Job
	Kind    string
	Args    json.RawMessage
	Attempt int // 1 for the first

	lease []byte
	trace string // of what it follows from; empty: nobody traces
}

// Decode reads the arguments.
func (j Job) Decode(args any) error {
	if err := json.Unmarshal(j.Args, args); err != nil {
		return Permanent(fmt.Errorf("arguments of the job %v: %w", j.ID, err))
	}
	return nil
}

// Finish ends the job in the handler's own transaction. It fails with
// ErrLost when the lease has run out and somebody else has the job.
func (j Job) Finish(tx *place.Tx) error {
	// What was enqueued again under the same key while it ran is to run again.
	n, err := tx.Exec(`UPDATE jobs SET state = 'waiting', again = 0, attempts = 0, reason = '', lease = NULL, due_at = ? WHERE id = ? AND lease = ? AND again = 1`,
		tx.At().UnixMilli(), j.ID, j.lease)
	if err != nil {
		return err
	}
	if n == 1 {
		return tx.Due(tx.At())
	}
	n, err = tx.Exec(`DELETE FROM jobs WHERE id = ? AND lease = ?`, j.ID, j.lease)
	if err == nil && n == 0 {
		return ErrLost
	}
	return err
}

// ErrLost means that another runner has taken the job over.
var ErrLost = errors.New("the job's lease has run out")

// Handler does the work of one kind of job. It must end soon after ctx is done.
type Handler func(ctx context.Context, p *place.Place, j Job) error

type options struct {
	at     time.Time
	once   any
	reason string
}

// Option refines Enqueue.
type Option func(*options)

// At lets the job wait until a time.
func At(t time.Time) Option { return func(o *options) { o.at = t } }

// Because says why the job waits until its time, as the reason of a failure would.
func Because(reason string) Option { return func(o *options) { o.reason = reason } }

// Once keeps one job of this kind and key: enqueued again while it waits, it
// stays one, with the earlier time; while it runs, it runs once more; dead, it
// is tried anew.
func Once(key string) Option { return func(o *options) { o.once = key } }

// Enqueue adds a job in this transaction, be it a Change or housekeeping.
func Enqueue(tx *place.Tx, kind string, args any, opts ...Option) (id.Job, error) {
	o := options{at: tx.At()}
	for _, opt := range opts {
		opt(&o)
	}
	text, err := json.Marshal(args)
	if err != nil {
		return id.Job{}, fmt.Errorf("arguments of a job %s: %w", kind, err)
	}
	if err := tx.Due(o.at); err != nil {
		return id.Job{}, err
	}
	return place.Row[id.Job](tx, `INSERT INTO jobs (id, kind, args, only_once, state, due_at, attempts, again, reason, enqueued_at, trace)
		VALUES (?, ?, ?, ?, 'waiting', ?, 0, 0, ?, ?, ?)
		ON CONFLICT (kind, only_once) DO UPDATE SET
			args = excluded.args,
			again = CASE jobs.state WHEN 'running' THEN 1 ELSE 0 END,
			attempts = CASE jobs.state WHEN 'dead' THEN 0 ELSE jobs.attempts END,
			reason = CASE jobs.state WHEN 'dead' THEN excluded.reason ELSE jobs.reason END,
			due_at = CASE WHEN jobs.state = 'dead' OR jobs.state = 'waiting' AND excluded.due_at < jobs.due_at THEN excluded.due_at ELSE jobs.due_at END,
			state = CASE jobs.state WHEN 'dead' THEN 'waiting' ELSE jobs.state END
		RETURNING id`,
		id.New[id.Job](), kind, string(text), o.once, o.at.UnixMilli(), o.reason, tx.At().UnixMilli(), span.Carry(tx.Context()))
}

// GivenUp counts the jobs of tx's place that were given up.
func GivenUp(tx *place.Tx) (int64, error) {
	return place.Row[int64](tx, `SELECT count(*) FROM jobs WHERE state = 'dead'`)
}

// Failing gives the jobs of some kinds that do not get done: those that were given
// up, and those that have failed and were enqueued before an instant.
func Failing(tx *place.Tx, before time.Time, kinds ...string) ([]Info, error) {
	return place.Rows[Info](tx, infoColumns+` WHERE kind IN (?) AND (state = 'dead' OR state = 'waiting' AND attempts > 0 AND reason <> '' AND enqueued_at < ?) ORDER BY id`,
		place.List(kinds), before.UnixMilli())
}

// Delayed gives the jobs of a kind that wait with a reason, after a failure or
// because they were put off, by the key that Once gave them; those of other keys are left out.
func Delayed(tx *place.Tx, kind string, keys ...string) (map[string]Info, error) {
	type keyed struct {
		Info
		Key string `db:"only_once"`
	}
	rows, err := place.Rows[keyed](tx, `SELECT id, kind, state, args, attempts, reason, due_at, enqueued_at, only_once FROM jobs
		WHERE kind = ? AND only_once IN (?) AND state = 'waiting' AND reason <> ''`, kind, place.List(keys))
	all := make(map[string]Info, len(rows))
	for _, r := range rows {
		all[r.Key] = r.Info
	}
	return all, err
}

// Standing is how many jobs of tx's place wait or run, and since when the oldest
// of those that are due has waited; zero: none.
func Standing(tx *place.Tx) (waiting int64, oldest time.Time, err error) {
	if waiting, err = place.Row[int64](tx, `SELECT count(*) FROM jobs WHERE state <> 'dead'`); err != nil || waiting == 0 {
		return waiting, oldest, err
	}
	at, err := place.Row[*int64](tx, `SELECT min(due_at) FROM jobs WHERE state = 'waiting' AND due_at <= ?`, tx.At().UnixMilli())
	if err == nil && at != nil {
		oldest = time.UnixMilli(*at).UTC()
	}
	return waiting, oldest, err
}

// Permanent marks an error that trying again would not mend: the job is dead
// at once.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Info is a job as it is listed.
type Info struct {
	ID         id.Job `db:"id"`
	Kind       string `db:"kind"`
	State      State  `db:"state"`
	Args       []byte `db:"args"`
	Attempts   int    `db:"attempts"`
	Reason     string `db:"reason"`      // of the last failure
	DueAt      int64  `db:"due_at"`      // Unix ms; for a running job the end of its lease
	EnqueuedAt int64  `db:"enqueued_at"` // Unix ms
}

const infoColumns = `SELECT id, kind, state, args, attempts, reason, due_at, enqueued_at FROM jobs`

// List gives jobs of a state, or of all with "", the oldest first, after the
// given id (zero: from the start).
func List(tx *place.Tx, s State, after id.Job, limit int) ([]Info, error) {
	return place.Rows[Info](tx, infoColumns+` WHERE (state = ? OR ? = '') AND id > ? ORDER BY id LIMIT ?`, string(s), string(s), after[:], limit)
}

// Retry gives a dead job a new life. It is fault.NotFound if there is no such
// dead job.
func Retry(tx *place.Tx, j id.Job) error {
	n, err := tx.Exec(`UPDATE jobs SET state = 'waiting', attempts = 0, reason = '', due_at = ? WHERE id = ? AND state = 'dead'`, tx.At().UnixMilli(), j)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "there is no such job that was given up")
	}
	if err != nil {
		return err
	}
	return tx.Due(tx.At())
}

// Drop forgets jobs of a kind and key that wait or are dead; one that runs is
// left to end.
func Drop(tx *place.Tx, kind, once string) error {
	_, err := tx.Exec(`DELETE FROM jobs WHERE kind = ? AND only_once = ? AND state <> 'running'`, kind, once)
	return err
}
