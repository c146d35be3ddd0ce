package identity

import (
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
)

// What an access review reads and does: who holds roles, and taking them for a
// while or for good, each within a transaction of the caller.

// MembersIn lists who has a role here, in the order they came.
func MembersIn(tx *place.Tx) (list []Member, err error) {
	rows, err := place.Rows[memberRow](tx, memberColumns+` WHERE roles <> '' ORDER BY since, person`)
	if err != nil {
		return nil, err
	}
	now, err := directory.Current(tx, id.Person{})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		m, err := r.card(tx)
		if err != nil {
			return nil, err
		}
		m.Extensions = union(m.old, now[m.Person])
		list = append(list, m)
	}
	return list, nil
}

// SuspendIn takes a member's roles until ResumeIn gives them back. The tokens
// stay and are worth nothing meanwhile. It is fault.Conflict for the last
// administrator.
func SuspendIn(tx *place.Tx, person id.Person) ([]access.Role, error) {
	m, err := memberByID(tx, person)
	if err == nil && len(m.Roles) == 0 {
		err = fault.New(fault.NotFound, "no such member")
	}
	if err != nil {
		return nil, err
	}
	had := m.Roles
	m.Roles = nil
	tx.Record(place.Event{Code: "member.suspended", Subject: person.String(), Facts: map[string]string{"before": joinRoles(had)}, Personal: map[string]string{"name": m.Name}})
	tx.Notify("members")
	if err := storeMember(tx, m); err != nil {
		return nil, err
	}
	if slices.Contains(had, access.CustomerAdmin) {
		err = oneAdministrator(tx)
	}
	return had, err
}

// ResumeIn gives back what SuspendIn took; fault.Conflict where the person has
// roles again already.
func (s *Service) ResumeIn(tx *place.Tx, person id.Person, roles []access.Role) error {
	m, err := memberByID(tx, person)
	if err == nil && len(m.Roles) > 0 {
		err = fault.New(fault.Conflict, "this person has roles again already")
	}
	if err != nil {
		return err
	}
	if err := allowedGrant(tx.Who(), m, Member{Person: person, Roles: roles}); err != nil {
		return err
	}
	m.Roles = roles
	tx.Record(place.Event{Code: "member.resumed", Subject: person.String(), Facts: map[string]string{"roles": joinRoles(roles)}, Personal: map[string]string{"name": m.Name}})
	tx.Notify("members")
	if err := storeMember(tx, m); err != nil {
		return err
	}
	return s.seated(tx.Context(), tx)
}

// NodeMember is somebody with roles at the provider or a reseller.
type NodeMember struct {
	Person Person
	Roles  []access.Role
}

// NodeMembersIn lists who has a role at a node, within a transaction of the registry.
func NodeMembersIn(tx *place.Tx, node id.Node) (list []NodeMember, err error) {
	type row struct {
		Person id.Person `db:"person"`
		Role   string    `db:"role"`
	}
	rows, err := place.Rows[row](tx, `SELECT person, role FROM node_roles WHERE node = ? ORDER BY person, role`, node)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if n := len(list); n > 0 && list[n-1].Person.ID == r.Person {
			list[n-1].Roles = append(list[n-1].Roles, access.Role(r.Role))
			continue
		}
		p, err := personByID(tx, r.Person)
		if err != nil {
			return nil, err
		}
		list = append(list, NodeMember{p, []access.Role{access.Role(r.Role)}})
	}
	return list, nil
}

// NodesWithRoles lists the nodes at which anybody has a role.
func NodesWithRoles(tx *place.Tx) ([]id.Node, error) {
	return place.Rows[id.Node](tx, `SELECT DISTINCT node FROM node_roles ORDER BY node`)
}

// administers reports whether roles at a node are those of an administrator.
func administers(roles []access.Role) bool {
	return slices.Contains(roles, access.ProviderAdmin) || slices.Contains(roles, access.ResellerAdmin)
}

// SetNodeRolesIn leaves somebody these roles at a node; none take everything,
// the person's tokens there too. It is fault.Conflict where no administrator
// would be left.
func SetNodeRolesIn(tx *place.Tx, node id.Node, person id.Person, roles []access.Role) error {
	held, err := rolesAt(tx, person, node)
	if err != nil {
		return err
	}
	var had []access.Role
	for _, m := range held {
		had = append(had, m.Role)
	}
	for _, r := range had {
		if slices.Contains(roles, r) {
			continue
		}
		tx.Record(place.Event{Code: "role.taken", Subject: person.String(), Facts: map[string]string{"node": node.String(), "role": string(r)}})
		if _, err := tx.Exec(`DELETE FROM node_roles WHERE node = ? AND person = ? AND role = ?`, node, person, string(r)); err != nil {
			return err
		}
	}
	for _, r := range roles {
		if !slices.Contains(had, r) {
			if err := giveNodeRole(tx, node, r, person); err != nil {
				return err
			}
		}
	}
	if len(roles) == 0 {
		if err := EndNodeTokens(tx, node, person); err != nil {
			return err
		}
	}
	if !administers(had) || administers(roles) {
		return nil
	}
	left, err := NodeMembersIn(tx, node)
	if err == nil && !slices.ContainsFunc(left, func(m NodeMember) bool { return administers(m.Roles) }) {
		err = fault.New(fault.Conflict, "a provider or a reseller keeps at least one administrator")
	}
	return err
}
