package httpapi

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/redaction"
)

// PaymentPause is a time during which a payment was taken in a call.
type PaymentPause struct {
	ID       string     `json:"id"`
	SourceID string     `json:"source_id"`
	By       string     `json:"by" enum:"call,extension,caller" doc:"By what the call was named; the name itself is kept blinded"`
	From     time.Time  `json:"from"`
	To       *time.Time `json:"to" doc:"null: it is open, and ends two hours after its beginning at the latest"`
	NotedAt  time.Time  `json:"noted_at"`
	Applied  int        `json:"applied" doc:"Recordings that it was taken out of"`
}

// PaymentPauses is a page of pauses.
type PaymentPauses struct {
	Items []PaymentPause `json:"items"`
	Next  *string        `json:"next"`
}

// RecordedPayment is a recording in which a payment card's data can be heard.
type RecordedPayment struct {
	RecordingID string    `json:"recording_id"`
	StartedAt   time.Time `json:"started_at"`
	FoundAt     time.Time `json:"found_at"`
	Spoken      int       `json:"spoken" doc:"Card numbers that were said"`
	Keyed       int       `json:"keyed" doc:"Numbers that were keyed in"`
	Paused      int       `json:"paused" doc:"Pauses that were taken out, and left this"`
}

// RecordedPayments is a page of payments that were recorded.
type RecordedPayments struct {
	Items    []RecordedPayment `json:"items"`
	Next     *string           `json:"next"`
	Looked   int64             `json:"looked" doc:"Recordings that were looked through"`
	Recorded int64             `json:"recorded" doc:"Of them, those with a payment in them"`
}

type (
	pauseInput struct {
		CustomerPath
		Creating
		Body struct {
			SourceID  string     `json:"source_id" maxLength:"60"`
			Call      string     `json:"call,omitempty" maxLength:"200" doc:"The telephone system's own name of the call, or the name of a recording session that is under way"`
			Extension string     `json:"extension,omitempty" maxLength:"60"`
			Caller    string     `json:"caller,omitempty" maxLength:"60" doc:"The caller's number"`
			From      *time.Time `json:"from,omitempty" doc:"Missing: it begins now, by the server's clock"`
			To        *time.Time `json:"to,omitempty" doc:"Missing: it goes on until it is ended"`
		}
	}
	pauseEnd struct {
		CustomerPath
		Pause string `path:"pause"`
		Body  struct {
			To *time.Time `json:"to,omitempty" doc:"Missing: it ends now, by the server's clock"`
		}
	}
	pageInput struct {
		CustomerPath
		Cursor string `query:"cursor" maxLength:"60"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
)

func (s *Server) pauseRoutes() {
	const base = "/api/v1/customers/{customer}"
	note := inCustomer(access.PauseNote)
	add(s, route{gate: note, method: get, path: base + "/pauses", id: "listPauses", summary: "Pauses for payments, the newest first"}, s.listPauses)
	add(s, route{gate: note, method: post, path: base + "/pauses", id: "notePause", summary: "Say that a payment is or was taken in a call: a recording session under way falls silent, and it is taken out of a recording, which may come before or after", status: 201, creates: true}, s.notePause)
	add(s, route{gate: note, method: patch, path: base + "/pauses/{pause}", id: "endPause", summary: "End a pause that is open"}, s.endPause)
	add(s, route{gate: inCustomer(access.PaymentRead), method: get, path: base + "/payments", id: "listRecordedPayments", summary: "Payments that were recorded although they should not have been"}, s.listPayments)
}

// orZero is what was sent, or nothing.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func showPause(n redaction.Noted) PaymentPause {
	return PaymentPause{ID: n.ID.String(), SourceID: n.Source.String(), By: n.Kind, From: n.From, To: n.To, NotedAt: n.NotedAt, Applied: n.Applied}
}

func (s *Server) listPauses(ctx context.Context, v *visit, in *pageInput) (*body[PaymentPauses], error) {
	var before id.Pause
	if in.Cursor != "" {
		var err error
		if before, err = id.Parse[id.Pause](in.Cursor); err != nil {
			return nil, fault.Field("cursor", "this is no place in this list")
		}
	}
	all, err := s.deps.Redaction.Pauses(ctx, v.place, before, in.Limit)
	out := PaymentPauses{Items: make([]PaymentPause, len(all))}
	for i, n := range all {
		out.Items[i] = showPause(n)
	}
	if len(all) == in.Limit {
		out.Next = orNull(out.Items[len(all)-1].ID)
	}
	return answer(out), err
}

func (s *Server) notePause(ctx context.Context, v *visit, in *pauseInput) (*body[PaymentPause], error) {
	src, err := id.Parse[id.Source](in.Body.SourceID)
	if err != nil {
		return nil, fault.Field("source_id", "there is no such source")
	}
	p := redaction.Pause{Source: src, Call: in.Body.Call, Extension: in.Body.Extension, Caller: in.Body.Caller, From: orZero(in.Body.From), To: orZero(in.Body.To)}
	n, err := s.deps.Redaction.NotePause(ctx, v.place, v.who, p)
	if err != nil {
		return nil, err
	}
	return answer(showPause(n)), nil
}

func (s *Server) endPause(ctx context.Context, v *visit, in *pauseEnd) (*none, error) {
	i, err := id.Parse[id.Pause](in.Pause)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Redaction.EndPause(ctx, v.place, v.who, i, orZero(in.Body.To))
}

func (s *Server) listPayments(ctx context.Context, v *visit, in *pageInput) (*body[RecordedPayments], error) {
	before := int64(0)
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, fault.Field("cursor", "this is no place in this list")
		}
	}
	all, looked, recorded, err := s.deps.Redaction.Payments(ctx, v.place, before, in.Limit)
	out := RecordedPayments{Items: make([]RecordedPayment, len(all)), Looked: looked, Recorded: recorded}
	for i, p := range all {
		out.Items[i] = RecordedPayment{p.Recording.String(), p.StartedAt, p.FoundAt, p.Spoken, p.Keyed, p.Paused}
	}
	if len(all) == in.Limit {
		out.Next = orNull(strconv.FormatInt(all[len(all)-1].N, 10))
	}
	return answer(out), err
}
