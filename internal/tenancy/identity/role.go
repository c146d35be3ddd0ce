package identity

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
)

// Roles above customers stand in the registry: there is no place to put them in.

// nodeRoles is what a person holds above customers, and the access lists of the
// nodes that have one.
func nodeRoles(tx *place.Tx, p id.Person) (held []access.Membership, lists map[id.Node]entry.List, err error) {
	type row struct {
		Node  id.Node `db:"node"`
		Role  string  `db:"role"`
		Entry []byte  `db:"entry"`
	}
	rows, err := place.Rows[row](tx, `SELECT r.node, r.role, l.list AS entry FROM node_roles r
		LEFT JOIN entry_lists l ON l.node = r.node WHERE r.person = ? ORDER BY r.node, r.role`, p)
	for _, r := range rows {
		held = append(held, access.Membership{Role: access.Role(r.Role), At: r.Node})
		if len(r.Entry) == 0 {
			continue
		}
		if lists == nil {
			lists = map[id.Node]entry.List{}
		}
		if lists[r.Node], err = entry.Sealed(tx, r.Node, r.Entry); err != nil {
			return nil, nil, err
		}
	}
	return held, lists, err
}

// belowOnly reports whether a person holds nothing above customers.
func (s *Service) belowOnly(ctx context.Context, p id.Person) (below bool, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM node_roles WHERE person = ?`, p)
		below = n == 0
		return err
	})
	return below, err
}

// GiveNodeRole makes a person administrator of the provider or of a reseller.
func (s *Service) GiveNodeRole(ctx context.Context, who actor.Actor, node id.Node, role access.Role, p id.Person) error {
	if !slices.Contains(slices.Concat(access.RolesAt("provider"), access.RolesAt("reseller")), role) {
		return fault.Field("role", "want provider_admin, provider_support or reseller_admin")
	}
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if _, err := personByID(tx, p); err != nil {
			return err
		}
		return giveNodeRole(tx, node, role, p)
	})
}

func giveNodeRole(tx *place.Tx, node id.Node, role access.Role, p id.Person) error {
	tx.Record(place.Event{
		Code: "role.given", Subject: p.String(),
		Facts: map[string]string{"node": node.String(), "role": string(role)},
	})
	_, err := tx.Exec(`INSERT INTO node_roles (node, person, role) VALUES (?, ?, ?) ON CONFLICT (person, node, role) DO NOTHING`, node, p, string(role))
	return err
}

// InviteToNode finds or adds a person, gives roles at the provider or a reseller
// and mails.
func (s *Service) InviteToNode(ctx context.Context, who actor.Actor, node id.Node, organisation, email, name string, roles ...access.Role) (id.Person, error) {
	email, err := mail.Address(email)
	if err != nil {
		return id.Person{}, fault.Field("admin_email", "this is no e-mail address")
	}
	if name, err = checkName(name); err != nil {
		return id.Person{}, err
	}
	if wait := s.invites.take(node.String(), s.now()); wait > 0 {
		return id.Person{}, fault.New(fault.Limited, "too many invitations; wait a little").After(wait)
	}
	var p Person
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if p, _, err = ensure(tx, email, name); err != nil {
			return err
		}
		for _, r := range roles {
			if err := giveNodeRole(tx, node, r, p.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return id.Person{}, err
	}
	return p.ID, s.welcomeMail(ctx, who, p, organisation)
}

// HeldAbove is what a person holds above customers.
func (s *Service) HeldAbove(ctx context.Context, p id.Person) (held []access.Membership, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		held, _, err = nodeRoles(tx, p)
		return err
	})
	return held, err
}

// NobodyElse reports whether a role at a node is free, or held by the person of
// that address alone: who sets a server up makes one administrator, not one more
// with each try.
func (s *Service) NobodyElse(ctx context.Context, node id.Node, role access.Role, email string) (free bool, err error) {
	email, err = mail.Address(email)
	if err != nil {
		return false, fault.Field("email", "this is no e-mail address")
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		held, err := place.Rows[id.Person](tx, `SELECT person FROM node_roles WHERE node = ? AND role = ? LIMIT 2`, node, string(role))
		if free = len(held) == 0; free || err != nil || len(held) > 1 {
			return err
		}
		p, err := personByID(tx, held[0])
		free = p.Email == email
		return err
	})
	return free, err
}

// Places lists the customers a person may be a member of. The registry's list
// is a hint; the memberships in the places are the truth.
func (s *Service) Places(ctx context.Context, p id.Person) (list []id.Customer, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		list, err = place.Rows[id.Customer](tx, `SELECT customer FROM person_places WHERE person = ? ORDER BY customer`, p)
		return err
	})
	return list, err
}

// Held is what a person holds at one customer, read from its place.
func (s *Service) Held(ctx context.Context, p *place.Place, who id.Person) (held []access.Membership, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		held, err = heldBy(tx, who)
		return err
	})
	return held, err
}

func heldBy(tx *place.Tx, who id.Person) ([]access.Membership, error) {
	r, err := place.Row[memberRow](tx, memberColumns+` WHERE person = ?`, who)
	if fault.Is(err, fault.NotFound) || err == nil && r.Roles == "" {
		return visiting(tx, who)
	}
	if err != nil {
		return nil, err
	}
	m, err := r.open(tx)
	return held(tx, m), err
}

func held(tx *place.Tx, m Member) (all []access.Membership) {
	for _, r := range m.Roles {
		all = append(all, access.Membership{Role: r, At: tx.Place().Customer(), Part: m.part.of(r)})
	}
	return all
}
