package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/sso"
)

// ProviderPath names one identity provider of a customer.
type ProviderPath struct {
	CustomerPath
	Provider string `path:"provider"`
}

type createProviderInput struct {
	CustomerPath
	Creating
	Body ProviderSettings
}

type changeProviderInput struct {
	ProviderPath
	Body ProviderSettings
}

// metadataLimit is for the body that carries a SAML provider's metadata.
const metadataLimit = 2 << 20

func (s *Server) identityProviderRoutes() {
	const base = "/api/v1/customers/{customer}/identity-providers"
	may := inCustomer(access.IdpManage)
	add(s, route{gate: may, method: get, path: base, id: "listIdentityProviders", summary: "The customer's own identity providers"}, s.listProviders)
	add(s, route{gate: may, method: post, path: base, id: "createIdentityProvider", summary: "Set an identity provider up", status: 201, creates: true, fresh: true, limit: metadataLimit}, s.createProvider)
	add(s, route{gate: may, method: get, path: base + "/{provider}", id: "getIdentityProvider", summary: "One identity provider, and what to type there"}, s.getProvider)
	add(s, route{gate: may, method: put, path: base + "/{provider}", id: "changeIdentityProvider", summary: "Set an identity provider up anew, or switch it on or off", fresh: true, limit: metadataLimit}, s.changeProvider)
	add(s, route{gate: may, method: del, path: base + "/{provider}", id: "removeIdentityProvider", summary: "Remove an identity provider, with its links and domains; its sessions end", status: 204, fresh: true}, s.removeProvider)
	s.providerTestRoutes(base)
	s.providerDomainRoutes(base)
	s.identityLinkRoutes()
}

func (s *Server) listProviders(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[IdentityProvider]], error) {
	list, err := s.deps.SSO.Providers(ctx, v.place)
	if err != nil {
		return nil, err
	}
	domains, err := s.deps.SSO.Domains(ctx, v.place.Customer())
	var out []IdentityProvider
	for _, one := range list {
		out = append(out, s.showProvider(v.place.Customer(), one, domains))
	}
	return listed(out), err
}

func (s *Server) showProvider(c id.Customer, one sso.Provider, domains []sso.Domain) IdentityProvider {
	at := s.deps.SSO.AddressesOf(c, one.ID)
	out := IdentityProvider{
		ID: one.ID.String(), Kind: string(one.Kind), Name: one.Name, Enabled: one.Enabled, Issuer: one.Issuer + one.Peer.EntityID, ClientID: one.ClientID,
		SecretSet: !one.Secret.IsZero(), Scopes: append([]string{}, one.Scopes...), MetadataURL: one.MetadataURL, Certificates: []Certificate{},
		Newcomers: one.Newcomers, Rules: []RoleRule{}, ExtensionsClaim: one.Mapping.Extensions, ChangedAt: one.ChangedAt, Domains: []ProviderDomain{},
		Addresses: ProviderAddress{Callback: at.Callback, ACS: at.ACS, Entity: at.Entity, Direct: at.Direct},
		Health:    ProviderHealth{SuccessAt: one.Health.SuccessAt, FailureAt: one.Health.FailureAt, Cause: string(one.Health.Cause), Text: one.Health.Note},
	}
	for _, der := range one.Peer.Signers {
		sum := sha256.Sum256(der)
		shown := Certificate{SHA256: hex.EncodeToString(sum[:])}
		if c, err := x509.ParseCertificate(der); err == nil {
			shown.Until = c.NotAfter.UTC()
		}
		out.Certificates = append(out.Certificates, shown)
	}
	for _, r := range one.Mapping.Rules {
		out.Rules = append(out.Rules, RoleRule{r.Claim, r.Value, string(r.Role)})
	}
	for _, d := range domains {
		if d.Provider == one.ID {
			out.Domains = append(out.Domains, showDomain(d))
		}
	}
	return out
}

// typed reads the form. A rule that gives playback is an act of its own, as
// giving it by hand is.
func (v *visit) typed(in ProviderSettings) (sso.Provider, error) {
	one := sso.Provider{
		Kind: sso.Kind(in.Kind), Name: in.Name, Enabled: in.Enabled, Issuer: in.Issuer, ClientID: in.ClientID, Secret: secret.NewText(in.ClientSecret),
		NoSecret: in.PublicClient, Scopes: in.Scopes, Metadata: []byte(in.Metadata), MetadataURL: in.MetadataURL, Newcomers: in.Newcomers,
		Mapping: sso.Mapping{Extensions: in.ExtensionsClaim},
	}
	for _, r := range in.Rules {
		if access.Role(r.Role) == access.SuperUser && !v.may(access.SuperuserGrant) {
			return one, errNothing
		}
		one.Mapping.Rules = append(one.Mapping.Rules, sso.Rule{Claim: r.Claim, Value: r.Value, Role: access.Role(r.Role)})
	}
	if in.PublicClient && in.ClientSecret != "" {
		return one, fault.Field("client_secret", "a public client has none")
	}
	return one, nil
}

func (s *Server) createProvider(ctx context.Context, v *visit, in *createProviderInput) (*body[IdentityProvider], error) {
	one, err := v.typed(in.Body)
	if err != nil {
		return nil, err
	}
	if one, err = s.deps.SSO.Add(ctx, v.place, v.who, one); err != nil {
		return nil, err
	}
	return answer(s.showProvider(v.place.Customer(), one, nil)), nil
}

// providerOf reads the path.
func providerOf(text string) (id.Provider, error) {
	i, err := id.Parse[id.Provider](text)
	if err != nil {
		return i, errNothing
	}
	return i, nil
}

func (s *Server) getProvider(ctx context.Context, v *visit, in *ProviderPath) (*body[IdentityProvider], error) {
	i, err := providerOf(in.Provider)
	if err != nil {
		return nil, err
	}
	return s.oneProvider(ctx, v, i)
}

func (s *Server) oneProvider(ctx context.Context, v *visit, i id.Provider) (*body[IdentityProvider], error) {
	one, err := s.deps.SSO.Provider(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	domains, err := s.deps.SSO.Domains(ctx, v.place.Customer())
	if err != nil {
		return nil, err
	}
	return answer(s.showProvider(v.place.Customer(), one, domains)), nil
}

func (s *Server) changeProvider(ctx context.Context, v *visit, in *changeProviderInput) (*body[IdentityProvider], error) {
	i, err := providerOf(in.Provider)
	if err != nil {
		return nil, err
	}
	one, err := v.typed(in.Body)
	if err != nil {
		return nil, err
	}
	one.ID = i
	if _, err := s.deps.SSO.Change(ctx, v.place, v.who, one); err != nil {
		return nil, err
	}
	return s.oneProvider(ctx, v, i)
}

func (s *Server) removeProvider(ctx context.Context, v *visit, in *ProviderPath) (*none, error) {
	i, err := providerOf(in.Provider)
	if err != nil {
		return nil, err
	}
	return nil, s.deps.SSO.Remove(ctx, v.place, v.who, i)
}

// claimsOf shows claims in the order of their names.
func claimsOf(claims map[string][]string) []ProviderClaim {
	out := []ProviderClaim{}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		out = append(out, ProviderClaim{name, claims[name]})
	}
	return out
}
