package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

type retentionInput struct {
	CustomerPath
	Body struct {
		Days    *int `json:"days" minimum:"1" maximum:"36500" doc:"Counted from the call; null with forever: keep without end"`
		Forever bool `json:"forever,omitempty"`
	}
}

func (s *Server) retentionRoutes() {
	const path = "/api/v1/customers/{customer}/retention"
	add(s, route{gate: inCustomer(access.RetentionSet), method: get, path: path, id: "getRetention", summary: "How long recordings are kept"}, s.getRetention)
	add(s, route{gate: inCustomer(access.RetentionSet), method: put, path: path, id: "setRetention", summary: "Choose how long recordings are kept; nothing is captured before"}, s.setRetention)
}

func (s *Server) getRetention(ctx context.Context, v *visit, in *CustomerPath) (*body[Retention], error) {
	return nil, errNoVisit
}

func (s *Server) setRetention(ctx context.Context, v *visit, in *retentionInput) (*body[Retention], error) {
	return nil, errNoVisit
}
