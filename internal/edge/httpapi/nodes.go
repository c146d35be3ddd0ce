package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

// NodePath names one node of the tree.
type NodePath struct {
	Node string `path:"node"`
}

type createNodeInput struct {
	NodePath
	Body struct {
		Kind       string `json:"kind" enum:"reseller,customer"`
		Name       string `json:"name" minLength:"1" maxLength:"100"`
		AdminEmail string `json:"admin_email" minLength:"3" maxLength:"254" doc:"Gets a one-time link to set a password"`
		AdminName  string `json:"admin_name" minLength:"1" maxLength:"100"`
	}
}

func (s *Server) nodeRoutes() {
	add(s, route{gate: onNode(access.UsageRead), method: get, path: "/api/v1/nodes/{node}/children", id: "listChildren", summary: "The nodes just below, with figures and no content"}, s.listChildren)
	add(s, route{gate: onNode(access.NodeManage), method: post, path: "/api/v1/nodes/{node}/children", id: "createChild", summary: "Make a reseller or a customer and invite its administrator", status: 201}, s.createChild)
}

func (s *Server) listChildren(ctx context.Context, v *visit, in *NodePath) (*body[items[Node]], error) {
	return nil, errNoVisit
}

func (s *Server) createChild(ctx context.Context, v *visit, in *createNodeInput) (*body[Node], error) {
	return nil, errNoVisit
}
