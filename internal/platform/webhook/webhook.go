// Package webhook tells other systems what happened, as Standard Webhooks 1.0
// writes it (www.standardwebhooks.com): a POST with an id, a time and an
// HMAC-SHA256 over both and the body.
//
//	cause ── Enqueue, same transaction ──▶ waiting ── 2xx ──▶ delivered
//	                                        ▲   │
//	              backoff over three days ──┘   └─ too often, or 410 ──▶ dead ── Replay ──▶ waiting
//
// A message is there if and only if its cause is. It arrives at least once: a
// crash after the receiver's answer sends it again, with the same id, by which
// receivers tell. Order is not promised. Contents are ids, times and figures;
// whoever wants more asks the API, where permissions are checked.
//
// What is sent leaves through package egress: private addresses are refused
// unless the operator allows them, redirects are not followed, and each attempt
// stands in the customer's ledger. Of an answer only the status is kept.
//
// Receivers are served apart: each has one hand at a time, for a bounded turn,
// and webhooks have a runner of their own, so that a slow receiver holds up
// neither another one nor other work.
package webhook

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

//go:embed schema.sql
var schema string

// Migrations make the tables in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 60, Name: "webhooks", SQL: schema}}
}

// Housekeeping lists the tables that are written without an event: what became
// of a message. Each attempt has its event from package egress.
func Housekeeping() []string {
	return []string{"webhook_health", "webhook_messages", "webhook_deliveries"}
}

// Kind is what a message is about.
type Kind string

// The kinds that an endpoint can want, and the one that it is sent when somebody
// tries it.
const (
	RecordingCaptured    Kind = "recording.captured"    // it is in the archive
	RecordingTranscribed Kind = "recording.transcribed" // its transcript can be read
	RecordingMissing     Kind = "recording.missing"     // a log names the call, and no recording came
	RecordingDestroyed   Kind = "recording.destroyed"   // its keys are destroyed
	AlertRaised          Kind = "alert.raised"          // something needs a person
	AlertEnded           Kind = "alert.ended"           // and no longer does
	CheckpointSigned     Kind = "checkpoint.signed"     // what the change log is was signed
	Test                 Kind = "webhook.test"          // somebody tries the endpoint
)

// Kinds are those that an endpoint can want.
func Kinds() []Kind {
	return []Kind{RecordingCaptured, RecordingTranscribed, RecordingMissing, RecordingDestroyed, AlertRaised, AlertEnded, CheckpointSigned}
}

// JobDeliver sends what waits for one endpoint.
const JobDeliver = "webhook.deliver"

// Topic is the live topic of this package.
const Topic = "webhooks"

type deliverArgs struct {
	Endpoint id.Webhook `json:"endpoint"`
}

// envelope is the body of a message.
type envelope struct {
	Type      Kind   `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      any    `json:"data"`
}

// Enqueue tells every endpoint that wants it, in the transaction of the cause.
// subject is the text form of the id of what it is about; data holds ids, times
// and figures, nothing personal, for it lies in the clear and leaves the host.
// In the registry's place nobody listens. An endpoint that is off is sent
// nothing, but the message is kept, so that it can be replayed.
func Enqueue(tx *place.Tx, kind Kind, subject string, data any) error {
	if tx.Place().Customer().IsZero() {
		return nil
	}
	type wish struct {
		ID     id.Webhook `db:"id"`
		State  State      `db:"state"`
		Events string     `db:"events"`
	}
	all, err := place.Rows[wish](tx, `SELECT id, state, events FROM webhooks`)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(w wish) bool { return !slices.Contains(strings.Fields(w.Events), string(kind)) })
	if len(all) == 0 {
		return nil
	}
	m, err := compose(tx, kind, subject, data)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.State != Active {
			continue
		}
		if err := send(tx, w.ID, m); err != nil {
			return err
		}
	}
	return nil
}

// compose keeps a message, for whoever it goes to.
func compose(tx *place.Tx, kind Kind, subject string, data any) (id.Message, error) {
	body, err := json.Marshal(envelope{kind, tx.At().Format(time.RFC3339Nano), data})
	if err != nil {
		return id.Message{}, fmt.Errorf("a message %s: %w", kind, err)
	}
	m := id.At[id.Message](tx.At())
	_, err = tx.Exec(`INSERT INTO webhook_messages (id, kind, subject, at, body) VALUES (?, ?, ?, ?, ?)`,
		m, string(kind), subject, tx.At().UnixMilli(), string(body))
	return m, err
}

// send lets a message wait for an endpoint, be it for the first time or anew.
func send(tx *place.Tx, e id.Webhook, m id.Message) error {
	_, err := tx.Exec(`INSERT INTO webhook_deliveries (endpoint, message, state, attempts, due_at, tried_at, status, answer)
		VALUES (?, ?, 'waiting', 0, ?, 0, 0, '')
		ON CONFLICT (endpoint, message) DO UPDATE SET state = 'waiting', attempts = 0, due_at = excluded.due_at`, e, m, tx.At().UnixMilli())
	if err != nil {
		return err
	}
	return wake(tx, e)
}

// wake has an endpoint's waiting messages looked at.
func wake(tx *place.Tx, e id.Webhook) error {
	tx.Notify(Topic)
	_, err := job.Enqueue(tx, JobDeliver, deliverArgs{e}, job.Once(e.String()))
	return err
}
