package httpapi

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// NodePath names one node of the tree.
type NodePath struct {
	Node string `path:"node"`
}

type childrenInput struct {
	NodePath
	Words  string `query:"q" maxLength:"100" doc:"Part of the name: searches all below, at any depth"`
	Kind   string `query:"kind" enum:"reseller,customer" doc:"Only these"`
	Cursor string `query:"cursor" maxLength:"1000"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
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

type renameNodeInput struct {
	NodePath
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100"`
	}
}

type inviteAdminInput struct {
	NodePath
	Body struct {
		AdminEmail string `json:"admin_email" minLength:"3" maxLength:"254"`
		AdminName  string `json:"admin_name" minLength:"1" maxLength:"100"`
	}
}

type standingInput struct {
	NodePath
	Body struct {
		Reason string `json:"reason" maxLength:"500" doc:"Stands in the customer's own change log"`
	}
}

func (s *Server) nodeRoutes() {
	const base = "/api/v1/nodes/{node}"
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base, id: "getNode", summary: "One node, with figures and no content"}, s.getNode)
	add(s, route{gate: onNode(access.NodeManage), method: patch, path: base, id: "renameNode", summary: "Give a node another name"}, s.renameNode)
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base + "/children", id: "listChildren", summary: "The nodes just below, or found by name, with figures and no content"}, s.listChildren)
	add(s, route{gate: onNode(access.NodeManage), method: post, path: base + "/children", id: "createChild", summary: "Make a reseller or a customer and invite its administrator", status: 201, creates: true}, s.createChild)
	add(s, route{gate: onNode(access.NodeManage), fresh: true, method: post, path: base + "/invitations", id: "inviteAdministrator", summary: "Invite the administrator of a node once more, until one has come", status: 204}, s.inviteAdministrator)
	add(s, route{gate: onNode(access.CustomerSuspend), method: post, path: base + "/suspension", id: "suspendCustomer", summary: "Close a customer to everybody; nothing is captured and nothing deleted"}, s.suspendCustomer)
	add(s, route{gate: onNode(access.CustomerSuspend), method: post, path: base + "/resumption", id: "resumeCustomer", summary: "Open a suspended customer again"}, s.resumeCustomer)
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base + "/events", id: "listNodeEvents", summary: "The change log of a node and those below it, newest first; nothing of what customers do"}, s.listNodeEvents)
}

func (s *Server) getNode(ctx context.Context, v *visit, _ *NodePath) (*body[NodeDetail], error) {
	one, err := s.deps.Tree.One(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	out := NodeDetail{Node: showChild(one), Path: []NodeName{}, Acts: []string{}}
	// Of the way up, a reseller sees what is its own.
	top := slices.IndexFunc(one.Path, func(n org.Node) bool {
		return slices.ContainsFunc(v.held, func(m access.Membership) bool { return m.At == n.ID })
	})
	if top >= 0 {
		for _, n := range one.Path[top:] {
			out.Path = append(out.Path, NodeName{n.ID.String(), string(n.Kind), n.Name})
		}
	}
	for _, a := range access.ActsAt(v.held, v.thing, v.at) {
		out.Acts = append(out.Acts, string(a))
	}
	return answer(out), nil
}

func (s *Server) renameNode(ctx context.Context, v *visit, in *renameNodeInput) (*body[NodeDetail], error) {
	if _, err := s.deps.Tree.Rename(ctx, v.who, v.node.ID, in.Body.Name); err != nil {
		return nil, err
	}
	return s.getNode(ctx, v, &in.NodePath)
}

func (s *Server) listChildren(ctx context.Context, v *visit, in *childrenInput) (*linked[NodePage], error) {
	q := org.Query{Words: in.Words, Kind: org.Kind(in.Kind), Limit: in.Limit}
	if in.Cursor != "" {
		after, err := base64.RawURLEncoding.DecodeString(in.Cursor)
		if err != nil || len(after) == 0 {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of nodes")
		}
		q.After = string(after)
	}
	list, next, err := s.deps.Tree.Children(ctx, v.node.ID, q)
	if err != nil {
		return nil, err
	}
	out := &linked[NodePage]{Body: NodePage{Items: []Node{}, NextCursor: base64.RawURLEncoding.EncodeToString([]byte(next))}}
	for _, c := range list {
		out.Body.Items = append(out.Body.Items, showChild(c))
	}
	out.Link = nextLink(v, out.Body.NextCursor)
	return out, nil
}

func showChild(c org.Child) Node {
	n := Node{
		ID: c.ID.String(), Kind: string(c.Kind), Name: c.Name, CreatedAt: c.CreatedAt, SuspendedAt: when(c.SuspendedAt), Below: c.Below,
		Usage: NodeUsage{
			Recordings: c.Recordings, Bytes: c.Bytes, Minutes: recording.Minutes(c.Length), Seats: c.Seats,
			MonthMinutes: recording.Minutes(c.Month.Captured), EngineSeconds: recording.Seconds(c.Month.Heard),
		},
		Health: NodeHealth{
			State: "good", Attention: c.Attention, FailedJobs: c.FailedJobs, FailingSources: c.Failing, Silent: c.Silent, Suspended: c.Suspended,
			LastCapturedAt: when(c.LastCapturedAt), ReportedAt: when(c.ReportedAt),
		},
	}
	switch {
	case !c.SuspendedAt.IsZero():
		n.Health.State = "suspended"
	case c.ReportedAt.IsZero():
		n.Health.State = "new"
	case c.Attention > 0 || c.FailedJobs > 0 || c.Failing > 0 || c.Silent > 0:
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
		_, err = s.deps.People.InviteToNode(ctx, v.who, n.ID, n.Name, email, in.Body.AdminName, access.ResellerAdmin)
	} else {
		err = s.inviteFirst(ctx, v, n, email, in.Body.AdminName)
	}
	return answer(showChild(org.Child{Node: n})), err
}

// inviteAdministrator mends an invitation that was lost or went to a wrong
// address. Once a customer's administrator has come, nobody above can add
// another: that one could make a superuser, and content would be reached. At a
// reseller it is what inviteStaff is: a machine with a stolen token could make
// itself a successor by it.
func (s *Server) inviteAdministrator(ctx context.Context, v *visit, in *inviteAdminInput) (*none, error) {
	switch v.node.Kind {
	case org.Customer:
		return nil, s.inviteFirst(ctx, v, v.node, in.Body.AdminEmail, in.Body.AdminName)
	case org.Reseller:
		if !v.may(access.StaffManage) {
			return nil, fault.New(fault.Denied, "a person has to do this: whoever administers a reseller can make tokens")
		}
		_, err := s.deps.People.InviteToNode(ctx, v.who, v.node.ID, v.node.Name, in.Body.AdminEmail, in.Body.AdminName, access.ResellerAdmin)
		return nil, err
	}
	return nil, fault.New(fault.Conflict, "see inviteStaff for the provider's own people")
}

func (s *Server) inviteFirst(ctx context.Context, v *visit, n org.Node, email, name string) error {
	p, err := s.deps.Store.Place(ctx, n.ID)
	if err != nil {
		return err
	}
	return s.deps.People.InviteFirst(ctx, p, v.who, n.Name, email, name)
}

func (s *Server) suspendCustomer(ctx context.Context, v *visit, in *standingInput) (*body[NodeDetail], error) {
	if _, err := s.deps.Tree.Suspend(ctx, v.who, v.node.ID, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.getNode(ctx, v, &in.NodePath)
}

func (s *Server) resumeCustomer(ctx context.Context, v *visit, in *standingInput) (*body[NodeDetail], error) {
	if _, err := s.deps.Tree.Resume(ctx, v.who, v.node.ID, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.getNode(ctx, v, &in.NodePath)
}
