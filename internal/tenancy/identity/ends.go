package identity

import (
	"context"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Ended is a session that ended, or a person who left a customer.
type Ended struct {
	Session id.Session // zero: the person left a customer
	Person  id.Person
}

// Ends reads from the registry's journal which sessions and memberships ended
// after a position, on whichever server, and gives the position to go on from.
// A negative position gives nothing but the present one.
func (s *Service) Ends(ctx context.Context, after int64) (ends []Ended, next int64, err error) {
	type row struct {
		Pos     int64  `db:"pos"`
		Code    string `db:"code"`
		Subject string `db:"subject"`
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		if next = after; after < 0 {
			next, err = place.Row[int64](tx, `SELECT coalesce(max(pos), 0) FROM events`)
			return err
		}
		for r, err := range place.Each[row](tx, `SELECT pos, code, subject FROM events WHERE pos > ? ORDER BY pos LIMIT 5000`, after) {
			if err != nil {
				return err
			}
			next = r.Pos
			switch r.Code {
			case "session.ended":
				if i, err := id.Parse[id.Session](r.Subject); err == nil {
					ends = append(ends, Ended{Session: i})
				}
			case "person.unplaced":
				if p, err := id.Parse[id.Person](r.Subject); err == nil {
					ends = append(ends, Ended{Person: p})
				}
			}
		}
		return nil
	})
	return ends, next, err
}

// SessionsAt lists where the members of a customer are signed in, newest first,
// a page at a time: from the session before which to begin, zero for the first.
// Whether the session is used at another customer too is not told, nor is the
// address it comes from.
func (s *Service) SessionsAt(ctx context.Context, p *place.Place, before id.Session, limit int) (list []Session, next id.Session, err error) {
	members, err := s.Members(ctx, p)
	if err != nil {
		return nil, next, err
	}
	is := map[id.Person]bool{}
	for _, m := range members {
		is[m.Person] = true
	}
	at := s.now()
	for len(list) <= limit {
		var rows []sessionRow
		err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
			rows, err = sessionsBefore(tx, p.Customer(), before, limit+1)
			for i := range rows {
				if err != nil {
					return err
				}
				rows[i].Origin, err = tx.Unseal(place.FieldSessionFrom, rows[i].ID, rows[i].Origin)
			}
			return err
		})
		if err != nil {
			return nil, next, err
		}
		for _, r := range rows {
			before = r.ID
			if one := r.session(); is[one.Person] && !one.over(at) {
				_, one.Agent = unpackOrigin(r.Origin)
				list = append(list, one)
			}
		}
		if len(rows) <= limit {
			break
		}
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, nil
}

// sessionsBefore reads a page of those who may be members: the registry's list
// is a hint.
func sessionsBefore(tx *place.Tx, c id.Customer, before id.Session, limit int) ([]sessionRow, error) {
	const of = sessionColumns + ` JOIN person_places h ON h.person = s.person AND h.customer = ?`
	if before.IsZero() {
		return place.Rows[sessionRow](tx, of+` ORDER BY s.id DESC LIMIT ?`, c, limit)
	}
	return place.Rows[sessionRow](tx, of+` WHERE s.id < ? ORDER BY s.id DESC LIMIT ?`, c, before, limit)
}

// EndAt ends a session of a member, wholly: a session is one browser, and what
// one customer does not trust it does not hand on to another. It is
// fault.NotFound for the session of somebody who is no member.
func (s *Service) EndAt(ctx context.Context, p *place.Place, who actor.Actor, i id.Session) error {
	present, err := s.Still(ctx, i)
	if fault.Is(err, fault.Unauthenticated) {
		return fault.New(fault.NotFound, "no such session")
	}
	if err != nil {
		return err
	}
	held, err := s.Held(ctx, p, present.Session.Person)
	if err == nil && len(held) == 0 {
		err = fault.New(fault.NotFound, "no such session")
	}
	if err != nil {
		return err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "session.ended", Subject: present.Session.Person.String(), Facts: map[string]string{"cause": "administrator"}})
		return nil
	})
	if err != nil {
		return err
	}
	return s.End(ctx, who, present.Session.Person, i)
}

// EverybodyOut ends the sessions, and the remembering of browsers, of all
// members of these customers and all who hold a role at these nodes, but for
// the session that asks.
func (s *Service) EverybodyOut(ctx context.Context, who actor.Actor, nodes []id.Node) (n int, err error) {
	var gone []id.Session
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		seen := map[id.Person]bool{}
		for _, at := range nodes {
			people, err := place.Rows[id.Person](tx, `SELECT person FROM person_places WHERE customer = ? UNION SELECT person FROM node_roles WHERE node = ?`, at, at)
			if err != nil {
				return err
			}
			for _, p := range people {
				if seen[p] {
					continue
				}
				seen[p] = true
				ended, err := endOthers(tx, p, who.Session, "everybody")
				if err != nil {
					return err
				}
				gone = append(gone, ended...)
				if err := forgetBrowsers(tx, p); err != nil {
					return err
				}
			}
		}
		tx.Record(place.Event{Code: "everybody.out", Subject: nodes[0].String(), Facts: map[string]string{
			"nodes": strconv.Itoa(len(nodes)), "sessions": strconv.Itoa(len(gone)),
		}})
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.ended(gone...)
	return len(gone), nil
}

// EverybodyOutOf is EverybodyOut for one customer, and stands in its own log too.
func (s *Service) EverybodyOutOf(ctx context.Context, p *place.Place, who actor.Actor) (int, error) {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "everybody.out", Subject: p.Customer().String()})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return s.EverybodyOut(ctx, who, []id.Node{p.Customer()})
}
