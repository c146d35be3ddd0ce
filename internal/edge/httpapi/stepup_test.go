package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pquerna/otp/totp"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// with is a browser that holds a session resting on a given proof.
func (w *world) with(email string, proof identity.Proof) *client {
	w.Helper()
	var me httpapi.Me
	w.as(email).do("GET", "/api/v1/me", nil).into(w, &me)
	p := must[id.Person](w)(id.Parse[id.Person](me.Person.ID))
	signed := must[identity.Signed](w)(w.people.Begin(w.Context(), p, proof, identity.Origin{}))
	c := w.browser()
	u := must[*url.URL](w)(url.Parse(w.url))
	c.http.Jar.SetCookies(u, []*http.Cookie{{Name: "ringfence_session", Value: signed.Token.Reveal(), Path: "/"}})
	return c
}

// stale is a proof that was only remembered: the session stands, and nothing
// was shown lately.
var stale = identity.Proof{Methods: []identity.Method{identity.ByDevice, identity.ByMail, identity.ByPassword}}

// Every dangerous route refuses a session that has shown nothing lately, and
// only to those who may do the act at all: the others see nothing there.
func TestDangerousActsAskForAFactor(t *testing.T) {
	w := newWorld(t)
	dangerous := 0
	for _, rt := range w.api.Routes() {
		if !rt.Fresh {
			continue
		}
		dangerous++
		th := w.fresh(w.a, id.New[id.Receipt]().String())
		th["node"], th["passkey"] = w.reseller.ID.String(), id.New[id.Factor]().String()
		email := "customer_admin@a.example"
		switch {
		case rt.AtNode:
			email = "provider@example.com"
		case !rt.Personal && !mayDo(w, access.CustomerAdmin, rt):
			email = "superuser@a.example"
		}
		got := w.with(email, stale).do(rt.Method, th.path(rt.Path), bodyFor(rt))
		if rt.Act == access.TokenManage && rt.AtNode {
			email = "reseller@example.com"
			got = w.with(email, stale).do(rt.Method, th.path(rt.Path), bodyFor(rt))
		}
		if got.status != 403 || !strings.Contains(got.body, `"type":"step-up"`) {
			t.Errorf("%s with a stale session: %d %s", rt.ID, got.status, got.body)
		}
		if rt.Personal {
			continue
		}
		if got := w.with("user@a.example", stale).do(rt.Method, th.path(rt.Path), bodyFor(rt)); got.status != 404 {
			t.Errorf("%s to who may not do it: %d", rt.ID, got.status)
		}
	}
	if dangerous < 12 {
		t.Errorf("%d dangerous routes: the test looks in the wrong place", dangerous)
	}
	for _, id := range []string{
		"exportEvents", "createToken", "createDevice", "changePassword", "beginTotp", "confirmTotp", "removeTotp", "makeRecoveryCodes",
		"beginPasskey", "addPasskey", "removePasskey", "setSignInPolicy", "everybodyOut", "everybodyOutBelow",
		"inviteMember", "changeMember", "inviteStaff", "changeStaff", "removeStaff", "inviteAdministrator", "grantSupport", "setRetention", "setSpeech", "destroyRecording", "assignExtension",
	} {
		if !w.route(id).Fresh {
			t.Errorf("%s is not asked about", id)
		}
	}
}

func (w *world) route(name string) httpapi.RouteInfo {
	for _, rt := range w.api.Routes() {
		if rt.ID == name {
			return rt
		}
	}
	w.Errorf("there is no route %s", name)
	return httpapi.RouteInfo{}
}

// Whoever finds a browser left open can make nobody anything: neither somebody who
// hears, nor an administrator who would then name one.
func TestGivingARoleAsksForAFactor(t *testing.T) {
	w := newWorld(t)
	path := "/api/v1/customers/" + w.a.id.String() + "/members"
	for _, r := range access.RolesAt("customer") {
		body := map[string]any{"email": string(r) + "@new.example", "name": "New", "roles": []string{string(r)}}
		if got := w.with("customer_admin@a.example", stale).do("POST", path, body); got.status != 403 || !strings.Contains(got.body, "step-up") {
			t.Errorf("inviting a %s: %d %s", r, got.status, got.body)
		}
		if got := w.with("customer_admin@a.example", stale).do("PUT", path+"/"+w.ids["user@a.example"].String(), body); got.status != 403 || !strings.Contains(got.body, "step-up") {
			t.Errorf("making somebody a %s: %d %s", r, got.status, got.body)
		}
	}
	got := w.as("customer_admin@a.example").do("POST", path, map[string]any{"email": "late@new.example", "name": "New", "roles": []string{"superuser"}})
	if got.status != 201 {
		t.Error("with a factor shown lately:", got)
	}
}

// An extension opens its calls to whose it is: by hand, and by a file, whose dry run
// stores nothing. Machines and who has shown a factor go on.
func TestAssigningAnExtensionAsksForAFactor(t *testing.T) {
	w := newWorld(t)
	path := "/api/v1/customers/" + w.a.id.String() + "/directory"
	file := func(dry bool) map[string]any {
		return map[string]any{"csv": "extension,email\n204,user@a.example\n", "dry_run": dry}
	}
	one := map[string]any{"extension": "203", "person_id": w.ids["user@a.example"].String()}
	old, admin := w.with("customer_admin@a.example", stale), w.as("customer_admin@a.example")
	for what, got := range map[string]response{"by hand": old.do("POST", path, one), "by a file": old.do("POST", path+"/import", file(false))} {
		if got.status != 403 || !strings.Contains(got.body, `"type":"step-up"`) {
			t.Errorf("%s: %v", what, got)
		}
	}
	if got := old.do("POST", path+"/import", file(true)); got.status != 200 || !strings.Contains(got.body, `"add":1`) {
		t.Error("what a file would do:", got)
	}
	if got := admin.do("GET", path, nil); got.status != 200 || strings.Contains(got.body, `"203"`) || strings.Contains(got.body, `"204"`) {
		t.Error("something was stored:", got)
	}
	if got := w.with("user@a.example", stale).do("POST", path+"/import", file(false)); got.status != 404 {
		t.Error("who may not do it at all:", got)
	}
	if got := admin.do("POST", path, one); got.status != 201 {
		t.Error("with a factor shown lately, by hand:", got)
	}
	if got := admin.do("POST", path+"/import", file(false)); got.status != 200 {
		t.Error("with a factor shown lately, by a file:", got)
	}
}

func TestSteppingUpOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.with("customer_admin@a.example", stale)
	export := func() response {
		return c.do("POST", "/api/v1/customers/"+w.a.id.String()+"/events/exports", map[string]string{"format": "csv"})
	}
	if got := export(); got.status != 403 {
		t.Fatal(got)
	}
	var ways httpapi.StepUpWays
	c.do("GET", "/api/v1/me/step-up", nil).into(t, &ways)
	if len(ways.Methods) != 1 || ways.Methods[0] != "mail" || !ways.FreshUntil.IsZero() {
		t.Errorf("%+v", ways)
	}
	if got := c.do("POST", "/api/v1/me/step-up/mail", map[string]string{"password": "wrong"}); got.status != 422 {
		t.Error(got)
	}
	if got := c.do("POST", "/api/v1/me/step-up/mail", map[string]string{"password": password}); got.status != 200 || !strings.Contains(got.body, "c…@a.example") {
		t.Fatal(got)
	}
	code := eight.FindString(w.box.Mails()[0].Text)
	if got := c.do("POST", "/api/v1/me/step-up", map[string]string{"method": "mail", "code": "0" + code[1:7] + "x"}); got.status != 422 {
		t.Error(got)
	}
	u := must[*url.URL](t)(url.Parse(w.url))
	before := c.http.Jar.Cookies(u)
	if got := c.do("POST", "/api/v1/me/step-up", map[string]string{"method": "mail", "code": code}); got.status != 204 {
		t.Fatal(got)
	}
	if got := export(); got.status != 200 {
		t.Error("after stepping up:", got)
	}
	old := w.browser()
	old.http.Jar.SetCookies(u, before)
	if got := old.do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Error("the weaker session's token still works:", got.status)
	}
}

func TestASecondFactorOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.browser()
	c.signIn("user@a.example")
	var e httpapi.Enrolment
	c.do("POST", "/api/v1/me/totp", nil).into(t, &e)
	if e.QRSize < 25 || !strings.HasPrefix(e.QRPath, "M") || !strings.HasPrefix(e.URL, "otpauth://totp/Ringfence:user@a.example?") {
		t.Errorf("%+v", e)
	}
	key := strings.ReplaceAll(e.Key, " ", "")
	code := must[string](t)(totp.GenerateCode(key, time.Now()))
	var codes httpapi.RecoveryCodes
	c.do("POST", "/api/v1/me/totp/confirm", map[string]string{"code": code}).into(t, &codes)
	if len(codes.RecoveryCodes) != 10 {
		t.Fatalf("%+v", codes)
	}
	mails := len(w.box.Mails())
	next := w.browser()
	if got := next.do("POST", "/api/v1/sign-in", map[string]string{"email": "user@a.example", "password": password}); got.status != 200 || !strings.Contains(got.body, `"next":"factor","mailed_to":"","methods":["totp","recovery"]`) {
		t.Fatal(got)
	}
	if len(w.box.Mails()) != mails {
		t.Error("a code was mailed as well")
	}
	for _, try := range []struct {
		method, code string
		want         int
	}{{"totp", code, 401}, {"mail", "12345678", 401}, {"recovery", codes.RecoveryCodes[0], 200}} {
		if got := next.do("POST", "/api/v1/sign-in/code", map[string]any{"method": try.method, "code": try.code, "trust": true}); got.status != try.want {
			t.Errorf("%s: %v", try.method, got)
		}
	}
	again := next.do("POST", "/api/v1/sign-in", map[string]string{"email": "user@a.example", "password": password})
	if !strings.Contains(again.body, `"next":"done"`) {
		t.Error("the trusted browser was asked:", again)
	}
	var browsers struct{ Items []httpapi.Browser }
	next.do("GET", "/api/v1/me/browsers", nil).into(t, &browsers)
	if len(browsers.Items) != 1 {
		t.Fatalf("%+v", browsers)
	}
	if got := w.as("superuser@a.example").do("DELETE", "/api/v1/me/browsers/"+browsers.Items[0].ID, nil); got.status != 404 {
		t.Error("somebody else's browser:", got)
	}
	if got := next.do("DELETE", "/api/v1/me/browsers/"+browsers.Items[0].ID, nil); got.status != 204 {
		t.Error(got)
	}
}

func TestForgottenPasswordsTellNobodyWhoExists(t *testing.T) {
	w := newWorld(t)
	var answers []response
	for _, email := range []string{"user@a.example", "nobody@a.example", "no address"} {
		answers = append(answers, w.browser().do("POST", "/api/v1/forgotten", map[string]string{"email": email}))
	}
	w.people.Stop()
	for _, a := range answers {
		if a.status != 204 || a.body != "" || len(a.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%+v", a)
		}
	}
	if mails := w.box.Mails(); len(mails) != 1 || mails[0].To != "user@a.example" {
		t.Fatalf("%d mails", len(mails))
	}
	_, token, _ := strings.Cut(w.box.Mails()[0].Text, "/reset#token=")
	token = strings.Fields(token)[0]
	const fresh = "copper lanterns drift past midnight"
	for _, want := range []int{204, 401} {
		if got := w.browser().do("POST", "/api/v1/forgotten/password", map[string]string{"token": token, "password": fresh}); got.status != want {
			t.Error(got)
		}
	}
}

func TestAStricterCustomer(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin, user := w.as("customer_admin@a.example"), w.as("user@a.example")
	policy := map[string]any{"factor": "strong", "device_days": 0, "limits": []any{}, "elsewhere": []any{}, "sso_only": false, "recovery": []any{}}
	if got := admin.do("PUT", base+"/sign-in-policy", policy); got.status != 422 || !strings.Contains(got.body, "lock yourself out") {
		t.Fatal("an administrator locked everybody out:", got)
	}
	strong := w.with("customer_admin@a.example", identity.Proof{Methods: []identity.Method{identity.ByPasskey}})
	if got := strong.do("PUT", base+"/sign-in-policy", policy); got.status != 200 {
		t.Fatal(got)
	}
	got := user.do("GET", base+"/recordings", nil)
	if got.status != 403 || !strings.Contains(got.body, `"type":"step-up"`) || !strings.Contains(got.body, `"needs":["passkey","totp","recovery"]`) {
		t.Error(got)
	}
	var me httpapi.Me
	user.do("GET", "/api/v1/me", nil).into(t, &me)
	if len(me.Places) != 1 || len(me.Places[0].Needs) != 3 {
		t.Errorf("%+v", me.Places)
	}
	if got := user.do("GET", "/api/v1/customers/"+w.b.id.String()+"/recordings", nil); got.status != 404 {
		t.Error("a foreign customer:", got)
	}
	if got := w.with("user@a.example", identity.Proof{Methods: []identity.Method{identity.ByPasskey}}).do("GET", base+"/recordings", nil); got.status != 200 {
		t.Error("with a passkey:", got)
	}
	for field, bad := range map[string]map[string]any{
		"device_days": {"factor": "mail", "device_days": 91}, "factor": {"factor": "none", "device_days": 1},
		"limits":    {"factor": "mail", "device_days": 1, "limits": []any{map[string]any{"role": "root", "idle_minutes": 0, "absolute_minutes": 0}}},
		"recovery":  {"factor": "mail", "device_days": 1, "sso_only": true},
		"elsewhere": {"factor": "mail", "device_days": 1, "elsewhere": []string{"x"}},
	} {
		for _, name := range []string{"limits", "elsewhere", "recovery"} {
			if bad[name] == nil {
				bad[name] = []any{}
			}
		}
		if bad["sso_only"] == nil {
			bad["sso_only"] = false
		}
		if got := strong.do("PUT", base+"/sign-in-policy", bad); got.status != 422 || !strings.Contains(got.body, field) {
			t.Errorf("%s: %v", field, got)
		}
	}
}

func TestProviderAndResellerNeedAStrongFactor(t *testing.T) {
	w := newWorld(t)
	strict := identity.New(identity.Options{Store: w.store, Mail: w.box, BaseURL: func() string { return w.url }})
	mailed := identity.Proof{Methods: []identity.Method{identity.ByMail, identity.ByPassword}}
	for name, c := range map[string]struct {
		proof identity.Proof
		ok    bool
	}{
		"mail": {mailed, false}, "passkey": {identity.Proof{Methods: []identity.Method{identity.ByPasskey}}, true},
		"app":        {identity.Proof{Methods: []identity.Method{identity.ByPassword, identity.ByTOTP}}, true},
		"remembered": {identity.Proof{Methods: []identity.Method{identity.ByDevice, identity.ByPassword, identity.ByTOTP}}, false},
	} {
		if err := strict.NodeReady(w.sessionOf("provider@example.com", c.proof)); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (w *world) sessionOf(email string, proof identity.Proof) identity.Session {
	w.Helper()
	c := w.with(email, proof)
	u := must[*url.URL](w)(url.Parse(w.url))
	return must[identity.Present](w)(w.people.Session(w.Context(), secretOf(c.http.Jar.Cookies(u)))).Session
}

func secretOf(cookies []*http.Cookie) secret.Text {
	for _, c := range cookies {
		if c.Name == "ringfence_session" {
			return secret.NewText(c.Value)
		}
	}
	return secret.Text{}
}

// Members' sessions are seen and ended by their own customer's administrator.
func TestMembersSessions(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String() + "/sessions"
	w.as("user@a.example")
	foreign := w.as("user@b.example")
	admin := w.as("customer_admin@a.example")
	got := admin.do("GET", base+"?limit=1", nil)
	var page httpapi.SessionPage
	seen := map[string]string{}
	for {
		got.into(t, &page)
		for _, s := range page.Items {
			seen[s.PersonID] = s.ID
		}
		if page.NextCursor == "" {
			break
		}
		cursor := page.NextCursor
		page = httpapi.SessionPage{}
		got = admin.do("GET", base+"?limit=1&cursor="+cursor, nil)
	}
	if len(seen) != 2 {
		t.Errorf("%d members are signed in, by the list: %v", len(seen), seen)
	}
	if strings.Contains(got.body, "127.0.0.1") {
		t.Error("the list tells addresses")
	}
	var theirs struct{ Items []httpapi.Session }
	foreign.do("GET", "/api/v1/me/sessions", nil).into(t, &theirs)
	if got := admin.do("DELETE", base+"/"+theirs.Items[0].ID, nil); got.status != 404 {
		t.Error("ended a foreign session:", got)
	}
	var mine struct{ Items []httpapi.Session }
	w.as("user@a.example").do("GET", "/api/v1/me/sessions", nil).into(t, &mine)
	if got := admin.do("DELETE", base+"/"+mine.Items[0].ID, nil); got.status != 204 {
		t.Fatal(got)
	}
	if got := w.as("user@a.example").do("GET", "/api/v1/me", nil); got.status != 401 {
		t.Error("an ended session:", got.status)
	}
	if got := foreign.do("GET", "/api/v1/me", nil); got.status != 200 {
		t.Error("the other customer's:", got.status)
	}
}

// What another server ends loses its live connections here within a second:
// the two share nothing but the database.
func TestEndingReachesOtherServers(t *testing.T) {
	w := newWorld(t)
	other := identity.New(identity.Options{Store: w.store, Mail: w.box})
	for name, end := range map[string]func(identity.Session) error{
		"its session": func(s identity.Session) error { return other.End(t.Context(), system, s.Person, s.ID) },
		"everybody": func(identity.Session) error {
			_, err := other.EverybodyOut(t.Context(), system, []id.Node{w.reseller.ID, w.a.id})
			return err
		},
		"its membership": func(s identity.Session) error { return other.RemoveMember(t.Context(), w.a.p, system, s.Person) },
	} {
		email := "user@a.example"
		if name == "its membership" {
			email = "superuser@a.example"
		}
		clear(w.clients)
		c := w.with(email, stale)
		conn, _, err := c.dial(w.a.id)
		w.no(err)
		if _, _, err := conn.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(800 * time.Millisecond) // the watcher has begun: it looks every 400 ms
		u := must[*url.URL](t)(url.Parse(w.url))
		ses := must[identity.Present](t)(w.people.Session(t.Context(), secretOf(c.http.Jar.Cookies(u)))).Session
		begun, within := time.Now(), promised(t, time.Second)
		w.no(end(ses))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		for err == nil {
			_, _, err = conn.Read(ctx)
		}
		cancel()
		if took := time.Since(begun); took > within() || websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s ended: closed after %v: %v", name, took, err)
		}
	}
}
