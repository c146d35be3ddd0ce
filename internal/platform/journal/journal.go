// Package journal reads what the events of a place prove: who did what, when,
// on whose behalf, from where, and why. It only reads; events are written by
// place.Change, in the transaction of what they tell of, and are never altered.
//
// What is personal in an event is sealed in the database and opened here, for
// those who may read the journal. Taking it away as a file is an opening like
// any other: it stands in the journal before the first line is written.
package journal

import (
	"encoding/json"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Entry is one event.
type Entry struct {
	Position   int64             `json:"position"` // 1, 2, 3, … in the order of commits
	ID         id.Event          `json:"id"`
	At         time.Time         `json:"at"`
	Code       string            `json:"code"`
	ActorKind  actor.Kind        `json:"actor_kind"`
	ActorID    string            `json:"actor_id"`
	OnBehalf   string            `json:"on_behalf,omitempty"`
	Subject    string            `json:"subject,omitempty"`
	Why        string            `json:"why,omitempty"`
	Facts      map[string]string `json:"facts"`
	Personal   map[string]string `json:"personal"`
	Unreadable bool              `json:"unreadable,omitempty"` // what is personal does not open: its key is gone, or the row was altered
}

// Filter chooses events; its zero value chooses all.
type Filter struct {
	Code     string    // one kind, or all under a noun: "recording."
	Codes    []string  // any of these kinds; nil: any
	Actor    string    // id of who acted
	Subject  string    // id of what it was about
	From, To time.Time // From is included, To is not
	Before   int64     // positions below; 0: from the newest
	Limit    int       // 0: 100
}

type row struct {
	Pos       int64    `db:"pos"`
	ID        id.Event `db:"id"`
	At        int64    `db:"at"`
	Code      string   `db:"code"`
	ActorKind string   `db:"actor_kind"`
	ActorID   string   `db:"actor_id"`
	OnBehalf  string   `db:"on_behalf"`
	Subject   string   `db:"subject"`
	Why       string   `db:"why"`
	Facts     []byte   `db:"facts"`
	Sealed    []byte   `db:"sealed"`
}

const columns = `SELECT pos, id, at, code, actor_kind, actor_id, on_behalf, subject, why, facts, sealed FROM events WHERE `

// List gives the newest events first; the Position of the last one is the
// Before of the next page.
func List(tx *place.Tx, f Filter) ([]Entry, error) {
	where, args := f.conditions()
	if f.Before > 0 {
		where, args = append(where, `pos < ?`), append(args, f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return read(tx, columns+strings.Join(where, ` AND `)+` ORDER BY pos DESC LIMIT ?`, append(args, f.Limit))
}

// conditions are constant texts; what is looked for is in the arguments.
func (f Filter) conditions() (where []string, args []any) {
	add := func(text string, arg any) { where, args = append(where, text), append(args, arg) }
	add(`pos > ?`, 0)
	if f.Code != "" {
		add(`code IN (?)`, place.List(under(f.Code)))
	}
	if f.Codes != nil {
		add(`code IN (?)`, place.List(f.Codes))
	}
	if f.Actor != "" {
		add(`actor_id = ?`, f.Actor)
	}
	if f.Subject != "" {
		add(`subject = ?`, f.Subject)
	}
	if !f.From.IsZero() {
		add(`at >= ?`, f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add(`at < ?`, f.To.UnixMilli())
	}
	return where, args
}

// Happened reports whether an actor of some kind ever did what a code says to a
// thing whose id begins like this.
func Happened(tx *place.Tx, code string, by actor.Kind, to string) (bool, error) {
	n, err := place.Row[int64](tx, `SELECT count(*) FROM (SELECT 1 AS one FROM events WHERE code = ? AND actor_kind = ? AND subject LIKE ? LIMIT 1) AS first`,
		code, string(by), to+"%")
	return n > 0, err
}

func read(tx *place.Tx, text string, args []any) ([]Entry, error) {
	rows, err := place.Rows[row](tx, text, args...)
	if err != nil {
		return nil, err
	}
	all := make([]Entry, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.entry(tx))
	}
	return all, nil
}

// entry opens what is personal. One event that does not open must not hide the
// others: it is shown as unreadable.
func (r row) entry(tx *place.Tx) Entry {
	e := Entry{
		Position: r.Pos, ID: r.ID, At: time.UnixMilli(r.At).UTC(), Code: r.Code,
		ActorKind: actor.Kind(r.ActorKind), ActorID: r.ActorID, OnBehalf: r.OnBehalf, Subject: r.Subject, Why: r.Why,
		Facts: map[string]string{}, Personal: map[string]string{},
	}
	e.Unreadable = json.Unmarshal(r.Facts, &e.Facts) != nil
	if len(r.Sealed) > 0 {
		plain, err := tx.Unseal(place.FieldEvent, r.ID, r.Sealed)
		if err != nil || json.Unmarshal(plain, &e.Personal) != nil {
			e.Unreadable = true
		}
	}
	return e
}
