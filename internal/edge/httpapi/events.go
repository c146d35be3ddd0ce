package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
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
	add(s, route{gate: inCustomer(access.JournalExport), fresh: true, method: post, path: base + "/exports", id: "exportEvents", summary: "The change log as a file; the export stands in the log itself", gives: "application/octet-stream"}, s.exportEvents)
}

func (s *Server) listEvents(ctx context.Context, v *visit, in *eventsInput) (*linked[EventPage], error) {
	if err := inOrder("query.to", in.From, in.To); err != nil {
		return nil, err
	}
	f := journal.Filter{Code: in.Code, Actor: in.Actor, Subject: in.Subject, From: in.From, To: in.To, Limit: in.Limit + 1}
	if in.Cursor != "" {
		before, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of events")
		}
		f.Before = before
	}
	var list []journal.Entry
	err := v.place.View(ctx, func(tx *place.Tx) (err error) {
		list, err = journal.List(tx, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &linked[EventPage]{Body: EventPage{Items: []Event{}}}
	for i, e := range list {
		if i == in.Limit {
			out.Body.NextCursor = strconv.FormatInt(list[i-1].Position, 10)
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Items = append(out.Body.Items, showEvent(e, names))
	}
	return out, nil
}

func showEvent(e journal.Entry, names map[string]string) Event {
	out := Event{
		ID: e.ID.String(), Position: e.Position, At: e.At, Code: e.Code, Meaning: journal.Meaning(e.Code),
		Actor:    EventActor{Kind: string(e.ActorKind), ID: e.ActorID, Name: nameOf(names, string(e.ActorKind), e.ActorID)},
		OnBehalf: e.OnBehalf, Subject: e.Subject, Why: e.Why, Facts: e.Facts, Personal: e.Personal, Unreadable: e.Unreadable,
	}
	if out.Facts == nil {
		out.Facts = map[string]string{}
	}
	if out.Personal == nil {
		out.Personal = map[string]string{}
	}
	return out
}

// exportEvents streams. The export's own receipt is durable before the first
// byte; a failure after that breaks the connection off, so that half a file is
// not taken for a whole one.
func (s *Server) exportEvents(_ context.Context, v *visit, in *exportInput) (*huma.StreamResponse, error) {
	if err := inOrder("to", in.Body.From, in.Body.To); err != nil {
		return nil, err
	}
	f := journal.Filter{Code: in.Body.Code, Actor: in.Body.Actor, Subject: in.Body.Subject, From: in.Body.From, To: in.Body.To}
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}[in.Body.Format]
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		out := &firstWrite{ResponseWriter: w, before: func() {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Disposition", "attachment; filename=change-log."+in.Body.Format)
		}}
		err := journal.Export(r.Context(), v.place, v.who, f, journal.Format(in.Body.Format), out)
		switch {
		case err == nil && !out.begun:
			out.before()
			w.WriteHeader(http.StatusOK)
		case err != nil && !out.begun:
			s.refuse(w, r, err)
		case err != nil:
			_ = s.faulty(r.Context(), err) // logged; the caller learns of it by the break
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// firstWrite sets headers once it is certain that there is something to send.
type firstWrite struct {
	http.ResponseWriter
	before func()
	begun  bool
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.before()
	}
	return w.ResponseWriter.Write(b)
}
