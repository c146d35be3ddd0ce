package httpapi

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/vouch"
)

// What belongs to an identity provider: tests of it, its domains, and whom it
// knows.

// ProviderTestPath names one test of a provider.
type ProviderTestPath struct {
	ProviderPath
	Test string `path:"test"`
}

type providerTestOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      ProviderTestStart
}

// DomainPath names a domain that a customer claims.
type DomainPath struct {
	CustomerPath
	Domain string `path:"domain"`
}

type claimDomainInput struct {
	ProviderPath
	Creating
	Body struct {
		Domain string `json:"domain" minLength:"3" maxLength:"260" doc:"What stands behind the @"`
	}
}

type listLinksInput struct {
	CustomerPath
	State  string `query:"state" enum:"linked,dormant,waiting" doc:"Left out: all"`
	Cursor string `query:"cursor" maxLength:"100"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

// LinkPath names one link.
type LinkPath struct {
	CustomerPath
	Link string `path:"link"`
}

func (s *Server) providerTestRoutes(base string) {
	may := inCustomer(access.IdpManage)
	add(s, route{gate: may, method: post, path: base + "/{provider}/tests", id: "testIdentityProvider", summary: "Begin a test sign-in: it shows what arrives and signs nobody in", status: 201, fresh: true}, s.testProvider)
	add(s, route{gate: may, method: get, path: base + "/{provider}/tests/{test}", id: "getIdentityProviderTest", summary: "What a test sign-in showed"}, s.getProviderTest)
	add(s, route{gate: may, method: post, path: base + "/{provider}/tests/{test}/link", id: "linkIdentityProviderTest", summary: "Link yourself to the subject that your test showed", fresh: true}, s.linkProviderTest)
}

func (s *Server) providerDomainRoutes(base string) {
	may := inCustomer(access.IdpManage)
	const domains = "/api/v1/customers/{customer}/identity-domains/{domain}"
	add(s, route{gate: may, method: post, path: base + "/{provider}/domains", id: "claimIdentityDomain", summary: "Name an e-mail domain; it counts once a DNS text record shows that it is yours", status: 201, creates: true, fresh: true}, s.claimDomain)
	add(s, route{gate: may, method: post, path: domains + "/verify", id: "verifyIdentityDomain", summary: "Look for the text record"}, s.verifyDomain)
	add(s, route{gate: may, method: del, path: domains, id: "releaseIdentityDomain", summary: "Give a domain up", status: 204, fresh: true}, s.releaseDomain)
}

func (s *Server) identityLinkRoutes() {
	const base = "/api/v1/customers/{customer}/identity-links"
	may := inCustomer(access.IdpManage)
	add(s, route{gate: may, method: get, path: base, id: "listIdentityLinks", summary: "Who is linked to what a provider calls them, and who waits to be"}, s.listLinks)
	add(s, route{gate: may, method: post, path: base + "/{link}/confirm", id: "confirmIdentityLink", summary: "Say that a waiting link is the same person", status: 204, fresh: true}, s.confirmLink)
	add(s, route{gate: may, method: del, path: base + "/{link}", id: "removeIdentityLink", summary: "Take a link away, or refuse one that waits", status: 204, fresh: true}, s.removeLink)
}

func (s *Server) testProvider(ctx context.Context, v *visit, in *ProviderPath) (*providerTestOutput, error) {
	i, err := providerOf(in.Provider)
	if err != nil {
		return nil, err
	}
	started, err := s.deps.SSO.Start(ctx, v.place, i, sso.Wish{Aim: sso.Tested, Session: v.session}, v.from)
	if f := vouch.Of(err); f != nil {
		// An administrator is told all; there is nothing yet that a report could show.
		return nil, fault.Wrap(err, fault.Conflict, "%s", f.Text)
	}
	if err != nil {
		return nil, err
	}
	out := &providerTestOutput{Body: ProviderTestStart{started.Test.String(), started.URL}}
	out.SetCookie = []string{s.cookie(elsewhereCookie, started.Token.Reveal(), started.Until)}
	return out, nil
}

func (in *ProviderTestPath) ids() (p id.Provider, t id.Test, err error) {
	if p, err = providerOf(in.Provider); err != nil {
		return p, t, err
	}
	if t, err = id.Parse[id.Test](in.Test); err != nil {
		return p, t, errNothing
	}
	return p, t, nil
}

func (s *Server) getProviderTest(ctx context.Context, v *visit, in *ProviderTestPath) (*body[ProviderTest], error) {
	p, t, err := in.ids()
	if err != nil {
		return nil, err
	}
	r, err := s.deps.SSO.Report(ctx, v.place, p, t)
	if err != nil {
		return nil, err
	}
	return answer(showTest(r)), nil
}

func (s *Server) linkProviderTest(ctx context.Context, v *visit, in *ProviderTestPath) (*body[ProviderTest], error) {
	p, t, err := in.ids()
	if err != nil {
		return nil, err
	}
	r, err := s.deps.SSO.LinkTester(ctx, v.place, v.who, v.person, p, t)
	if err != nil {
		return nil, err
	}
	return answer(showTest(r)), nil
}

func showTest(r sso.Report) ProviderTest {
	out := ProviderTest{
		ID: r.ID.String(), At: r.At, Passed: r.Passed, Admits: r.Admits, Own: r.Own, Cause: string(r.Cause), Text: r.Text, Checks: []ProviderCheck{}, Claims: claimsOf(r.Claims),
		Issuer: r.Issuer, Subject: r.Subject, Email: r.Email, Name: r.Name, Roles: []string{}, Extensions: append([]string{}, r.Extensions...),
	}
	for _, c := range r.Checks {
		out.Checks = append(out.Checks, ProviderCheck{c.Name, c.OK, c.Text})
	}
	for _, role := range r.Roles {
		out.Roles = append(out.Roles, string(role))
	}
	return out
}

func showDomain(d sso.Domain) ProviderDomain {
	return ProviderDomain{d.ID.String(), d.Provider.String(), d.Name, d.Record, d.Proof, d.VerifiedAt}
}

func (s *Server) claimDomain(ctx context.Context, v *visit, in *claimDomainInput) (*body[ProviderDomain], error) {
	i, err := providerOf(in.Provider)
	if err != nil {
		return nil, err
	}
	d, err := s.deps.SSO.Claim(ctx, v.place, v.who, i, in.Body.Domain)
	if err != nil {
		return nil, err
	}
	return answer(showDomain(d)), nil
}

func (s *Server) verifyDomain(ctx context.Context, v *visit, in *DomainPath) (*body[ProviderDomain], error) {
	i, err := id.Parse[id.Domain](in.Domain)
	if err != nil {
		return nil, errNothing
	}
	d, err := s.deps.SSO.Verify(ctx, v.place.Customer(), v.who, i)
	if err != nil {
		return nil, err
	}
	return answer(showDomain(d)), nil
}

func (s *Server) releaseDomain(ctx context.Context, v *visit, in *DomainPath) (*none, error) {
	i, err := id.Parse[id.Domain](in.Domain)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.SSO.Release(ctx, v.place.Customer(), v.who, i)
}

func (s *Server) listLinks(ctx context.Context, v *visit, in *listLinksInput) (*body[IdentityLinkPage], error) {
	page, err := s.deps.SSO.Links(ctx, v.place, sso.LinkState(in.State), in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := IdentityLinkPage{Items: []IdentityLink{}, Next: page.Next}
	for _, l := range page.Items {
		out.Items = append(out.Items, IdentityLink{
			ID: l.ID.String(), ProviderID: l.Provider.String(), PersonID: l.Person.String(), Member: l.Member, State: string(l.State), Cause: string(l.Cause),
			Subject: l.Subject, Email: l.Email, Name: l.Name, Since: l.Since, SeenAt: l.SeenAt,
		})
	}
	return answer(out), nil
}

func (s *Server) confirmLink(ctx context.Context, v *visit, in *LinkPath) (*none, error) {
	i, err := id.Parse[id.Link](in.Link)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.SSO.Confirm(ctx, v.place, v.who, i)
}

func (s *Server) removeLink(ctx context.Context, v *visit, in *LinkPath) (*none, error) {
	i, err := id.Parse[id.Link](in.Link)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.SSO.Unlink(ctx, v.place, v.who, i)
}
