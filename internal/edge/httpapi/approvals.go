package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
)

// Approval is an act that waits for a second person, or what became of it.
type Approval struct {
	ID        string            `json:"id"`
	Kind      string            `json:"kind" doc:"hold.lift, retention.shorten, …"`
	Title     string            `json:"title" doc:"What is asked for, as an infinitive"`
	Page      string            `json:"page" doc:"Of the portal, where it can be looked at"`
	Subject   string            `json:"subject" doc:"Id of what it is about"`
	Facts     map[string]string `json:"facts"`
	Count     int64             `json:"count" doc:"How much it is about: what confirm has to be"`
	Reason    string            `json:"reason"`
	State     string            `json:"state" enum:"waiting,approved,taken,refused,expired"`
	AskedBy   string            `json:"asked_by"`
	AskedAt   time.Time         `json:"asked_at"`
	NotBefore *time.Time        `json:"not_before" doc:"Not carried out before, also when it is approved"`
	Until     time.Time         `json:"until"`
	DecidedBy string            `json:"decided_by"`
	DecidedAt *time.Time        `json:"decided_at"`
	TakenAt   *time.Time        `json:"taken_at" doc:"When it was carried out"`
	Changed   bool              `json:"changed" doc:"What it is about is not what it was: it cannot be approved any more"`
	Alone     bool              `json:"alone" doc:"Comes about by itself at not_before, unless it is refused"`
	Own       bool              `json:"own" doc:"Asked for by the reader, who cannot approve it"`
}

type (
	ApprovalPath struct {
		CustomerPath
		Approval string `path:"approval"`
	}
	approveInput struct {
		ApprovalPath
		Body struct {
			Confirm int64 `json:"confirm" doc:"The count, exactly"`
		}
	}
	refuseInput struct {
		ApprovalPath
		Body struct {
			Note string `json:"note,omitempty" maxLength:"500" doc:"Why; stands in the change log"`
		}
	}
)

func (s *Server) approvalRoutes() {
	const base = "/api/v1/customers/{customer}/approvals"
	decide := inCustomer(access.ApprovalDecide)
	add(s, route{gate: decide, method: get, path: base, id: "listApprovals", summary: "What waits for a second person, and what became of the rest"}, s.listApprovals)
	add(s, route{gate: decide, method: post, path: base + "/{approval}/approve", id: "approve", summary: "Say yes as the second person; never who asked", fresh: true}, s.approve)
	add(s, route{gate: decide, method: post, path: base + "/{approval}/refuse", id: "refuse", summary: "Say no, or take back what you asked for", status: 204}, s.refuseApproval)
}

func (s *Server) listApprovals(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Approval]], error) {
	all, err := s.deps.Approvals.List(ctx, v.place, v.may)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	var out []Approval
	for _, a := range all {
		out = append(out, showApproval(a, names, v))
	}
	return listed(out), err
}

func showApproval(a approval.Approval, names map[string]string, v *visit) Approval {
	out := Approval{
		ID: a.ID.String(), Kind: a.Kind, Title: a.Title, Page: a.Page, Subject: a.Subject, Facts: a.Facts, Count: a.Count, Reason: a.Reason, State: a.State,
		AskedBy: nameOf(names, "", a.AskedBy), AskedAt: a.AskedAt, NotBefore: when(a.NotBefore), Until: a.Until, DecidedAt: when(a.DecidedAt),
		TakenAt: when(a.TakenAt), Changed: a.Changed, Alone: a.Alone, Own: a.AskedBy == v.who.ID,
	}
	if a.DecidedBy != "" {
		out.DecidedBy = nameOf(names, "", a.DecidedBy)
	}
	if out.Facts == nil {
		out.Facts = map[string]string{}
	}
	return out
}

func (s *Server) approve(ctx context.Context, v *visit, in *approveInput) (*body[Approval], error) {
	apr, err := id.Parse[id.Approval](in.Approval)
	if err != nil {
		return nil, errNothing
	}
	a, err := s.deps.Approvals.Approve(ctx, v.place, v.who, apr, approval.Decision{May: v.may, Confirm: in.Body.Confirm})
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	return answer(showApproval(a, names, v)), err
}

func (s *Server) refuseApproval(ctx context.Context, v *visit, in *refuseInput) (*none, error) {
	apr, err := id.Parse[id.Approval](in.Approval)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Approvals.Refuse(ctx, v.place, v.who, apr, approval.Decision{May: v.may, Note: in.Body.Note})
}
