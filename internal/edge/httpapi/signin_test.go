package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

func TestSignInOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.browser()
	if got := c.do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Fatal(got)
	}
	got := c.do("POST", "/api/v1/sign-in", map[string]string{"email": "user@a.example", "password": password})
	if got.status != 200 || !strings.Contains(got.body, `"next":"code","mailed_to":"u…@a.example"`) {
		t.Fatal(got)
	}
	for _, cookie := range got.header.Values("Set-Cookie") {
		for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(cookie, want) {
				t.Errorf("the cookie lacks %s", want)
			}
		}
	}
	code := eight.FindString(w.box.Mails()[0].Text)
	if got := w.browser().do("POST", "/api/v1/sign-in/code", map[string]string{"code": code}); got.status != 401 {
		t.Error("the code works in another browser:", got)
	}
	if got := c.do("POST", "/api/v1/sign-in/code", map[string]string{"code": code}); got.status != 200 {
		t.Fatal(got)
	}
	if got := c.do("POST", "/api/v1/sign-in/code", map[string]string{"code": code}); got.status != 401 {
		t.Error("the code works twice:", got)
	}
	var me httpapi.Me
	c.do("GET", "/api/v1/me", nil).into(t, &me)
	if me.Person.Email != "user@a.example" || len(me.Places) != 1 || me.Places[0].Name != "Customer a" || me.Places[0].Kind != "customer" || !me.Demo {
		t.Errorf("me: %+v", me)
	}
	if got := c.do("POST", "/api/v1/sign-out", nil); got.status != 204 {
		t.Fatal(got)
	}
	if got := c.do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Error("after signing out:", got)
	}
}

func TestWrongNameAndWrongPasswordAreTheSameBytes(t *testing.T) {
	w := newWorld(t)
	a := w.browser().do("POST", "/api/v1/sign-in", map[string]string{"email": "user@a.example", "password": "wrong"})
	b := w.browser().do("POST", "/api/v1/sign-in", map[string]string{"email": "nobody@a.example", "password": "wrong"})
	if a.status != 401 || a.body != b.body || len(a.header.Values("Set-Cookie"))+len(b.header.Values("Set-Cookie")) > 0 {
		t.Errorf("%v\n%v", a, b)
	}
	long := w.browser().do("POST", "/api/v1/sign-in", map[string]string{"email": "user@a.example", "password": strings.Repeat("canary", 50)})
	if long.status != 422 || strings.Contains(long.body, "canary") {
		t.Error("an answer repeats a password:", long)
	}
}

func TestARevokedSessionEndsWithTheNextRequest(t *testing.T) {
	w := newWorld(t)
	one, two := w.browser(), w.browser()
	one.signIn("user@a.example")
	two.signIn("user@a.example")
	var list struct{ Items []httpapi.Session }
	one.do("GET", "/api/v1/me/sessions", nil).into(t, &list)
	if len(list.Items) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, s := range list.Items {
		if s.Address != "127.0.0.1" || s.Agent == "" {
			t.Errorf("%+v", s)
		}
		if s.Current {
			continue
		}
		if got := w.as("superuser@a.example").do("DELETE", "/api/v1/me/sessions/"+s.ID, nil); got.status != 404 {
			t.Error("somebody else ended the session:", got)
		}
		if got := one.do("DELETE", "/api/v1/me/sessions/"+s.ID, nil); got.status != 204 {
			t.Fatal(got)
		}
	}
	if got := two.do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Error("the revoked session still works:", got)
	}
	if got := one.do("GET", "/api/v1/me", nil); got.status != 200 {
		t.Error("the other one does not:", got)
	}
}

func TestATakenRoleEndsWithTheNextRequest(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	super := w.as("superuser@a.example")
	var o httpapi.Opening
	super.do("POST", base+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": "listen"}).into(t, &o)
	if got := super.do("GET", o.SoundURL, nil); got.status != 200 {
		t.Fatal(got.status)
	}
	user := w.as("user@a.example")
	var mine httpapi.Opening
	user.do("POST", base+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": "listen"}).into(t, &mine)
	if got := user.do("GET", mine.SoundURL, nil); got.status != 200 {
		t.Fatal(got.status)
	}
	for _, m := range must[[]identity.Member](t)(w.people.Members(t.Context(), w.a.p)) {
		if m.Roles[0] == access.User {
			moved := map[string]any{"roles": []string{"user"}, "extensions": []string{"300"}}
			if got := w.as("customer_admin@a.example").do("PUT", base+"/members/"+m.Person.String(), moved); got.status != 200 {
				t.Fatal(got)
			}
			if got := user.do("GET", mine.SoundURL, nil); got.status != 404 {
				t.Error("the sound of an extension that is no longer theirs:", got.status)
			}
		}
		if m.Roles[0] == access.SuperUser {
			if got := w.as("customer_admin@a.example").do("DELETE", base+"/members/"+m.Person.String(), nil); got.status != 204 {
				t.Fatal(got)
			}
		}
	}
	for _, path := range []string{o.SoundURL, base + "/recordings"} {
		if got := super.do("GET", path, nil); got.status != 404 {
			t.Errorf("%s after the role was taken: %d", path, got.status)
		}
	}
}

func TestInvitationOverHTTP(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin := w.as("customer_admin@a.example")
	body := map[string]any{"email": "new@a.example", "name": "New Person", "roles": []string{"user"}, "extensions": []string{"999"}}
	first := admin.do("POST", base+"/members", body, "Idempotency-Key", "k1")
	again := admin.do("POST", base+"/members", body, "Idempotency-Key", "k1")
	if first.status != 201 || again.body != first.body {
		t.Fatal(first, again)
	}
	if n := len(w.box.Mails()); n != 2 { // the administrator's code and one invitation
		t.Errorf("%d mails", n)
	}
	body["name"] = "Another"
	if got := admin.do("POST", base+"/members", body, "Idempotency-Key", "k1"); got.status != 422 {
		t.Error("the key of another request:", got)
	}
	_, token, _ := strings.Cut(w.box.Mails()[0].Text, "/welcome#token=")
	token = strings.Fields(token)[0]
	if got := w.browser().do("POST", "/api/v1/welcome", map[string]string{"token": token, "password": "new person new"}); got.status != 422 || !strings.Contains(got.body, `"location":"body.password"`) {
		t.Error("a weak password:", got)
	}
	for _, want := range []int{204, 401} {
		if got := w.browser().do("POST", "/api/v1/welcome", map[string]string{"token": token, "password": password}); got.status != want {
			t.Error(got)
		}
	}
	var list httpapi.RecordingPage
	w.as("new@a.example").do("GET", base+"/recordings", nil).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != w.a.others.String() {
		t.Errorf("a user of 999 sees %+v", list.Items)
	}
}

func TestTokensOverHTTP(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin := w.as("customer_admin@a.example")
	var made httpapi.NewToken
	admin.do("POST", base+"/tokens", map[string]any{"name": "reports", "acts": []string{"usage.read", "journal.read"}, "expires_at": time.Now().Add(24 * time.Hour)}).into(t, &made)
	c := w.browser()
	c.token = made.Secret
	for path, want := range map[string]int{
		base + "/usage": 200, base + "/events": 200, base + "/recordings": 404, base + "/sources": 404, base + "/members": 404,
		"/api/v1/customers/" + w.b.id.String() + "/usage": 404, "/api/v1/me": 401, "/api/v1/nodes/" + w.provider.ID.String() + "/children": 404,
	} {
		if got := c.do("GET", path, nil); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	for _, act := range []string{"recording.listen", "member.manage", "nonsense"} {
		if got := admin.do("POST", base+"/tokens", map[string]any{"name": "x", "acts": []string{act}, "expires_at": time.Now().Add(24 * time.Hour)}); got.status != 422 {
			t.Errorf("a token for %s: %d", act, got.status)
		}
	}
	if got := admin.do("GET", base+"/tokens", nil); strings.Contains(got.body, made.Secret[40:]) {
		t.Error("the list shows the secret")
	}
	if got := admin.do("DELETE", base+"/tokens/"+made.ID, nil); got.status != 204 {
		t.Fatal(got)
	}
	if got := c.do("GET", base+"/usage", nil); got.status != 401 {
		t.Error("a removed token works:", got.status)
	}
}

func TestChildrenOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.as("reseller@example.com")
	path := "/api/v1/nodes/" + w.reseller.ID.String() + "/children"
	body := map[string]string{"kind": "customer", "name": "Fresh Ltd", "admin_email": "boss@fresh.example", "admin_name": "Boss"}
	got := c.do("POST", path, body, "Idempotency-Key", "one")
	if got.status != 201 || c.do("POST", path, body, "Idempotency-Key", "one").body != got.body {
		t.Fatal(got)
	}
	var list struct{ Items []httpapi.Node }
	c.do("GET", path, nil).into(t, &list)
	if len(list.Items) != 3 || list.Items[2].Name != "Fresh Ltd" || list.Items[2].Health.State != "new" {
		t.Errorf("%+v", list.Items)
	}
	if to := w.box.Mails()[0].To; to != "boss@fresh.example" {
		t.Error("mailed to", to)
	}
	for _, bad := range []map[string]string{
		{"kind": "provider", "name": "x", "admin_email": "boss@fresh.example", "admin_name": "Boss"},
		{"kind": "customer", "name": "x", "admin_email": "nonsense", "admin_name": "Boss"},
	} {
		if got := c.do("POST", path, bad); got.status != 422 {
			t.Error(bad, got)
		}
	}
	again := "/api/v1/nodes/" + list.Items[2].ID + "/invitations"
	if got := c.do("POST", again, map[string]string{"admin_email": "boss@fresh.example", "admin_name": "Boss"}); got.status != 204 {
		t.Error(got)
	}
	taken := "/api/v1/nodes/" + w.a.id.String() + "/invitations"
	if got := c.do("POST", taken, map[string]string{"admin_email": "crony@example.com", "admin_name": "Crony"}); got.status != http.StatusConflict {
		t.Error("a reseller added an administrator to a customer:", got)
	}
	if got := c.do("POST", "/api/v1/nodes/"+id.New[id.Node]().String()+"/children", body); got.status != 404 {
		t.Error(got)
	}
}
