package httpapi_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/siprec"
	"ringfence/internal/edge/httpapi"
)

// A source of recording sessions is set up by API, its secret is never shown,
// and its page says how it is doing.
func TestSiprecSource(t *testing.T) {
	w := newWorld(t)
	c := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	var src httpapi.Source
	c.do("POST", base+"/sources", map[string]any{"name": "SBC", "kind": "siprec", "profile": "generic", "time_zone": "UTC", "country": "GB"}).into(t, &src)
	path := base + "/sources/" + src.ID + "/siprec"
	var shown httpapi.SiprecSource
	c.do("GET", path, nil).into(t, &shown)
	if shown.Configured || len(shown.Addresses) != 1 || shown.Addresses[0] != "sip:"+src.ID+"@archive.example:5061;transport=tls" {
		t.Fatalf("before: %+v", shown)
	}
	set := map[string]any{
		"peers": []string{"203.0.113.7", "10.1.2.3/24"}, "certificates": []string{}, "user": "sbc", "secret": "a secret of some length",
		"ours": []string{"2??"}, "encrypted": true, "max_calls": 3,
	}
	got := c.do("PUT", path, set)
	if got.status != 200 || strings.Contains(got.body, "a secret of") {
		t.Fatal(got)
	}
	got.into(t, &shown)
	if !shown.Configured || !shown.SecretSet || strings.Join(shown.Settings.Peers, " ") != "203.0.113.7 10.1.2.0/24" {
		t.Fatalf("after: %+v", shown)
	}
	delete(set, "secret") // left out, it stays
	c.do("PUT", path, set).into(t, &shown)
	if !shown.SecretSet {
		t.Error("the secret was lost")
	}
	all := w.siprec.Candidates(siprec.Caller{From: netip.MustParseAddr("203.0.113.7")})
	if len(all) != 1 || all[0].Secret.Reveal() != "a secret of some length" || all[0].Customer != w.a.id {
		t.Fatalf("who may call: %v", all)
	}
	w.siprec.Refuse(all[0].Source, "203.0.113.7", "the digest user or its secret is wrong")
	live, err := w.siprec.Begin(t.Context(), all[0], siprec.Fact{What: siprec.Invited, At: time.Now(), Streams: []siprec.Media{{Label: "1", Taken: true}}}, siprec.ALaw, nil)
	w.no(err)
	var list struct{ Items []httpapi.SiprecSource }
	c.do("GET", base+"/siprec", nil).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].Refused != 1 || len(list.Items[0].Live) != 1 || list.Items[0].Live[0].State != "beginning" {
		t.Fatalf("the list: %+v", list)
	}
	live.Fact(siprec.Fact{What: siprec.Left, At: time.Now()})
	w.siprec.Stop()
}

// Every fault is named, and nobody takes calls from where another customer does
// by the address alone.
func TestSiprecSettingsAreRefused(t *testing.T) {
	w := newWorld(t)
	make := func(email string, cust *customer) (*client, string) {
		c := w.as(email)
		base := "/api/v1/customers/" + cust.id.String() + "/sources"
		var src httpapi.Source
		c.do("POST", base, map[string]any{"name": "SBC", "kind": "siprec", "profile": "generic", "time_zone": "UTC"}).into(t, &src)
		return c, base + "/" + src.ID + "/siprec"
	}
	a, first := make("customer_admin@a.example", w.a)
	b, second := make("customer_admin@b.example", w.b)
	body := func(peers ...string) map[string]any {
		return map[string]any{"peers": peers, "certificates": []string{}, "user": "", "ours": []string{}, "encrypted": false, "max_calls": 10}
	}
	for name, bad := range map[string]map[string]any{"nobody": body([]string{}...), "a name": body("sbc.example"), "everybody": body("0.0.0.0/0")} {
		if got := a.do("PUT", first, bad); got.status != 422 || !strings.Contains(got.body, "peers") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	short := body("192.0.2.1")
	short["user"], short["secret"], short["certificates"] = "sbc", "short", []string{"abc"}
	if got := a.do("PUT", first, short); got.status != 422 || !strings.Contains(got.body, "secret") || !strings.Contains(got.body, "certificates") {
		t.Errorf("short: %d %s", got.status, got.body)
	}
	if got := a.do("PUT", first, body("192.0.2.0/24")); got.status != 200 {
		t.Fatal(got)
	}
	if got := b.do("PUT", second, body("192.0.2.9")); got.status != 422 || strings.Contains(got.body, "Zebrawood") {
		t.Errorf("claimed twice: %d %s", got.status, got.body)
	}
	with := body("192.0.2.9")
	with["user"], with["secret"] = "b", "another secret here"
	if got := b.do("PUT", second, with); got.status != 200 {
		t.Errorf("with a user: %d %s", got.status, got.body)
	}
}
