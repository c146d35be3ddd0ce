package httpapi

import (
	"context"
	"strconv"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/privacy"
)

type (
	policyInput struct {
		CustomerPath
		Body RetentionPolicy
	}
	savePolicyInput struct {
		CustomerPath
		Body struct {
			Version int64           `json:"version"`
			Policy  RetentionPolicy `json:"policy"`
			Confirm *int64          `json:"confirm,omitempty" doc:"How many recordings would go tonight, exactly; where any would"`
			Reason  string          `json:"reason,omitempty" maxLength:"1000" doc:"Where it shortens: the second person reads it"`
		}
	}
	goingInput struct {
		CustomerPath
		Held   bool   `query:"held" doc:"Those that would go, were they not held"`
		Cursor string `query:"cursor" maxLength:"20"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Body   RetentionPolicy
	}
	goingPage struct {
		Items      []RetentionGoing `json:"items"`
		NextCursor string           `json:"next_cursor"`
	}
)

func (s *Server) retentionRuleRoutes() {
	const base = "/api/v1/customers/{customer}/retention/rules"
	read, set := inCustomer(access.PolicyRead), inCustomer(access.RetentionSet)
	add(s, route{gate: read, method: get, path: base, id: "getRetentionRules", summary: "How long which recordings are kept, and what is pending"}, s.getRetentionRules)
	add(s, route{gate: set, method: put, path: base, id: "saveRetentionRules", summary: "Save all rules: longer at once, shorter in a week or with a second person", limit: 1 << 20, fresh: true}, s.saveRetentionRules)
	add(s, route{gate: set, method: post, path: base + "-preview", id: "previewRetentionRules", summary: "What rules would do tonight; changes nothing", limit: 1 << 20}, s.previewRetentionRules)
	add(s, route{gate: set, method: post, path: base + "-going", id: "listRetentionGoing", summary: "Which recordings rules would end tonight, with the reason of each", limit: 1 << 20}, s.listRetentionGoing)
	add(s, route{gate: set, method: del, path: base + "/pending", id: "withdrawRetentionRules", summary: "Take back shorter rules that wait", status: 204}, s.withdrawRetentionRules)
}

func (s *Server) getRetentionRules(ctx context.Context, v *visit, _ *CustomerPath) (*body[RetentionRules], error) {
	set, err := s.deps.Privacy.Settings(ctx, v.place)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	return answer(showRules(set, names)), err
}

func (s *Server) saveRetentionRules(ctx context.Context, v *visit, in *savePolicyInput) (*body[RetentionSaved], error) {
	policy, err := in.Body.Policy.policy()
	if err != nil {
		return nil, err
	}
	done, err := s.deps.Privacy.Save(ctx, v.place, v.who, policy, privacy.Saving{Version: in.Body.Version, Confirm: in.Body.Confirm, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	if s.deps.SourceChanged != nil {
		s.deps.SourceChanged(v.place.Customer())
	}
	rules, err := s.getRetentionRules(ctx, v, &in.CustomerPath)
	if err != nil {
		return nil, err
	}
	return answer(RetentionSaved{Rules: rules.Body, Pending: done.Pending, From: when(done.From), Destroyed: done.Destroyed}), nil
}

func (s *Server) previewRetentionRules(ctx context.Context, v *visit, in *policyInput) (*body[RetentionPreview], error) {
	policy, err := in.Body.policy()
	if err != nil {
		return nil, err
	}
	p, err := s.deps.Privacy.Preview(ctx, v.place, policy)
	if err != nil {
		return nil, err
	}
	return answer(RetentionPreview{
		Tonight: showNight(p.Tonight), InForce: showNight(p.Now), Added: p.Added, Spared: p.Spared, Shortens: p.Shortens,
		Confirm: p.Tonight.Recordings + p.Tonight.Silenced,
	}), nil
}

func (s *Server) listRetentionGoing(ctx context.Context, v *visit, in *goingInput) (*body[goingPage], error) {
	policy, err := in.Body.policy()
	if err != nil {
		return nil, err
	}
	beyond := int64(0)
	if in.Cursor != "" {
		if beyond, err = strconv.ParseInt(in.Cursor, 36, 64); err != nil || beyond < 0 {
			return nil, fault.Field("query.cursor", "is not one that a page gave")
		}
	}
	all, err := s.deps.Privacy.Goes(ctx, v.place, policy, in.Held, beyond, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := goingPage{Items: []RetentionGoing{}}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.NextCursor = strconv.FormatInt(all[in.Limit-1].N, 36)
	}
	for _, g := range all {
		what := "all"
		switch g.Verdict.Now {
		case privacy.RemoveSound:
			what = "sound"
		case privacy.DestroyKeepingFigures:
			what = "figures-stay"
		}
		out.Items = append(out.Items, RetentionGoing{g.ID.String(), g.StartedAt, recording.Seconds(g.Length), g.Queue, g.Direction, g.Bytes, what, g.Verdict.Reason()})
	}
	return answer(out), nil
}

func (s *Server) withdrawRetentionRules(ctx context.Context, v *visit, _ *CustomerPath) (*none, error) {
	return nil, s.deps.Privacy.Withdraw(ctx, v.place, v.who)
}
