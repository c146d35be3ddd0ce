// Package saml signs people in by SAML 2.0: web browser SSO, as the service
// provider of one identity provider.
//
//	Begin  ──▶ AuthnRequest by redirect; its id to keep
//	Decode ◀── the form's field: base64, at most 256 KiB
//	Finish ◀── inspected before any parser sees it ▸ read ▸ judged by us ▸
//	           judged by the library, signature included; both must agree
//
// A response names one assertion, and response or assertion are signed with a
// key of the provider. Whatever makes two readers see two documents is refused
// as a whole: document types, entities, comments, processing instructions, a
// second assertion anywhere, an id twice, a signature in a strange place. That
// leaves no room for wrapped signatures (XSW).
//
// The library keeps no memory: that a request is answered once, and an
// assertion used once, is for the caller to see to, by Begun's id and by
// Statement.Mark. Sign-ins that the provider begins by itself are refused:
// nothing ties them to a browser. Encrypted assertions are not read; the way
// is TLS from end to end of a browser's form.
package saml

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"time"

	"github.com/crewjam/saml"

	"ringfence/internal/tenancy/sso/vouch"
)

// skew is the leeway for clocks that differ; the library's own is 3 minutes.
const skew = 2 * time.Minute

// Settings is the provider, as its metadata describe it, and us.
type Settings struct {
	Peer     Peer
	EntityID string // ours, of this customer at this provider
	ACS      string // where its answers go
}

// Peer is what of a provider's metadata we need.
type Peer struct {
	EntityID string   `json:"entity_id"`
	SignOn   string   `json:"sign_on"` // for the HTTP-Redirect binding
	Signers  [][]byte `json:"signers"` // certificates in DER; several while the provider changes them
}

// Party is us at one provider.
type Party struct {
	set Settings
	sp  *saml.ServiceProvider
	now func() time.Time
}

// New makes the party; now is asked for the time by our own checks, the
// library asks the system's clock.
func New(set Settings, now func() time.Time) (*Party, error) {
	acs, err := url.Parse(set.ACS)
	if err != nil {
		return nil, err
	}
	var keys []saml.KeyDescriptor
	for _, der := range set.Peer.Signers {
		keys = append(keys, saml.KeyDescriptor{Use: "signing", KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{
			X509Certificates: []saml.X509Certificate{{Data: base64.StdEncoding.EncodeToString(der)}},
		}}})
	}
	return &Party{set: set, now: now, sp: &saml.ServiceProvider{
		EntityID: set.EntityID, AcsURL: *acs,
		// The name must stay the same from one sign-in to the next; which format
		// does that is the provider's to choose.
		AuthnNameIDFormat: saml.UnspecifiedNameIDFormat,
		IDPMetadata: &saml.EntityDescriptor{EntityID: set.Peer.EntityID, IDPSSODescriptors: []saml.IDPSSODescriptor{{
			SSODescriptor:        saml.SSODescriptor{RoleDescriptor: saml.RoleDescriptor{KeyDescriptors: keys}},
			SingleSignOnServices: []saml.Endpoint{{Binding: saml.HTTPRedirectBinding, Location: set.Peer.SignOn}},
		}}},
	}}, nil
}

// Begun is a sign-in under way.
type Begun struct {
	Request string    // id of the AuthnRequest, which the response must name
	Since   time.Time // the person must have been asked after this; zero: whenever
}

// Begin gives the address to send the browser to. relay comes back beside the
// response; it must tell nothing. With again, the provider is to ask the person
// anew, whatever session it still has.
func (p *Party) Begin(relay string, again bool) (string, Begun, error) {
	r, err := p.sp.MakeAuthenticationRequest(p.set.Peer.SignOn, saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return "", Begun{}, err
	}
	b := Begun{Request: r.ID}
	if again {
		r.ForceAuthn, b.Since = &again, p.now()
	}
	u, err := r.Redirect(url.QueryEscape(relay), p.sp) // the library writes it into the query as it is
	if err != nil {
		return "", Begun{}, err
	}
	return u.String(), b, nil
}

// ours is our metadata; the library's form promises encryption and more.
type ours struct {
	XMLName  xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID string   `xml:"entityID,attr"`
	SP       struct {
		Signed    bool   `xml:"WantAssertionsSigned,attr"`
		Requests  bool   `xml:"AuthnRequestsSigned,attr"`
		Protocols string `xml:"protocolSupportEnumeration,attr"`
		ACS       struct {
			Binding  string `xml:"Binding,attr"`
			Location string `xml:"Location,attr"`
			Index    int    `xml:"index,attr"`
			Default  bool   `xml:"isDefault,attr"`
		} `xml:"AssertionConsumerService"`
	} `xml:"SPSSODescriptor"`
}

// Metadata describes us to the provider.
func Metadata(entityID, acs string) ([]byte, error) {
	o := ours{EntityID: entityID}
	o.SP.Signed, o.SP.Protocols = true, "urn:oasis:names:tc:SAML:2.0:protocol"
	o.SP.ACS.Binding, o.SP.ACS.Location, o.SP.ACS.Default = saml.HTTPPostBinding, acs, true
	b, err := xml.MarshalIndent(o, "", "  ")
	return append([]byte(xml.Header), b...), err
}

// over finds the signing certificate that has ended, if all have: providers
// forget to change them, and then every sign-in fails at once.
func (p *Party) over() *vouch.Failure {
	var last time.Time
	for _, der := range p.set.Peer.Signers {
		c, err := x509.ParseCertificate(der)
		if err != nil || p.now().Before(c.NotAfter) {
			return nil
		}
		if c.NotAfter.After(last) {
			last = c.NotAfter
		}
	}
	return vouch.Fail(vouch.Keys, "the provider's signing certificate ended on %s: load its metadata anew", last.UTC().Format(time.DateOnly))
}
