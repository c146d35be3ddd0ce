package httpapi

import (
	"context"

	"ringfence/internal/base/id"
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
	var more bool
	f, ask, err := v.filter(in, &more)
	if err != nil {
		return nil, err
	}
	if err := s.trustFilter(v, in, &f); err != nil {
		return nil, err
	}
	page, err := s.deps.Recordings.Calls(ctx, v.place, v.who, f, ask)
	if err != nil {
		return nil, err
	}
	out := &linked[CallPage]{Link: nextLink(v, page.Next), Body: CallPage{Items: make([]Call, len(page.Items)), NextCursor: page.Next}}
	for i, c := range page.Items {
		out.Body.Items[i] = showCall(c)
	}
	return out, nil
}

func (s *Server) getCall(ctx context.Context, v *visit, in *CallPath) (*body[Call], error) {
	i, err := id.Parse[id.Call](in.Call)
	if err != nil {
		return nil, errNothing
	}
	c, err := s.deps.Recordings.CallOf(ctx, v.place, v.who, i, v.scope(access.RecordingList))
	if err != nil {
		return nil, err
	}
	return answer(showCall(c)), nil
}
