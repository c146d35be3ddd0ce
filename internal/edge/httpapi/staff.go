package httpapi

import (
	"context"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// Staff is somebody who works for the provider or a reseller.
type Staff struct {
	PersonID string   `json:"person_id"`
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Roles    []string `json:"roles" enum:"provider_admin,provider_support,reseller_admin"`
	State    string   `json:"state" enum:"invited,active"`
	Strong   bool     `json:"strong" doc:"Has an authenticator app or a passkey; administrators act with nothing less"`
}

// StaffPath names one person who works above customers.
type StaffPath struct {
	NodePath
	Person string `path:"person"`
}

type staffSessionPath struct {
	NodePath
	Session string `path:"session"`
}

type inviteStaffInput struct {
	NodePath
	Creating
	Body struct {
		Email string   `json:"email" minLength:"3" maxLength:"254"`
		Name  string   `json:"name" minLength:"1" maxLength:"100"`
		Roles []string `json:"roles" minItems:"1" maxItems:"2" enum:"provider_admin,provider_support,reseller_admin"`
	}
}

type changeStaffInput struct {
	StaffPath
	Body struct {
		Roles []string `json:"roles" minItems:"1" maxItems:"2" enum:"provider_admin,provider_support,reseller_admin"`
	}
}

type nodeWhyInput struct {
	NodePath
	Person string `query:"person" required:"true" maxLength:"60" doc:"Id of somebody who has a role here or at a node above or below that the asker administers"`
	Act    string `query:"act" required:"true" maxLength:"60" example:"quota.set"`
}

func (s *Server) staffRoutes() {
	const base = "/api/v1/nodes/{node}/staff"
	may := onNode(access.StaffManage)
	add(s, route{gate: may, method: get, path: base, id: "listStaff", summary: "Who has a role at this provider or reseller"}, s.listStaff)
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "inviteStaff", summary: "Give somebody roles at this provider or reseller; a new person gets a link to set a password. Once more: the link is mailed again", status: 201, creates: true}, s.inviteStaff)
	add(s, route{gate: may, fresh: true, method: put, path: base + "/{person}", id: "changeStaff", summary: "Change somebody's roles here; works from the next request on"}, s.changeStaff)
	add(s, route{gate: may, fresh: true, method: del, path: base + "/{person}", id: "removeStaff", summary: "Take all roles here away, with tokens and support accesses that hung on them", status: 204}, s.removeStaff)
	sessions := onNode(access.SessionManage)
	add(s, route{gate: sessions, method: get, path: "/api/v1/nodes/{node}/sessions", id: "listStaffSessions", summary: "Where those who work at this provider or reseller are signed in"}, s.listStaffSessions)
	add(s, route{gate: sessions, method: del, path: "/api/v1/nodes/{node}/sessions/{session}", id: "endStaffSession", summary: "End the session of somebody who works here, wholly: also at customers", status: 204}, s.endStaffSession)
	add(s, route{gate: may, method: get, path: "/api/v1/nodes/{node}/why", id: "nodeWhy", summary: "Why somebody may, or may not, do an act at this node"}, s.nodeWhy)
}

func (s *Server) listStaff(ctx context.Context, v *visit, _ *NodePath) (*body[items[Staff]], error) {
	list, err := s.deps.People.StaffOf(ctx, v.node.ID)
	var out []Staff
	for _, p := range list {
		out = append(out, showStaff(p))
	}
	return listed(out), err
}

func showStaff(p identity.Staff) Staff {
	out := Staff{PersonID: p.Person.ID.String(), Name: p.Person.Name, Email: p.Person.Email, Roles: []string{}, State: "active", Strong: p.Strong}
	for _, r := range p.Roles {
		out.Roles = append(out.Roles, string(r))
	}
	if p.Invited {
		out.State = "invited"
	}
	return out
}

// staffRoles are roles that can be held at a node of this kind. At a customer
// there are none: its people are its own.
func staffRoles(n org.Node, names []string) (out []access.Role, err error) {
	can := access.RolesAt(string(n.Kind))
	if n.Kind == org.Customer {
		return nil, fault.New(fault.Conflict, "a customer's people are named by its own administrators")
	}
	for _, name := range names {
		r := access.Role(name)
		if !slices.Contains(can, r) {
			return nil, fault.Field("roles", "%s is no role at a %s", name, n.Kind)
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s *Server) inviteStaff(ctx context.Context, v *visit, in *inviteStaffInput) (*body[Staff], error) {
	roles, err := staffRoles(v.node, in.Body.Roles)
	if err != nil {
		return nil, err
	}
	if in.Body.Email, err = mail.Address(in.Body.Email); err != nil {
		return nil, fault.Field("email", "this is no e-mail address")
	}
	p, err := s.deps.People.InviteToNode(ctx, v.who, v.node.ID, v.node.Name, in.Body.Email, in.Body.Name, roles...)
	if err != nil {
		return nil, err
	}
	return s.oneStaff(ctx, v, p)
}

func (s *Server) changeStaff(ctx context.Context, v *visit, in *changeStaffInput) (*body[Staff], error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	roles, err := staffRoles(v.node, in.Body.Roles)
	if err != nil {
		return nil, err
	}
	if err := s.deps.People.SetStaff(ctx, v.who, v.node.ID, p, roles); err != nil {
		return nil, err
	}
	return s.oneStaff(ctx, v, p)
}

func (s *Server) removeStaff(ctx context.Context, v *visit, in *StaffPath) (*none, error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	if _, err := staffRoles(v.node, nil); err != nil {
		return nil, err
	}
	return nil, s.deps.People.SetStaff(ctx, v.who, v.node.ID, p, nil)
}

func (s *Server) oneStaff(ctx context.Context, v *visit, p id.Person) (*body[Staff], error) {
	list, err := s.deps.People.StaffOf(ctx, v.node.ID)
	for _, one := range list {
		if one.Person.ID == p {
			return answer(showStaff(one)), err
		}
	}
	if err == nil {
		err = errNothing // removed in the same instant
	}
	return nil, err
}

func (s *Server) listStaffSessions(ctx context.Context, v *visit, _ *NodePath) (*body[items[MemberSession]], error) {
	list, names, err := s.deps.People.StaffSessions(ctx, v.node.ID)
	var out []MemberSession
	for _, one := range list {
		out = append(out, showMemberSession(one, names, v.session.ID))
	}
	return listed(out), err
}

func (s *Server) endStaffSession(ctx context.Context, v *visit, in *staffSessionPath) (*none, error) {
	i, err := id.Parse[id.Session](in.Session)
	if err != nil {
		return nil, errNothing
	}
	if _, err := staffRoles(v.node, nil); err != nil {
		return nil, err
	}
	return nil, s.deps.People.EndStaffSession(ctx, v.who, v.node.ID, i)
}

// nodeWhy explains a decision above customers. Of what the person holds the
// asker learns what they administer themselves; of somebody who holds nothing
// of that, not even that there is such a person.
func (s *Server) nodeWhy(ctx context.Context, v *visit, in *nodeWhyInput) (*body[Why], error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, fault.Field("query.person", "is no id of a person")
	}
	act := access.Act(in.Act)
	if !known(act) {
		return nil, fault.Field("query.act", "there is no such act")
	}
	all, err := s.deps.People.HeldAbove(ctx, p)
	if err != nil {
		return nil, err
	}
	var held []access.Membership
	for _, m := range all {
		at := access.Thing{Place: m.At}
		err := v.place.View(ctx, func(tx *place.Tx) error {
			at.Above, err = org.Above(tx, m.At)
			return err
		})
		if err != nil {
			return nil, err
		}
		if access.Allow(v.held, access.StaffManage, at, v.at).Allowed {
			held = append(held, m)
		}
	}
	if len(held) == 0 {
		return nil, errNothing
	}
	who, err := s.deps.People.Person(ctx, p)
	if err != nil {
		return nil, err
	}
	can := access.RolesAt("provider")
	if v.node.Kind != org.Provider {
		can = append(can, access.RolesAt("reseller")...)
	}
	return answer(showWhy(access.Explain(held, act, v.thing, can, v.at), who.Name, act)), nil
}
