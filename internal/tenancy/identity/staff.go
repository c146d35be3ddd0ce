package identity

import (
	"context"
	"errors"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// Staff is somebody who works for the provider or a reseller.
type Staff struct {
	NodeMember
	Invited bool // has not chosen a password yet
	Strong  bool // has an authenticator app or a passkey
}

// StaffOf lists who has a role at a node above customers.
func (s *Service) StaffOf(ctx context.Context, node id.Node) (list []Staff, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		members, err := NodeMembersIn(tx, node)
		for _, m := range members {
			if err != nil {
				return err
			}
			var f Factors
			f, err = factorsOf(tx, m.Person.ID)
			list = append(list, Staff{m, !f.Password && !f.strong(), f.strong()})
		}
		return err
	})
	return list, err
}

// SetStaff leaves somebody these roles at a node above customers, from the next
// request on; none take everything. It is fault.NotFound for who has no role
// there, and fault.Conflict where no administrator would be left.
func (s *Service) SetStaff(ctx context.Context, who actor.Actor, node id.Node, person id.Person, roles []access.Role) error {
	var had []access.Membership
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		had, err = rolesAt(tx, person, node)
		return err
	})
	if err == nil && len(had) == 0 {
		err = fault.New(fault.NotFound, "nobody of that id works here")
	}
	if err != nil || len(had) == len(roles) && !slices.ContainsFunc(had, func(m access.Membership) bool { return !slices.Contains(roles, m.Role) }) {
		return err
	}
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error { return SetNodeRolesIn(tx, node, person, roles) })
	if err != nil {
		return err
	}
	return s.StopHelping(ctx, person)
}

// StaffSessions lists where those who have a role at a node are signed in, person
// by person. From where they come is not told.
func (s *Service) StaffSessions(ctx context.Context, node id.Node) (list []Session, names map[string]string, err error) {
	staff, err := s.StaffOf(ctx, node)
	names = map[string]string{}
	for _, m := range staff {
		names[m.Person.ID.String()] = m.Person.Name
		all, err := s.Sessions(ctx, m.Person.ID)
		if err != nil {
			return nil, nil, err
		}
		for _, one := range all {
			one.Address = ""
			list = append(list, one)
		}
	}
	return list, names, err
}

// EndStaffSession ends a session of somebody who has a role at a node, wholly;
// fault.NotFound for anybody else's.
func (s *Service) EndStaffSession(ctx context.Context, who actor.Actor, node id.Node, i id.Session) error {
	person, err := s.PersonOf(ctx, i)
	if err != nil {
		return err
	}
	var held []access.Membership
	err = s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		held, err = rolesAt(tx, person, node)
		return err
	})
	if err == nil && len(held) == 0 {
		err = fault.New(fault.NotFound, "no such session")
	}
	if err != nil {
		return err
	}
	return s.End(ctx, who, person, i)
}

// StopHelping ends the support accesses of somebody at customers whose provider
// or reseller they no longer work for: a customer let in its provider's person.
// One place that cannot be reached keeps none of the others open.
func (s *Service) StopHelping(ctx context.Context, person id.Person) error {
	placed, err := s.Places(ctx, person)
	for _, c := range placed {
		err = errors.Join(err, s.stopHelpingAt(ctx, person, c))
	}
	return err
}

func (s *Service) stopHelpingAt(ctx context.Context, person id.Person, c id.Customer) error {
	p, err := s.store.Place(ctx, c)
	if err != nil {
		return err
	}
	var open []Support
	err = p.View(ctx, func(tx *place.Tx) error {
		open, err = openSupport(tx, person, s.now())
		return err
	})
	if err != nil || len(open) == 0 {
		return err
	}
	works := false
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		works, err = worksAbove(tx, person, c)
		return err
	})
	if err != nil || works {
		return err
	}
	for _, g := range open {
		if err := s.EndSupport(ctx, p, actor.ForSystem("identity"), g.ID); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// worksAbove reports whether a person has a role at a node above a customer.
func worksAbove(tx *place.Tx, person id.Person, c id.Customer) (bool, error) {
	above, err := org.Above(tx, c)
	if err != nil {
		return false, err
	}
	held, _, err := nodeRoles(tx, person)
	return slices.ContainsFunc(held, func(m access.Membership) bool { return slices.Contains(above, m.At) }), err
}
