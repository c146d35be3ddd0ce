package health

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Figures are what a customer's place says of itself. Zero times: never, or none.
type Figures struct {
	Recordings         int64            `json:"recordings"`
	Bytes              int64            `json:"bytes"`
	LastCapturedAt     time.Time        `json:"last_captured_at,omitzero"`
	Unverified         int64            `json:"unverified"` // captured and not read back yet
	OldestUnverifiedAt time.Time        `json:"oldest_unverified_at,omitzero"`
	Sources            int64            `json:"sources"`
	SourcesFailing     int64            `json:"sources_failing"`
	Attention          int64            `json:"attention"`  // files that could not be captured
	Collectors         map[string]int64 `json:"collectors"` // by release
	CollectorsSilent   int64            `json:"collectors_silent"`
	JobsWaiting        int64            `json:"jobs_waiting"`
	OldestJobAt        time.Time        `json:"oldest_job_at,omitzero"`
	JobsDead           int64            `json:"jobs_dead"`
	Webhooks           int64            `json:"webhooks"`
	WebhooksFailing    int64            `json:"webhooks_failing"`
	WebhooksWaiting    int64            `json:"webhooks_waiting"`
	WebhooksDead       int64            `json:"webhooks_dead"`
	Alerts             int64            `json:"alerts"` // open
	AlertsUrgent       int64            `json:"alerts_urgent"`
}

// Customer is how one customer is.
type Customer struct {
	ID         id.Customer
	Name       string
	Suspended  bool
	ReportedAt time.Time // zero: never
	Figures
}

const (
	lateAfter = 15 * time.Minute // a recording that is not read back, or a job that does not get its turn
)

// State is the worst of what the figures say.
func (c Customer) State(at time.Time) State {
	st := Well
	for _, l := range c.Findings(at) {
		st = worse(st, l.State)
	}
	return st
}

// Findings are what somebody should look at, in words without names.
func (c Customer) Findings(at time.Time) (all []Finding) {
	if c.Suspended {
		return []Finding{{State: Off, Text: "suspended: nothing is captured"}}
	}
	say := func(when bool, st State, todo, text string, args ...any) {
		if when {
			all = append(all, Finding{State: st, Text: fmt.Sprintf(text, args...), Todo: todo})
		}
	}
	say(c.ReportedAt.IsZero(), Look, "Sign in once as its administrator, or wait for the first recording.", "it has reported no figures yet")
	say(c.AlertsUrgent > 0, Failing, "Its administrators see the alerts; ask them, or ask for support access.", "open urgent alerts: %d", c.AlertsUrgent)
	say(c.Alerts > c.AlertsUrgent, Look, "Its administrators see the alerts.", "open alerts: %d", c.Alerts-c.AlertsUrgent)
	say(c.SourcesFailing > 0, Failing, "Its administrator finds the reason on the page Sources.", "sources that cannot be read: %d of %d", c.SourcesFailing, c.Sources)
	say(c.CollectorsSilent > 0, Failing, "Look at the box beside the telephone system: is it on, and does it reach this server?", "collectors that are not heard of: %d", c.CollectorsSilent)
	say(c.Attention > 0, Look, "Its administrator finds them on the page Needs attention.", "files that could not be captured: %d", c.Attention)
	say(!c.OldestUnverifiedAt.IsZero() && at.Sub(c.OldestUnverifiedAt) > lateAfter, Failing, "Look at the object store: recordings cannot be read back.", "recordings that wait to be read back: %d", c.Unverified)
	say(c.JobsDead > 0, Look, "The log says why they were given up.", "jobs that were given up: %d", c.JobsDead)
	say(!c.OldestJobAt.IsZero() && at.Sub(c.OldestJobAt) > 24*time.Hour, Look, "The speech engine may need more processors.", "jobs that wait, the oldest for more than a day: %d", c.JobsWaiting)
	say(c.WebhooksFailing > 0, Look, "Its administrator finds the answers on the page Webhooks.", "webhooks that fail: %d", c.WebhooksFailing)
	return all
}

// Push keeps a customer's figures. One who has left meanwhile is not written
// down again: the place may have been read just before it went.
func (s *Service) Push(ctx context.Context, c id.Customer, f Figures) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		there, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE id = ?`, c)
		if err != nil || there == 0 {
			return err
		}
		_, err = tx.Exec(`INSERT INTO health_customers (customer, at, figures) VALUES (?, ?, ?)
			ON CONFLICT (customer) DO UPDATE SET at = excluded.at, figures = excluded.figures`, c, tx.At().UnixMilli(), string(text))
		return err
	})
}

type customerRow struct {
	ID        id.Customer `db:"id"`
	Name      string      `db:"name"`
	Suspended int64       `db:"suspended_at"`
	At        int64       `db:"at"`
	Figures   string      `db:"figures"`
}

func (r customerRow) customer() (c Customer, err error) {
	c = Customer{ID: r.ID, Name: r.Name, Suspended: r.Suspended > 0}
	if r.At > 0 {
		c.ReportedAt = time.UnixMilli(r.At).UTC()
	}
	if r.Figures != "" {
		c.Figures, err = read(r.Figures)
	}
	return c, err
}

// Below gives a page of the customers at and below a node, by name; limit 0: all.
func (s *Service) Below(ctx context.Context, top id.Node, limit, skip int) (all []Customer, err error) {
	if limit == 0 {
		limit = math.MaxInt32
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[customerRow](tx, `WITH RECURSIVE below(id) AS (
				SELECT id FROM nodes WHERE id = ? AND ready = 1 UNION ALL SELECT n.id FROM below JOIN nodes n ON n.parent = below.id WHERE n.ready = 1)
			SELECT n.id, n.name, coalesce(n.suspended_at, 0) AS suspended_at, coalesce(h.at, 0) AS at, coalesce(h.figures, '') AS figures
			FROM below JOIN nodes n ON n.id = below.id LEFT JOIN health_customers h ON h.customer = n.id
			WHERE n.kind = 'customer' ORDER BY n.folded, n.id LIMIT ? OFFSET ?`, top, limit, skip)
		for _, r := range rows {
			c, cerr := r.customer()
			if cerr != nil {
				return cerr
			}
			all = append(all, c)
		}
		return err
	})
	return all, err
}

// Of gives one customer, or fault.NotFound.
func (s *Service) Of(ctx context.Context, c id.Customer) (one Customer, err error) {
	all, err := s.Below(ctx, c, 1, 0)
	if err == nil && len(all) == 1 {
		one = all[0]
	}
	return one, err
}

// Totals are the figures of all customers together.
type Totals struct {
	Figures
	Customers      int64
	Failing        int64
	FirstReportAt  time.Time // the oldest of the last reports
	LastReportedAt time.Time
}

// Totals adds up what was pushed, also of customers that are gone since.
func (s *Service) Totals(ctx context.Context) (t Totals, err error) {
	t.Collectors = map[string]int64{}
	now := s.now()
	type row struct {
		At      int64  `db:"at"`
		Figures string `db:"figures"`
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT at, figures FROM health_customers`)
		for _, r := range rows {
			f, rerr := read(r.Figures)
			if rerr != nil {
				return rerr
			}
			t.add(f, time.UnixMilli(r.At).UTC(), now)
		}
		return err
	})
	return t, err
}

func (t *Totals) add(f Figures, reported, now time.Time) {
	t.Customers++
	if (Customer{ReportedAt: reported, Figures: f}).State(now) == Failing {
		t.Failing++
	}
	for _, sum := range []struct {
		to *int64
		n  int64
	}{
		{&t.Recordings, f.Recordings},
		{&t.Bytes, f.Bytes},
		{&t.Unverified, f.Unverified},
		{&t.Sources, f.Sources},
		{&t.SourcesFailing, f.SourcesFailing},
		{&t.Attention, f.Attention},
		{&t.CollectorsSilent, f.CollectorsSilent},
		{&t.JobsWaiting, f.JobsWaiting},
		{&t.JobsDead, f.JobsDead},
		{&t.Webhooks, f.Webhooks},
		{&t.WebhooksFailing, f.WebhooksFailing},
		{&t.WebhooksWaiting, f.WebhooksWaiting},
		{&t.WebhooksDead, f.WebhooksDead},
		{&t.Alerts, f.Alerts},
		{&t.AlertsUrgent, f.AlertsUrgent},
	} {
		*sum.to += sum.n
	}
	for release, n := range f.Collectors {
		t.Collectors[release] += n
	}
	t.OldestUnverifiedAt = earliest(t.OldestUnverifiedAt, f.OldestUnverifiedAt)
	t.OldestJobAt = earliest(t.OldestJobAt, f.OldestJobAt)
	t.FirstReportAt = earliest(t.FirstReportAt, reported)
	for _, last := range []struct{ to, at *time.Time }{{&t.LastCapturedAt, &f.LastCapturedAt}, {&t.LastReportedAt, &reported}} {
		if last.at.After(*last.to) {
			*last.to = *last.at
		}
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
