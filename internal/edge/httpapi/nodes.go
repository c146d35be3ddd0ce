package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// NodePath names one node of the tree.
type NodePath struct {
	Node string `path:"node"`
}

type createNodeInput struct {
	NodePath
	Creating
	Body struct {
		Kind       string `json:"kind" enum:"reseller,customer"`
		Name       string `json:"name" minLength:"1" maxLength:"100"`
		AdminEmail string `json:"admin_email" minLength:"3" maxLength:"254" doc:"Gets a one-time link to set a password"`
		AdminName  string `json:"admin_name" minLength:"1" maxLength:"100"`
	}
}

type inviteAdminInput struct {
	NodePath
	Body struct {
		AdminEmail string `json:"admin_email" minLength:"3" maxLength:"254"`
		AdminName  string `json:"admin_name" minLength:"1" maxLength:"100"`
	}
}

func (s *Server) nodeRoutes() {
	add(s, route{gate: onNode(access.UsageRead), method: get, path: "/api/v1/nodes/{node}/children", id: "listChildren", summary: "The nodes just below, with figures and no content"}, s.listChildren)
	add(s, route{gate: onNode(access.NodeManage), method: post, path: "/api/v1/nodes/{node}/children", id: "createChild", summary: "Make a reseller or a customer and invite its administrator", status: 201, creates: true}, s.createChild)
	add(s, route{gate: onNode(access.NodeManage), method: post, path: "/api/v1/nodes/{node}/invitations", id: "inviteAdministrator", summary: "Invite the administrator of a node once more, until one has come", status: 204}, s.inviteAdministrator)
}

func (s *Server) listChildren(ctx context.Context, v *visit, _ *NodePath) (*body[items[Node]], error) {
	list, err := s.deps.Tree.Children(ctx, v.node.ID)
	var out []Node
	for _, c := range list {
		out = append(out, showChild(c))
	}
	return listed(out), err
}

func showChild(c org.Child) Node {
	n := Node{
		ID: c.ID.String(), Kind: string(c.Kind), Name: c.Name, CreatedAt: c.CreatedAt,
		Usage:  NodeUsage{Recordings: c.Recordings, Bytes: c.Bytes, Minutes: c.Length.Minutes()},
		Health: NodeHealth{State: "good", Attention: c.Attention, FailedJobs: c.FailedJobs, LastCapturedAt: when(c.LastCapturedAt), ReportedAt: when(c.ReportedAt)},
	}
	if c.ReportedAt.IsZero() {
		n.Health.State = "new"
	} else if c.Attention > 0 || c.FailedJobs > 0 {
		n.Health.State = "attention"
	}
	return n
}

// when is a time for JSON: null where there is none.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// createChild makes the node and invites its first administrator. Everything
// that can be refused is refused before the node exists.
func (s *Server) createChild(ctx context.Context, v *visit, in *createNodeInput) (*body[Node], error) {
	email, err := mail.Address(in.Body.AdminEmail)
	if err != nil {
		return nil, fault.Field("admin_email", "this is no e-mail address")
	}
	n, err := s.deps.Tree.Create(ctx, v.who, v.node.ID, org.Kind(in.Body.Kind), in.Body.Name)
	if err != nil {
		return nil, err
	}
	if n.Kind == org.Reseller {
		err = s.deps.People.InviteToNode(ctx, v.who, n.ID, n.Name, access.ResellerAdmin, email, in.Body.AdminName)
	} else {
		err = s.inviteFirst(ctx, v, n, email, in.Body.AdminName)
	}
	return answer(showChild(org.Child{Node: n})), err
}

// inviteAdministrator mends an invitation that was lost or went to a wrong
// address. Once a customer's administrator has come, nobody above can add
// another: that one could make a superuser, and content would be reached.
func (s *Server) inviteAdministrator(ctx context.Context, v *visit, in *inviteAdminInput) (*none, error) {
	switch v.node.Kind {
	case org.Reseller:
		return nil, s.deps.People.InviteToNode(ctx, v.who, v.node.ID, v.node.Name, access.ResellerAdmin, in.Body.AdminEmail, in.Body.AdminName)
	case org.Customer:
		return nil, s.inviteFirst(ctx, v, v.node, in.Body.AdminEmail, in.Body.AdminName)
	}
	return nil, fault.New(fault.Conflict, "the provider's administrators are named where the server is set up")
}

func (s *Server) inviteFirst(ctx context.Context, v *visit, n org.Node, email, name string) error {
	p, err := s.deps.Store.Place(ctx, n.ID)
	if err != nil {
		return err
	}
	return s.deps.People.InviteFirst(ctx, p, v.who, n.Name, email, name)
}
