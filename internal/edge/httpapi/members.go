package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// MemberPath names one member.
type MemberPath struct {
	CustomerPath
	Person string `path:"person"`
}

type inviteInput struct {
	CustomerPath
	Creating
	Body struct {
		Email      string       `json:"email" minLength:"3" maxLength:"254"`
		Name       string       `json:"name" minLength:"1" maxLength:"100"`
		Roles      []string     `json:"roles" minItems:"1" maxItems:"6" enum:"customer_admin,superuser,supervisor,agent,auditor,user"`
		Extensions []string     `json:"extensions,omitempty" maxItems:"200" doc:"Theirs from now on, and since they were last somebody else's; to say other dates, use the directory. Missing: as they are"`
		Scope      *MemberScope `json:"scope,omitempty" doc:"What a supervisor reaches. Missing: as it is"`
	}
}

type changeMemberInput struct {
	MemberPath
	Body struct {
		Roles      []string     `json:"roles" minItems:"1" maxItems:"6" enum:"customer_admin,superuser,supervisor,agent,auditor,user"`
		Extensions []string     `json:"extensions,omitempty" maxItems:"200" doc:"Theirs from now on, and since they were last somebody else's; to say other dates, use the directory. Missing: as they are"`
		Scope      *MemberScope `json:"scope,omitempty" doc:"What a supervisor reaches. Missing: as it is"`
	}
}

// MemberScope is what a supervisor sees and hears: everything, or recordings of
// any of these queues, teams and extensions.
type MemberScope struct {
	All        bool     `json:"all" required:"false"`
	Queues     []string `json:"queues" required:"false" maxItems:"500"`
	Teams      []string `json:"teams" required:"false" maxItems:"500" doc:"As the directory names them"`
	Extensions []string `json:"extensions" required:"false" maxItems:"500" doc:"Whoever had them"`
	MaxAgeDays int      `json:"max_age_days" required:"false" minimum:"0" maximum:"36500" doc:"Not older; 0: any age. Holds for agents and users too"`
}

func (sc *MemberScope) scope() *identity.Scope {
	if sc == nil {
		return nil
	}
	return &identity.Scope{All: sc.All, Queues: sc.Queues, Teams: sc.Teams, Extensions: sc.Extensions, MaxAge: time.Duration(sc.MaxAgeDays) * 24 * time.Hour}
}

func showScope(sc identity.Scope) MemberScope {
	whole := func(s []string) []string { return append([]string{}, s...) }
	return MemberScope{All: sc.All, Queues: whole(sc.Queues), Teams: whole(sc.Teams), Extensions: whole(sc.Extensions), MaxAgeDays: int(sc.MaxAge / (24 * time.Hour))}
}

func (s *Server) memberRoutes() {
	const base = "/api/v1/customers/{customer}/members"
	may := inCustomer(access.MemberManage)
	add(s, route{gate: inCustomer(access.MemberRead), method: get, path: base, id: "listMembers", summary: "Who has a role here"}, s.listMembers)
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "inviteMember", summary: "Give somebody roles; a new person gets a link to set a password", status: 201, creates: true}, s.inviteMember)
	add(s, route{gate: may, fresh: true, method: put, path: base + "/{person}", id: "changeMember", summary: "Change roles and extensions; works from the next request on"}, s.changeMember)
	add(s, route{gate: may, method: del, path: base + "/{person}", id: "removeMember", summary: "Take all roles away", status: 204}, s.removeMember)
}

func (s *Server) listMembers(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Member]], error) {
	list, err := s.deps.People.Members(ctx, v.place)
	var out []Member
	for _, m := range list {
		out = append(out, showMember(m))
	}
	return listed(out), err
}

func showMember(m identity.Member) Member {
	out := Member{PersonID: m.Person.String(), Name: m.Name, Email: m.Email, Roles: []string{}, Extensions: append([]string{}, m.Extensions...), Scope: showScope(m.Scope), State: "invited"}
	for _, r := range m.Roles {
		out.Roles = append(out.Roles, string(r))
	}
	if m.Joined {
		out.State = "active"
	}
	return out
}

// grant reads roles; giving playback is an act of its own.
func (v *visit) grant(roles, extensions []string, sc *MemberScope) (identity.Grant, error) {
	g := identity.Grant{Extensions: extensions, Scope: sc.scope()}
	for _, r := range roles {
		if access.Role(r) == access.SuperUser && !v.may(access.SuperuserGrant) {
			return g, errNothing
		}
		g.Roles = append(g.Roles, access.Role(r))
	}
	return g, nil
}

func (s *Server) inviteMember(ctx context.Context, v *visit, in *inviteInput) (*body[Member], error) {
	g, err := v.grant(in.Body.Roles, in.Body.Extensions, in.Body.Scope)
	if err != nil {
		return nil, err
	}
	node, err := s.deps.Tree.Node(ctx, v.place.Customer())
	if err != nil {
		return nil, err
	}
	m, err := s.deps.People.Invite(ctx, v.place, v.who, node.Name, in.Body.Email, in.Body.Name, g)
	if err != nil {
		return nil, err
	}
	return answer(showMember(m)), nil
}

func (s *Server) changeMember(ctx context.Context, v *visit, in *changeMemberInput) (*body[Member], error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	g, err := v.grant(in.Body.Roles, in.Body.Extensions, in.Body.Scope)
	if err != nil {
		return nil, err
	}
	m, err := s.deps.People.ChangeMember(ctx, v.place, v.who, p, g)
	if err != nil {
		return nil, err
	}
	return answer(showMember(m)), nil
}

func (s *Server) removeMember(ctx context.Context, v *visit, in *MemberPath) (*none, error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.RemoveMember(ctx, v.place, v.who, p)
}
