package httpapi

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// Pending invitations are members in the state "invited".
func (s *Server) invitationRoutes() {
	const path = "/api/v1/customers/{customer}/members/{person}/invitation"
	may := inCustomer(access.MemberManage)
	add(s, route{gate: may, method: post, path: path, id: "resendInvitation", summary: "Mail the invitation again, for who has not come yet; older links end", status: 204}, s.resendInvitation)
	add(s, route{gate: may, method: del, path: path, id: "withdrawInvitation", summary: "Take back the invitation of who has not come yet", status: 204}, s.withdrawInvitation)
	add(s, route{gate: may, fresh: true, method: del, path: "/api/v1/customers/{customer}/members/{person}/factors", id: "resetFactors", summary: "Take away the lost second factors of a member who belongs here alone; ends their sessions", status: 204}, s.resetFactors)
}

func (s *Server) resetFactors(ctx context.Context, v *visit, in *MemberPath) (*none, error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.ResetFactors(ctx, v.place, v.who, p)
}

func (s *Server) resendInvitation(ctx context.Context, v *visit, in *MemberPath) (*none, error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	node, err := s.deps.Tree.Node(ctx, v.place.Customer())
	if err != nil {
		return nil, err
	}
	return nil, s.deps.People.Reinvite(ctx, v.place, v.who, node.Name, p)
}

func (s *Server) withdrawInvitation(ctx context.Context, v *visit, in *MemberPath) (*none, error) {
	p, err := id.Parse[id.Person](in.Person)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.Withdraw(ctx, v.place, v.who, p)
}
