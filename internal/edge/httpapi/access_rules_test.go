package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

const (
	inside  = "203.0.113.7"
	outside = "198.51.100.9"
)

// from asks as if through a proxy that is believed.
func (c *client) from(address, method, path string, body any) response {
	c.w.Helper()
	return c.do(method, path, body, "X-Forwarded-For", address)
}

func (w *world) entryEvents(p *place.Place) (out []journal.Entry) {
	w.Helper()
	w.no(p.View(w.Context(), func(tx *place.Tx) (err error) {
		out, err = journal.List(tx, journal.Filter{Code: "entry."})
		return err
	}))
	return out
}

func TestAccessListsAtTheGate(t *testing.T) {
	w := newWorld(t)
	admin, super := w.as("customer_admin@a.example"), w.as("superuser@a.example")
	at := "/api/v1/customers/" + w.a.id.String()
	draft := map[string]any{"surface": "portal", "network": "203.0.113.0/24", "owner": "Cora", "reason": "the office"}
	nothing := super.do("GET", "/api/v1/customers/"+id.New[id.Customer]().String()+"/usage", nil)

	// Nobody saves what shuts them out; a dry run changes nothing.
	if got := admin.from(outside, "POST", at+"/access-rules", draft); got.status != 409 || !strings.Contains(got.body, outside) {
		t.Fatal(got)
	}
	if got := admin.from(inside, "POST", at+"/access-rules?dry_run=true", draft); got.status != 201 || !strings.Contains(got.body, `"done":false`) {
		t.Fatal(got)
	}
	if got := super.from(outside, "GET", at+"/recordings", nil); got.status != 200 {
		t.Fatal("a dry run shuts somebody out:", got)
	}
	if got := admin.from(inside, "POST", at+"/access-rules", map[string]any{"surface": "moon", "network": "x", "owner": "", "reason": ""}); got.status != 422 || strings.Count(got.body, "location") < 4 {
		t.Fatal(got)
	}
	var made httpapi.AccessRuleEffect
	got := admin.from(inside, "POST", at+"/access-rules", draft)
	if got.into(t, &made); got.status != 201 || !made.Done || !made.Surface.AdmitsIt || made.Rule == nil || !made.Rule.CoversYou {
		t.Fatal(got)
	}
	// From elsewhere the customer is not there: the same bytes as a missing one.
	for _, c := range []*client{admin, super} {
		for _, path := range []string{"/recordings", "/access-rules", "/usage", "/events"} {
			if got := c.from(outside, "GET", at+path, nil); got.status != 404 || got.body != nothing.body {
				t.Errorf("%s from outside: %v", path, got)
			}
		}
		if got := c.from(outside, "GET", "/api/v1/me", nil); got.status != 200 || strings.Contains(got.body, w.a.id.String()) {
			t.Error("/me from outside:", got)
		}
		if got := c.from(inside, "GET", "/api/v1/me", nil); !strings.Contains(got.body, w.a.id.String()) {
			t.Error("/me from inside:", got)
		}
	}
	if got := super.from(inside, "GET", at+"/recordings", nil); got.status != 200 {
		t.Error(got)
	}
	// Nobody chooses their address: what stands before the last hop is the caller's own word.
	if got := super.from(inside+", "+outside, "GET", at+"/recordings", nil); got.status != 404 {
		t.Error("an invented hop is believed:", got)
	}
	// The administrators read of it, once.
	events := w.entryEvents(w.a.p)
	told := 0
	for _, e := range events {
		if e.Code == "entry.refused" && e.Facts["surface"] == "portal" {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d refusals are told, want one each", told)
	}
	// Another customer is not touched; machines have a surface of their own.
	if got := w.as("superuser@b.example").from(outside, "GET", "/api/v1/customers/"+w.b.id.String()+"/recordings", nil); got.status != 200 {
		t.Error(got)
	}
	machine := w.machine(admin, at, nil)
	if got := machine.from(outside, "GET", at+"/usage", nil); got.status != 200 {
		t.Error("a portal rule binds machines:", got)
	}
	draft["surface"] = "api"
	if got := admin.from(inside, "POST", at+"/access-rules", draft); got.status != 201 {
		t.Fatal(got)
	}
	if got := machine.from(outside, "GET", at+"/usage", nil); got.status != 404 || got.body != nothing.body {
		t.Error(got)
	}
	if got := machine.from(inside, "GET", at+"/usage", nil); got.status != 200 {
		t.Error(got)
	}
	// Administration apart from the portal: settings from the office, calls from everywhere.
	if got := admin.from(inside, "DELETE", at+"/access-rules/"+made.Rule.ID, nil); got.status != 200 {
		t.Fatal(got)
	}
	draft["surface"] = "administration"
	if got := admin.from(inside, "POST", at+"/access-rules", draft); got.status != 201 {
		t.Fatal(got)
	}
	if got := super.from(outside, "GET", at+"/recordings", nil); got.status != 200 {
		t.Error(got)
	}
	if got := admin.from(outside, "GET", at+"/access-rules", nil); got.status != 404 {
		t.Error(got)
	}
	if got := admin.from(outside, "GET", "/api/v1/me", nil); !strings.Contains(got.body, w.a.id.String()) || strings.Contains(got.body, "accesslist.manage") {
		t.Error("the portal would offer what is refused:", got)
	}
}

// machine makes a token of a customer and a client that shows it.
func (w *world) machine(admin *client, at string, networks []string) *client {
	w.Helper()
	var made httpapi.NewToken
	got := admin.from(inside, "POST", at+"/tokens", map[string]any{"name": "m", "acts": []string{"usage.read"}, "networks": networks, "expires_at": time.Now().Add(time.Hour)})
	if got.status != 201 {
		w.Fatal(got)
	}
	got.into(w, &made)
	c := w.browser()
	c.token = made.Secret
	return c
}

func TestTokensOfNetworks(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	at := "/api/v1/customers/" + w.a.id.String()
	if got := admin.do("POST", at+"/tokens", map[string]any{"name": "m", "acts": []string{"usage.read"}, "networks": []string{"1.2.3.4/8"}, "expires_at": time.Now().Add(time.Hour)}); got.status != 422 || !strings.Contains(got.body, "body.networks[0]") {
		t.Fatal(got)
	}
	m := w.machine(admin, at, []string{"203.0.113.0/24"})
	wrong := w.browser()
	wrong.token = m.token + "x"
	if got, want := m.from(outside, "GET", at+"/usage", nil), wrong.from(inside, "GET", at+"/usage", nil); got.status != 401 || got.body != want.body {
		t.Errorf("a stolen token tells apart from a wrong one: %v %v", got, want)
	}
	if got := m.from(inside, "GET", at+"/usage", nil); got.status != 200 {
		t.Fatal(got)
	}
	if got := admin.do("GET", at+"/tokens", nil); !strings.Contains(got.body, `"last_network":"203.0.113.0/24"`) || !strings.Contains(got.body, `"networks":["203.0.113.0/24"]`) {
		t.Error(got)
	}
}

// A token of a node does node acts, from where administrators come in, as long
// as its maker holds the role; it opens no customer.
func TestTokensOfNodes(t *testing.T) {
	w := newWorld(t)
	nora := w.as("provider@example.com")
	at := "/api/v1/nodes/" + w.provider.ID.String()
	var made httpapi.NewToken
	draft := map[string]any{"name": "billing", "acts": []string{"usage.read"}, "expires_at": time.Now().Add(time.Hour), "networks": []string{}}
	got := nora.do("POST", at+"/tokens", draft)
	if got.into(t, &made); got.status != 201 || made.CreatedBy != "Somebody" {
		t.Fatal(got)
	}
	m := w.browser()
	m.token = made.Secret
	if got := m.do("GET", at+"/children", nil); got.status != 200 {
		t.Fatal(got)
	}
	for _, path := range []string{at + "/tokens", at + "/access-rules", "/api/v1/customers/" + w.a.id.String() + "/usage"} {
		if got := m.do("GET", path, nil); got.status != 404 {
			t.Errorf("%s: %v", path, got)
		}
	}
	if got := m.do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Error(got)
	}
	if got := nora.from(inside, "POST", at+"/access-rules", map[string]any{"surface": "administration", "network": "203.0.113.0/24", "owner": "Nora", "reason": "management network"}); got.status != 201 {
		t.Fatal(got)
	}
	// The list binds the node's people and its machines, and nobody else's.
	for who, c := range map[string]*client{"a machine": m, "a person": nora} {
		if got := c.from(outside, "GET", at+"/children", nil); got.status != 404 {
			t.Errorf("%s from outside: %v", who, got)
		}
		if got := c.from(inside, "GET", at+"/children", nil); got.status != 200 {
			t.Errorf("%s from inside: %v", who, got)
		}
	}
	if got := nora.from(outside, "GET", "/api/v1/me", nil); got.status != 200 || strings.Contains(got.body, w.provider.ID.String()) {
		t.Error(got)
	}
	if got := w.as("reseller@example.com").from(outside, "GET", "/api/v1/nodes/"+w.reseller.ID.String()+"/children", nil); got.status != 200 {
		t.Error("the provider's list binds a reseller:", got)
	}
	if len(w.entryEvents(w.store.Registry())) != 3 { // the rule, a machine and a person
		t.Error(w.entryEvents(w.store.Registry()))
	}
	if got := nora.from(inside, "POST", "/api/v1/nodes/"+w.a.id.String()+"/access-rules", map[string]any{"surface": "administration", "network": "203.0.113.0/24", "owner": "Nora", "reason": "x"}); got.status != 409 {
		t.Error("somebody above sets a customer's list:", got)
	}
	if got := nora.from(inside, "DELETE", at+"/tokens/"+made.ID, nil); got.status != 204 {
		t.Fatal(got)
	}
	if got := m.from(inside, "GET", at+"/children", nil); got.status != 401 {
		t.Error(got)
	}
}

// With an address apart, the public one knows nobody above customers.
func TestAdministrationApart(t *testing.T) {
	w := newWorld(t)
	s := httpapi.New(httpapi.Deps{AdministrationApart: true, Store: w.store, Tree: w.tree, People: w.people, Recordings: w.recordings, Live: nil})
	public, inner := httptest.NewServer(s.Handler()), httptest.NewServer(s.Administration())
	t.Cleanup(public.Close)
	t.Cleanup(inner.Close)
	_, text, err := w.people.CreateNodeToken(t.Context(), w.provider.ID, system, w.ids["provider@example.com"], identity.TokenDraft{Name: "t", Acts: []access.Act{access.UsageRead}, Until: time.Now().Add(time.Hour)})
	w.no(err)
	path := "/api/v1/nodes/" + w.provider.ID.String() + "/children"
	for url, want := range map[string]int{public.URL: 404, inner.URL: 200} {
		r, err := http.NewRequestWithContext(context.Background(), "GET", url+path, nil)
		w.no(err)
		r.Header.Set("Authorization", "Bearer "+text.Reveal())
		res, err := http.DefaultClient.Do(r)
		w.no(err)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("a machine at %s: %d", url, res.StatusCode)
		}
		old := w.url
		w.url = url
		cora := w.browser()
		cora.signIn("customer_admin@a.example")
		if got := cora.do("GET", "/api/v1/customers/"+w.a.id.String()+"/usage", nil); got.status != 200 {
			t.Errorf("a customer's administrator at %s: %v", url, got)
		}
		w.url = old
	}
	w.url = inner.URL
	c := w.browser()
	c.signIn("provider@example.com")
	if got := c.do("GET", path, nil); got.status != 200 {
		t.Error(got)
	}
	w.url = public.URL // the same cookies: browsers do not tell ports apart
	for _, k := range c.http.Jar.Cookies(must[*http.Request](t)(http.NewRequest("GET", inner.URL, nil)).URL) {
		c.http.Jar.SetCookies(must[*http.Request](t)(http.NewRequest("GET", public.URL, nil)).URL, []*http.Cookie{k})
	}
	if got := c.do("GET", path, nil); got.status != 404 {
		t.Error("a session of the inner address works on the public one:", got)
	}
	if got := c.do("GET", "/api/v1/me", nil); got.status != 200 || strings.Contains(got.body, w.provider.ID.String()) {
		t.Error(got)
	}
	stranger := w.browser()
	if got := stranger.do("POST", "/api/v1/sign-in", map[string]string{"email": "provider@example.com", "password": password}); got.status != 401 {
		t.Error("a provider's administrator signs in at the public address:", got)
	}
}

// What is refused stands in the server's log, by route and network and without
// a name; what succeeds does not, above debug.
func TestRefusalsAreLogged(t *testing.T) {
	w := newWorld(t)
	w.browser().from(inside, "POST", "/api/v1/sign-in", map[string]string{"email": "somebody@a.example", "password": "wrong"})
	w.as("user@a.example").from(inside, "GET", "/api/v1/customers/"+w.b.id.String()+"/recordings", nil)
	lines := 0
	for line := range strings.SplitSeq(w.log.String(), "\n") {
		if !strings.Contains(line, `"msg":"refused"`) {
			continue
		}
		lines++
		if !strings.Contains(line, `"level":"INFO"`) || !strings.Contains(line, `"network":"203.0.113.0/24"`) || !strings.Contains(line, `"route":"`) || strings.Contains(line, "somebody") || strings.Contains(line, w.b.id.String()) {
			t.Error(line)
		}
	}
	if lines != 2 {
		t.Errorf("%d refusals are logged, want 2", lines)
	}
}
