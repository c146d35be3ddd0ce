package place

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"ringfence/internal/base/id"
)

// Event is what is written into the journal: what was done, to what, why.
type Event struct {
	Code     string            // dotted, noun first, in the past tense: "recording.captured"
	Subject  string            // text form of the id of the thing, or ""
	Why      string            // the purpose; empty: that of the actor
	Facts    map[string]string // nothing personal
	Personal map[string]string // sealed before it is stored: names, addresses, numbers
}

// Recorded is an event that was committed.
type Recorded struct {
	ID       id.Event
	Position int64 // 1, 2, 3, … without gaps, in the order of commits
	At       time.Time
	Code     string
	Subject  string
}

// Commit is what those who wait for commits are told.
type Commit struct {
	Customer id.Customer // zero for the registry
	Events   []Recorded
	Topics   []string // live topics to wake
	Jobs     bool     // work was enqueued
}

// Conditions is the topic of what records no event and may be wrong all the same:
// a job that failed, how another machine stands. Alerts look soon after it.
const Conditions = "conditions"

// Record puts an event into the journal, in this transaction.
func (tx *Tx) Record(e Event) { tx.events = append(tx.events, e) }

// flush writes the events. There is one writer at a time, so the next position
// is known for certain and a reader never sees a later one first.
func (tx *Tx) flush() ([]Recorded, error) {
	if len(tx.events) == 0 {
		return nil, ErrNoEvent
	}
	last, err := Row[int64](tx, `SELECT coalesce(max(pos), 0) FROM events`)
	if err != nil {
		return nil, err
	}
	done := make([]Recorded, len(tx.events))
	args := make([]any, 0, 11*min(len(done), eventBatch))
	for i, e := range tx.events {
		done[i] = Recorded{id.At[id.Event](tx.at), last + int64(i) + 1, tx.at, e.Code, e.Subject}
		values, err := tx.values(done[i], e)
		if err != nil {
			return nil, err
		}
		args = append(args, values...)
		if n := i%eventBatch + 1; n == eventBatch || i == len(done)-1 {
			if err := tx.core(insertEvents+eventRow[1:]+strings.Repeat(eventRow, n-1), args...); err != nil {
				return nil, err
			}
			args = args[:0]
		}
	}
	return done, nil
}

// Events are written several at a time: on PostgreSQL each statement is a way
// there and back.
const (
	eventBatch   = 50
	eventRow     = `,(?,?,?,?,?,?,?,?,?,?,?)`
	insertEvents = `INSERT INTO events (pos, id, at, code, actor_kind, actor_id, on_behalf, subject, why, facts, sealed) VALUES `
)

// values are those of one row, in the order of insertEvents.
func (tx *Tx) values(r Recorded, e Event) ([]any, error) {
	if e.Code == "" {
		return nil, fmt.Errorf("an event without a code, about %q", e.Subject)
	}
	facts, personal := map[string]string{}, map[string]string{}
	maps.Copy(facts, e.Facts)
	maps.Copy(personal, e.Personal)
	if tx.who.From != "" {
		personal["from"] = tx.who.From
	}
	if !tx.who.Session.IsZero() {
		facts["session"] = tx.who.Session.String()
	}
	if e.Why == "" {
		e.Why = tx.who.Purpose
	}
	text, err := json.Marshal(facts)
	if err != nil {
		return nil, err
	}
	var sealed []byte
	if len(personal) > 0 {
		plain, err := json.Marshal(personal)
		if err != nil {
			return nil, err
		}
		if sealed, err = tx.Seal(FieldEvent, r.ID, plain); err != nil {
			return nil, fmt.Errorf("sealing what is personal in %s: %w", e.Code, err)
		}
	}
	return []any{
		r.Position, r.ID, r.At.UnixMilli(), e.Code, string(tx.who.Kind), tx.who.ID, tx.who.OnBehalf, e.Subject, e.Why, string(text), sealed,
	}, nil
}
