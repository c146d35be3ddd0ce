package saml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/crewjam/saml"

	"ringfence/internal/tenancy/sso/vouch"
)

// seen is a response as we read it ourselves, unverified: it tells which check
// fails. What is believed in the end comes from the library, after its own.
type seen struct {
	XMLName xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:protocol Response"`
	To      string   `xml:"InResponseTo,attr"`
	At      string   `xml:"Destination,attr"`
	Issued  string   `xml:"IssueInstant,attr"`
	Issuer  *string  `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Status  struct {
		Code struct {
			Value string `xml:",attr"`
			Sub   struct {
				Value string `xml:",attr"`
			} `xml:"StatusCode"`
		} `xml:"StatusCode"`
		Message string `xml:"StatusMessage"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:protocol Status"`
	Assertion *struct {
		ID      string `xml:",attr"`
		Issued  string `xml:"IssueInstant,attr"`
		Issuer  string `xml:"Issuer"`
		Subject *struct {
			NameID struct {
				Format string `xml:",attr"`
				Value  string `xml:",chardata"`
			} `xml:"NameID"`
			Confirmations []confirmation `xml:"SubjectConfirmation"`
		} `xml:"Subject"`
		Conditions *struct {
			From      string     `xml:"NotBefore,attr"`
			Until     string     `xml:"NotOnOrAfter,attr"`
			Audiences []audience `xml:"AudienceRestriction"`
		} `xml:"Conditions"`
		Attributes []attribute `xml:"AttributeStatement>Attribute"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
}

type confirmation struct {
	Method string `xml:",attr"`
	Data   *struct {
		To        string `xml:"InResponseTo,attr"`
		Recipient string `xml:",attr"`
		Until     string `xml:"NotOnOrAfter,attr"`
	} `xml:"SubjectConfirmationData"`
}

type audience struct {
	Audience []string `xml:"Audience"`
}

type attribute struct {
	Name     string   `xml:",attr"`
	Friendly string   `xml:"FriendlyName,attr"`
	Values   []string `xml:"AttributeValue"`
}

const success = "urn:oasis:names:tc:SAML:2.0:status:Success"

// Answers says which request a response claims to answer, unverified: for
// finding the sign-in it belongs to, where the relay was lost.
func Answers(raw []byte) string {
	var s seen
	if _, err := inspect(raw); err != nil || xml.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s.To
}

// Finish checks a response to the request that Begin made. Where a check fails
// the error is a *vouch.Failure and the outcome shows how far it came.
func (p *Party) Finish(b Begun, raw []byte) (vouch.Outcome, error) {
	var out vouch.Outcome
	const name = "Form of the response"
	in, err := inspect(raw)
	if err != nil {
		return out, out.Refuse(name, vouch.Of(err))
	}
	var s seen
	if err := xml.Unmarshal(raw, &s); err != nil {
		return out, out.Refuse(name, vouch.Fail(vouch.Broken, "this is no SAML response").Because(err))
	}
	out.Pass(name, "one response, nothing in it that could be read in two ways")
	if err := p.judge(&out, b, &s); err != nil {
		return out, err
	}
	if in.signatures == 0 {
		return out, out.Refuse("Signature", vouch.Fail(vouch.Keys, "neither the response nor its assertion is signed"))
	}
	a, err := p.verified(b, raw)
	if err != nil {
		if f := p.over(); f != nil {
			return out, out.Refuse("Signature", f.Because(err))
		}
		return out, out.Refuse("Signature", vouch.Fail(vouch.Keys, "it is not signed with a key of the provider's metadata, or was changed on its way").Because(err))
	}
	out.Pass("Signature", "with a key of the provider's metadata")
	return out, p.state(&out, b, &s, a)
}

// judge checks everything but the signature, in the order in which a reader
// learns the most from the first that fails.
func (p *Party) judge(out *vouch.Outcome, b Begun, s *seen) error {
	if s.Status.Code.Value != success {
		return out.Refuse("Status", refusal(s))
	}
	a := s.Assertion
	if a == nil || a.Subject == nil || a.Conditions == nil || len(a.Subject.Confirmations) == 0 {
		return out.Refuse("Status", vouch.Fail(vouch.Broken, "the response holds no assertion with subject, confirmation and conditions"))
	}
	out.Pass("Status", "success")
	out.Shown = attributes(a.Attributes)
	if f := p.issuer(s); f != nil {
		return out.Refuse("Issuer", f)
	}
	out.Pass("Issuer", "%s", clip(a.Issuer))
	if f := p.addressed(b, s); f != nil {
		return out.Refuse("Answers our request", f)
	}
	out.Pass("Answers our request", "made for this sign-in, sent to our address")
	for _, r := range a.Conditions.Audiences {
		if !slices.Contains(trimmed(r.Audience), p.set.EntityID) {
			return out.Refuse("Audience", vouch.Fail(vouch.Audience, "the assertion is meant for %q, and we are %q", clip(strings.Join(trimmed(r.Audience), " ")), p.set.EntityID))
		}
	}
	if len(a.Conditions.Audiences) == 0 {
		return out.Refuse("Audience", vouch.Fail(vouch.Audience, "the assertion does not say whom it is meant for; it should name %q", p.set.EntityID))
	}
	out.Pass("Audience", "%s", p.set.EntityID)
	if f := p.times(s); f != nil {
		return out.Refuse("Times", f)
	}
	out.Pass("Times", "issued %s, until %s", clip(a.Issued), clip(a.Conditions.Until))
	return nil
}

func refusal(s *seen) *vouch.Failure {
	code := s.Status.Code.Sub.Value
	if code == "" {
		code = s.Status.Code.Value
	}
	short := code[strings.LastIndex(code, ":")+1:]
	if s.Status.Message != "" {
		short += ": " + s.Status.Message
	}
	switch {
	case strings.HasSuffix(code, ":AuthnFailed"), strings.HasSuffix(code, ":NoPassive"), strings.HasSuffix(code, ":UnknownPrincipal"):
		return vouch.Fail(vouch.Denied, "the provider did not sign the person in (%s)", clip(short))
	case strings.HasSuffix(code, ":RequestDenied"), strings.HasSuffix(code, ":Requester"), strings.HasSuffix(code, ":RequestUnsupported"), strings.HasSuffix(code, ":InvalidNameIDPolicy"):
		return vouch.Fail(vouch.Client, "the provider does not accept our request: check entity id and address there (%s)", clip(short))
	}
	return vouch.Fail(vouch.Down, "the provider says that it cannot sign in now (%s)", clip(short))
}

func (p *Party) issuer(s *seen) *vouch.Failure {
	for _, iss := range []*string{s.Issuer, &s.Assertion.Issuer} {
		if iss != nil && strings.TrimSpace(*iss) != p.set.Peer.EntityID {
			return vouch.Fail(vouch.Issuer, "the response comes from %q, and the provider was set up as %q", clip(*iss), p.set.Peer.EntityID)
		}
	}
	return nil
}

// addressed checks request, destination and recipient. All confirmations must
// agree: which of several a reader takes would be open.
func (p *Party) addressed(b Begun, s *seen) *vouch.Failure {
	if b.Request == "" || s.To != b.Request {
		return vouch.Fail(vouch.Mismatch, "the response does not answer the request of this sign-in")
	}
	if s.At != "" && s.At != p.set.ACS {
		return vouch.Fail(vouch.Audience, "the response is addressed to %q, and our address is %q", clip(s.At), p.set.ACS)
	}
	for _, c := range s.Assertion.Subject.Confirmations {
		switch {
		case c.Method != "urn:oasis:names:tc:SAML:2.0:cm:bearer" || c.Data == nil:
			return vouch.Fail(vouch.Broken, "the assertion is confirmed by %q; bearer is what browsers can do", clip(c.Method))
		case c.Data.To != b.Request:
			return vouch.Fail(vouch.Mismatch, "the assertion does not answer the request of this sign-in")
		case c.Data.Recipient != p.set.ACS:
			return vouch.Fail(vouch.Audience, "the assertion is for the recipient %q, and our address is %q", clip(c.Data.Recipient), p.set.ACS)
		}
	}
	return nil
}

// times tells too old from a clock that differs: what is not valid yet was made
// by a clock ahead of ours.
func (p *Party) times(s *seen) *vouch.Failure {
	now := p.now()
	until := []string{s.Assertion.Conditions.Until}
	for _, c := range s.Assertion.Subject.Confirmations {
		until = append(until, c.Data.Until)
	}
	for _, text := range []string{s.Issued, s.Assertion.Issued, s.Assertion.Conditions.From} {
		t, err := time.Parse(time.RFC3339, text)
		switch {
		case text == "" && text == s.Assertion.Conditions.From:
		case err != nil:
			return vouch.Fail(vouch.Broken, "%q is no time", clip(text))
		case t.After(now.Add(skew)):
			return vouch.Fail(vouch.Clock, "the provider's clock is %s ahead of ours", t.Sub(now).Round(time.Second))
		}
	}
	for _, text := range until {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return vouch.Fail(vouch.Broken, "the assertion does not say until when it is valid")
		}
		if now.After(t.Add(skew)) {
			return vouch.Fail(vouch.Expired, "the assertion ended at %s, and here it is %s; if nobody waited that long, a clock is wrong", clip(text), now.UTC().Format(time.RFC3339))
		}
	}
	if t, _ := time.Parse(time.RFC3339, s.Assertion.Issued); now.Sub(t) > saml.MaxIssueDelay {
		return vouch.Fail(vouch.Clock, "the assertion was made %s ago by the provider's clock: it waited, or that clock is behind ours", now.Sub(t).Round(time.Second))
	}
	return nil
}

// verified is the library's judgement. It reads through pointers that a
// missing element leaves nil, so a panic is its refusal.
func (p *Party) verified(b Begun, raw []byte) (a *saml.Assertion, err error) {
	defer func() {
		if r := recover(); r != nil {
			a, err = nil, fmt.Errorf("the library panicked: %v", r)
		}
	}()
	at, err := url.Parse(p.set.ACS)
	if err != nil {
		return nil, err
	}
	a, err = p.sp.ParseXMLResponse(raw, []string{b.Request}, *at)
	if inner, ok := errors.AsType[*saml.InvalidResponseError](err); ok {
		err = inner.PrivateErr
	}
	return a, err
}

// state gathers what the verified assertion says.
func (p *Party) state(out *vouch.Outcome, b Begun, s *seen, a *saml.Assertion) error {
	const name = "Subject"
	if a.Subject == nil || a.Subject.NameID == nil || strings.TrimSpace(a.Subject.NameID.Value) == "" || len(a.Subject.NameID.Value) > 255 {
		return out.Refuse(name, vouch.Fail(vouch.Incomplete, "the assertion names no subject"))
	}
	if a.Subject.NameID.Format == string(saml.TransientNameIDFormat) {
		return out.Refuse(name, vouch.Fail(vouch.Incomplete, "the provider names people anew at each sign-in (a transient NameID); have it send a persistent one"))
	}
	if !b.Since.IsZero() && (len(a.AuthnStatements) == 0 || a.AuthnStatements[0].AuthnInstant.Before(b.Since.Add(-skew))) {
		return out.Refuse("Asked anew", vouch.Fail(vouch.Denied, "the provider did not ask the person again, or does not say so (AuthnInstant)"))
	}
	if a.ID == "" || a.ID != s.Assertion.ID {
		return out.Refuse(name, vouch.Fail(vouch.Broken, "the signed assertion is not the one that was read"))
	}
	claims := map[string][]string{}
	for _, st := range a.AttributeStatements {
		for _, at := range st.Attributes {
			for _, v := range at.Values {
				vouch.Add(claims, at.Name, v.Value)
				if at.FriendlyName != "" && at.FriendlyName != at.Name {
					vouch.Add(claims, at.FriendlyName, v.Value)
				}
			}
		}
	}
	subject := strings.TrimSpace(a.Subject.NameID.Value)
	out.Shown = claims
	out.Statement = &vouch.Statement{
		Issuer: a.Issuer.Value, Subject: subject, Claims: claims, Mark: a.ID, Until: a.Conditions.NotOnOrAfter.Add(2 * saml.MaxClockSkew),
		Email: vouch.First(claims, emailNames...), Name: vouch.First(claims, nameNames...),
	}
	if out.Statement.Email == "" && strings.Contains(subject, "@") {
		out.Statement.Email = subject
	}
	out.Pass(name, "%s", clip(subject))
	return nil
}

// What common providers call address and name.
var (
	emailNames = []string{
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "urn:oid:0.9.2342.19200300.100.1.3", "email", "mail", "emailAddress", "Email",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
	}
	nameNames = []string{
		"http://schemas.microsoft.com/identity/claims/displayname", "urn:oid:2.16.840.1.113730.3.1.241", "displayName", "name",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "cn",
	}
)

func attributes(list []attribute) map[string][]string {
	out := map[string][]string{}
	for _, a := range list {
		for _, v := range a.Values {
			vouch.Add(out, a.Name, v)
		}
	}
	return out
}

func trimmed(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimSpace(s)
	}
	return out
}
