package httpapi

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/privacy"
)

type retentionInput struct {
	CustomerPath
	Body struct {
		Days    *int   `json:"days" minimum:"1" maximum:"36500" doc:"Counted from the call; null with forever: keep without end"`
		Forever bool   `json:"forever,omitempty"`
		Confirm *int64 `json:"confirm,omitempty" doc:"How many recordings would go tonight, exactly; where any would"`
		Reason  string `json:"reason,omitempty" maxLength:"1000" doc:"Where it is less than before: the second person reads it"`
	}
}

func (s *Server) retentionRoutes() {
	const path = "/api/v1/customers/{customer}/retention"
	add(s, route{gate: inCustomer(access.RetentionSet), method: get, path: path, id: "getRetention", summary: "How long recordings are kept where no rule says otherwise"}, s.getRetention)
	add(s, route{gate: inCustomer(access.RetentionSet), fresh: true, method: put, path: path, id: "setRetention", summary: "Choose how long recordings are kept; nothing is captured before. Less than before waits a week or for a second person"}, s.setRetention)
}

func (s *Server) getRetention(ctx context.Context, v *visit, _ *CustomerPath) (*body[Retention], error) {
	r, err := s.deps.Recordings.Retention(ctx, v.place)
	if err != nil || !r.Chosen {
		return answer(Retention{}), err
	}
	names, err := s.names(ctx, v)
	out := Retention{Forever: r.Days == 0, ChosenAt: when(r.ChosenAt), ChosenBy: nameOf(names, "", r.ChosenBy)}
	if r.Days > 0 {
		out.Days = &r.Days
	}
	return answer(out), err
}

func (s *Server) setRetention(ctx context.Context, v *visit, in *retentionInput) (*body[Retention], error) {
	days := 0
	switch {
	case in.Body.Days != nil && in.Body.Forever:
		return nil, fault.Field("forever", "either days or forever")
	case in.Body.Days != nil:
		days = *in.Body.Days
	case !in.Body.Forever:
		return nil, fault.Field("days", "give the number of days, or forever: true to keep recordings without end")
	}
	if in.Body.Reason == "" {
		in.Body.Reason = "the period was set, without a word on why"
	}
	if _, err := s.deps.Privacy.SetDefault(ctx, v.place, v.who, days, privacy.Saving{Confirm: in.Body.Confirm, Reason: in.Body.Reason}); err != nil {
		return nil, err
	}
	if s.deps.SourceChanged != nil {
		s.deps.SourceChanged(v.place.Customer())
	}
	return s.getRetention(ctx, v, &in.CustomerPath)
}
