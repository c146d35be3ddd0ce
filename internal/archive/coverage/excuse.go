package coverage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// ExcuseKind is why a call has no recording and need not have one.
type ExcuseKind string

// The kinds of rule.
const (
	NotAnswered  ExcuseKind = "unanswered"    // nobody spoke with the caller
	ByDirection  ExcuseKind = "direction"     // inbound, outbound or internal calls
	ByExtension  ExcuseKind = "extension"     // all telephones that took part are on the list
	ByQueue      ExcuseKind = "queue"         // the call was in one of these queues
	ByLength     ExcuseKind = "shorter"       // people spoke for less than this
	WasPaused    ExcuseKind = "paused"        // the telephone system was told not to record
	OutsideHours ExcuseKind = "outside_hours" // it began outside of the hours in which recording is agreed
)

// Excuse is one rule, and who answers for it.
type Excuse struct {
	ID        id.Excuse
	Source    id.Source // zero: all
	Kind      ExcuseKind
	Args      ExcuseArgs
	Owner     string // whose decision it is; "" of the one that is there from the start
	Reason    string
	Active    bool
	CreatedAt time.Time
}

// ExcuseArgs is what a kind of rule needs.
type ExcuseArgs struct {
	Directions []string `json:"directions,omitempty"`
	Extensions []string `json:"extensions,omitempty"`
	Queues     []string `json:"queues,omitempty"`
	Seconds    int      `json:"seconds,omitempty"`
	Weekdays   []int    `json:"weekdays,omitempty"` // of the agreed hours: 1 Monday to 7 Sunday
	From       string   `json:"from,omitempty"`     // of the agreed hours, "08:00" in the source's time zone
	To         string   `json:"to,omitempty"`
}

// BuiltIn is the rule that is there from the start.
var BuiltIn = id.Excuse{6: 0x70, 8: 0x80, 15: 1}

// Excuses are at most this many: each is asked for each call without sound.
const maxExcuses = 100

// Check finds every fault of a rule.
func (e *Excuse) Check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the rule is not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	a := &e.Args
	switch e.Kind {
	case NotAnswered, WasPaused:
		*a = ExcuseArgs{}
	case ByDirection:
		*a = ExcuseArgs{Directions: a.Directions}
		if len(a.Directions) == 0 || slices.ContainsFunc(a.Directions, func(d string) bool { return d != "inbound" && d != "outbound" && d != "internal" }) {
			wrong("directions", "name at least one of inbound, outbound and internal")
		}
	case ByExtension:
		*a = ExcuseArgs{Extensions: tidy(a.Extensions)}
		if len(a.Extensions) == 0 || len(a.Extensions) > 1000 {
			wrong("extensions", "name 1 to 1,000 extensions")
		}
	case ByQueue:
		*a = ExcuseArgs{Queues: tidy(a.Queues)}
		if len(a.Queues) == 0 || len(a.Queues) > 200 {
			wrong("queues", "name 1 to 200 queues")
		}
	case ByLength:
		*a = ExcuseArgs{Seconds: a.Seconds}
		if a.Seconds < 1 || a.Seconds > 600 {
			wrong("seconds", "must be between 1 and 600")
		}
	case OutsideHours:
		*a = ExcuseArgs{Weekdays: a.Weekdays, From: a.From, To: a.To}
		from, err1 := minuteOf(a.From)
		to, err2 := minuteOf(a.To)
		if err1 != nil || err2 != nil || from >= to {
			wrong("from", "the agreed hours are from one time of the day to a later one, such as 08:00 to 18:00")
		}
		if len(a.Weekdays) == 0 || slices.ContainsFunc(a.Weekdays, func(d int) bool { return d < 1 || d > 7 }) {
			wrong("weekdays", "name at least one day of the week, 1 (Monday) to 7 (Sunday)")
		}
	default:
		wrong("kind", "there is no such kind of rule")
	}
	e.Owner, e.Reason = strings.TrimSpace(e.Owner), strings.TrimSpace(e.Reason)
	if e.ID != BuiltIn && (e.Owner == "" || len(e.Owner) > 200) {
		wrong("owner", "say who answers for this rule")
	}
	if e.ID != BuiltIn && (e.Reason == "" || len(e.Reason) > 1000) {
		wrong("reason", "say why these calls need no recording; it stands in the signed statements")
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

func tidy(list []string) (out []string) {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func minuteOf(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err
}

// fits reports whether a rule excuses a call without a recording. zone is the
// source's.
func (e Excuse) fits(source id.Source, c Call, zone *time.Location) bool {
	if !e.Active || !e.Source.IsZero() && e.Source != source {
		return false
	}
	switch a := e.Args; e.Kind {
	case NotAnswered:
		return c.Disposition == string("unanswered") || c.Disposition == "abandoned"
	case ByDirection:
		return slices.Contains(a.Directions, c.Direction)
	case ByExtension:
		return len(c.Extensions) > 0 && !slices.ContainsFunc(c.Extensions, func(x string) bool { return !slices.Contains(a.Extensions, x) })
	case ByQueue:
		return c.Queue != "" && slices.Contains(a.Queues, c.Queue)
	case ByLength:
		return c.Talk < float64(a.Seconds) && !c.EndedAt.IsZero()
	case WasPaused:
		return c.Paused
	case OutsideHours:
		at := c.StartedAt.In(zone)
		from, _ := minuteOf(a.From)
		to, _ := minuteOf(a.To)
		minute, weekday := at.Hour()*60+at.Minute(), (int(at.Weekday())+6)%7+1
		return !slices.Contains(a.Weekdays, weekday) || minute < from || minute >= to
	}
	return false
}

// Text is the rule in words, for pages and statements.
func (e Excuse) Text() string {
	switch a := e.Args; e.Kind {
	case NotAnswered:
		return "not answered: nobody spoke with the caller"
	case ByDirection:
		return strings.Join(a.Directions, " and ") + " calls"
	case ByExtension:
		return fmt.Sprintf("only extensions that are not recorded took part (%d on the list)", len(a.Extensions))
	case ByQueue:
		return "calls of queues that are not recorded: " + strings.Join(a.Queues, ", ")
	case ByLength:
		return fmt.Sprintf("people spoke for less than %d seconds", a.Seconds)
	case WasPaused:
		return "the telephone system was told not to record"
	case OutsideHours:
		return fmt.Sprintf("outside of the agreed hours, %s to %s", a.From, a.To)
	}
	return string(e.Kind)
}

// first is the first rule that excuses a call.
func first(rules []Excuse, source id.Source, c Call, zone *time.Location) (Excuse, bool) {
	for _, e := range rules {
		if e.fits(source, c, zone) {
			return e, true
		}
	}
	return Excuse{}, false
}

type excuseRow struct {
	ID      id.Excuse  `db:"id"`
	Source  *id.Source `db:"source"`
	Kind    string     `db:"kind"`
	Args    string     `db:"args"`
	Active  bool       `db:"active"`
	Created int64      `db:"created_at"`
	Card    []byte     `db:"card"`
}

type excuseCard struct {
	Owner      string   `json:"owner"`
	Reason     string   `json:"reason"`
	Extensions []string `json:"extensions,omitempty"` // personal, and so not among the arguments that lie open
}

func excusesIn(tx *place.Tx) (all []Excuse, err error) {
	rows, err := place.Rows[excuseRow](tx, `SELECT id, source, kind, args, active, created_at, card FROM excuses ORDER BY id`)
	for _, r := range rows {
		e := Excuse{ID: r.ID, Kind: ExcuseKind(r.Kind), Active: r.Active, CreatedAt: instant(r.Created)}
		if r.Source != nil {
			e.Source = *r.Source
		}
		if err := json.Unmarshal([]byte(r.Args), &e.Args); err != nil {
			return nil, err
		}
		if r.Card != nil {
			plain, err := tx.Unseal(place.FieldExcuse, r.ID, r.Card)
			if err != nil {
				return nil, err
			}
			var card excuseCard
			if err := json.Unmarshal(plain, &card); err != nil {
				return nil, err
			}
			e.Owner, e.Reason, e.Args.Extensions = card.Owner, card.Reason, card.Extensions
		} else {
			e.Reason = "where nobody spoke there is nothing to record"
		}
		all = append(all, e)
	}
	return all, err
}

// Excuses lists the rules, the oldest first.
func (s *Service) Excuses(ctx context.Context, p *place.Place) (all []Excuse, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = excusesIn(tx)
		return err
	})
	return all, err
}

// Effect is what a change of rules would do to what has no recording now.
// What is captured is never touched.
type Effect struct {
	Excused int // waiting or missing now, excused then
	Missing int // excused now by the rule, not excused then
	Open    int // waiting or missing now, altogether
}

// Preview says what PutExcuse would do, and changes nothing.
func (s *Service) Preview(ctx context.Context, p *place.Place, e Excuse) (eff Effect, err error) {
	if err := e.Check(); err != nil {
		return eff, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rules, err := excusesIn(tx)
		if err != nil {
			return err
		}
		eff, _, err = judge(tx, replaced(rules, e), e.ID)
		return err
	})
	return eff, err
}

func replaced(rules []Excuse, e Excuse) []Excuse {
	rules = slices.Clone(rules)
	if i := slices.IndexFunc(rules, func(o Excuse) bool { return o.ID == e.ID && !e.ID.IsZero() }); i >= 0 {
		rules[i] = e
		return rules
	}
	return append(rules, e)
}

// PutExcuse adds a rule (without an id) or changes one, and looks anew at what
// has no recording.
func (s *Service) PutExcuse(ctx context.Context, p *place.Place, who actor.Actor, e Excuse) (Excuse, Effect, error) {
	if err := e.Check(); err != nil {
		return e, Effect{}, err
	}
	code := "excuse.changed"
	var eff Effect
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		rules, err := excusesIn(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rules, func(o Excuse) bool { return o.ID == e.ID })
		switch {
		case e.ID.IsZero() && len(rules) >= maxExcuses:
			return fault.New(fault.Conflict, "there are %d rules already, which is as many as there can be", len(rules))
		case e.ID.IsZero():
			e.ID, e.CreatedAt, code = id.At[id.Excuse](tx.At()), tx.At(), "excuse.added"
		case i < 0:
			return fault.New(fault.NotFound, "there is no such rule")
		default:
			e.CreatedAt = rules[i].CreatedAt
			if e.ID == BuiltIn { // it can be switched off, and is otherwise what it is
				active := e.Active
				e = rules[i]
				e.Active = active
			}
		}
		if err := writeExcuse(tx, e); err != nil {
			return err
		}
		tx.Record(place.Event{
			Code: code, Subject: e.ID.String(), Facts: map[string]string{"kind": string(e.Kind), "active": fmt.Sprint(e.Active), "rule": e.Text()},
			Personal: map[string]string{"owner": e.Owner, "reason": e.Reason},
		})
		eff, err = s.apply(tx, replaced(rules, e), e.ID)
		return err
	})
	return e, eff, err
}

func writeExcuse(tx *place.Tx, e Excuse) error {
	var card []byte
	if e.ID != BuiltIn {
		plain, err := json.Marshal(excuseCard{e.Owner, e.Reason, e.Args.Extensions})
		if err != nil {
			return err
		}
		if card, err = tx.Seal(place.FieldExcuse, e.ID, plain); err != nil {
			return err
		}
	}
	open := e.Args
	open.Extensions = nil
	args, err := json.Marshal(open)
	if err != nil {
		return err
	}
	var source []byte
	if !e.Source.IsZero() {
		source = e.Source[:]
	}
	_, err = tx.Exec(`INSERT INTO excuses (id, source, kind, args, active, created_at, card) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET source = excluded.source, kind = excluded.kind, args = excluded.args, active = excluded.active, card = excluded.card`,
		e.ID, source, string(e.Kind), string(args), e.Active, millis(e.CreatedAt), card)
	return err
}

// RemoveExcuse removes a rule; what it excused is looked at anew.
func (s *Service) RemoveExcuse(ctx context.Context, p *place.Place, who actor.Actor, i id.Excuse) (eff Effect, err error) {
	if i == BuiltIn {
		return eff, fault.New(fault.Conflict, "this rule is there from the start; it can be switched off")
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM excuses WHERE id = ?`, i)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "there is no such rule")
		}
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "excuse.removed", Subject: i.String()})
		rules, err := excusesIn(tx)
		if err == nil {
			eff, err = s.apply(tx, rules, i)
		}
		return err
	})
	return eff, err
}
