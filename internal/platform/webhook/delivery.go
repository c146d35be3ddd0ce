package webhook

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Delivery is one message to one endpoint and what became of it.
type Delivery struct {
	Message  id.Message
	Kind     Kind
	Subject  string
	At       time.Time // of the cause
	State    string    // waiting, delivered or dead
	Attempts int
	DueAt    time.Time // while it waits: of the next attempt
	TriedAt  time.Time // zero: never
	Status   int       // of the last answer; 0: none
	Answer   string    // the last one, in words
}

// The states of a delivery.
const (
	Waiting   = "waiting"
	Delivered = "delivered"
	Dead      = "dead" // given up; it can be replayed
)

// Page is a part of an endpoint's deliveries, newest first.
type Page struct {
	Items []Delivery
	Next  string // cursor of the next page; empty: this is the last
}

type deliveryRow struct {
	Message  id.Message `db:"message"`
	Kind     Kind       `db:"kind"`
	Subject  string     `db:"subject"`
	At       int64      `db:"at"`
	State    string     `db:"state"`
	Attempts int        `db:"attempts"`
	DueAt    int64      `db:"due_at"`
	TriedAt  int64      `db:"tried_at"`
	Status   int        `db:"status"`
	Answer   string     `db:"answer"`
}

// Deliveries gives a page of an endpoint's, of one state or of all with "". It
// is fault.NotFound if there is no such endpoint.
func (s *Service) Deliveries(ctx context.Context, p *place.Place, w id.Webhook, state, cursor string, limit int) (page Page, err error) {
	if limit < 1 || limit > 200 {
		limit = 50
	}
	before := id.Message{0xff} // after every real id
	if cursor != "" {
		if before, err = id.Parse[id.Message](cursor); err != nil {
			return page, fault.Field("query.cursor", "this cursor is not of this list; leave it out to begin anew")
		}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		if _, _, err := find(tx, w); err != nil {
			return err
		}
		rows, err := place.Rows[deliveryRow](tx, `SELECT d.message, m.kind, m.subject, m.at, d.state, d.attempts, d.due_at, d.tried_at, d.status, d.answer
			FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message
			WHERE d.endpoint = ? AND (d.state = ? OR ? = '') AND d.message < ? ORDER BY d.message DESC LIMIT ?`, w, state, state, before, limit+1)
		if len(rows) > limit {
			rows = rows[:limit]
			page.Next = rows[limit-1].Message.String()
		}
		for _, r := range rows {
			d := Delivery{r.Message, r.Kind, r.Subject, instant(r.At), r.State, r.Attempts, time.Time{}, instant(r.TriedAt), r.Status, r.Answer}
			if r.State == Waiting {
				d.DueAt = instant(r.DueAt)
			}
			page.Items = append(page.Items, d)
		}
		return err
	})
	return page, err
}

// Which says what is replayed: exactly one of its fields.
type Which struct {
	Message id.Message // one
	Since   time.Time  // all that the endpoint wants, from then on, also what came while it was off
	Dead    bool       // all that were given up
}

// Replay sends messages again, with the ids they had. It says how many wait
// now. An endpoint that is off is fault.Conflict: they would wait for nothing.
func (s *Service) Replay(ctx context.Context, p *place.Place, who actor.Actor, w id.Webhook, which Which) (n int64, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		e, _, err := find(tx, w)
		if err != nil {
			return err
		}
		if e.State != Active {
			return fault.New(fault.Conflict, "the webhook is %s; switch it on first", e.State)
		}
		if n, err = replay(tx, e, which); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "webhook.replayed", Subject: w.String(), Facts: map[string]string{"messages": strconv.FormatInt(n, 10)}})
		return wake(tx, w)
	})
	return n, err
}

func replay(tx *place.Tx, e Endpoint, which Which) (int64, error) {
	now := tx.At().UnixMilli()
	switch {
	case !which.Message.IsZero():
		n, err := place.Row[int64](tx, `SELECT count(*) FROM webhook_deliveries WHERE endpoint = ? AND message = ?`, e.ID, which.Message)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "there is no such message")
		}
		if err != nil {
			return 0, err
		}
		return 1, send(tx, e.ID, which.Message)
	case !which.Since.IsZero():
		var kinds []string
		for _, k := range e.Events {
			kinds = append(kinds, string(k))
		}
		return tx.Exec(`INSERT INTO webhook_deliveries (endpoint, message, state, attempts, due_at, tried_at, status, answer)
			SELECT w.id, m.id, 'waiting', 0, w.created_at, 0, 0, '' FROM webhook_messages m JOIN webhooks w ON w.id = ?
			WHERE m.at >= ? AND m.kind IN (?)
			ON CONFLICT (endpoint, message) DO UPDATE SET state = 'waiting', attempts = 0, due_at = excluded.due_at`, e.ID, which.Since.UnixMilli(), place.List(kinds))
	case which.Dead:
		return tx.Exec(`UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, due_at = ? WHERE endpoint = ? AND state = 'dead'`, now, e.ID)
	}
	return 0, fault.New(fault.Invalid, "say what is to be sent again: one message, all since a time, or all that failed")
}

// Try sends a test message, whatever the endpoint wants to hear of.
func (s *Service) Try(ctx context.Context, p *place.Place, who actor.Actor, w id.Webhook) (m id.Message, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		e, _, err := find(tx, w)
		if err != nil {
			return err
		}
		if e.State != Active {
			return fault.New(fault.Conflict, "the webhook is %s; switch it on first", e.State)
		}
		tx.Record(place.Event{Code: "webhook.tried", Subject: w.String()})
		if m, err = compose(tx, Test, w.String(), map[string]string{"webhook": w.String(), "customer": p.Customer().String()}); err != nil {
			return err
		}
		return send(tx, w, m)
	})
	return m, err
}

// Standing is how a customer's webhooks are, for those who look after the whole.
type Standing struct {
	Endpoints, Failing, Waiting, Dead int64
}

// Stand reads the standing in tx's place.
func Stand(tx *place.Tx) (st Standing, err error) {
	type row struct {
		Endpoints int64 `db:"endpoints"`
		Failing   int64 `db:"failing"`
		Waiting   int64 `db:"waiting"`
		Dead      int64 `db:"dead"`
	}
	r, err := place.Row[row](tx, `SELECT (SELECT count(*) FROM webhooks) AS endpoints,
		(SELECT count(*) FROM webhooks w LEFT JOIN webhook_health h ON h.endpoint = w.id WHERE w.state = 'disabled' OR h.failing_since > 0) AS failing,
		(SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting') AS waiting,
		(SELECT count(*) FROM webhook_deliveries WHERE state = 'dead') AS dead`)
	return Standing(r), err
}
