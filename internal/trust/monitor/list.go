package monitor

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Alert is one condition and what was done about it.
type Alert struct {
	ID           id.Alert
	Node         id.Node
	Kind         Kind
	Subject      string
	Severity     Severity
	Facts        map[string]string
	Since        time.Time // when the condition began
	RaisedAt     time.Time
	GoneAt       time.Time // when the condition was last seen to be gone; zero: it holds
	EndedAt      time.Time // zero: open
	Flaps        int       // how often it went and came back meanwhile
	Owner        string    // id of a person; "": the administrators
	AckedAt      time.Time
	AckedBy      string // text form of the actor's id
	SnoozedUntil time.Time
}

// Open reports whether it has not ended.
func (a Alert) Open() bool { return a.EndedAt.IsZero() }

// Lasted is how long the condition held, once it is gone.
func (a Alert) Lasted() time.Duration {
	if a.GoneAt.IsZero() {
		return 0
	}
	return a.GoneAt.Sub(a.Since)
}

// Happening is a line of an alert's story.
type Happening struct {
	At     time.Time
	What   string // raised, worse, acknowledged, snoozed, assigned, told, not-told, ended
	Who    string // text form of the actor's id; "": the system
	Detail string
	Note   string
}

type alertRow struct {
	ID       id.Alert `db:"id"`
	Node     id.Node  `db:"node"`
	Kind     string   `db:"kind"`
	Subject  string   `db:"subject"`
	Severity string   `db:"severity"`
	Facts    string   `db:"facts"`
	Since    int64    `db:"since"`
	RaisedAt int64    `db:"raised_at"`
	GoneAt   int64    `db:"gone_at"`
	EndedAt  int64    `db:"ended_at"`
	Flaps    int      `db:"flaps"`
	Owner    string   `db:"owner"`
	AckedAt  int64    `db:"acked_at"`
	AckedBy  string   `db:"acked_by"`
	Snoozed  int64    `db:"snoozed_until"`
}

const alertColumns = `SELECT id, node, kind, subject, severity, facts, since, raised_at, gone_at, ended_at, flaps, owner, acked_at, acked_by, snoozed_until FROM alerts`

func (r alertRow) alert() (Alert, error) {
	a := Alert{
		ID: r.ID, Node: r.Node, Kind: Kind(r.Kind), Subject: r.Subject, Severity: Severity(r.Severity), Since: instant(r.Since), RaisedAt: instant(r.RaisedAt),
		GoneAt: instant(r.GoneAt), EndedAt: instant(r.EndedAt), Flaps: r.Flaps, Owner: r.Owner, AckedAt: instant(r.AckedAt), AckedBy: r.AckedBy, SnoozedUntil: instant(r.Snoozed),
	}
	return a, json.Unmarshal([]byte(r.Facts), &a.Facts)
}

// standing is the open alert of a condition, or fault.NotFound.
func standing(tx *place.Tx, n id.Node, k Kind, subject string) (alertRow, error) {
	return place.Row[alertRow](tx, alertColumns+` WHERE node = ? AND kind = ? AND subject = ? AND ended_at = 0`, n, string(k), subject)
}

func (s *Service) one(tx *place.Tx, w Where, a id.Alert) (Alert, error) {
	r, err := place.Row[alertRow](tx, alertColumns+` WHERE id = ? AND node = ?`, a, w.Node)
	if err != nil {
		return Alert{}, fault.Wrap(err, fault.KindOf(err), "there is no such alert")
	}
	return r.alert()
}

// Page is some alerts and where the list goes on.
type Page struct {
	Alerts []Alert
	Next   id.Alert // zero: it ends here
}

// List gives the alerts of a node: those that are open, or those that have
// ended, the latest first.
func (s *Service) List(ctx context.Context, w Where, open bool, after id.Alert, limit int) (page Page, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		text := alertColumns + ` WHERE node = ? AND ended_at > 0 AND (id < ? OR ? = 1) ORDER BY id DESC LIMIT ?`
		if open {
			text = alertColumns + ` WHERE node = ? AND ended_at = 0 AND (id < ? OR ? = 1) ORDER BY id DESC LIMIT ?`
		}
		rows, err := place.Rows[alertRow](tx, text, w.Node, after, after.IsZero(), limit+1)
		for i, r := range rows {
			if i == limit {
				page.Next = page.Alerts[i-1].ID
				break
			}
			a, err := r.alert()
			if err != nil {
				return err
			}
			page.Alerts = append(page.Alerts, a)
		}
		return err
	})
	return page, err
}

// Read gives one alert with its story, or fault.NotFound.
func (s *Service) Read(ctx context.Context, w Where, i id.Alert) (a Alert, story []Happening, err error) {
	type row struct {
		ID     id.Event `db:"id"`
		At     int64    `db:"at"`
		What   string   `db:"what"`
		Who    string   `db:"who"`
		Detail string   `db:"detail"`
		Note   []byte   `db:"note"`
	}
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		if a, err = s.one(tx, w, i); err != nil {
			return err
		}
		rows, err := place.Rows[row](tx, `SELECT id, at, what, who, detail, note FROM alert_history WHERE alert = ? ORDER BY id LIMIT 500`, i)
		for _, r := range rows {
			h := Happening{At: instant(r.At), What: r.What, Who: r.Who, Detail: r.Detail}
			if r.Note != nil {
				note, err := tx.Unseal(place.FieldAlertNote, r.ID, r.Note)
				if err != nil {
					return err
				}
				h.Note = string(note)
			}
			story = append(story, h)
		}
		return err
	})
	return a, story, err
}

// Standing is how a node's alerts are, in figures.
type Standing struct {
	Open    int64 `db:"open"`    // neither acknowledged nor snoozed
	Urgent  int64 `db:"urgent"`  // of these
	Handled int64 `db:"handled"` // open, but acknowledged or snoozed
}

// Standing counts the open alerts of a node.
func (s *Service) Standing(ctx context.Context, w Where) (st Standing, err error) {
	now := millis(s.o.Now())
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		st, err = place.Row[Standing](tx, `SELECT
			coalesce(sum(CASE WHEN acked_at = 0 AND snoozed_until <= ? THEN 1 ELSE 0 END), 0) AS open,
			coalesce(sum(CASE WHEN acked_at = 0 AND snoozed_until <= ? AND severity = 'urgent' THEN 1 ELSE 0 END), 0) AS urgent,
			coalesce(sum(CASE WHEN acked_at > 0 OR snoozed_until > ? THEN 1 ELSE 0 END), 0) AS handled
			FROM alerts WHERE node = ? AND ended_at = 0`, now, now, now, w.Node)
		return err
	})
	return st, err
}
