package person

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Verdict is whether a find is the person's.
type Verdict string

// The verdicts.
const (
	Undecided Verdict = ""
	Confirmed Verdict = "confirmed"
	Rejected  Verdict = "rejected" // somebody else's: two people can have one number
)

// Outcome is what became of a find.
type Outcome string

// The outcomes.
const (
	Nothing Outcome = ""
	Ordered Outcome = "ordered" // its erasure was confirmed and has not ended
	Erased  Outcome = "erased"
	Kept    Outcome = "kept"
)

// Grounds are why something confirmed may be kept although its erasure is asked
// for, by the letters of article 17(3), and the rights of others.
var Grounds = map[string]string{
	"expression":       "freedom of expression and information; article 17(3)(a)",
	"legal-obligation": "a law wants it kept; article 17(3)(b)",
	"public-health":    "public health; article 17(3)(c)",
	"archiving":        "archiving or research in the public interest; article 17(3)(d)",
	"legal-claim":      "it is needed for a legal claim; article 17(3)(e)",
	"other-person":     "it is another person's as well, whose rights outweigh",
}

// Item is one find of a case.
type Item struct {
	ID      id.Found
	Case    id.PersonRequest
	Store   string
	Title   string // of the store
	Ref     string
	Label   string
	Why     []string
	Role    string
	At      time.Time
	Verdict Verdict
	Ground  string // why somebody wants it kept: a key of Grounds; "erase": they want it erased although it would be kept
	Because string // in their words
	Outcome Outcome
	DoneAt  time.Time
	Kept    string         // why it was kept, once it was
	Run     id.Destruction // of the erasure that was last ordered of it; zero: none
}

// itemCard is what of a find is personal.
type itemCard struct {
	Ref     string         `json:"ref"`
	Label   string         `json:"label,omitempty"`
	Why     []string       `json:"why,omitempty"`
	Role    string         `json:"role,omitempty"`
	Ground  string         `json:"ground,omitempty"`
	Because string         `json:"because,omitempty"`
	Kept    string         `json:"kept,omitempty"`
	Run     id.Destruction `json:"run,omitzero"`
}

type itemRow struct {
	ID      id.Found         `db:"id"`
	Case    id.PersonRequest `db:"request"`
	Store   string           `db:"store"`
	Verdict string           `db:"verdict"`
	Outcome string           `db:"outcome"`
	At      int64            `db:"at"`
	Done    int64            `db:"done_at"`
	Sealed  []byte           `db:"sealed"`
}

const itemColumns = `SELECT id, request, store, verdict, outcome, at, done_at, sealed FROM person_items WHERE request = ?`

func (s *Service) item(tx *place.Tx, r itemRow) (Item, error) {
	it := Item{ID: r.ID, Case: r.Case, Store: r.Store, Title: r.Store, At: instant(r.At), Verdict: Verdict(r.Verdict), Outcome: Outcome(r.Outcome), DoneAt: instant(r.Done)}
	if st, ok := s.store(r.Store); ok {
		it.Title = st.Title
	}
	plain, err := tx.Unseal(place.FieldPersonItem, r.ID, r.Sealed)
	if err != nil {
		return it, err
	}
	var c itemCard
	err = json.Unmarshal(plain, &c)
	it.Ref, it.Label, it.Why, it.Role, it.Ground, it.Because, it.Kept, it.Run = c.Ref, c.Label, c.Why, c.Role, c.Ground, c.Because, c.Kept, c.Run
	return it, err
}

// putItem writes what can change of a find.
func putItem(tx *place.Tx, it Item) error {
	plain, err := json.Marshal(itemCard{it.Ref, it.Label, it.Why, it.Role, it.Ground, it.Because, it.Kept, it.Run})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldPersonItem, it.ID, plain)
	if err != nil {
		return err
	}
	tx.Notify(Topic)
	_, err = tx.Exec(`UPDATE person_items SET verdict = ?, outcome = ?, done_at = ?, sealed = ? WHERE id = ?`,
		string(it.Verdict), string(it.Outcome), millis(it.DoneAt), sealed, it.ID)
	return err
}

func (s *Service) items(tx *place.Tx, i id.PersonRequest, more string, args ...any) ([]Item, error) {
	rows, err := place.Rows[itemRow](tx, itemColumns+more, append([]any{i}, args...)...)
	all := make([]Item, 0, len(rows))
	for _, r := range rows {
		it, err := s.item(tx, r)
		if err != nil {
			return nil, err
		}
		all = append(all, it)
	}
	return all, err
}

// Items gives a page of the finds of a case, after the one with the id.
func (s *Service) Items(ctx context.Context, p *place.Place, i id.PersonRequest, after id.Found, limit int) (all []Item, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if _, err := read(tx, i); err != nil {
			return err
		}
		if after.IsZero() {
			all, err = s.items(tx, i, ` ORDER BY id LIMIT ?`, limit)
			return err
		}
		all, err = s.items(tx, i, ` AND id > ? ORDER BY id LIMIT ?`, after, limit)
		return err
	})
	return all, err
}

// figures count the finds of a case.
func figures(tx *place.Tx, i id.PersonRequest) (f Figures, err error) {
	type row struct {
		Verdict string `db:"verdict"`
		Outcome string `db:"outcome"`
		N       int64  `db:"n"`
	}
	rows, err := place.Rows[row](tx, `SELECT verdict, outcome, count(*) AS n FROM person_items WHERE request = ? GROUP BY verdict, outcome`, i)
	for _, r := range rows {
		f.Found += r.N
		switch Verdict(r.Verdict) {
		case Confirmed:
			f.Confirmed += r.N
		case Rejected:
			f.Rejected += r.N
		case Undecided:
			f.Undecided += r.N
		}
		switch Outcome(r.Outcome) {
		case Erased:
			f.Erased += r.N
		case Kept:
			f.Kept += r.N
		case Nothing, Ordered:
		}
	}
	return f, err
}

// Decision is what somebody says of finds.
type Decision struct {
	Items   []id.Found
	Verdict Verdict
	Ground  string // empty: what the plan proposes
	Because string
}

// Decide says of finds whether they are the person's, and whether they are to be
// kept for a ground of the law.
func (s *Service) Decide(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, d Decision) (Case, error) {
	if d.Verdict != Undecided && d.Verdict != Confirmed && d.Verdict != Rejected {
		return Case{}, fault.Field("verdict", "must be confirmed, rejected or empty")
	}
	if _, known := Grounds[d.Ground]; !known && d.Ground != "" && d.Ground != "erase" {
		return Case{}, fault.Field("ground", "must be erase, or one of the grounds of the law")
	}
	if d.Because = strings.TrimSpace(d.Because); d.Ground != "" && d.Because == "" {
		return Case{}, fault.Field("because", "say in a sentence why; the person is told, and the authority may ask")
	}
	if len(d.Items) == 0 || len(d.Items) > 500 {
		return Case{}, fault.Field("items", "name between 1 and 500 finds")
	}
	return s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		switch {
		case c.State.Ended():
			return place.Event{}, errOver
		case c.State != Open:
			return place.Event{}, fault.New(fault.Conflict, "finds are decided once the search has ended, and before they are erased")
		}
		all, err := s.items(tx, i, ` AND id IN (?)`, place.List(d.Items))
		if err != nil {
			return place.Event{}, err
		}
		if len(all) != len(slices.Compact(slices.SortedFunc(slices.Values(d.Items), func(a, b id.Found) int { return slices.Compare(a[:], b[:]) }))) {
			return place.Event{}, fault.New(fault.NotFound, "there is no such find in this request")
		}
		for _, it := range all {
			if it.Outcome == Erased {
				continue
			}
			it.Verdict, it.Ground, it.Because = d.Verdict, d.Ground, d.Because
			if it.Verdict != Confirmed { // what is not the person's was not kept of them
				it.Outcome, it.Kept, it.DoneAt = Nothing, "", time.Time{}
			}
			if err := putItem(tx, it); err != nil {
				return place.Event{}, err
			}
		}
		return place.Event{Code: "request.decided", Facts: map[string]string{"finds": text(int64(len(all))), "verdict": string(d.Verdict), "ground": d.Ground}}, nil
	})
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
