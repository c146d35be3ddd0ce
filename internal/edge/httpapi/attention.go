package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

type AttentionPath struct {
	CustomerPath
	File string `path:"file"`
}

func (s *Server) attentionRoutes() {
	const base = "/api/v1/customers/{customer}/attention"
	add(s, route{gate: inCustomer(access.AttentionRead), method: get, path: base, id: "listAttention", summary: "Files that could not be archived, and what to do"}, s.listAttention)
	add(s, route{gate: inCustomer(access.SourceManage), method: post, path: base + "/{file}/retry", id: "retryFile", summary: "Try a file again", status: 204}, s.retryFile)
}

func (s *Server) listAttention(ctx context.Context, v *visit, in *CustomerPath) (*body[items[Attention]], error) {
	return nil, errNoVisit
}

func (s *Server) retryFile(ctx context.Context, v *visit, in *AttentionPath) (*none, error) {
	return nil, errNoVisit
}
