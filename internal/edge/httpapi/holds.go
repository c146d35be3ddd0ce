package httpapi

import (
	"context"
	"fmt"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/privacy"
)

// Hold is a legal hold: nothing under it can be destroyed by anybody.
type Hold struct {
	ID       string      `json:"id"`
	Matter   string      `json:"matter"`
	Reason   string      `json:"reason"`
	Search   *HoldSearch `json:"search" doc:"What it is on, and what comes while it lasts; null: on single recordings"`
	PlacedAt time.Time   `json:"placed_at"`
	PlacedBy string      `json:"placed_by"`
	Placed   int         `json:"placed" doc:"Recordings, when it was placed"`
	Count    int         `json:"count" doc:"Recordings under it now"`
	LiftedAt *time.Time  `json:"lifted_at"`
	LiftedBy string      `json:"lifted_by"`
	Lifted   int         `json:"lifted" doc:"Recordings, when it was lifted"`
	Approval string      `json:"approval_id" doc:"That waits to lift it; empty: none"`
}

// HoldSearch is what a hold asks for; a source or a queue alone holds everything of it.
type HoldSearch struct {
	_          struct{}   `nullable:"true"`
	From       *time.Time `json:"from,omitempty"`
	To         *time.Time `json:"to,omitempty"`
	Number     string     `json:"number,omitempty" maxLength:"40"`
	Extension  string     `json:"extension,omitempty" maxLength:"40"`
	Queue      string     `json:"queue,omitempty" maxLength:"100"`
	Direction  string     `json:"direction,omitempty" maxLength:"20"`
	SourceID   string     `json:"source_id,omitempty" maxLength:"60"`
	MinSeconds int        `json:"min_seconds,omitempty" minimum:"0"`
	MaxSeconds int        `json:"max_seconds,omitempty" minimum:"0"`
	Words      string     `json:"words,omitempty" maxLength:"200"`
}

type (
	HoldPath struct {
		CustomerPath
		Hold string `path:"hold"`
	}
	holdInput struct {
		CustomerPath
		Body struct {
			Matter     string      `json:"matter" maxLength:"200"`
			Reason     string      `json:"reason" maxLength:"1000"`
			Recordings []string    `json:"recordings,omitempty" maxItems:"1000"`
			Search     *HoldSearch `json:"search,omitempty"`
			Confirm    *int64      `json:"confirm,omitempty" doc:"With a search: how many it finds, exactly"`
		}
	}
	holdSearchInput struct {
		CustomerPath
		Body HoldSearch
	}
	holdFinds struct {
		Count int `json:"count"`
	}
	liftInput struct {
		HoldPath
		Body struct {
			Reason  string `json:"reason" maxLength:"1000"`
			Confirm int64  `json:"confirm" doc:"How many recordings are under it, exactly"`
		}
	}
)

func (s *Server) holdRoutes() {
	const base = "/api/v1/customers/{customer}/holds"
	read, manage := inCustomer(access.HoldRead), inCustomer(access.HoldManage)
	add(s, route{gate: read, method: get, path: base, id: "listHolds", summary: "Legal holds, those that were lifted as well"}, s.listHolds)
	add(s, route{gate: manage, method: post, path: base, id: "placeHold", summary: "Place a legal hold: nothing under it can be destroyed", status: 201}, s.placeHold)
	add(s, route{gate: manage, method: post, path: base + "-preview", id: "previewHold", summary: "How many recordings a search would hold"}, s.previewHold)
	add(s, route{gate: manage, method: post, path: base + "/{hold}/lift", id: "liftHold", summary: "Ask for a hold to be lifted; a second person has to agree", fresh: true}, s.liftHold)
}

func (s *Server) listHolds(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Hold]], error) {
	all, err := s.deps.Privacy.Holds(ctx, v.place)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	var out []Hold
	for _, h := range all {
		out = append(out, showHold(h, names))
	}
	return listed(out), err
}

func showHold(h privacy.Hold, names map[string]string) Hold {
	out := Hold{
		ID: h.ID.String(), Matter: h.Matter, Reason: h.Reason, PlacedAt: h.PlacedAt, PlacedBy: nameOf(names, "", h.PlacedBy), Placed: h.Placed,
		Count: h.Count, LiftedAt: when(h.LiftedAt), Lifted: h.Lifted,
	}
	if h.LiftedBy != "" {
		out.LiftedBy = nameOf(names, "", h.LiftedBy)
	}
	if !h.Approval.IsZero() {
		out.Approval = h.Approval.String()
	}
	if q := h.Search; q != nil {
		out.Search = &HoldSearch{
			From: when(q.From), To: when(q.To), Number: q.Number, Extension: q.Extension, Queue: q.Queue, Direction: string(q.Direction),
			MinSeconds: q.Least, MaxSeconds: q.Most, Words: q.Words,
		}
		if !q.Source.IsZero() {
			out.Search.SourceID = q.Source.String()
		}
	}
	return out
}

// search translates what a hold asks for. Words need the right to read what was
// said: finding one tells it.
func (v *visit) holdSearch(in HoldSearch) (q privacy.Search, err error) {
	q = privacy.Search{
		Number: in.Number, Extension: in.Extension, Queue: in.Queue, Direction: recording.Direction(in.Direction), Least: in.MinSeconds, Most: in.MaxSeconds, Words: in.Words,
	}
	if in.From != nil {
		q.From = in.From.UTC()
	}
	if in.To != nil {
		q.To = in.To.UTC()
	}
	if err := inOrder("search.to", q.From, q.To); err != nil {
		return q, err
	}
	if in.Words != "" && !v.may(access.RecordingTranscript) {
		return q, errWords
	}
	if in.SourceID != "" {
		if q.Source, err = id.Parse[id.Source](in.SourceID); err != nil {
			return q, fault.Field("search.source_id", "there is no such source")
		}
	}
	return q, nil
}

func (s *Server) placeHold(ctx context.Context, v *visit, in *holdInput) (*body[Hold], error) {
	a := privacy.Asked{Matter: in.Body.Matter, Reason: in.Body.Reason, Confirm: in.Body.Confirm}
	for i, text := range in.Body.Recordings {
		rec, err := id.Parse[id.Recording](text)
		if err != nil {
			return nil, fault.Field(fmt.Sprintf("recordings[%d]", i), "there is no such recording")
		}
		a.Recordings = append(a.Recordings, rec)
	}
	if in.Body.Search != nil {
		q, err := v.holdSearch(*in.Body.Search)
		if err != nil {
			return nil, err
		}
		a.Search = &q
	}
	h, err := s.deps.Privacy.Place(ctx, v.place, v.who, a)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	return answer(showHold(h, names)), err
}

func (s *Server) previewHold(ctx context.Context, v *visit, in *holdSearchInput) (*body[holdFinds], error) {
	q, err := v.holdSearch(in.Body)
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Privacy.Finds(ctx, v.place, q)
	return answer(holdFinds{n}), err
}

func (s *Server) liftHold(ctx context.Context, v *visit, in *liftInput) (*body[Hold], error) {
	hold, err := id.Parse[id.Hold](in.Hold)
	if err != nil {
		return nil, errNothing
	}
	if _, err := s.deps.Privacy.Lift(ctx, v.place, v.who, hold, in.Body.Reason, in.Body.Confirm); err != nil {
		return nil, err
	}
	h, err := s.deps.Privacy.Hold(ctx, v.place, hold)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	return answer(showHold(h, names)), err
}
