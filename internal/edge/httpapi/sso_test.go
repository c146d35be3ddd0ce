package httpapi_test

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/ssotest"
	"ringfence/internal/tenancy/sso/vouch"
)

// noDNS holds no records.
type noDNS struct{}

func (noDNS) LookupTXT(context.Context, string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
}

// federate gives a customer an identity provider with one of each thing that
// hangs on one: a test by the administrator, a domain, and a link that waits.
func (w *world) federate(c *customer, admin identity.Member, member string) things {
	ctx := w.Context()
	if w.idp == nil {
		w.idp = ssotest.NewMimic(w)
	}
	for _, old := range must[[]sso.Provider](w)(w.sso.Providers(ctx, c.p)) {
		w.no(w.sso.Remove(ctx, c.p, system, old.ID))
	}
	one := must[sso.Provider](w)(w.sso.Add(ctx, c.p, system, sso.Provider{
		Kind: sso.OIDC, Name: c.canary + " login", Enabled: true, Issuer: w.idp.URL, ClientID: ssotest.Client, Newcomers: true,
		Mapping: sso.Mapping{Rules: []sso.Rule{{Claim: "groups", Value: "agents", Role: access.Agent}}},
	}))
	from := identity.Origin{Address: netip.AddrFrom4([4]byte{10, 1, byte(w.serial()), 1})}
	come := func(wish sso.Wish, claims map[string]any) (sso.Came, error) {
		started := must[sso.Started](w)(w.sso.Start(ctx, c.p, one.ID, wish, from))
		return w.sso.Callback(ctx, c.p, one.ID, started.Token, w.idp.Return(w, started.URL, claims), from)
	}
	test := must[sso.Came](w)(come(sso.Wish{Aim: sso.Tested, Session: identity.Session{ID: id.New[id.Session](), Person: admin.Person}},
		map[string]any{"sub": c.canary, "name": c.canary, "groups": "agents"}))
	if _, err := come(sso.Wish{Aim: sso.SignIn}, map[string]any{"sub": "s" + strconv.Itoa(w.serial()), "email": member, "name": c.canary}); vouch.Of(err) == nil {
		w.Fatal(err)
	}
	waiting := must[sso.LinkPage](w)(w.sso.Links(ctx, c.p, sso.Waiting, "", 1))
	d := must[sso.Domain](w)(w.sso.Claim(ctx, c.p, system, one.ID, c.canary+strconv.Itoa(w.serial())+".example"))
	return things{"provider": one.ID.String(), "test": test.Test.String(), "link": waiting.Items[0].ID.String(), "domain": d.ID.String()}
}

// elsewhere is a way for tests to go to a provider and come back, in a browser.
type elsewhere struct {
	*world
	provider  string
	addresses struct{ Callback, ACS, Direct string }
}

// setUp sets a provider up as an administrator does.
func (w *world) setUp(settings map[string]any) *elsewhere {
	w.Helper()
	if w.idp == nil {
		w.idp = ssotest.NewMimic(w)
	}
	form := map[string]any{
		"kind": "oidc", "name": "Example", "enabled": true, "issuer": w.idp.URL, "client_id": ssotest.Client, "client_secret": "hush", "newcomers": true,
		"rules": []map[string]string{{"claim": "groups", "value": "agents", "role": "agent"}, {"claim": "groups", "value": "chiefs", "role": "customer_admin"}},
	}
	maps.Copy(form, settings)
	for key, v := range form {
		if v == nil {
			delete(form, key)
		}
	}
	got := w.as("customer_admin@a.example").do("POST", w.path("/identity-providers"), form)
	if got.status != 201 || strings.Contains(got.body, "hush") {
		w.Fatal(got)
	}
	var out struct {
		ID        string
		Addresses struct{ Callback, ACS, Direct string }
		SecretSet bool `json:"secret_set"`
	}
	got.into(w, &out)
	return &elsewhere{w, out.ID, out.Addresses}
}

func (w *world) path(tail string) string { return "/api/v1/customers/" + w.a.id.String() + tail }

// start begins a sign-in and gives the provider's address.
func (e *elsewhere) start(c *client, more map[string]any) string {
	e.Helper()
	body := map[string]any{"customer_id": e.a.id.String(), "provider_id": e.provider}
	maps.Copy(body, more)
	got := c.do("POST", "/api/v1/sign-in/sso/start", body)
	if got.status != 200 {
		e.Fatal(got)
	}
	var out struct{ URL string }
	got.into(e, &out)
	return out.URL
}

// come goes through the provider and comes back, as whom the claims say.
func (e *elsewhere) come(c *client, more, claims map[string]any) response {
	e.Helper()
	back := e.idp.Return(e, e.start(c, more), claims)
	return c.do("GET", "/sso/"+e.a.id.String()+"/"+e.provider+"/callback?"+back.Encode(), nil, "Sec-Fetch-Site", "cross-site")
}

func TestSigningInElsewhere(t *testing.T) {
	w := newWorld(t)
	e := w.setUp(nil)
	if e.addresses.Callback != w.url+"/sso/"+w.a.id.String()+"/"+e.provider+"/callback" {
		t.Error(e.addresses)
	}
	c := w.browser()
	var list struct {
		Providers []struct {
			Name       string
			ProviderID string `json:"provider_id"`
		}
	}
	c.do("GET", "/api/v1/sign-in/sso/"+w.a.id.String(), nil).into(t, &list)
	if len(list.Providers) != 1 || list.Providers[0].ProviderID != e.provider {
		t.Errorf("%+v", list)
	}
	none := c.do("GET", "/api/v1/sign-in/sso/"+w.b.id.String(), nil)
	if nobody := c.do("GET", "/api/v1/sign-in/sso/"+id.New[id.Customer]().String(), nil); none.body != nobody.body || none.status != 200 {
		t.Error("a customer without providers and none at all differ:", none.body, nobody.body)
	}
	got := e.come(c, map[string]any{"next": "/c/x/log?code=a"}, map[string]any{"sub": "alice", "email": "alice@a.example", "name": "Alice", "groups": "agents"})
	if got.status != 303 || got.header.Get("Location") != "/c/x/log?code=a" {
		t.Fatal(got)
	}
	var me struct {
		Places []struct {
			ID    string
			Roles []string
		}
	}
	c.do("GET", "/api/v1/me", nil).into(t, &me)
	if len(me.Places) != 1 || me.Places[0].ID != w.a.id.String() || len(me.Places[0].Roles) != 1 || me.Places[0].Roles[0] != "agent" {
		t.Errorf("%+v", me)
	}
}

// Where a browser is sent afterwards is our own, whoever wrote the address.
func TestNobodyIsSentToAnotherSite(t *testing.T) {
	w := newWorld(t)
	e := w.setUp(nil)
	for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y", "evil", `/a\b`} {
		got := e.come(w.browser(), map[string]any{"next": next}, map[string]any{"sub": "alice", "email": "alice@a.example", "groups": "agents"})
		if to := got.header.Get("Location"); got.status != 303 || to != "/c/"+w.a.id.String()+"/recordings" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
}

// Why somebody is not let in is one word of a few, and no session begins.
func TestRefusalsAreWordsOfOurs(t *testing.T) {
	w := newWorld(t)
	e := w.setUp(nil)
	for word, claims := range map[string]map[string]any{
		"no-access":   {"sub": "bob", "email": "bob@a.example", "groups": "cooks"},
		"unconfirmed": {"sub": "user", "email": "user@a.example", "groups": "agents"},
		"provider":    {"sub": "eve", "aud": "somebody else"},
	} {
		c := w.browser()
		got := e.come(c, nil, claims)
		if got.status != 303 || got.header.Get("Location") != "/sign-in?refused="+word || strings.Contains(strings.Join(got.header["Set-Cookie"], " "), "session") {
			t.Errorf("%s: %d %s", word, got.status, got.header)
		}
		if me := c.do("GET", "/api/v1/me", nil); me.status != 401 {
			t.Error(word, me)
		}
	}
	c := w.browser()
	back := e.idp.Return(t, e.start(c, nil), map[string]any{"sub": "alice", "email": "alice@a.example", "groups": "agents"})
	for name, got := range map[string]response{
		"another browser": w.browser().do("GET", "/sso/"+w.a.id.String()+"/"+e.provider+"/callback?"+back.Encode(), nil),
		"no provider":     c.do("GET", "/sso/"+w.a.id.String()+"/"+id.New[id.Provider]().String()+"/callback?"+back.Encode(), nil),
		"nonsense":        c.do("GET", "/sso/x/y/callback", nil),
	} {
		if to := got.header.Get("Location"); got.status != 303 || !strings.HasPrefix(to, "/sign-in?refused=") {
			t.Error(name, got.status, to)
		}
	}
}

// What a customer's provider says of somebody is worth something at this
// customer alone, whoever the person is elsewhere: administrator of the
// provider, or the one who hears everything at another customer.
func TestAProvidersWordOpensOnePlace(t *testing.T) {
	w := newWorld(t)
	e := w.setUp(nil)
	for _, victim := range []string{"provider@example.com", "reseller@example.com", "superuser@b.example", "customer_admin@b.example"} {
		c := w.browser()
		if got := e.come(c, nil, map[string]any{"sub": victim, "email": victim, "groups": "chiefs"}); got.status != 303 || strings.Contains(got.header.Get("Location"), "refused") {
			t.Fatal(victim, got)
		}
		for _, n := range []id.Node{w.provider.ID, w.reseller.ID, w.b.id} {
			if got := c.do("GET", "/api/v1/nodes/"+n.String()+"/children", nil); got.status != 404 {
				t.Errorf("%s at a node: %d", victim, got.status)
			}
		}
		for _, path := range []string{"/recordings", "/members", "/events"} {
			if got := c.do("GET", "/api/v1/customers/"+w.b.id.String()+path, nil); got.status == 200 || strings.Contains(got.body, w.b.canary) {
				t.Errorf("%s reads %s of another customer: %d", victim, path, got.status)
			}
		}
		for _, act := range []struct {
			method, path string
			body         any
		}{
			{"POST", "/api/v1/me/password", map[string]string{"current": password, "new": "seven lanterns under a bridge"}},
			{"POST", "/api/v1/me/factors/totp", map[string]string{}},
			{"POST", "/api/v1/me/factors/passkeys", map[string]string{}},
		} {
			if got := c.do(act.method, act.path, act.body); got.status < 400 {
				t.Errorf("%s changes the person by %s: %d", victim, act.path, got.status)
			}
		}
		if got := c.do("GET", w.path("/members"), nil); got.status != 200 {
			t.Error("at the customer itself:", got.status)
		}
	}
}

// A SAML provider has the browser post from its own site. That one path takes
// it, reads no cookie and begins no session; every other one refuses.
func TestOnePathTakesAPostFromAnotherSite(t *testing.T) {
	w := newWorld(t)
	peer := ssotest.SAML(t)
	e := w.setUp(map[string]any{
		"kind": "saml", "issuer": nil, "client_id": nil, "client_secret": nil, "metadata": string(peer.Get(t, "/metadata")),
	})
	peer.Control(t, map[string]any{"acs": e.addresses.ACS})
	if got := w.browser().do("GET", "/sso/"+w.a.id.String()+"/"+e.provider+"/metadata", nil); got.status != 200 || !strings.Contains(got.body, e.addresses.ACS) {
		t.Error(got)
	}
	c := w.browser()
	form := peer.SignIn(t, e.start(c, nil), "alice").Form
	post := func(from *client, path string) response { return from.form(path, form) }
	acs := "/sso/" + w.a.id.String() + "/" + e.provider + "/acs"
	for _, path := range []string{acs + "/", "/" + acs, strings.Replace(acs, "/acs", "/callback", 1), strings.Replace(acs, "/acs", "/collect", 1), "/sso/../" + acs, "/api/v1/sign-out"} {
		if got := post(w.as("user@a.example"), path); got.status < 400 && got.status != 307 && got.status != 301 || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s takes a form of another site: %d", path, got.status)
		}
	}
	stranger := w.browser() // as a browser does: the form of another site comes without Lax cookies
	got := post(stranger, acs)
	to := got.header.Get("Location")
	if got.status != 303 || !strings.HasPrefix(to, strings.Replace(acs, "/acs", "/collect?state=", 1)) || got.header.Get("Set-Cookie") != "" {
		t.Fatal(got)
	}
	if got := stranger.do("GET", to, nil); got.header.Get("Location") != "/sign-in?refused=again" {
		t.Error("a browser that did not begin collects it:", got.header)
	}
	if got := c.do("GET", to, nil, "Sec-Fetch-Site", "cross-site"); got.status != 303 || strings.Contains(got.header.Get("Location"), "refused") {
		t.Fatal(got)
	}
	if got := c.do("GET", "/api/v1/me", nil); got.status != 200 {
		t.Error(got)
	}
	if got := post(stranger, acs); got.header.Get("Location") != "/sign-in?refused=again" {
		t.Error("posted again:", got.header)
	}
	form.Set("SAMLResponse", strings.Repeat("A", 1<<20))
	if got := post(stranger, acs); got.status != 303 || got.header.Get("Location") != "/sign-in?refused=provider" {
		t.Error("a megabyte:", got.status, got.header)
	}
}

// form posts as a browser does from another site.
func (c *client) form(path string, values url.Values) response {
	c.w.Helper()
	r, err := http.NewRequestWithContext(c.w.Context(), http.MethodPost, c.w.url+path, strings.NewReader(values.Encode()))
	c.w.no(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://idp.example")
	res, err := c.http.Do(r)
	c.w.no(err)
	res.Body.Close()
	return response{res.StatusCode, "", res.Header}
}

// An administrator tests, sees what arrived, links themselves and sees it in
// the log; nobody is signed in by it.
func TestTestingAProvider(t *testing.T) {
	w := newWorld(t)
	e := w.setUp(map[string]any{"enabled": false})
	admin := w.as("customer_admin@a.example")
	base := w.path("/identity-providers/" + e.provider)
	got := admin.do("POST", base+"/tests", nil)
	var begun struct{ ID, URL string }
	got.into(t, &begun)
	if got.status != 201 || !strings.HasPrefix(begun.URL, w.idp.URL) {
		t.Fatal(got)
	}
	if got := admin.do("GET", base+"/tests/"+begun.ID, nil); got.status != 404 {
		t.Error("a report before anybody came back:", got)
	}
	back := w.idp.Return(t, begun.URL, map[string]any{"sub": "boss", "email": "customer_admin@a.example", "groups": []string{"chiefs"}})
	came := admin.do("GET", "/sso/"+w.a.id.String()+"/"+e.provider+"/callback?"+back.Encode(), nil)
	if to := came.header.Get("Location"); came.status != 303 || to != "/c/"+w.a.id.String()+"/settings/sso/"+e.provider+"?test="+begun.ID {
		t.Fatal(came)
	}
	var report struct {
		Passed, Admits, Own bool
		Cause               string
		Checks              []struct {
			Name   string
			Passed bool
		}
		Claims []struct {
			Name   string
			Values []string
		}
		Roles []string
	}
	admin.do("GET", base+"/tests/"+begun.ID, nil).into(t, &report)
	if !report.Passed || report.Admits || report.Cause != "unlinked" || len(report.Checks) < 6 || len(report.Claims) < 5 || len(report.Roles) != 1 {
		t.Errorf("%+v", report)
	}
	admin.do("POST", base+"/tests/"+begun.ID+"/link", nil).into(t, &report)
	if !report.Own || !report.Admits {
		t.Errorf("%+v", report)
	}
	if got := admin.do("GET", w.path("/identity-links?state=linked"), nil); got.status != 200 || !strings.Contains(got.body, `"subject":"boss"`) {
		t.Error(got)
	}
	w.no(w.a.p.View(t.Context(), func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM events WHERE code IN ('idp.tested', 'link.made')`)
		if n != 2 {
			t.Errorf("%d lines in the log", n)
		}
		return err
	}))
	// A provider that is not there is told at once.
	w.no(func() error {
		one := must[sso.Provider](t)(w.sso.Provider(t.Context(), w.a.p, must[id.Provider](t)(id.Parse[id.Provider](e.provider))))
		one.Issuer = "http://127.0.0.1:1"
		_, err := w.sso.Change(t.Context(), w.a.p, actor.ForSystem("test"), one)
		return err
	}())
	if got := admin.do("POST", base+"/tests", nil); got.status != 409 || !strings.Contains(got.body, "cannot be reached") {
		t.Error(got)
	}
	if got := w.browser().do("POST", "/api/v1/sign-in/sso/start", map[string]any{"customer_id": w.a.id.String(), "provider_id": e.provider}); got.status != 404 {
		t.Error("switched off:", got)
	}
}
