package sso

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// faults gathers what is wrong with a form: all of it at once.
type faults struct{ fault.Error }

func (f *faults) add(path, text string) {
	f.Kind, f.Text = fault.Invalid, "the identity provider is not valid"
	f.Details = append(f.Details, fault.Detail{Path: path, Text: text})
}

func (f *faults) err() error {
	if len(f.Details) == 0 {
		return nil
	}
	return &f.Error
}

// complete checks what was typed and fills in what is kept from before. For
// SAML it reads the metadata, over the network if need be.
func (s *Service) complete(ctx context.Context, p *place.Place, one *Provider, before Provider) error {
	f := &faults{}
	one.Name = strings.TrimSpace(one.Name)
	if one.Name == "" || len([]rune(one.Name)) > 60 || strings.ContainsAny(one.Name, "\r\n\x00") {
		f.add("name", "a name has 1 to 60 letters, on one line")
	}
	checkMapping(f, one.Mapping)
	if one.Newcomers && !one.Mapping.Manages() {
		f.add("newcomers", "newcomers get their roles from claims: add a rule first")
	}
	switch one.Kind {
	case OIDC:
		s.checkOIDC(f, one, before)
	case SAML:
		if err := s.checkSAML(ctx, p, f, one, before); err != nil {
			return err
		}
	default:
		f.add("kind", "want oidc or saml")
	}
	return f.err()
}

func (s *Service) checkOIDC(f *faults, one *Provider, before Provider) {
	one.Peer, one.MetadataURL, one.Metadata = saml.Peer{}, "", nil
	u, err := url.Parse(one.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || len(one.Issuer) > 500:
		f.add("issuer", "type the issuer exactly as the provider names it, as https://login.example.com/tenant")
	default:
		if err := s.out.Admissible(one.Issuer); err != nil {
			f.add("issuer", textOf(err))
		}
	}
	if one.ClientID = strings.TrimSpace(one.ClientID); one.ClientID == "" || len(one.ClientID) > 255 {
		f.add("client_id", "the provider gives you a client id of 1 to 255 characters")
	}
	if len(one.Secret.Reveal()) > 1000 {
		f.add("client_secret", "this is too long for a secret")
	}
	if one.Secret.IsZero() && !one.NoSecret {
		one.Secret = before.Secret
	}
	if one.NoSecret {
		one.Secret = secret.Text{}
	}
	if len(one.Scopes) > 20 || slices.ContainsFunc(one.Scopes, func(sc string) bool {
		return sc == "" || len(sc) > 200 || strings.ContainsFunc(sc, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	}) {
		f.add("scopes", "at most 20 scopes, without blanks or quotation marks")
	}
}

// checkSAML takes a file, or fetches one, or keeps what is known. A provider
// whose entity id changes is another provider: links would go to strangers.
func (s *Service) checkSAML(ctx context.Context, p *place.Place, f *faults, one *Provider, before Provider) error {
	one.Issuer, one.ClientID, one.Secret, one.Scopes = "", "", secret.Text{}, nil
	raw, field := one.Metadata, "metadata"
	switch {
	case len(raw) > 0 && one.MetadataURL != "":
		f.add("metadata", "give the file or its address, not both")
		return nil
	case len(raw) == 0 && one.MetadataURL == "" && before.Peer.EntityID == "":
		f.add("metadata", "upload the provider's metadata, or type where they are")
		return nil
	case len(raw) == 0 && one.MetadataURL == before.MetadataURL:
		one.Peer = before.Peer
		return nil
	case len(raw) == 0:
		field = "metadata_url"
		if err := s.out.Admissible(one.MetadataURL); err != nil {
			f.add(field, textOf(err))
			return nil
		}
		var err error
		if raw, err = s.fetch(ctx, p, *one); err != nil {
			return toField(f, field, err)
		}
	}
	peer, err := saml.ReadMetadata(raw)
	if err != nil {
		return toField(f, field, err)
	}
	if before.Peer.EntityID != "" && peer.EntityID != before.Peer.EntityID {
		f.add(field, "these metadata are of another provider ("+peer.EntityID+"); add it as one of its own")
	}
	one.Peer = peer
	return nil
}

// toField turns what a provider does wrong into a fault of a field.
func toField(f *faults, field string, err error) error {
	v := vouch.Of(err)
	if v == nil {
		return err
	}
	f.add(field, v.Text)
	return nil
}

// fetch reads a provider's metadata.
func (s *Service) fetch(ctx context.Context, p *place.Place, one Provider) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, one.MetadataURL, nil)
	if err != nil {
		return nil, vouch.Fail(vouch.Broken, "this is no address").Because(err)
	}
	res, err := s.client(p, one.ID).Do(r)
	if err != nil {
		return nil, vouch.Reaching(err, r.URL.Host)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, vouch.Reaching(err, r.URL.Host)
	}
	if res.StatusCode != http.StatusOK {
		return nil, vouch.Fail(vouch.Broken, "%s answers %d where the metadata should be", r.URL.Host, res.StatusCode)
	}
	return raw, nil
}

func checkMapping(f *faults, m Mapping) {
	if len(m.Rules) > mostRules {
		f.add("rules", "there are too many rules: at most "+strconv.Itoa(mostRules))
	}
	for i, r := range m.Rules {
		path := "rules[" + strconv.Itoa(i) + "]."
		if r.Claim == "" || len(r.Claim) > 300 {
			f.add(path+"claim", "a claim's name has 1 to 300 characters")
		}
		if r.Value == "" || len(r.Value) > 300 {
			f.add(path+"value", "a value has 1 to 300 characters; * stands for any")
		}
		if !slices.Contains(access.RolesAt("customer"), r.Role) {
			f.add(path+"role", "there is no such role at a customer")
		}
	}
	if len(m.Extensions) > 300 {
		f.add("extensions_claim", "a claim's name has at most 300 characters")
	}
}

// textOf is what a fault says about its first field, or at all.
func textOf(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Details) > 0 {
		return e.Details[0].Text
	}
	return fault.Of(err).Text
}
