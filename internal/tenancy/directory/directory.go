// Package directory knows whose an extension was, and when. An extension is
// assigned to a person, a team, or both, from one instant to another; it is
// never two people's at once. Rights resolve at the time of the call by it: when
// an extension goes to somebody new, the calls of who had it before stay theirs.
//
//	201 ── Anna, Sales ──┐┌── Ben, Sales ─────────▶
//	     always … 1 March  1 March …
//
// A person stands here by name and address, and is bound to a member by the
// address as soon as there is one; a directory may be loaded before anybody was
// invited. Extensions, names, addresses and teams are sealed; rows are found by
// blind indexes. What was assigned is ended, not rewritten; what was never true
// is withdrawn. Both stand in the journal.
//
// Limits: 20,000 assignments at one customer. Two telephone systems of one
// customer that use the same extension for different people are not told apart.
package directory

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Limits of a directory.
const (
	most       = 20_000
	maxText    = 100 // of a name or a team
	maxEmail   = 254
	maxNumber  = 40 // of an extension
	maxCSV     = 4 << 20
	maxReports = 500 // faults that a refusal lists
)

// Assignment is an extension while it is somebody's. Name, Email and Team may be
// empty, but not all of them.
type Assignment struct {
	ID        id.Assignment
	Extension string
	Person    id.Person // zero: not a member, or not yet
	Name      string
	Email     string
	Team      string
	From      time.Time // counts; zero: always
	To        time.Time // does not count; zero: until it is ended
}

// Current reports whether the extension is theirs at an instant.
func (a Assignment) Current(at time.Time) bool {
	return (a.From.IsZero() || !at.Before(a.From)) && (a.To.IsZero() || at.Before(a.To))
}

// overlaps reports whether two assignments of one extension share an instant.
func (a Assignment) overlaps(b Assignment) bool {
	return a.Extension == b.Extension && before(a.From, b.To) && before(b.From, a.To)
}

// before reports whether a beginning lies before an end; zero is no bound.
func before(from, to time.Time) bool { return from.IsZero() || to.IsZero() || from.Before(to) }

// whose names the holder for comparing: somebody is known by id, else by
// address, else by name and team.
func (a Assignment) whose() string {
	switch {
	case a.Email != "":
		return "email " + strings.ToLower(a.Email)
	case !a.Person.IsZero():
		return "person " + a.Person.String()
	default:
		return "name " + strings.ToLower(a.Name) + "|" + strings.ToLower(a.Team)
	}
}

// holder is who has it, in words.
func (a Assignment) holder() string { return cmp.Or(a.Name, a.Email, a.Team, "somebody") }

// card is what of an assignment is personal: one sealed field.
type card struct {
	Extension string `json:"extension"`
	Name      string `json:"name,omitempty"`
	Email     string `json:"email,omitempty"`
	Team      string `json:"team,omitempty"`
}

type row struct {
	ID     id.Assignment `db:"id"`
	Person id.Person     `db:"person"`
	From   int64         `db:"from_at"`
	To     int64         `db:"to_at"`
	Card   []byte        `db:"card"`
}

const columns = `SELECT id, person, from_at, to_at, card FROM directory`

// Bounds that are not set, as they are stored.
const (
	always = -1 << 53
	ever   = 1 << 53
)

func (r row) open(tx *place.Tx) (Assignment, error) {
	a := Assignment{ID: r.ID, Person: r.Person, From: instant(r.From), To: instant(r.To)}
	plain, err := tx.Unseal(place.FieldAssignment, r.ID, r.Card)
	if err != nil {
		return a, err
	}
	var c card
	err = json.Unmarshal(plain, &c)
	a.Extension, a.Name, a.Email, a.Team = c.Extension, c.Name, c.Email, c.Team
	return a, err
}

func instant(ms int64) time.Time {
	if ms == always || ms == ever {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func stored(t time.Time, none int64) int64 {
	if t.IsZero() {
		return none
	}
	return t.UnixMilli()
}

func read(tx *place.Tx, condition string, args ...any) ([]Assignment, error) {
	rows, err := place.Rows[row](tx, columns+` WHERE `+condition, args...)
	if err != nil {
		return nil, err
	}
	list := make([]Assignment, len(rows))
	for i, r := range rows {
		if list[i], err = r.open(tx); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, order)
	return list, nil
}

// order is by extension, as numbers where they are numbers, and by time.
func order(a, b Assignment) int {
	return cmp.Or(
		cmp.Compare(len(a.Extension), len(b.Extension)), cmp.Compare(a.Extension, b.Extension),
		cmp.Compare(stored(a.From, always), stored(b.From, always)), strings.Compare(a.ID.String(), b.ID.String()),
	)
}

// blinds are the values that a row is found by; nil for one that is not set.
type blinds struct{ extension, email, team []byte }

func (a Assignment) blind(tx *place.Tx) (b blinds, err error) {
	one := func(f place.Field, value string) []byte {
		if value == "" || err != nil {
			return nil
		}
		var token []byte
		token, err = tx.Blind(f, strings.ToLower(value))
		return token
	}
	b.extension = one(place.FieldAssignedExtension, a.Extension)
	b.email = one(place.FieldAssignedEmail, a.Email)
	b.team = one(place.FieldAssignedTeam, a.Team)
	return b, err
}

// insert stores a new assignment and records it.
func insert(tx *place.Tx, a Assignment) (Assignment, error) {
	a.ID = id.At[id.Assignment](tx.At())
	plain, err := json.Marshal(card{a.Extension, a.Name, a.Email, a.Team})
	if err != nil {
		return a, err
	}
	sealed, err := tx.Seal(place.FieldAssignment, a.ID, plain)
	if err != nil {
		return a, err
	}
	b, err := a.blind(tx)
	if err != nil {
		return a, err
	}
	tx.Record(a.event("directory.assigned"))
	_, err = tx.Exec(`INSERT INTO directory (id, extension, person, email, team, from_at, to_at, card) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, b.extension, nullable(a.Person), b.email, b.team, stored(a.From, always), stored(a.To, ever), sealed)
	return a, err
}

func nullable(p id.Person) any {
	if p.IsZero() {
		return nil
	}
	return p
}

// event says what was done to an assignment. Who had which extension is
// personal; when, and the member's id, are not.
func (a Assignment) event(code string) place.Event {
	e := place.Event{Code: code, Subject: a.ID.String(), Facts: map[string]string{}, Personal: map[string]string{"extension": a.Extension}}
	for k, v := range map[string]string{"name": a.Name, "email": a.Email, "team": a.Team} {
		if v != "" {
			e.Personal[k] = v
		}
	}
	if !a.Person.IsZero() {
		e.Facts["person"] = a.Person.String()
	}
	if !a.From.IsZero() {
		e.Facts["from"] = a.From.Format(time.RFC3339)
	}
	if !a.To.IsZero() {
		e.Facts["to"] = a.To.Format(time.RFC3339)
	}
	return e
}
