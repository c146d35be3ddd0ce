package org

import (
	"context"
	"math"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Figures is what a customer's place tells those above it: numbers, never what
// they are numbers of.
type Figures struct {
	Recordings int64
	Bytes      int64
	Length     time.Duration
	Seats      int64 // people with a role
	Attention  int64 // files that need attention
	FailedJobs int64 // jobs that gave up
	Failing    int64 // sources that cannot be read
	Suspended  int64 // customers; 0 or 1 for a customer itself
	Silent     int64 // customers with a source from which nothing has come for long

	Month Month

	Signs          []Sign
	QuietSince     time.Time // of the source from which nothing has come for longest; zero: there is none
	LastCapturedAt time.Time // zero: never
	ReportedAt     time.Time // zero: never
}

// Month is what was used in one calendar month (UTC).
type Month struct {
	Period   string // "2026-11"
	Captured time.Duration
	Heard    time.Duration // of sound given to a speech engine
	Requests int64         // since the last report
}

// Sign is something that the checklist looks for, told by the place without
// saying of what: words such as "opened".
type Sign string

// The signs.
const (
	SignJoined Sign = "joined" // an administrator has signed in
	SignOpened Sign = "opened" // a person has opened a recording
	SignFactor Sign = "factor" // a second factor is demanded of everybody, or all administrators have one
	SignCopies Sign = "copies" // objects and keys are each kept in two places
)

// SilentAfter is how long nothing comes from a source before it counts as silent.
const SilentAfter = 24 * time.Hour

// PeriodOf is the calendar month of an instant.
func PeriodOf(t time.Time) string { return t.UTC().Format("2006-01") }

// Push stores a customer's figures. The customer's own server part calls it.
func (s *Service) Push(ctx context.Context, c id.Customer, f Figures) error {
	var signs []string
	for _, g := range f.Signs {
		signs = append(signs, string(g))
	}
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		there, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE id = ?`, c)
		if err != nil || there == 0 {
			return err // who has left meanwhile is not written down again
		}
		if f.Month.Period == "" {
			f.Month.Period = PeriodOf(tx.At())
		}
		_, err = tx.Exec(`INSERT INTO node_figures (node, recordings, bytes, millis, attention, failed, captured_at, reported_at, seats, failing,
				quiet_since, period, captured, heard, signs)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (node) DO UPDATE SET recordings = excluded.recordings, bytes = excluded.bytes, millis = excluded.millis,
				attention = excluded.attention, failed = excluded.failed, captured_at = excluded.captured_at, reported_at = excluded.reported_at,
				seats = excluded.seats, failing = excluded.failing, quiet_since = excluded.quiet_since, period = excluded.period,
				captured = excluded.captured, heard = excluded.heard, signs = excluded.signs`,
			c, f.Recordings, f.Bytes, f.Length.Milliseconds(), f.Attention, f.FailedJobs, millis(f.LastCapturedAt), tx.At().UnixMilli(), f.Seats, f.Failing,
			millis(f.QuietSince), f.Month.Period, f.Month.Captured.Milliseconds(), f.Month.Heard.Milliseconds(), strings.Join(signs, " "))
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO node_usage (node, period, seats, bytes, recordings, captured, heard, requests) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (node, period) DO UPDATE SET bytes = excluded.bytes, recordings = excluded.recordings,
				captured = excluded.captured, heard = excluded.heard, requests = node_usage.requests + excluded.requests,
				seats = CASE WHEN excluded.seats > node_usage.seats THEN excluded.seats ELSE node_usage.seats END`,
			c, f.Month.Period, f.Seats, f.Bytes, f.Recordings, f.Month.Captured.Milliseconds(), f.Month.Heard.Milliseconds(), f.Month.Requests)
		return err
	})
}

// Count adds what was used to the month's meters, in the transaction of what
// used it.
func Count(tx *place.Tx, captured, heard time.Duration) error {
	_, err := tx.Exec(`INSERT INTO meters (period, captured, heard) VALUES (?, ?, ?)
		ON CONFLICT (period) DO UPDATE SET captured = meters.captured + excluded.captured, heard = meters.heard + excluded.heard`,
		PeriodOf(tx.At()), captured.Milliseconds(), heard.Milliseconds())
	return err
}

// Metered reads the meters of the present month in a place.
func Metered(tx *place.Tx) (Month, error) {
	type row struct {
		Captured int64 `db:"captured"`
		Heard    int64 `db:"heard"`
	}
	m := Month{Period: PeriodOf(tx.At())}
	rows, err := place.Rows[row](tx, `SELECT captured, heard FROM meters WHERE period = ?`, m.Period)
	for _, r := range rows {
		m.Captured, m.Heard = time.Duration(r.Captured)*time.Millisecond, time.Duration(r.Heard)*time.Millisecond
	}
	return m, err
}

// Usage is what one customer used in one month.
type Usage struct {
	Node       Node
	Under      string // names of the nodes between, from the top
	Period     string
	Seats      int64 // the most at any time
	Bytes      int64 // stored, at the end
	Recordings int64
	Captured   time.Duration
	Heard      time.Duration
	Requests   int64
}

// UsageBelow lists what the customers below a node used in a month, by name,
// leaving out some at the beginning; limit 0: all. A customer's own node gives itself.
func (s *Service) UsageBelow(ctx context.Context, top id.Node, period string, limit, skip int) (list []Usage, err error) {
	if limit == 0 {
		limit = math.MaxInt32
	}
	type row struct {
		nodeRow
		Under      string `db:"under"`
		Seats      int64  `db:"seats"`
		Bytes      int64  `db:"bytes"`
		Recordings int64  `db:"recordings"`
		Captured   int64  `db:"captured"`
		Heard      int64  `db:"heard"`
		Requests   int64  `db:"requests"`
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `WITH RECURSIVE below(id, under, depth) AS (
				SELECT id, '', 0 FROM nodes WHERE id = ? AND ready = 1
				UNION ALL SELECT n.id, CASE WHEN below.depth = 0 THEN '' WHEN below.under = '' THEN p.name ELSE below.under || ' / ' || p.name END, below.depth + 1
					FROM below JOIN nodes p ON p.id = below.id JOIN nodes n ON n.parent = p.id)
			SELECT n.id, n.parent, n.kind, n.name, n.created_at, n.suspended_at, below.under,
				u.seats, u.bytes, u.recordings, u.captured, u.heard, u.requests
			FROM below JOIN nodes n ON n.id = below.id JOIN node_usage u ON u.node = n.id AND u.period = ?
			ORDER BY below.under, n.folded, n.id LIMIT ? OFFSET ?`, top, period, limit, skip)
		for _, r := range rows {
			list = append(list, Usage{
				r.node(), r.Under, period, r.Seats, r.Bytes, r.Recordings,
				time.Duration(r.Captured) * time.Millisecond, time.Duration(r.Heard) * time.Millisecond, r.Requests,
			})
		}
		return err
	})
	return list, err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
