// Package receipt shows a customer every opening of what is sealed: who, when,
// why, from where and by which support access; recordings, transcripts, files
// taken away, cards. It also keeps for whom the customer wants a purpose to be
// stated before something is opened, and decides whether one is good enough.
//
// Receipts are the events "opening.granted", which package place writes before a
// key is unwrapped. This package only reads them: it can hide none, and its own
// export leaves one too.
//
// Limits: a purpose is what somebody typed. It proves that they said it.
package receipt

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Line is one opening.
type Line struct {
	Position int64     `json:"position"` // of its event in the change log
	Receipt  string    `json:"receipt"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"`
	What     string    `json:"what"`    // listen, transcript, download, export, card, …
	Subject  string    `json:"subject"` // id of a recording or a call, or what sort of list
	Keys     int       `json:"keys"`    // how many recordings or cards it reaches
	Kind     string    `json:"kind"`    // of actor
	Who      string    `json:"who"`     // id of who it was
	OnBehalf string    `json:"on_behalf,omitempty"`
	Support  string    `json:"support,omitempty"` // id of the support access it was done by
	Session  string    `json:"session,omitempty"`
	From     string    `json:"from,omitempty"` // network address
	Purpose  string    `json:"purpose"`
	// Unreadable: where it was done from does not open, as its key is gone or the row was altered.
	Unreadable bool `json:"unreadable,omitempty"`
}

// Filter chooses openings; its zero value chooses all.
type Filter struct {
	Who      string    // id of an actor, or of the support access it acted by
	Kind     string    // of actor: person, token, device, system
	Subject  string    // id of a recording or a call
	What     string    // one way of opening
	Content  bool      // only what gives sound or words, not the cards of lists
	Purpose  string    // stands in the purpose, in whatever case
	Unstated bool      // only those that state no purpose
	Session  string    // id of a session
	From, To time.Time // From is included, To is not
	Nameless bool      // of an export: without network addresses and purposes
	Before   int64     // positions below; 0: from the newest
	Limit    int       // 0: 50
}

type row struct {
	Pos      int64    `db:"pos"`
	ID       id.Event `db:"id"`
	At       int64    `db:"at"`
	Kind     string   `db:"actor_kind"`
	Who      string   `db:"actor_id"`
	OnBehalf string   `db:"on_behalf"`
	Subject  string   `db:"subject"`
	Why      string   `db:"why"`
	Facts    []byte   `db:"facts"`
	Sealed   []byte   `db:"sealed"`
}

const columns = `SELECT pos, id, at, actor_kind, actor_id, on_behalf, subject, why, facts, sealed FROM events WHERE code = 'opening.granted'`

// Ways are the ways of opening that give sound or words, or take them away.
var Ways = []string{"listen", "transcript", "download", "export"}

// List gives the newest openings first; the Position of the last one is the
// Before of the next page.
func List(tx *place.Tx, f Filter) ([]Line, error) {
	where, args := f.conditions()
	if f.Before > 0 {
		where, args = where+` AND pos < ?`, append(args, f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	return read(tx, columns+where+` ORDER BY pos DESC LIMIT ?`, append(args, f.Limit))
}

// conditions are constant texts; what is looked for is in the arguments.
func (f Filter) conditions() (where string, args []any) {
	add := func(text string, more ...any) { where, args = where+` AND `+text, append(args, more...) }
	add(`pos > ?`, 0)
	if f.Who != "" {
		add(`(actor_id = ? OR on_behalf = ?)`, f.Who, f.Who)
	}
	if f.Kind != "" {
		add(`actor_kind = ?`, f.Kind)
	}
	if f.Subject != "" {
		add(`subject = ?`, f.Subject)
	}
	if f.What != "" {
		add(`facts LIKE ?`, `%"what":"`+plain(f.What)+`"%`)
	}
	if f.Content {
		add(`(facts LIKE '%"what":"listen"%' OR facts LIKE '%"what":"transcript"%' OR facts LIKE '%"what":"download"%' OR facts LIKE '%"what":"export"%')`)
	}
	if f.Purpose != "" {
		add(`lower(why) LIKE ? ESCAPE '\'`, `%`+escaped.Replace(strings.ToLower(f.Purpose))+`%`)
	}
	if f.Unstated {
		add(`why = ''`)
	}
	if f.Session != "" {
		add(`facts LIKE ?`, `%"session":"`+plain(f.Session)+`"%`)
	}
	if !f.From.IsZero() {
		add(`at >= ?`, f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add(`at < ?`, f.To.UnixMilli())
	}
	return where, args
}

// escaped keeps what somebody looks for from being read as a pattern.
var escaped = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// plain leaves of a word what ids and ways of opening are made of: the rest
// would be a pattern.
func plain(word string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, word)
}

func read(tx *place.Tx, text string, args []any) ([]Line, error) {
	rows, err := place.Rows[row](tx, text, args...)
	if err != nil {
		return nil, err
	}
	all := make([]Line, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.line(tx))
	}
	return all, nil
}

// line opens where it was done from. One line that does not open must not hide
// the others: it is shown as unreadable.
func (r row) line(tx *place.Tx) Line {
	l := Line{Position: r.Pos, At: time.UnixMilli(r.At).UTC(), Subject: r.Subject, Kind: r.Kind, Who: r.Who, OnBehalf: r.OnBehalf, Purpose: r.Why}
	var facts, personal map[string]string
	l.Unreadable = json.Unmarshal(r.Facts, &facts) != nil
	l.What, l.Receipt, l.Session = facts["what"], facts["receipt"], facts["session"]
	l.Until, _ = time.Parse(time.RFC3339Nano, facts["until"]) // an event without it is shown without it
	l.Keys, _ = strconv.Atoi(facts["keys"])
	if strings.HasPrefix(r.OnBehalf, "sup_") {
		l.Support = r.OnBehalf
	}
	if len(r.Sealed) > 0 {
		open, err := tx.Unseal(place.FieldEvent, r.ID, r.Sealed)
		if err != nil || json.Unmarshal(open, &personal) != nil {
			l.Unreadable = true
		}
		l.From = personal["from"]
	}
	return l
}

// Machine reports whether nobody of flesh and blood opened it: the program
// itself, a collector, or a token's machine.
func (l Line) Machine() bool { return l.Kind != string(actor.Person) }
