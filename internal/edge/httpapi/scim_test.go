package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// pushing is an identity provider with a token for a customer.
func (w *world) pushing(c *customer) (*client, string) {
	w.Helper()
	out := w.browser()
	_, text, err := w.scim.CreateToken(w.Context(), c.p, system, id.Person{}, "identity provider", time.Now().Add(time.Hour))
	w.no(err)
	out.token = text.Reveal()
	return out, "/api/v1/customers/" + c.id.String() + "/scim/v2"
}

type jsonMap = map[string]any

// The token of an identity provider reaches SCIM at its customer, and nothing
// else anywhere; no other token reaches SCIM.
func TestATokenForPushingPeopleOpensNothingElse(t *testing.T) {
	w := newWorld(t)
	idp, base := w.pushing(w.a)
	if got := idp.do("GET", base+"/Users", nil); got.status != 200 || got.header.Get("Content-Type") != "application/scim+json" {
		t.Fatal(got)
	}
	if got := idp.do("GET", "/api/v1/customers/"+w.b.id.String()+"/scim/v2/Users", nil); got.status != 404 {
		t.Errorf("another customer: %v", got)
	}
	for _, rt := range w.api.Routes() {
		if rt.Public || rt.Act == access.ScimProvision {
			continue
		}
		got := idp.do(rt.Method, w.fresh(w.a, id.New[id.Receipt]().String()).path(rt.Path), bodyFor(rt))
		if got.status != 401 && got.status != 404 {
			t.Errorf("%s with the token of an identity provider: %d", rt.ID, got.status)
		}
	}
	machine := w.browser()
	made := w.as(people[access.CustomerAdmin]).do("POST", "/api/v1/customers/"+w.a.id.String()+"/tokens", jsonMap{"name": "t", "acts": []string{"usage.read"}, "expires_at": time.Now().Add(time.Hour)})
	var tok struct{ Secret string }
	made.into(t, &tok)
	machine.token = tok.Secret
	if got := machine.do("GET", base+"/Users", nil); got.status != 401 {
		t.Errorf("another sort of token: %v", got)
	}
	if got := w.as(people[access.CustomerAdmin]).do("GET", base+"/Users", nil); got.status != 404 {
		t.Errorf("a person: %v", got)
	}
}

// A pushed leaver: the next request is refused and the live connection is gone
// within a second.
func TestAPushedLeaverIsOutAtOnce(t *testing.T) {
	w := newWorld(t)
	idp, base := w.pushing(w.a)
	got := idp.do("POST", base+"/Users", jsonMap{"userName": "user@a.example", "active": true})
	var made struct{ ID string }
	got.into(t, &made)
	if got.status != 201 || got.header.Get("Location") == "" {
		t.Fatal(got)
	}
	user := w.as(people[access.User])
	usage := "/api/v1/customers/" + w.a.id.String() + "/recordings"
	if got := user.do("GET", usage, nil); got.status != 200 {
		t.Fatal(got)
	}
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(w.url, "http", "ws", 1)+"/api/v1/live?customer="+w.a.id.String(), &websocket.DialOptions{HTTPClient: user.http})
	w.no(err)
	defer conn.CloseNow()
	closed := make(chan time.Time, 1)
	go func() {
		for {
			if _, _, err := conn.Read(t.Context()); err != nil {
				closed <- time.Now()
				return
			}
		}
	}()
	begun, within := time.Now(), promised(t, time.Second)
	if got := idp.do("PATCH", base+"/Users/"+made.ID, jsonMap{"Operations": []jsonMap{{"op": "Replace", "path": "active", "value": "False"}}}, "Content-Type", "application/scim+json"); got.status != 200 {
		t.Fatal(got)
	}
	if got := user.do("GET", usage, nil); got.status != 401 && got.status != 404 {
		t.Errorf("the next request: %v", got)
	}
	select {
	case at := <-closed:
		if took := at.Sub(begun); took > within() {
			t.Errorf("the live connection stood for %v", took)
		}
	case <-time.After(30 * time.Second):
		t.Error("the live connection stands")
	}
}

func TestWhatIsRefusedIsToldInTheWordsOfSCIM(t *testing.T) {
	w := newWorld(t)
	idp, base := w.pushing(w.a)
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		word         string
	}{
		{"GET", "/Users/scu_unknown", nil, 404, "urn:ietf:params:scim:api:messages:2.0:Error"},
		{"GET", "/Users?filter=userName+gt+%221%22", nil, 400, "invalidFilter"},
		{"POST", "/Users", jsonMap{"userName": "nobody"}, 400, "invalidValue"},
		{"POST", "/Users", []int{1}, 400, "invalidSyntax"},
		{"PATCH", "/Users/x", jsonMap{}, 400, "invalidSyntax"},
		{"GET", "/Schemas/nothing", nil, 404, "404"},
	} {
		if got := idp.do(c.method, base+c.path, c.body); got.status != c.status || !strings.Contains(got.body, c.word) {
			t.Errorf("%s %s: %v", c.method, c.path, got)
		}
	}
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"} {
		if got := idp.do("GET", base+path, nil); got.status != 200 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// The settings: a token is shown once, and the mapping reaches members at once.
func TestProvisioningIsSetUp(t *testing.T) {
	w := newWorld(t)
	admin, base := w.as(people[access.CustomerAdmin]), "/api/v1/customers/"+w.a.id.String()+"/provisioning"
	got := admin.do("POST", base+"/tokens", jsonMap{"name": "Entra ID", "expires_at": time.Now().Add(24 * time.Hour)})
	var made struct{ ID, Secret string }
	got.into(t, &made)
	idp := w.browser()
	idp.token = made.Secret
	scim := "/api/v1/customers/" + w.a.id.String() + "/scim/v2"
	if got := idp.do("POST", scim+"/Users", jsonMap{"userName": "new@a.example"}); got.status != 201 {
		t.Fatal(got)
	}
	var user, group struct{ ID string }
	idp.do("POST", scim+"/Users", jsonMap{"userName": "other@a.example"}).into(t, &user)
	idp.do("POST", scim+"/Groups", jsonMap{"displayName": "Supervisors", "members": []jsonMap{{"value": user.ID}}}).into(t, &group)
	got = admin.do("PUT", base, jsonMap{"mapping": []jsonMap{{"group_id": group.ID, "role": "supervisor"}}, "default_role": "agent", "domains": []string{"a.example"}})
	var o struct {
		BaseURL string `json:"base_url"`
		Groups  []struct {
			Name    string
			Members int
		}
		Users       int
		WithoutRole int `json:"without_role"`
	}
	got.into(t, &o)
	if got.status != 200 || o.Users != 2 || o.WithoutRole != 0 || len(o.Groups) != 1 || o.Groups[0].Members != 1 || !strings.HasSuffix(o.BaseURL, scim) {
		t.Fatal(got)
	}
	if list := admin.do("GET", "/api/v1/customers/"+w.a.id.String()+"/members", nil); !strings.Contains(list.body, "other@a.example") || !strings.Contains(list.body, "supervisor") {
		t.Error(list)
	}
	if got := admin.do("GET", base+"/tokens", nil); strings.Contains(got.body, made.Secret) || !strings.Contains(got.body, made.ID) {
		t.Error(got)
	}
	if got := admin.do("PUT", base, jsonMap{"mapping": []jsonMap{{"group_id": "x", "role": "user"}}}); got.status != 422 || !strings.Contains(got.body, "mapping[0].group_id") {
		t.Error(got)
	}
	if got := admin.do("DELETE", base+"/tokens/"+made.ID, nil); got.status != 204 {
		t.Error(got)
	}
	if got := idp.do("GET", scim+"/Users", nil); got.status != 401 {
		t.Error("the token still works", got)
	}
}
