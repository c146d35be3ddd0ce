package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

// SourcePath names one source.
type SourcePath struct {
	CustomerPath
	Source string `path:"source"`
}

type createSourceInput struct {
	CustomerPath
	Creating
	Body SourceSettings
}

type changeSourceInput struct {
	SourcePath
	Body SourceSettings
}

func (s *Server) sourceRoutes() {
	const base = "/api/v1/customers/{customer}/sources"
	may := inCustomer(access.SourceManage)
	add(s, route{gate: may, method: get, path: base, id: "listSources", summary: "Where recordings come from"}, s.listSources)
	add(s, route{gate: may, method: post, path: base, id: "createSource", summary: "Add a source", status: 201, creates: true}, s.createSource)
	add(s, route{gate: may, method: get, path: base + "/{source}", id: "getSource", summary: "One source"}, s.getSource)
	add(s, route{gate: may, method: patch, path: base + "/{source}", id: "changeSource", summary: "Change a source; takes the whole of its settings"}, s.changeSource)
	add(s, route{gate: may, method: del, path: base + "/{source}", id: "removeSource", summary: "Stop capturing from a source; its recordings stay", status: 204}, s.removeSource)
}

func (s *Server) listSources(ctx context.Context, v *visit, in *CustomerPath) (*body[items[Source]], error) {
	return nil, errNoVisit
}

func (s *Server) createSource(ctx context.Context, v *visit, in *createSourceInput) (*body[Source], error) {
	return nil, errNoVisit
}

func (s *Server) getSource(ctx context.Context, v *visit, in *SourcePath) (*body[Source], error) {
	return nil, errNoVisit
}

func (s *Server) changeSource(ctx context.Context, v *visit, in *changeSourceInput) (*body[Source], error) {
	return nil, errNoVisit
}

func (s *Server) removeSource(ctx context.Context, v *visit, in *SourcePath) (*none, error) {
	return nil, errNoVisit
}
