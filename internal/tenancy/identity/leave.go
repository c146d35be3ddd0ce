package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Memberships begin and end in one Change of the customer's place: from the
// next request on nothing of it is left. What else hangs on a membership (the
// hint in the registry, sessions that only this customer vouched for) follows by
// an intent, so a crash in between leaves nothing behind.

// Left is what somebody had until their membership ended.
type Left struct {
	Member Member     // as it was
	Tokens []id.Token // that ended with it
}

const intentLeave = "identity.leave"

type leaveArgs struct {
	Persons []id.Person `json:"persons"`
	Cause   string      `json:"cause"`
}

// ByHand is the cause where an administrator takes somebody's roles away.
const ByHand = "removed"

// EndIn ends memberships within a Change of the place: roles, and the tokens
// their holders made. It is fault.NotFound for somebody without roles, and
// fault.Conflict where no administrator would be left. After the commit the
// caller runs FinishLeaving.
func EndIn(tx *place.Tx, cause string, persons ...id.Person) ([]Left, error) {
	var all []Left
	for _, p := range persons {
		left, err := endOne(tx, p, cause)
		if err != nil {
			return nil, err
		}
		all = append(all, left)
	}
	if slices.ContainsFunc(all, func(l Left) bool { return slices.Contains(l.Member.Roles, access.CustomerAdmin) }) {
		if err := oneAdministrator(tx); err != nil {
			return nil, err
		}
	}
	tx.Notify("members")
	_, err := tx.Intend(intentLeave, leaveArgs{persons, cause})
	return all, err
}

func endOne(tx *place.Tx, person id.Person, cause string) (Left, error) {
	before, err := memberByID(tx, person)
	if err == nil && len(before.Roles) == 0 {
		err = fault.New(fault.NotFound, "no such member")
	}
	if err != nil {
		return Left{}, err
	}
	after := before
	after.Roles, after.Extensions, after.Joined = nil, nil, false
	recordGrant(tx, "member.removed", before, after)
	if err := storeMember(tx, after); err != nil {
		return Left{}, err
	}
	// Were they left, they would work again on the day the person comes back.
	gone, err := place.Rows[id.Token](tx, `DELETE FROM tokens WHERE maker = ? RETURNING id`, person)
	if err != nil {
		return Left{}, err
	}
	for _, t := range gone {
		tx.Record(place.Event{Code: "token.removed", Subject: t.String(), Facts: map[string]string{"cause": cause}})
	}
	return Left{before, gone}, nil
}

// Leave ends memberships, all of them or none.
func (s *Service) Leave(ctx context.Context, p *place.Place, who actor.Actor, cause string, persons ...id.Person) (all []Left, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		all, err = EndIn(tx, cause, persons...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, s.FinishLeaving(ctx, p)
}

// FinishLeaving does in the registry what ended memberships have left to do.
// Every step may be run twice; the start of the program runs it too.
func (s *Service) FinishLeaving(ctx context.Context, p *place.Place) error {
	pending, err := p.Pending(ctx, intentLeave)
	if err != nil {
		return err
	}
	for _, in := range pending {
		var args leaveArgs
		if err := json.Unmarshal(in.Args, &args); err != nil {
			return fmt.Errorf("arguments of an intent: %w", err)
		}
		for _, person := range args.Persons {
			if err := s.unplace(ctx, p, person, args.Cause); err != nil {
				return err
			}
		}
		if err := p.Keep(ctx, func(tx *place.Tx) error { return tx.Done(in.ID) }); err != nil {
			return err
		}
	}
	return nil
}

// unplace takes the hint away, the browsers that were remembered, and the
// sessions that nothing holds up any more: those this customer's identity
// provider vouched for, and all of them where the person belongs nowhere else.
// Whoever came back meanwhile is left alone; whose roles were taken by hand keeps
// the session, in which there is nothing to see any more.
func (s *Service) unplace(ctx context.Context, p *place.Place, person id.Person, cause string) error {
	held, err := s.Held(ctx, p, person)
	if err != nil || len(held) > 0 {
		return err
	}
	var gone []id.Session
	err = s.store.Registry().Change(ctx, actor.ForSystem("identity"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "person.unplaced", Subject: person.String(), Facts: map[string]string{"customer": p.Customer().String()}})
		if _, err := tx.Exec(`DELETE FROM person_places WHERE person = ? AND customer = ?`, person, p.Customer()); err != nil {
			return err
		}
		if err := forgetBrowsers(tx, person); err != nil {
			return err
		}
		stays, err := place.Row[int](tx, `SELECT (SELECT count(*) FROM person_places WHERE person = ?) + (SELECT count(*) FROM node_roles WHERE person = ?)`, person, person)
		if err != nil {
			return err
		}
		if cause == ByHand {
			stays++
		}
		gone, err = place.Rows[id.Session](tx, `DELETE FROM sessions WHERE person = ? AND (via_customer = ? OR ? = 0) RETURNING id`, person, p.Customer(), stays)
		for _, i := range gone {
			if _, err := tx.Exec(`DELETE FROM session_seen WHERE session = ?`, i); err != nil {
				return err
			}
			tx.Record(place.Event{Code: "session.ended", Subject: i.String(), Facts: map[string]string{"cause": "left"}})
		}
		return err
	})
	if err == nil {
		s.ended(gone...)
	}
	return err
}

// Newcomer is somebody who shall be a member.
type Newcomer struct {
	Email string
	Name  string
}

// Admit finds or adds the persons with these addresses and notes in the
// registry that they may be members here. No mail goes out. The answer is by
// address in lower case.
func (s *Service) Admit(ctx context.Context, p *place.Place, who actor.Actor, list []Newcomer) (map[string]id.Person, error) {
	known := map[string]id.Person{}
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if err := tx.There(p.Customer()); err != nil {
			return err
		}
		for _, n := range list {
			found, added, err := ensure(tx, n.Email, n.Name)
			if err != nil {
				return err
			}
			code := "person.placed"
			if added {
				code = "person.added"
			}
			known[strings.ToLower(n.Email)] = found.ID
			tx.Record(place.Event{Code: code, Subject: found.ID.String(), Facts: map[string]string{"customer": p.Customer().String()}})
			if _, err := tx.Exec(`INSERT INTO person_places (person, customer) VALUES (?, ?) ON CONFLICT (person, customer) DO NOTHING`, found.ID, p.Customer()); err != nil {
				return err
			}
		}
		return nil
	})
	return known, err
}

// SetIn makes somebody a member with these roles within a Change of the place,
// or gives a member other ones; extensions of a member stay. It is fault.Conflict
// where no administrator would be left, and refused where the quota of seats is
// used up. No roles are no membership: use EndIn.
func (s *Service) SetIn(tx *place.Tx, person Person, roles []access.Role) (before, after Member, err error) {
	g, err := Grant{Roles: slices.Clone(roles)}.check()
	if err != nil {
		return before, after, err
	}
	code := "member.changed"
	before, err = memberByID(tx, person.ID)
	if fault.Is(err, fault.NotFound) {
		before, err = Member{Person: person.ID, Email: person.Email, Since: tx.At()}, nil
	}
	if err != nil {
		return before, after, err
	}
	if len(before.Roles) == 0 {
		code = "member.invited"
	}
	after = before
	after.Name, after.Roles = person.Name, g.Roles
	if slices.Equal(before.Roles, after.Roles) && before.Name == after.Name {
		return before, after, nil
	}
	recordGrant(tx, code, before, after)
	tx.Notify("members")
	if err := storeMember(tx, after); err != nil {
		return before, after, err
	}
	if len(before.Roles) == 0 {
		err = s.seated(tx.Context(), tx)
	}
	if err == nil && slices.Contains(before.Roles, access.CustomerAdmin) {
		err = oneAdministrator(tx)
	}
	return before, after, err
}

// HeldRoles is what somebody holds here, within a transaction of the place;
// nothing for who is no member.
func HeldRoles(tx *place.Tx, person id.Person) ([]access.Role, error) {
	m, err := memberByID(tx, person)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return m.Roles, err
}

// Granted tells the administrators by mail where a change gave somebody the
// right to listen to everything.
func (s *Service) Granted(ctx context.Context, p *place.Place, before, after Member) {
	if slices.Contains(after.Roles, access.SuperUser) && !slices.Contains(before.Roles, access.SuperUser) {
		s.tellAdministrators(ctx, p, after)
	}
}

// WelcomeMember sends the mail of an invitation to somebody who was made a
// member without one.
func (s *Service) WelcomeMember(ctx context.Context, who actor.Actor, person Person, organisation string) error {
	if _, err := mail.Address(person.Email); err != nil {
		return err
	}
	return s.welcomeMail(ctx, who, person, organisation)
}
