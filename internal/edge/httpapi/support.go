package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// SupportAccess is leave for somebody of the provider or a reseller to come in.
type SupportAccess struct {
	ID        string     `json:"id"`
	PersonID  string     `json:"person_id"`
	Name      string     `json:"name"`
	Email     string     `json:"email"`
	Role      string     `json:"role" enum:"customer_admin,auditor,superuser"`
	Reason    string     `json:"reason"`
	By        string     `json:"by" doc:"Name of who gave it"`
	StartedAt time.Time  `json:"started_at"`
	Until     time.Time  `json:"until" doc:"Ends then at the latest"`
	EndedAt   *time.Time `json:"ended_at" doc:"Null: was not ended before its time"`
	UsedAt    *time.Time `json:"used_at" doc:"Null: not yet"`
	Open      bool       `json:"open"`
}

// MySupport is the support access by which the reader is here.
type MySupport struct {
	ID     string    `json:"id"`
	Role   string    `json:"role"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Until  time.Time `json:"until"`
}

type supportInput struct {
	CustomerPath
	Creating
	Body struct {
		Email   string `json:"email" minLength:"3" maxLength:"254" doc:"Of somebody who works for the provider or the reseller"`
		Role    string `json:"role" enum:"customer_admin,auditor,superuser"`
		Reason  string `json:"reason" minLength:"3" maxLength:"500" doc:"Stands in the change log"`
		Minutes int    `json:"minutes" minimum:"1" maximum:"240"`
	}
}

// SupportPath names one support access.
type SupportPath struct {
	CustomerPath
	Support string `path:"support"`
}

func (s *Server) supportRoutes() {
	const base = "/api/v1/customers/{customer}/support"
	add(s, route{gate: inCustomer(access.MemberRead), method: get, path: base, id: "listSupport", summary: "Who of the provider or a reseller was let in, when and why"}, s.listSupport)
	add(s, route{gate: inCustomer(access.SupportGrant), fresh: true, method: post, path: base, id: "grantSupport", summary: "Let somebody of the provider or a reseller in, for at most four hours", status: 201, creates: true}, s.grantSupport)
	add(s, route{gate: inCustomer(access.SupportGrant), method: del, path: base + "/{support}", id: "endSupport", summary: "End a support access now; live connections close", status: 204}, s.endSupport)
	add(s, route{gate: inCustomer(access.ExposureRead), method: post, path: base + "/leave", id: "leaveSupport", summary: "End the support access by which the caller is here", status: 204}, s.leaveSupport)
}

func showSupport(g identity.Support, at time.Time) SupportAccess {
	return SupportAccess{
		ID: g.ID.String(), PersonID: g.Person.String(), Name: g.Name, Email: g.Email, Role: string(g.Role), Reason: g.Reason, By: g.ByName,
		StartedAt: g.StartedAt, Until: g.Until, EndedAt: when(g.EndedAt), UsedAt: when(g.UsedAt), Open: g.Open(at),
	}
}

func (s *Server) listSupport(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[SupportAccess]], error) {
	list, err := s.deps.People.Supports(ctx, v.place)
	var out []SupportAccess
	for _, g := range list {
		out = append(out, showSupport(g, v.at))
	}
	return listed(out), err
}

func (s *Server) grantSupport(ctx context.Context, v *visit, in *supportInput) (*body[SupportAccess], error) {
	g, err := s.deps.People.GrantSupport(ctx, v.place, v.who, identity.SupportAsk{
		Email: in.Body.Email, Role: access.Role(in.Body.Role), Reason: in.Body.Reason, For: time.Duration(in.Body.Minutes) * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	return answer(showSupport(g, v.at)), nil
}

func (s *Server) endSupport(ctx context.Context, v *visit, in *SupportPath) (*none, error) {
	i, err := id.Parse[id.Support](in.Support)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.People.EndSupport(ctx, v.place, v.who, i)
}

func (s *Server) leaveSupport(ctx context.Context, v *visit, _ *CustomerPath) (*none, error) {
	g := grantOf(v.held)
	if g.IsZero() {
		return nil, errNothing
	}
	return nil, s.deps.People.EndSupport(ctx, v.place, v.who, g)
}

// grantOf is the support access that memberships are held by; zero: none.
func grantOf(held []access.Membership) id.Support {
	for _, m := range held {
		if !m.Grant.IsZero() {
			return m.Grant
		}
	}
	return id.Support{}
}

// asHelper marks what a visitor does by support access with its id, and notes
// its first use before anything is shown.
func (s *Server) asHelper(ctx context.Context, v *visit) error {
	g := grantOf(v.held)
	if g.IsZero() {
		return nil
	}
	v.who.OnBehalf = g.String()
	return s.deps.People.UsedSupport(ctx, v.place, v.who, g)
}

// mySupport says by which support access a person sees a place.
func (s *Server) mySupport(ctx context.Context, p *place.Place, held []access.Membership) (*MySupport, error) {
	i := grantOf(held)
	if i.IsZero() {
		return nil, nil
	}
	g, err := s.deps.People.SupportOf(ctx, p, i)
	return &MySupport{ID: g.ID.String(), Role: string(g.Role), Reason: g.Reason, By: g.ByName, Until: g.Until}, err
}

// untilOf is when the first of the memberships ends by itself; zero: never.
func untilOf(held []access.Membership) (first time.Time) {
	for _, m := range held {
		if !m.Until.IsZero() && (first.IsZero() || m.Until.Before(first)) {
			first = m.Until
		}
	}
	return first
}
