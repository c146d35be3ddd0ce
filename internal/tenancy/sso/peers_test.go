package sso_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/ssotest"
	"ringfence/internal/tenancy/sso/vouch"
)

// oidcPeer is a real OpenID provider, set up.
func (w *world) oidcPeer() *ssotest.Peer {
	w.Helper()
	p := ssotest.OIDC(w)
	w.provide(func(one *sso.Provider) {
		one.Issuer, one.Secret = p.URL, secret.NewText(ssotest.Secret)
		one.Mapping = sso.Mapping{Rules: []sso.Rule{{"groups", "agents", access.Agent}}}
	})
	p.Control(w, map[string]any{"redirects": []string{w.s.AddressesOf(w.p.Customer(), w.one.ID).Callback}})
	return p
}

func (w *world) through(p *ssotest.Peer) (sso.Came, error) {
	w.Helper()
	started, err := w.s.Start(w.Context(), w.p, w.one.ID, sso.Wish{Aim: sso.SignIn}, from)
	if err != nil {
		return sso.Came{}, err
	}
	return w.s.Callback(w.Context(), w.p, w.one.ID, started.Token, p.SignIn(w, started.URL, "alice").To.Query(), from)
}

// A provider that is down, slow, has new keys, another name, or sends the same
// person under another subject: each is told apart, to the administrator too.
func TestTroubleIsToldApart(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.oidcPeer()
		first, err := w.through(p)
		w.no(err)
		p.Control(t, map[string]any{"rotate": true})
		again, err := w.through(p)
		if err != nil || again.Signed.Person != first.Signed.Person {
			t.Fatal("new keys:", err)
		}
		trouble := func(cause vouch.Cause, how map[string]any) {
			t.Helper()
			w.pass(2 * time.Hour) // what was known of the provider is asked again
			p.Control(t, map[string]any{"skew": int(time.Until(w.clock()).Seconds())})
			p.Control(t, how)
			_, err := w.through(p)
			w.refused(cause, err)
			if h := w.health(); h.Cause != cause || h.Note == "" || !h.FailureAt.Equal(w.clock().Truncate(time.Millisecond)) {
				t.Errorf("the administrator is told %+v", h)
			}
		}
		trouble(vouch.Slow, map[string]any{"slow": 4000})
		trouble(vouch.Down, map[string]any{"slow": 0, "down": true})
		trouble(vouch.Issuer, map[string]any{"down": false, "issuer": p.URL + "/renamed"})
		trouble(vouch.Subject, map[string]any{"issuer": p.URL, "people": map[string]any{
			"alice": map[string]any{"sub": "alice-2", "email": "alice@example.com", "email_verified": true, "name": "Alice", "groups": []string{"agents"}},
		}})
		trouble(vouch.Clock, map[string]any{"skew": int(time.Until(w.clock()).Seconds()) + 1200})
		p.Stop()
		w.pass(2 * time.Hour)
		_, err = w.through(p)
		w.refused(vouch.Down, err)
	})
}

// samlPeer is a real SAML provider, set up by the address of its metadata.
func (w *world) samlPeer(byAddress bool) *ssotest.Peer {
	w.Helper()
	p := ssotest.SAML(w)
	w.provide(func(one *sso.Provider) {
		one.Kind, one.Issuer, one.ClientID, one.Secret = sso.SAML, "", "", secret.Text{}
		one.Mapping = sso.Mapping{Rules: []sso.Rule{{"groups", "agents", access.Agent}}}
		if byAddress {
			one.MetadataURL = p.URL + "/metadata"
		} else {
			one.Metadata = p.Get(w, "/metadata")
		}
	})
	p.Control(w, map[string]any{"acs": w.s.AddressesOf(w.p.Customer(), w.one.ID).ACS})
	return p
}

// posted is a sign-in at a SAML provider up to the form that its page posts.
func (w *world) posted(p *ssotest.Peer) (sso.Started, url.Values) {
	w.Helper()
	started, err := w.s.Start(w.Context(), w.p, w.one.ID, sso.Wish{Aim: sso.SignIn}, from)
	w.no(err)
	came := p.SignIn(w, started.URL, "alice")
	if came.To.String() != w.s.AddressesOf(w.p.Customer(), w.one.ID).ACS {
		w.Fatal(came.To)
	}
	return started, came.Form
}

func TestSAML(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.samlPeer(false)
		started, form := w.posted(p)
		state, err := w.s.Arrive(t.Context(), w.p, w.one.ID, form)
		w.no(err)
		if _, err := w.s.Collect(t.Context(), w.p, w.one.ID, secret.NewText("other"), state, from); vouch.Of(err) == nil {
			t.Fatal("another browser collects it:", err)
		}
		came, err := w.s.Collect(t.Context(), w.p, w.one.ID, started.Token, state, from)
		w.no(err)
		if got := w.roles(came.Signed.Person); len(got) != 1 || got[0] != access.Agent || came.Signed.Proof.Customer != w.p.Customer() {
			t.Error(got, came.Signed.Proof)
		}
		_, err = w.s.Collect(t.Context(), w.p, w.one.ID, started.Token, state, from)
		w.refused(vouch.Mismatch, err)
	})
}

// A response works once: not twice for its request, not for another request,
// not for nobody's, and not once it was collected.
func TestSAMLIsNotReplayed(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.samlPeer(false)
		started, form := w.posted(p)
		other, _ := w.posted(p)
		state, err := w.s.Arrive(t.Context(), w.p, w.one.ID, form)
		w.no(err)
		_, err = w.s.Arrive(t.Context(), w.p, w.one.ID, form)
		w.refused(vouch.Replayed, err)
		_, err = w.s.Collect(t.Context(), w.p, w.one.ID, started.Token, state, from)
		w.no(err)
		_, err = w.s.Arrive(t.Context(), w.p, w.one.ID, form)
		w.refused(vouch.Mismatch, err)

		_, fresh := w.posted(p)
		stolen := url.Values{"SAMLResponse": fresh["SAMLResponse"], "RelayState": {relayOf(t, other.URL)}}
		state, err = w.s.Arrive(t.Context(), w.p, w.one.ID, stolen)
		w.no(err) // it is kept with its failure, for the browser that began
		_, err = w.s.Collect(t.Context(), w.p, w.one.ID, other.Token, state, from)
		w.refused(vouch.Mismatch, err)
		for _, relay := range []string{"", "invented"} {
			_, err = w.s.Arrive(t.Context(), w.p, w.one.ID, url.Values{"SAMLResponse": fresh["SAMLResponse"], "RelayState": {relay}})
			w.refused(vouch.Mismatch, err)
		}
		// What is remembered of assertions is so even where the request is forgotten.
		w.no(w.p.View(t.Context(), func(tx *place.Tx) error {
			n, err := place.Row[int](tx, `SELECT count(*) FROM sso_used`)
			if n != 1 {
				t.Errorf("%d assertions are remembered", n)
			}
			return err
		}))
	})
}

func relayOf(t *testing.T, began string) string {
	u, err := url.Parse(began)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("RelayState")
}

// A certificate that changes is found where the provider publishes its
// metadata; another entity id there is another provider.
func TestSAMLCertificatesRollOver(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.samlPeer(true)
		in := func() error {
			started, form := w.posted(p)
			state, err := w.s.Arrive(t.Context(), w.p, w.one.ID, form)
			w.no(err)
			_, err = w.s.Collect(t.Context(), w.p, w.one.ID, started.Token, state, from)
			return err
		}
		w.no(in())
		next := ssotest.NewSigner(t, time.Hour)
		p.Control(t, map[string]any{"key": next.Key, "cert": next.Cert})
		w.no(in())
		reads := func() int { return p.Control(t, map[string]any{})["/metadata"] }
		before := reads()
		stranger := ssotest.NewSigner(t, time.Hour)
		p.Control(t, map[string]any{"key": stranger.Key}) // signs with what it does not publish
		w.refused(vouch.Keys, in())
		w.refused(vouch.Keys, in())
		if n := reads(); n != before {
			t.Errorf("strangers had the metadata read %d times within minutes", n-before)
		}
		if _, err := w.s.Change(t.Context(), w.p, w.who(), w.again()); err != nil {
			t.Error(err)
		}
	})
}

// again is the provider as it stands now.
func (w *world) again() sso.Provider {
	w.Helper()
	one, err := w.s.Provider(w.Context(), w.p, w.one.ID)
	w.no(err)
	return one
}

// A test by SAML shows every check, passed or not.
func TestSAMLTest(t *testing.T) {
	here(t, func(w *world) {
		p := w.samlPeer(false)
		test := func() sso.Report {
			started, err := w.s.Start(t.Context(), w.p, w.one.ID, sso.Wish{Aim: sso.Tested, Session: w.boss}, from)
			w.no(err)
			state, err := w.s.Arrive(t.Context(), w.p, w.one.ID, p.SignIn(t, started.URL, "alice").Form)
			w.no(err)
			came, err := w.s.Collect(t.Context(), w.p, w.one.ID, started.Token, state, from)
			w.no(err)
			r, err := w.s.Report(t.Context(), w.p, w.one.ID, came.Test)
			w.no(err)
			return r
		}
		if r := test(); !r.Passed || !r.Admits || r.Subject != "alice-1" || len(r.Checks) < 8 {
			t.Errorf("%+v", r)
		}
		p.Control(t, map[string]any{"audience": "urn:other"})
		if r := test(); r.Passed || r.Cause != vouch.Audience || len(r.Claims) == 0 {
			t.Errorf("%+v", r)
		}
	})
}

// Forms say all that is wrong with them, at once, and nothing is half set up.
func TestSettingsThatAreRefused(t *testing.T) {
	here(t, func(w *world) {
		p := ssotest.SAML(t)
		bad := func(fields string, one sso.Provider) {
			t.Helper()
			_, err := w.s.Add(t.Context(), w.p, w.who(), one)
			var got []string
			for _, d := range fault.Of(err).Details {
				got = append(got, d.Path)
			}
			if !fault.Is(err, fault.Invalid) || strings.Join(got, " ") != fields {
				t.Errorf("want %q, got %v", fields, err)
			}
		}
		bad("name kind", sso.Provider{})
		bad("name rules[0].claim rules[0].value rules[0].role issuer client_id scopes", sso.Provider{
			Kind: sso.OIDC, Name: strings.Repeat("x", 61), Issuer: "nonsense", Scopes: []string{"a b"}, Mapping: sso.Mapping{Rules: []sso.Rule{{}}},
		})
		bad("newcomers issuer", sso.Provider{Kind: sso.OIDC, Name: "x", ClientID: "x", Issuer: "http://10.0.0.1/x", Newcomers: true})
		bad("issuer", sso.Provider{Kind: sso.OIDC, Name: "x", ClientID: "x", Issuer: "https://user:pass@login.example"})
		bad("issuer", sso.Provider{Kind: sso.OIDC, Name: "x", ClientID: "x", Issuer: "https://login.example/?x=y"})
		bad("metadata", sso.Provider{Kind: sso.SAML, Name: "x"})
		bad("metadata", sso.Provider{Kind: sso.SAML, Name: "x", Metadata: []byte("<x/>"), MetadataURL: p.URL})
		bad("metadata", sso.Provider{Kind: sso.SAML, Name: "x", Metadata: []byte(`<!DOCTYPE a>` + string(p.Get(t, "/metadata")))})
		bad("metadata_url", sso.Provider{Kind: sso.SAML, Name: "x", MetadataURL: p.URL + "/nothing"})
		bad("metadata_url", sso.Provider{Kind: sso.SAML, Name: "x", MetadataURL: "http://169.254.169.254/latest"})
		if list, err := w.s.Providers(t.Context(), w.p); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
		one, err := w.s.Add(t.Context(), w.p, w.who(), sso.Provider{Kind: sso.SAML, Name: "x", MetadataURL: p.URL + "/metadata"})
		w.no(err)
		p.Control(t, map[string]any{"entity": "urn:other"})
		one.Metadata, one.MetadataURL = p.Get(t, "/metadata"), ""
		_, err = w.s.Change(t.Context(), w.p, w.who(), one)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "another provider") {
			t.Error("its entity id was changed:", err)
		}
	})
}
