package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
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
		Email      string   `json:"email" minLength:"3" maxLength:"254"`
		Name       string   `json:"name" minLength:"1" maxLength:"100"`
		Roles      []string `json:"roles" minItems:"1" maxItems:"3" enum:"customer_admin,superuser,user"`
		Extensions []string `json:"extensions,omitempty" maxItems:"200"`
	}
}

type changeMemberInput struct {
	MemberPath
	Body struct {
		Roles      []string `json:"roles" minItems:"1" maxItems:"3" enum:"customer_admin,superuser,user"`
		Extensions []string `json:"extensions,omitempty" maxItems:"200"`
	}
}

func (s *Server) memberRoutes() {
	const base = "/api/v1/customers/{customer}/members"
	may := inCustomer(access.MemberManage)
	add(s, route{gate: may, method: get, path: base, id: "listMembers", summary: "Who has a role here"}, s.listMembers)
	add(s, route{gate: may, method: post, path: base, id: "inviteMember", summary: "Give somebody roles; a new person gets a link to set a password", status: 201, creates: true}, s.inviteMember)
	add(s, route{gate: may, method: put, path: base + "/{person}", id: "changeMember", summary: "Change roles and extensions; works from the next request on"}, s.changeMember)
	add(s, route{gate: may, method: del, path: base + "/{person}", id: "removeMember", summary: "Take all roles away", status: 204}, s.removeMember)
}

func (s *Server) listMembers(ctx context.Context, v *visit, in *CustomerPath) (*body[items[Member]], error) {
	return nil, errNoVisit
}

func (s *Server) inviteMember(ctx context.Context, v *visit, in *inviteInput) (*body[Member], error) {
	return nil, errNoVisit
}

func (s *Server) changeMember(ctx context.Context, v *visit, in *changeMemberInput) (*body[Member], error) {
	return nil, errNoVisit
}

func (s *Server) removeMember(ctx context.Context, v *visit, in *MemberPath) (*none, error) {
	return nil, errNoVisit
}
