package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/parcel"
)

// Export is something that takes long to make and is then taken away.
type Export struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind" doc:"evidence, change-log, …"`
	Name    string     `json:"name" doc:"Of the file; empty once it has ended"`
	State   string     `json:"state" enum:"making,ready,failed,ended"`
	Done    int64      `json:"done" doc:"Of total, in steps of its own"`
	Total   int64      `json:"total" doc:"0: not known yet"`
	Bytes   int64      `json:"bytes" doc:"Of the file, once it is ready"`
	Reason  string     `json:"reason" doc:"Why it failed or ended early"`
	Purpose string     `json:"purpose"`
	AskedAt time.Time  `json:"asked_at"`
	ReadyAt *time.Time `json:"ready_at"`
	Until   *time.Time `json:"until" doc:"It can be taken until then"`
	EndedAt *time.Time `json:"ended_at"`
}

// ExportOpening is an export opened to be taken.
type ExportOpening struct {
	ID          string    `json:"id" doc:"Of the receipt"`
	Until       time.Time `json:"until"`
	DownloadURL string    `json:"download_url"`
}

type (
	ExportPath struct {
		CustomerPath
		Export string `path:"export"`
	}
	exportContent struct {
		ExportPath
		Opening string `path:"opening"`
	}
)

func (s *Server) exportRoutes() {
	const base = "/api/v1/customers/{customer}/exports"
	take := inCustomer(access.ExportTake)
	add(s, route{gate: take, method: get, path: base, id: "listExports", summary: "Exports that the asker has asked for, the newest first"}, s.listExports)
	add(s, route{gate: take, method: get, path: base + "/{export}", id: "getExport", summary: "One export, and how far its making has come"}, s.getExport)
	add(s, route{gate: take, method: del, path: base + "/{export}", id: "removeExport", summary: "Destroy an export before its time", status: 204}, s.removeExport)
	add(s, route{gate: take, fresh: true, method: post, path: base + "/{export}/openings", id: "openExport", summary: "Open an export to take it: writes the receipt first, then gives the address", status: 201}, s.openExport)
	add(s, route{gate: take, method: get, path: base + "/{export}/openings/{opening}", id: "takeExport", summary: "The file; answers byte ranges", gives: "application/zip"}, s.takeExport)
}

func showExport(p parcel.Parcel) Export {
	return Export{
		ID: p.ID.String(), Kind: p.Kind, Name: p.Name, State: string(p.State), Done: p.Done, Total: p.Total, Bytes: p.Bytes, Reason: p.Reason, Purpose: p.Purpose,
		AskedAt: p.AskedAt, ReadyAt: when(p.ReadyAt), Until: when(p.Until), EndedAt: when(p.EndedAt),
	}
}

func (s *Server) listExports(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Export]], error) {
	all, err := s.deps.Parcels.List(ctx, v.place, v.who)
	if err != nil {
		return nil, err
	}
	out := make([]Export, len(all))
	for i, p := range all {
		out[i] = showExport(p)
	}
	return listed(out), nil
}

// export finds one of the asker's own.
func (s *Server) export(ctx context.Context, v *visit, text string) (parcel.Parcel, error) {
	i, err := id.Parse[id.Parcel](text)
	if err != nil {
		return parcel.Parcel{}, errNothing
	}
	return s.deps.Parcels.Read(ctx, v.place, v.who, i)
}

func (s *Server) getExport(ctx context.Context, v *visit, in *ExportPath) (*body[Export], error) {
	p, err := s.export(ctx, v, in.Export)
	if err != nil {
		return nil, err
	}
	return answer(showExport(p)), nil
}

func (s *Server) removeExport(ctx context.Context, v *visit, in *ExportPath) (*none, error) {
	p, err := s.export(ctx, v, in.Export)
	if err != nil {
		return nil, err
	}
	return nil, s.deps.Parcels.Remove(ctx, v.place, v.who, p.ID)
}

// openExport asks for the right that the kind needs, not only that it was the
// asker's own order: a right that was taken away meanwhile keeps it closed.
func (s *Server) openExport(ctx context.Context, v *visit, in *ExportPath) (*body[ExportOpening], error) {
	p, err := s.export(ctx, v, in.Export)
	if err != nil {
		return nil, err
	}
	if !v.may(access.Act(p.Act)) {
		return nil, errNothing
	}
	o, err := s.deps.Parcels.Open(ctx, v.place, v.who, p.ID)
	if err != nil {
		return nil, err
	}
	return answer(ExportOpening{o.ID.String(), o.Until, "/api/v1/customers/" + in.Customer + "/exports/" + in.Export + "/openings/" + o.ID.String()}), nil
}

func (s *Server) takeExport(ctx context.Context, v *visit, in *exportContent) (*huma.StreamResponse, error) {
	i, err := id.Parse[id.Receipt](in.Opening)
	if err != nil {
		return nil, errNothing
	}
	o, err := s.deps.Parcels.Opened(v.place, v.who, i)
	if err != nil {
		return nil, err
	}
	if o.Parcel.ID.String() != in.Export || !v.may(access.Act(o.Parcel.Act)) {
		return nil, errNothing
	}
	file, err := o.Content(ctx)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer file.Close()
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", `attachment; filename="`+o.Parcel.Name+`"`)
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(file, 0, file.Size()))
	}}, nil
}
