package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

type CallPath struct {
	CustomerPath
	Call string `path:"call"`
}

func (s *Server) callRoutes() {
	const base = "/api/v1/customers/{customer}/calls"
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: base, id: "listCalls", summary: "Calls by filter, one page"}, s.listCalls)
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: base + "/{call}", id: "getCall", summary: "One call with its legs and events"}, s.getCall)
}

func (s *Server) listCalls(ctx context.Context, v *visit, in *recordingFilter) (*linked[CallPage], error) {
	return nil, errNoVisit
}

func (s *Server) getCall(ctx context.Context, v *visit, in *CallPath) (*body[Call], error) {
	return nil, errNoVisit
}
