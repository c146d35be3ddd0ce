package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/tenancy/sso/oidc"
	"ringfence/internal/tenancy/sso/ssotest"
	"ringfence/internal/tenancy/sso/vouch"
)

const back = "http://127.0.0.1:9/sso/org/idp/callback"

// guarded is the way out that the product uses, allowed to reach loopback.
func guarded(t testing.TB, limit time.Duration) *http.Client {
	t.Helper()
	tr, err := egress.Transport(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: limit}
}

func settings(p *ssotest.Peer) oidc.Settings {
	return oidc.Settings{Issuer: p.URL, ClientID: ssotest.Client, Secret: secret.NewText(ssotest.Secret), Redirect: back}
}

func peer(t testing.TB) *ssotest.Peer {
	p := ssotest.OIDC(t)
	p.Control(t, map[string]any{"redirects": []string{back}})
	return p
}

// signIn goes all the way as alice.
func signIn(t testing.TB, party *oidc.Party, p *ssotest.Peer, change ...func(*oidc.Begun, url.Values)) (vouch.Outcome, error) {
	t.Helper()
	to, begun, err := party.Begin(t.Context(), "the-state", false)
	if err != nil {
		return vouch.Outcome{}, err
	}
	values := p.SignIn(t, to, "alice").To.Query()
	for _, c := range change {
		c(&begun, values)
	}
	return party.Finish(t.Context(), begun, values)
}

func want(t testing.TB, c vouch.Cause, err error) *vouch.Failure {
	t.Helper()
	f := vouch.Of(err)
	if f == nil || f.Cause != c {
		t.Fatalf("want %q, got %v", c, err)
	}
	return f
}

func TestAlice(t *testing.T) {
	t.Parallel()
	p := peer(t)
	for _, thin := range []bool{true, false} {
		p.Control(t, map[string]any{"thin": thin})
		out, err := signIn(t, oidc.New(settings(p), guarded(t, 5*time.Second), time.Now), p)
		if err != nil {
			t.Fatal(err, out.Checks)
		}
		s := out.Statement
		if s.Subject != "alice-1" || s.Issuer != p.URL || s.Email != "alice@example.com" || s.Name != "Alice Example" || !slices.Equal(s.Claims["groups"], []string{"agents"}) {
			t.Errorf("%+v", s)
		}
		for _, name := range []string{"Signature", "Issuer", "Audience", "Nonce", "Times", "Subject", "Userinfo"} {
			if !slices.ContainsFunc(out.Checks, func(c vouch.Check) bool { return c.Name == name && c.OK }) {
				t.Errorf("no check %s in %+v", name, out.Checks)
			}
		}
	}
}

// A public client is protected by PKCE alone; the provider insists on it.
func TestAPublicClient(t *testing.T) {
	t.Parallel()
	p := peer(t)
	p.Control(t, map[string]any{"clients": []map[string]string{{"id": ssotest.Client}}})
	set := settings(p)
	set.Secret = secret.Text{}
	out, err := signIn(t, oidc.New(set, guarded(t, 5*time.Second), time.Now), p)
	if err != nil || out.Statement.Subject != "alice-1" {
		t.Fatal(err, out.Checks)
	}
}

// What the browser brings back is not believed where it was touched.
func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	p := peer(t)
	party := oidc.New(settings(p), guarded(t, 5*time.Second), time.Now)
	for name, c := range map[string]struct {
		cause  vouch.Cause
		change func(*oidc.Begun, url.Values)
	}{
		"another state":            {vouch.Mismatch, func(_ *oidc.Begun, v url.Values) { v.Set("state", "other") }},
		"no state":                 {vouch.Mismatch, func(b *oidc.Begun, v url.Values) { v.Del("state"); b.State = "" }},
		"another issuer (9207)":    {vouch.Issuer, func(_ *oidc.Begun, v url.Values) { v.Set("iss", "https://evil.example") }},
		"issuer left out (9207)":   {vouch.Issuer, func(_ *oidc.Begun, v url.Values) { v.Del("iss") }},
		"code twice":               {vouch.Broken, func(_ *oidc.Begun, v url.Values) { v.Add("code", "x") }},
		"no code":                  {vouch.Broken, func(_ *oidc.Begun, v url.Values) { v.Del("code") }},
		"invented code":            {vouch.Mismatch, func(_ *oidc.Begun, v url.Values) { v.Set("code", "invented") }},
		"a long code":              {vouch.Broken, func(_ *oidc.Begun, v url.Values) { v.Set("code", strings.Repeat("x", 5000)) }},
		"another browser's PKCE":   {vouch.Mismatch, func(b *oidc.Begun, _ url.Values) { b.Verifier = strings.Repeat("v", 43) }},
		"another sign-in's nonce":  {vouch.Mismatch, func(b *oidc.Begun, _ url.Values) { b.Nonce = "other" }},
		"a nonce that was not set": {vouch.Mismatch, func(b *oidc.Begun, _ url.Values) { b.Nonce = "" }},
		"the person was refused":   {vouch.Denied, func(_ *oidc.Begun, v url.Values) { v.Del("code"); v.Set("error", "access_denied") }},
		"the provider is ill":      {vouch.Down, func(_ *oidc.Begun, v url.Values) { v.Del("code"); v.Set("error", "temporarily_unavailable") }},
	} {
		out, err := signIn(t, party, p, c.change)
		if f := vouch.Of(err); f == nil || f.Cause != c.cause || out.Statement != nil {
			t.Errorf("%s: want %q, got %v", name, c.cause, err)
		}
	}
}

func TestACodeWorksOnce(t *testing.T) {
	t.Parallel()
	p := peer(t)
	party := oidc.New(settings(p), guarded(t, 5*time.Second), time.Now)
	to, begun, err := party.Begin(t.Context(), "s", false)
	if err != nil {
		t.Fatal(err)
	}
	values := p.SignIn(t, to, "alice").To.Query()
	if _, err := party.Finish(t.Context(), begun, values); err != nil {
		t.Fatal(err)
	}
	_, err = party.Finish(t.Context(), begun, values)
	want(t, vouch.Mismatch, err)
}

func TestTheProviderDoesNotKnowUs(t *testing.T) {
	t.Parallel()
	p := peer(t)
	set := settings(p)
	set.Secret = secret.NewText("wrong")
	_, err := signIn(t, oidc.New(set, guarded(t, 5*time.Second), time.Now), p)
	want(t, vouch.Client, err)
}

// New keys are found without anybody's help; keys that nobody publishes are not
// believed.
func TestKeysThatChange(t *testing.T) {
	t.Parallel()
	p := peer(t)
	party := oidc.New(settings(p), guarded(t, 5*time.Second), time.Now)
	if _, err := signIn(t, party, p); err != nil {
		t.Fatal(err)
	}
	before := p.Control(t, map[string]any{})["/jwks"]
	if _, err := signIn(t, party, p); err != nil {
		t.Fatal(err)
	}
	if again := p.Control(t, map[string]any{})["/jwks"]; again != before {
		t.Errorf("keys were read %d times for two sign-ins", again)
	}
	p.Control(t, map[string]any{"rotate": true})
	out, err := signIn(t, party, p)
	if err != nil {
		t.Fatal("after the keys were changed:", err)
	}
	if !slices.ContainsFunc(out.Checks, func(c vouch.Check) bool { return c.Name == "Signature" && strings.Contains(c.Text, "read anew") }) {
		t.Errorf("nobody is told of the new keys: %+v", out.Checks)
	}
	if n := p.Control(t, map[string]any{})["/.well-known/openid-configuration"]; n != 1 {
		t.Errorf("the description was read %d times for three sign-ins", n)
	}
}

func TestAnIssuerThatChanges(t *testing.T) {
	t.Parallel()
	p := peer(t)
	party := oidc.New(settings(p), guarded(t, 5*time.Second), time.Now)
	to, begun, err := party.Begin(t.Context(), "s", false)
	if err != nil {
		t.Fatal(err)
	}
	p.Control(t, map[string]any{"issuer": p.URL + "/renamed"})
	values := p.SignIn(t, to, "alice").To.Query()
	_, err = party.Finish(t.Context(), begun, values)
	want(t, vouch.Issuer, err)
	_, _, err = oidc.New(settings(p), guarded(t, 5*time.Second), time.Now).Begin(t.Context(), "s", false)
	want(t, vouch.Issuer, err)
	// A stroke at the end makes another issuer.
	p.Control(t, map[string]any{"issuer": p.URL})
	set := settings(p)
	set.Issuer += "/"
	_, _, err = oidc.New(set, guarded(t, 5*time.Second), time.Now).Begin(t.Context(), "s", false)
	want(t, vouch.Issuer, err)
}

func TestDownAndSlowAreToldApart(t *testing.T) {
	t.Parallel()
	p := peer(t)
	fast := oidc.New(settings(p), guarded(t, 2*time.Second), time.Now)
	to, begun, err := fast.Begin(t.Context(), "s", false)
	if err != nil {
		t.Fatal(err)
	}
	values := p.SignIn(t, to, "alice").To.Query()
	p.Control(t, map[string]any{"slow": 6000})
	_, err = fast.Finish(t.Context(), begun, values)
	want(t, vouch.Slow, err)
	_, _, err = oidc.New(settings(p), guarded(t, 2*time.Second), time.Now).Begin(t.Context(), "s", false)
	want(t, vouch.Slow, err)
	p.Control(t, map[string]any{"slow": 0, "down": true})
	_, err = fast.Finish(t.Context(), begun, values)
	want(t, vouch.Down, err)
	p.Stop()
	_, _, err = oidc.New(settings(p), guarded(t, 2*time.Second), time.Now).Begin(t.Context(), "s", false)
	want(t, vouch.Down, err)
}

// A clock that differs is told from a token that is old by what the provider's
// own clock says.
func TestClocks(t *testing.T) {
	t.Parallel()
	p := peer(t)
	for _, c := range []struct {
		skew int
		want vouch.Cause
	}{{90, ""}, {-90, ""}, {600, vouch.Clock}, {-1200, vouch.Clock}} {
		p.Control(t, map[string]any{"skew": c.skew, "lifetime": 300})
		_, err := signIn(t, oidc.New(settings(p), guarded(t, 5*time.Second), time.Now), p)
		if f := vouch.Of(err); c.want == "" && err != nil || c.want != "" && (f == nil || f.Cause != c.want || !strings.Contains(f.Text, "clock")) {
			t.Errorf("%d seconds: %v", c.skew, err)
		}
	}
}

// The customer types the address: without the operator's leave it leads to no
// network that strangers may not see.
func TestInnerAddressesAreNotAsked(t *testing.T) {
	t.Parallel()
	p := peer(t)
	tr, err := egress.Transport(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := p.Control(t, map[string]any{})
	_, _, err = oidc.New(settings(p), &http.Client{Transport: tr}, time.Now).Begin(t.Context(), "s", false)
	want(t, vouch.Forbidden, err)
	if after := p.Control(t, map[string]any{}); len(after) != len(before) {
		t.Error("it was asked:", after)
	}
}

func TestWhoeverGoesAwayIsNoFailureOfTheProvider(t *testing.T) {
	t.Parallel()
	p := peer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := oidc.New(settings(p), guarded(t, 5*time.Second), time.Now).Begin(ctx, "s", false)
	if err == nil || vouch.Of(err) != nil {
		t.Fatal(err)
	}
}
