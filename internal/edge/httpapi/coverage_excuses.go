package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// Excuse is a rule that says which calls rightly have no recording.
type Excuse struct {
	ID        string    `json:"id"`
	Text      string    `json:"text" doc:"The rule in words"`
	BuiltIn   bool      `json:"built_in" doc:"There from the start; it can only be switched off"`
	CreatedAt time.Time `json:"created_at"`
	ExcuseSettings
}

// ExcuseSettings is what a rule says.
type ExcuseSettings struct {
	Kind       string   `json:"kind" enum:"unanswered,direction,extension,queue,shorter,paused,outside_hours"`
	SourceID   string   `json:"source_id,omitempty" maxLength:"60" doc:"Empty: all sources"`
	Owner      string   `json:"owner" maxLength:"200" doc:"Whose decision it is"`
	Reason     string   `json:"reason" maxLength:"1000" doc:"Stands in the signed statements"`
	Active     bool     `json:"active"`
	Directions []string `json:"directions,omitempty" maxItems:"3"`
	Extensions []string `json:"extensions,omitempty" maxItems:"1000"`
	Queues     []string `json:"queues,omitempty" maxItems:"200"`
	Seconds    int      `json:"seconds,omitempty" minimum:"0" maximum:"600"`
	Weekdays   []int    `json:"weekdays,omitempty" maxItems:"7" doc:"Of the agreed hours: 1 Monday to 7 Sunday"`
	From       string   `json:"from,omitempty" maxLength:"5" doc:"Of the agreed hours, in the source's time zone: 08:00"`
	To         string   `json:"to,omitempty" maxLength:"5"`
}

// ExcuseEffect is what a change of rules does, or would do. What is captured is
// never touched.
type ExcuseEffect struct {
	Excused int `json:"excused" doc:"Without a recording now, excused then"`
	Missing int `json:"missing" doc:"Excused now by this rule, not excused then"`
	Open    int `json:"open" doc:"Waiting or missing now, altogether"`
}

// ExcuseDone is a rule and what it did.
type ExcuseDone struct {
	Excuse Excuse       `json:"excuse"`
	Effect ExcuseEffect `json:"effect"`
}

type (
	ExcusePath struct {
		CustomerPath
		Excuse string `path:"excuse"`
	}
	newExcuse struct {
		CustomerPath
		Body ExcuseSettings
	}
	excusePut struct {
		CustomerPath
		Excuse string `path:"excuse"`
		Body   ExcuseSettings
	}
	previewInput struct {
		CustomerPath
		Body struct {
			ID string `json:"id,omitempty" maxLength:"60" doc:"Of the rule that would be changed; empty: a new one"`
			ExcuseSettings
		}
	}
)

func (s *Server) excuseRoutes() {
	const base = "/api/v1/customers/{customer}/coverage/excuses"
	read, manage := inCustomer(access.CoverageRead), inCustomer(access.SourceManage)
	add(s, route{gate: read, method: get, path: base, id: "listExcuses", summary: "Rules that say which calls rightly have no recording"}, s.listExcuses)
	add(s, route{gate: manage, method: post, path: base, id: "addExcuse", summary: "Add a rule, and look anew at what has no recording", status: 201}, func(ctx context.Context, v *visit, in *newExcuse) (*body[ExcuseDone], error) {
		return s.putExcuse(ctx, v, "", in.Body)
	})
	add(s, route{gate: manage, method: post, path: base + "-preview", id: "previewExcuse", summary: "How many calls a rule would excuse; changes nothing"}, s.previewExcuse)
	add(s, route{gate: manage, method: put, path: base + "/{excuse}", id: "changeExcuse", summary: "Change a rule, and look anew at what has no recording"}, func(ctx context.Context, v *visit, in *excusePut) (*body[ExcuseDone], error) {
		return s.putExcuse(ctx, v, in.Excuse, in.Body)
	})
	add(s, route{gate: manage, method: del, path: base + "/{excuse}", id: "removeExcuse", summary: "Remove a rule; what it excused is looked at anew", status: 204}, s.removeExcuse)
}

func (s *Server) listExcuses(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Excuse]], error) {
	all, err := s.deps.Coverage.Excuses(ctx, v.place)
	var out []Excuse
	for _, e := range all {
		out = append(out, showExcuse(e))
	}
	return listed(out), err
}

func showExcuse(e coverage.Excuse) Excuse {
	out := Excuse{ID: e.ID.String(), Text: e.Text(), BuiltIn: e.ID == coverage.BuiltIn, CreatedAt: e.CreatedAt, ExcuseSettings: ExcuseSettings{
		Kind: string(e.Kind), Owner: e.Owner, Reason: e.Reason, Active: e.Active, Directions: e.Args.Directions, Extensions: e.Args.Extensions, Queues: e.Args.Queues,
		Seconds: e.Args.Seconds, Weekdays: e.Args.Weekdays, From: e.Args.From, To: e.Args.To,
	}}
	if !e.Source.IsZero() {
		out.SourceID = e.Source.String()
	}
	return out
}

func (in ExcuseSettings) excuse(text string) (e coverage.Excuse, err error) {
	e = coverage.Excuse{Kind: coverage.ExcuseKind(in.Kind), Owner: in.Owner, Reason: in.Reason, Active: in.Active, Args: coverage.ExcuseArgs{
		Directions: in.Directions, Extensions: in.Extensions, Queues: in.Queues, Seconds: in.Seconds, Weekdays: in.Weekdays, From: in.From, To: in.To,
	}}
	if text != "" {
		if e.ID, err = id.Parse[id.Excuse](text); err != nil {
			return e, errNothing
		}
	}
	if in.SourceID != "" {
		if e.Source, err = id.Parse[id.Source](in.SourceID); err != nil {
			return e, fault.Together(fault.Field("source_id", "there is no such source"), e.Check())
		}
	}
	return e, nil
}

func (s *Server) putExcuse(ctx context.Context, v *visit, text string, in ExcuseSettings) (*body[ExcuseDone], error) {
	e, err := in.excuse(text)
	if err != nil {
		return nil, err
	}
	e, eff, err := s.deps.Coverage.PutExcuse(ctx, v.place, v.who, e)
	if err != nil {
		return nil, err
	}
	return answer(ExcuseDone{showExcuse(e), ExcuseEffect(eff)}), nil
}

func (s *Server) previewExcuse(ctx context.Context, v *visit, in *previewInput) (*body[ExcuseEffect], error) {
	e, err := in.Body.excuse(in.Body.ID)
	if err != nil {
		return nil, err
	}
	eff, err := s.deps.Coverage.Preview(ctx, v.place, e)
	if err != nil {
		return nil, err
	}
	return answer(ExcuseEffect(eff)), nil
}

func (s *Server) removeExcuse(ctx context.Context, v *visit, in *ExcusePath) (*none, error) {
	i, err := id.Parse[id.Excuse](in.Excuse)
	if err != nil {
		return nil, errNothing
	}
	_, err = s.deps.Coverage.RemoveExcuse(ctx, v.place, v.who, i)
	return nil, err
}
