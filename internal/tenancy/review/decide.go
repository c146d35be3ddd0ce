package review

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// Verdict is what a reviewer says about a line.
type Verdict struct {
	Decision Decision      // Keep, Change, Remove, or Resumed for a suspended line
	Roles    []access.Role // for Change: some of those held
	Note     string
}

func (v Verdict) check(l Line) (Verdict, error) {
	v.Note = strings.TrimSpace(v.Note)
	if len([]rune(v.Note)) > 500 || strings.ContainsAny(v.Note, "\x00") {
		return v, fault.Field("note", "a note has at most 500 letters")
	}
	slices.Sort(v.Roles)
	v.Roles = slices.Compact(v.Roles)
	switch v.Decision {
	case Keep, Remove, Resumed:
		v.Roles = nil
	case Change:
		// More than was held is given on the members' page, where everybody who must
		// hear of it does.
		if len(v.Roles) == 0 || len(v.Roles) >= len(l.Roles) || slices.ContainsFunc(v.Roles, func(r access.Role) bool { return !slices.Contains(l.Roles, r) }) {
			return v, fault.Field("roles", "choose some of the roles that are held, and not all")
		}
	default:
		return v, fault.Field("decision", "want keep, change, remove or given_back")
	}
	return v, nil
}

// Decide writes down a decision and does at once what it says. Whose line it is
// decides only where nobody else could: fault.Denied. The last administrator
// cannot be removed: fault.Conflict.
func (s *Service) Decide(ctx context.Context, w Where, who actor.Actor, reviewer identity.Person, r id.Review, line id.ReviewLine, v Verdict) (out Line, err error) {
	others, err := s.othersCould(ctx, w, reviewer.ID)
	if err != nil {
		return out, err
	}
	err = w.Place.Change(ctx, who, func(tx *place.Tx) error {
		head, err := readRow(tx, w, r)
		if err != nil {
			return err
		}
		row, err := place.Row[lineRow](tx, lineColumns+` WHERE id = ? AND review = ?`, line, r)
		if err != nil {
			return err
		}
		l, c, err := row.open(tx)
		if err != nil {
			return err
		}
		if v, err = v.check(l); err != nil {
			return err
		}
		if err := allowed(head, l, v); err != nil {
			return err
		}
		own := l.Person == reviewer.ID
		if own && others {
			return fault.New(fault.Denied, "this line is about you: another administrator decides on it")
		}
		if err := s.carryOut(tx, w, l, v); err != nil {
			return err
		}
		c.Note, c.DecidedBy = v.Note, reviewer.Name
		out, err = s.store(tx, l, c, v, reviewer.ID, own)
		return err
	})
	switch {
	case err != nil || v.Decision != Remove:
	case w.customer():
		err = s.o.People.FinishLeaving(ctx, w.Place)
	default:
		err = s.o.People.StopHelping(ctx, out.Person)
	}
	return out, err
}

// allowed says which decision may follow which.
func allowed(r reviewRow, l Line, v Verdict) error {
	if v.Decision == Resumed {
		if l.Decision != Suspended {
			return fault.New(fault.Conflict, "this line is not suspended")
		}
		return nil
	}
	if r.ClosedAt != 0 {
		return fault.New(fault.Conflict, "this review is closed")
	}
	if l.Decision != "" && l.Decision != Keep {
		return fault.New(fault.Conflict, "this was carried out already; use the members' page to give roles again")
	}
	return nil
}

func (s *Service) carryOut(tx *place.Tx, w Where, l Line, v Verdict) error {
	var err error
	switch {
	case v.Decision == Keep:
	case !w.customer() && v.Decision == Remove:
		err = identity.SetNodeRolesIn(tx, w.Node, l.Person, nil)
	case !w.customer() && v.Decision == Change:
		err = identity.SetNodeRolesIn(tx, w.Node, l.Person, v.Roles)
	case !w.customer():
		err = identity.SetNodeRolesIn(tx, w.Node, l.Person, l.Roles)
	case v.Decision == Remove:
		_, err = identity.EndIn(tx, "review", l.Person)
	case v.Decision == Change:
		_, _, err = s.o.People.SetIn(tx, identity.Person{ID: l.Person, Name: l.Name, Email: l.Email}, v.Roles)
	default:
		err = s.o.People.ResumeIn(tx, l.Person, l.Roles)
	}
	if v.Decision == Remove && fault.Is(err, fault.NotFound) {
		return nil // gone meanwhile, as decided
	}
	return err
}

func (s *Service) store(tx *place.Tx, l Line, c card, v Verdict, by id.Person, own bool) (Line, error) {
	sealed, err := c.seal(tx, l.ID)
	if err != nil {
		return l, err
	}
	at := s.o.Now().UTC()
	tx.Record(place.Event{Code: "review.line-decided", Subject: l.Person.String(), Why: v.Note, Facts: map[string]string{
		"line": l.ID.String(), "decision": string(v.Decision), "before": joinRoles(l.Roles), "roles": joinRoles(v.Roles), "own": yes(own),
	}})
	tx.Notify("reviews")
	_, err = tx.Exec(`UPDATE review_lines SET card = ?, decision = ?, wanted = ?, alone = ?, decider = ?, decided_at = ? WHERE id = ?`,
		sealed, string(v.Decision), joinRoles(v.Roles), own, by, at.UnixMilli(), l.ID)
	l.Decision, l.Wanted, l.Note, l.DecidedBy, l.DecidedAt, l.Alone = v.Decision, v.Roles, v.Note, c.DecidedBy, at, own
	return l, err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// othersCould reports whether anybody else may decide at a node: another
// administrator of it, or, at a reseller, one of those above.
func (s *Service) othersCould(ctx context.Context, w Where, than id.Person) (yes bool, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		nodes := []id.Node{w.Node}
		if !w.customer() {
			above, err := org.Above(tx, w.Node)
			if err != nil {
				return err
			}
			nodes = append(nodes, above...)
		}
		for _, n := range nodes {
			all, err := administrators(tx, Where{w.Place, n})
			if err != nil {
				return err
			}
			yes = yes || slices.ContainsFunc(all, func(l Line) bool { return l.Person != than })
		}
		return nil
	})
	return yes, err
}
