package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/tenancy/access"
)

type eventsInput struct {
	CustomerPath
	Code    string    `query:"code" maxLength:"60" doc:"Whole code, or its beginning with a dot: recording."`
	Actor   string    `query:"actor" maxLength:"60" doc:"Id of who did it"`
	Subject string    `query:"subject" maxLength:"60" doc:"Id of what it was done to"`
	From    time.Time `query:"from"`
	To      time.Time `query:"to"`
	Cursor  string    `query:"cursor" maxLength:"200"`
	Limit   int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type exportInput struct {
	CustomerPath
	Body struct {
		Format  string    `json:"format" enum:"csv,jsonl"`
		Code    string    `json:"code,omitempty" maxLength:"60"`
		Actor   string    `json:"actor,omitempty" maxLength:"60"`
		Subject string    `json:"subject,omitempty" maxLength:"60"`
		From    time.Time `json:"from,omitzero" required:"false"`
		To      time.Time `json:"to,omitzero" required:"false"`
	}
}

func (s *Server) eventRoutes() {
	const base = "/api/v1/customers/{customer}/events"
	add(s, route{gate: inCustomer(access.JournalRead), method: get, path: base, id: "listEvents", summary: "The change log, newest first"}, s.listEvents)
	add(s, route{gate: inCustomer(access.JournalExport), method: post, path: base + "/exports", id: "exportEvents", summary: "The change log as a file; the export stands in the log itself", gives: "application/octet-stream"}, s.exportEvents)
}

func (s *Server) listEvents(ctx context.Context, v *visit, in *eventsInput) (*linked[EventPage], error) {
	return nil, errNoVisit
}

func (s *Server) exportEvents(ctx context.Context, v *visit, in *exportInput) (*huma.StreamResponse, error) {
	return nil, errNoVisit
}
