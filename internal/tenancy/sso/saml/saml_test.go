package saml_test

import (
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/ssotest"
	"ringfence/internal/tenancy/sso/vouch"
)

const (
	us  = "https://calls.example/sso/org/idp"
	acs = "https://calls.example/sso/org/idp/acs"
)

// world is a provider and us at it.
type world struct {
	testing.TB
	peer   *ssotest.Peer
	signer ssotest.Signer
	party  *saml.Party
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, peer: ssotest.SAML(t), signer: ssotest.NewSigner(t, time.Hour)}
	w.peer.Control(t, map[string]any{"key": w.signer.Key, "cert": w.signer.Cert, "acs": acs})
	w.meet(time.Now)
	return w
}

// meet reads the provider's metadata, as the portal does.
func (w *world) meet(now func() time.Time) {
	w.Helper()
	p, err := saml.ReadMetadata(w.peer.Get(w, "/metadata"))
	if err != nil {
		w.Fatal(err)
	}
	if w.party, err = saml.New(saml.Settings{Peer: p, EntityID: us, ACS: acs}, now); err != nil {
		w.Fatal(err)
	}
}

// respond gives what the provider has the browser post, after a sign-in.
func (w *world) respond() (saml.Begun, []byte) {
	w.Helper()
	to, begun, err := w.party.Begin("the relay", false)
	if err != nil {
		w.Fatal(err)
	}
	came := w.peer.SignIn(w, to, "alice")
	if came.Form.Get("RelayState") != "the relay" || came.To.String() != acs {
		w.Fatalf("%+v", came)
	}
	raw, err := saml.Decode(came.Form.Get("SAMLResponse"))
	if err != nil {
		w.Fatal(err)
	}
	return begun, raw
}

func want(t testing.TB, name string, c vouch.Cause, out vouch.Outcome, err error) {
	t.Helper()
	f := vouch.Of(err)
	if f == nil || f.Cause != c || out.Statement != nil {
		t.Errorf("%s: want %q, got %v", name, c, err)
		return
	}
	if len(out.Checks) == 0 || out.Checks[len(out.Checks)-1].OK {
		t.Errorf("%s: no check failed: %+v", name, out.Checks)
	}
}

func TestAlice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, how := range []map[string]any{
		{"signAssertion": true, "signResponse": false},
		{"signAssertion": false, "signResponse": true},
		{"signAssertion": true, "signResponse": true},
	} {
		w.peer.Control(t, how)
		begun, raw := w.respond()
		out, err := w.party.Finish(begun, raw)
		if err != nil {
			t.Fatalf("%v: %v %+v", how, err, out.Checks)
		}
		s := out.Statement
		if s.Subject != "alice-1" || s.Issuer != "urn:example:idp" || s.Email != "alice@example.com" || s.Name != "Alice Example" ||
			!slices.Equal(s.Claims["groups"], []string{"agents"}) || s.Mark == "" || !s.Until.After(time.Now()) {
			t.Errorf("%+v", s)
		}
		for _, name := range []string{"Form of the response", "Status", "Issuer", "Answers our request", "Audience", "Times", "Signature", "Subject"} {
			if !slices.ContainsFunc(out.Checks, func(c vouch.Check) bool { return c.Name == name && c.OK }) {
				t.Errorf("no check %s in %+v", name, out.Checks)
			}
		}
		if saml.Answers(raw) != begun.Request {
			t.Error("the response does not say what it answers")
		}
		xmlsec(t, w, raw)
	}
}

// xmlsec has a third program verify what ours believed, where it is installed:
// it is an extra witness and no part of the product.
func xmlsec(t testing.TB, w *world, raw []byte) {
	program, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Log("xmlsec1 is not installed: samlp and crewjam/saml agree, a third witness was not asked")
		return
	}
	dir := t.TempDir()
	response, cert := filepath.Join(dir, "r.xml"), filepath.Join(dir, "c.pem")
	if os.WriteFile(response, raw, 0o600) != nil || os.WriteFile(cert, []byte(w.signer.Cert), 0o600) != nil {
		t.Fatal("cannot write")
	}
	out, err := exec.Command(program, "--verify", "--pubkey-cert-pem", cert, "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response", response).CombinedOutput()
	if err != nil {
		t.Errorf("xmlsec1: %v %s", err, out)
	}
}

// What a provider may get wrong, or somebody make it say, each told apart.
func TestResponsesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	usual := map[string]any{
		"signAssertion": true, "signResponse": false, "entity": "urn:example:idp", "acs": acs, "audience": "", "lifetime": 300, "skew": 0, "algorithm": "rsa-sha256",
		"key": w.signer.Key, "cert": w.signer.Cert, "people": map[string]any{"alice": alice(nil)},
	}
	stranger := ssotest.NewSigner(t, time.Hour)
	for name, c := range map[string]struct {
		cause vouch.Cause
		how   map[string]any
	}{
		"not signed":           {vouch.Keys, map[string]any{"signAssertion": false}},
		"another key":          {vouch.Keys, map[string]any{"key": stranger.Key, "cert": stranger.Cert}},
		"SHA-1":                {vouch.Keys, map[string]any{"algorithm": "rsa-sha1"}},
		"another issuer":       {vouch.Issuer, map[string]any{"entity": "urn:evil"}},
		"another audience":     {vouch.Audience, map[string]any{"audience": "https://calls.example/sso/other/idp"}},
		"another address":      {vouch.Audience, map[string]any{"acs": "https://calls.example/sso/other/idp/acs"}},
		"old":                  {vouch.Expired, map[string]any{"lifetime": -400}},
		"a clock ahead":        {vouch.Clock, map[string]any{"skew": 600}},
		"a clock behind":       {vouch.Clock, map[string]any{"skew": -200}},
		"a name that changes":  {vouch.Incomplete, map[string]any{"people": map[string]any{"alice": alice(map[string]any{"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"})}}},
		"a name without limit": {vouch.Incomplete, map[string]any{"people": map[string]any{"alice": alice(map[string]any{"id": strings.Repeat("x", 300)})}}},
	} {
		w.peer.Control(t, usual)
		w.peer.Control(t, c.how)
		to, begun, err := w.party.Begin("r", false)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := saml.Decode(w.peer.SignIn(t, to, "alice").Form.Get("SAMLResponse"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.party.Finish(begun, raw)
		want(t, name, c.cause, out, err)
	}
}

func alice(more map[string]any) map[string]any {
	a := map[string]any{"id": "alice-1", "email": "alice@example.com", "name": "Alice Example", "groups": []string{"agents"}}
	for k, v := range more {
		a[k] = v
	}
	return a
}

func TestAnAnswerToAnotherRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, raw := w.respond()
	for name, begun := range map[string]saml.Begun{"another request": {Request: "id-other"}, "no request (the provider began)": {}} {
		out, err := w.party.Finish(begun, raw)
		want(t, name, vouch.Mismatch, out, err)
	}
}

// Two certificates stand in the metadata while a provider changes its key: both
// are good. One that is not there, or has ended, is not.
func TestCertificatesChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := ssotest.NewSigner(t, time.Hour)
	w.peer.Control(t, map[string]any{"old": next.Cert})
	w.meet(time.Now)
	for _, s := range []ssotest.Signer{w.signer, next} {
		w.peer.Control(t, map[string]any{"key": s.Key, "cert": s.Cert})
		begun, raw := w.respond()
		if _, err := w.party.Finish(begun, raw); err != nil {
			t.Error(err)
		}
	}
	ended := ssotest.NewSigner(t, -time.Hour)
	w.peer.Control(t, map[string]any{"key": ended.Key, "cert": ended.Cert, "old": ""})
	w.meet(time.Now)
	begun, raw := w.respond()
	out, err := w.party.Finish(begun, raw)
	want(t, "a certificate that has ended", vouch.Keys, out, err)
	if f := vouch.Of(err); f != nil && !strings.Contains(f.Text, "ended on") {
		t.Error(f.Text)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, field := range map[string]string{
		"nothing": "", "no base64": "***", "large": base64.StdEncoding.EncodeToString(make([]byte, saml.MaxResponse+1)), "larger still": strings.Repeat("A", 1<<20),
	} {
		if _, err := saml.Decode(field); vouch.Of(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := saml.Decode("aGVs\r\nbG8= "); err != nil || string(b) != "hello" {
		t.Error(err, b)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	mine, err := saml.Metadata(us, acs)
	if err != nil || !strings.Contains(string(mine), `Location="`+acs+`"`) || !strings.Contains(string(mine), `entityID="`+us+`"`) || !strings.Contains(string(mine), `WantAssertionsSigned="true"`) {
		t.Errorf("%v %s", err, mine)
	}
	block, _ := pem.Decode([]byte(ssotest.NewSigner(t, time.Hour).Cert))
	cert := base64.StdEncoding.EncodeToString(block.Bytes)
	const open = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:x"><IDPSSODescriptor>`
	key := func(use, c string) string {
		return `<KeyDescriptor use="` + use + `"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + c + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`
	}
	const on = `<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/>`
	const end = `</IDPSSODescriptor></EntityDescriptor>`
	good := open + key("signing", "\n  "+cert[:60]+"\n"+cert[60:]) + key("encryption", "rubbish") + on + end
	for _, text := range []string{good, `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><!-- one -->` + good + `</EntitiesDescriptor>`} {
		p, err := saml.ReadMetadata([]byte(text))
		if err != nil || p.EntityID != "urn:x" || p.SignOn != "https://idp.example/sso" || len(p.Signers) != 1 {
			t.Errorf("%v %+v", err, p)
		}
	}
	for name, text := range map[string]string{
		"nothing":           "",
		"ours":              string(mine),
		"a document type":   `<!DOCTYPE x [<!ENTITY a "b">]>` + good,
		"in small letters":  `<!doctype x>` + good,
		"no entity":         strings.Replace(good, "urn:x", "", 1),
		"no certificate":    open + on + end,
		"a bad certificate": open + key("signing", "AAAA") + on + end,
		"no address":        open + key("signing", cert) + end,
		"only by POST":      strings.Replace(good, "HTTP-Redirect", "HTTP-POST", 1),
		"script":            strings.Replace(good, "https://idp.example/sso", "javascript:alert(1)", 1),
		"two providers":     `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + good + good + `</EntitiesDescriptor>`,
		"too large":         good + strings.Repeat(" ", saml.MaxMetadata),
	} {
		if _, err := saml.ReadMetadata([]byte(text)); vouch.Of(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheRequestTellsNothing(t *testing.T) {
	t.Parallel()
	p, err := saml.New(saml.Settings{Peer: saml.Peer{EntityID: "urn:x", SignOn: "https://idp.example/sso?a=b", Signers: [][]byte{ssotest.OtherCurve(t)}}, EntityID: us, ACS: acs}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	to, one, err := p.Begin("relay", false)
	if err != nil {
		t.Fatal(err)
	}
	_, two, _ := p.Begin("relay", false)
	u, err := url.Parse(to)
	if err != nil || u.Host != "idp.example" || u.Query().Get("a") != "b" || u.Query().Get("SAMLRequest") == "" || u.Query().Get("RelayState") != "relay" {
		t.Error(to, err)
	}
	if len(one.Request) < 20 || one == two {
		t.Error(one, two)
	}
}
