package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/live"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/directory"
)

// Cross-origin protection lets GET through: so no GET may change anything, and
// everything else must be refused from another site.
func TestOtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t)
	events := func() (n int) {
		for _, p := range []*place.Place{w.a.p, w.store.Registry()} {
			err := p.View(t.Context(), func(tx *place.Tx) error {
				list, err := journal.List(tx, journal.Filter{Limit: 10000})
				for _, e := range list {
					if e.Code != "opening.granted" { // reading leaves receipts
						n++
					}
				}
				return err
			})
			w.no(err)
		}
		return n
	}
	for _, email := range people {
		w.as(email)
	}
	th := w.fresh(w.a, id.New[id.Receipt]().String())
	th["node"], th["session"] = w.reseller.ID.String(), id.New[id.Session]().String()
	before := events()
	for _, rt := range w.api.Routes() {
		for _, email := range people {
			got := w.as(email).do(rt.Method, th.path(rt.Path), bodyFor(rt), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
			if rt.Method != "GET" && got.status != http.StatusForbidden {
				t.Errorf("%s from another site: %d", rt.ID, got.status)
			}
		}
	}
	if after := events(); after != before {
		t.Errorf("%d events before, %d after", before, after)
	}
}

func TestUnknownPathsAndHeaders(t *testing.T) {
	w := newWorld(t)
	c := w.as("user@a.example")
	for _, path := range []string{"/api/v1/nonsense", "/api/", "/api/v2/me"} {
		if got := c.do("GET", path, nil); got.status != 404 || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	got := c.do("GET", "/api/v1/me", nil)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "default-src 'none'",
	} {
		if !strings.Contains(got.header.Get(name), want) {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	if got := c.do("GET", "/healthz", nil); got.status != 200 || got.body != "ok\n" {
		t.Error(got)
	}
	if got := c.do("GET", "/api/openapi.json", nil); got.status != 200 || !strings.Contains(got.body, `"openapi":"3.1.0"`) {
		t.Error(got.status)
	}
	if got := c.do("POST", "/api/v1/sign-in", map[string]string{"email": strings.Repeat("x", 100_000)}); got.status != http.StatusRequestEntityTooLarge {
		t.Error("100 kB at the sign-in:", got.status)
	}
	var mails []struct{ To, Subject, Text string }
	c.do("GET", "/mailbox.json", nil).into(t, &mails)
	if len(mails) != 1 || mails[0].To != "user@a.example" {
		t.Errorf("%+v", mails)
	}
	if got := c.do("GET", "/mailbox", nil); !strings.Contains(got.body, mails[0].Subject) {
		t.Error(got)
	}
}

// Over TLS a cookie that a subdomain could have planted is not looked at.
func TestCookiesUnderTLS(t *testing.T) {
	w := newWorld(t)
	s := httpapi.New(httpapi.Deps{Secure: true, Store: w.store, Tree: w.tree, People: w.people, Recordings: w.recordings, Collect: w.collectors, Live: live.NewHub()})
	body := `{"email":"user@a.example","password":"` + password + `"}`
	r := httptest.NewRequest("POST", "https://calls.example/api/v1/sign-in", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	out := httptest.NewRecorder()
	s.Handler().ServeHTTP(out, r)
	cookie := out.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-ringfence_sign_in=", "Secure", "HttpOnly", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie lacks %q", want)
		}
	}
	if out.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
	if _, err := http.ParseSetCookie(cookie); err != nil || strings.Contains(cookie, "Domain") {
		t.Error(err, cookie)
	}
	plain := w.as("user@a.example") // its cookie has no prefix
	u := must[*http.Request](t)(http.NewRequest("GET", w.url, nil)).URL
	r = httptest.NewRequest("GET", "https://calls.example/api/v1/me", nil)
	for _, c := range plain.http.Jar.Cookies(u) {
		r.AddCookie(c)
	}
	out = httptest.NewRecorder()
	s.Handler().ServeHTTP(out, r)
	if out.Code != 401 {
		t.Error("a cookie without prefix was taken:", out.Code)
	}
}

func TestOnlyTrustedProxiesSayWhoAsks(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ trusted, forwarded, want string }{
		{"10.0.0.0/8", "203.0.113.9", "127.0.0.1"},                             // not from a trusted proxy
		{"127.0.0.0/8", "203.0.113.9", "203.0.113.9"},                          // from one
		{"127.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9"},            // what the caller wrote does not count
		{"127.0.0.0/8", "198.51.100.1, 203.0.113.9, 127.0.0.2", "203.0.113.9"}, // two proxies
		{"127.0.0.0/8", "nonsense", "127.0.0.1"},                               // unreadable
		{"127.0.0.0/8", "", "127.0.0.1"},                                       // none
		{"127.0.0.0/8", "2001:db8::1", "2001:db8::1"},                          //
		{"127.0.0.0/8", "203.0.113.9, nonsense, 127.0.0.3", "127.0.0.3"},       // unreadable behind a proxy
	} {
		s := httpapi.New(httpapi.Deps{TrustedProxies: []netip.Prefix{netip.MustParsePrefix(c.trusted)}, Store: w.store, Tree: w.tree, People: w.people, Live: live.NewHub()})
		server := httptest.NewServer(s.Handler())
		url := w.url
		w.url = server.URL
		b := w.browser()
		b.http.Transport = forwarding{c.forwarded}
		b.signIn("user@a.example")
		var list struct{ Items []httpapi.Session }
		b.do("GET", "/api/v1/me/sessions", nil).into(t, &list)
		if len(list.Items) == 0 || list.Items[0].Address != c.want {
			t.Errorf("trusted %s, forwarded for %q: %+v", c.trusted, c.forwarded, list.Items)
		}
		w.url = url
		server.Close()
	}
}

type forwarding struct{ value string }

func (f forwarding) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.value != "" {
		r.Header.Set("X-Forwarded-For", f.value)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (c *client) dial(customer id.Customer, headers ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	u, err := http.NewRequest("GET", c.w.url, nil)
	c.w.no(err)
	for _, k := range c.http.Jar.Cookies(u.URL) {
		h.Add("Cookie", k.String())
	}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return websocket.Dial(c.w.Context(), c.w.url+"/api/v1/live?customer="+customer.String(), &websocket.DialOptions{HTTPHeader: h})
}

func hints(t *testing.T, conn *websocket.Conn, until string) (got []live.Hint) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err, got)
		}
		var h live.Hint
		if err := json.Unmarshal(text, &h); err != nil {
			t.Fatal(err)
		}
		got = append(got, h)
		if h.Topic == until {
			return got
		}
	}
}

func TestLive(t *testing.T) {
	w := newWorld(t)
	_, res, err := w.as("user@a.example").dial(w.b.id)
	if err == nil || res.StatusCode != 404 {
		t.Fatal("another customer's hints:", err)
	}
	if _, res, err = w.as("user@a.example").dial(w.a.id, "Origin", "https://evil.example"); err == nil || res.StatusCode != 403 {
		t.Fatal("a page of another site:", err)
	}
	if _, res, err = w.browser().dial(w.a.id); err == nil || res.StatusCode != 401 {
		t.Fatal("without a session:", err)
	}
	super, user := w.browser(), w.browser()
	super.signIn("superuser@a.example")
	user.signIn("user@a.example")
	all, _, err := super.dial(w.a.id)
	w.no(err)
	some, _, err := user.dial(w.a.id)
	w.no(err)
	rec := w.archive(w.a, "later", "999")
	w.archive(w.b, "later", "999")
	seen := false
	for _, h := range hints(t, all, "recordings") {
		seen = seen || h.ID == rec.String() || h.Topic == "recordings"
	}
	if !seen {
		t.Error("no hint of the new recording")
	}
	for _, h := range hints(t, some, "recordings") {
		if h.ID != "" {
			t.Errorf("a user is told which recording there is: %+v", h)
		}
	}
	if got := super.do("POST", "/api/v1/sign-out", nil); got.status != 204 {
		t.Fatal(got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, _, err = all.Read(ctx); err != nil {
			break
		}
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Error("after signing out:", err)
	}
	w.api.Close()
	for {
		if _, _, err = some.Read(ctx); err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("the connection outlives the server")
	}
}

// What is personal of one customer reaches neither the other nor the log.
func TestCanaries(t *testing.T) {
	w := newWorld(t)
	w.everyRole()
	for _, c := range []*customer{w.a, w.b} {
		_, err := w.people.Directory().Add(t.Context(), c.p, system, directory.Assignment{Extension: "777", Name: c.canary, Team: c.canary}, "")
		w.no(err)
		w.support(c)
	}
	th := w.fresh(w.a, id.New[id.Receipt]().String())
	th["node"], th["session"] = w.reseller.ID.String(), id.New[id.Session]().String()
	own := 0
	live, _, err := w.as("superuser@a.example").dial(w.a.id)
	w.no(err)
	t.Cleanup(func() { live.CloseNow() })
	w.archive(w.b, "while a listens", "201") // b's hints are not a's
	for _, path := range []string{"recordings?words=" + w.b.canary, "calls?words=" + w.b.canary, "recordings?queue=" + w.b.canary, "directory?text=" + w.b.canary, "directory?team=" + w.b.canary} {
		for _, email := range []string{"customer_admin@a.example", "superuser@a.example"} {
			got := w.as(email).do("GET", "/api/v1/customers/"+w.a.id.String()+"/"+path, nil)
			if strings.Contains(strings.ReplaceAll(got.body, `"Quagmire"`, ""), w.b.canary) || strings.Contains(got.body, "rec_") || strings.Contains(got.body, "asg_") {
				t.Errorf("%s finds for %s what is b's: %s", path, email, got.body)
			}
		}
	}
	w.archive(w.a, "while a listens", "201")
	for _, h := range hints(t, live, "recordings") {
		if text := fmt.Sprintf("%+v", h); strings.Contains(text, w.b.canary) || strings.Contains(text, w.a.canary) {
			t.Errorf("a hint says what changed: %s", text)
		}
	}
	for _, rt := range w.api.Routes() {
		if rt.Method != "GET" {
			continue
		}
		for _, email := range allPeople {
			got := w.as(email).do("GET", th.path(rt.Path), nil)
			if strings.Contains(got.body, w.b.canary) {
				t.Errorf("%s shows %s what is b's", rt.ID, email)
			}
			if strings.Contains(got.body, w.a.canary) {
				own++
				if strings.HasSuffix(email, "@example.com") && !rt.Public {
					t.Errorf("%s shows content to %s", rt.ID, email)
				}
			}
		}
	}
	if own < 5 {
		t.Errorf("the canary was seen %d times by its own people: the test looks in the wrong place", own)
	}
	log := w.log.String()
	for _, word := range []string{w.a.canary, w.b.canary, "Somebody", "@a.example", password, "127.0.0.1", "+44161", "Caller"} {
		if strings.Contains(log, word) {
			t.Errorf("the log holds %q", word)
		}
	}
	if !strings.Contains(log, `"route":"GET /api/v1/customers/{customer}/recordings"`) {
		t.Error("the log does not name routes")
	}
}
