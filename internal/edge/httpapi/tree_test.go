package httpapi_test

import (
	"bytes"
	"encoding/csv"
	"image"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/org"
)

func (w *world) at(n org.Node, path string) string { return "/api/v1/nodes/" + n.ID.String() + path }

func TestTheTreeOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.as("reseller@example.com")
	var one httpapi.NodeDetail
	c.do("GET", "/api/v1/nodes/"+w.a.id.String(), nil).into(t, &one)
	if one.Kind != "customer" || len(one.Path) != 1 || one.Path[0].ID != w.reseller.ID.String() {
		t.Errorf("a reseller sees the way from itself: %+v", one)
	}
	var page httpapi.NodePage
	c.do("GET", w.at(w.reseller, "/children?q=customer&limit=1"), nil).into(t, &page)
	if len(page.Items) != 1 || page.NextCursor == "" {
		t.Fatalf("%+v", page)
	}
	first := page.Items[0].ID
	c.do("GET", w.at(w.reseller, "/children?q=customer&limit=1&cursor="+page.NextCursor), nil).into(t, &page)
	if len(page.Items) != 1 || page.Items[0].ID == first || page.NextCursor != "" {
		t.Errorf("%+v", page)
	}
	if got := c.do("GET", w.at(w.reseller, "/children?cursor=!"), nil); got.status != 422 {
		t.Error("a cursor that nobody gave:", got)
	}
	if got := c.do("PATCH", w.at(w.reseller, ""), map[string]string{"name": "Northern Lights"}); got.status != 200 || !strings.Contains(got.body, "Northern Lights") {
		t.Error(got)
	}
	var log httpapi.EventPage
	c.do("GET", w.at(w.reseller, "/events"), nil).into(t, &log)
	if len(log.Items) == 0 || log.Items[0].Code != "node.renamed" || log.Items[0].Actor.Name != "Somebody" {
		t.Errorf("%+v", log.Items)
	}
	for _, e := range log.Items {
		if e.Subject == w.provider.ID.String() || len(e.Personal) > 0 {
			t.Errorf("a reseller reads %+v", e)
		}
	}
	if strings.Contains(c.do("GET", w.at(w.reseller, "/events"), nil).body, w.a.canary) {
		t.Error("what a customer does stands in the log of nodes")
	}
}

func TestQuotasOverHTTP(t *testing.T) {
	w := newWorld(t)
	provider, reseller := w.as("provider@example.com"), w.as("reseller@example.com")
	if got := provider.do("PUT", w.at(w.reseller, "/quota"), map[string]any{"seats": 10}); got.status != 200 {
		t.Fatal(got)
	}
	a := "/api/v1/nodes/" + w.a.id.String()
	if got := reseller.do("PUT", a+"/quota", map[string]any{"seats": 11}); got.status != 422 || !strings.Contains(got.body, "“Northern Voice” has 10") {
		t.Error("more than the reseller has:", got)
	}
	if got := reseller.do("PUT", a+"/quota", map[string]any{"seats": 3}); got.status != 200 {
		t.Error(got)
	}
	admin := w.as("customer_admin@a.example")
	body := map[string]any{"email": "one@more.example", "name": "One More", "roles": []string{"user"}}
	if got := admin.do("POST", "/api/v1/customers/"+w.a.id.String()+"/members", body); got.status != http.StatusConflict || !strings.Contains(got.body, "may have 3 people") {
		t.Error("a fourth seat of three:", got)
	}
	if got := admin.do("GET", "/api/v1/customers/"+w.a.id.String()+"/quota", nil); !strings.Contains(got.body, `"most":3`) {
		t.Error(got)
	}
	name := `=HYPERLINK("x")`
	reseller.do("PATCH", a, map[string]string{"name": name})
	w.no(w.tree.Push(t.Context(), w.a.id, org.Figures{Seats: 3, Bytes: 5}))
	rows, err := csv.NewReader(strings.NewReader(reseller.do("GET", w.at(w.reseller, "/usage.csv"), nil).body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][1] != "'"+name || rows[1][5] != "5" {
		t.Errorf("%q, %v", rows, err)
	}
	if got := reseller.do("GET", w.at(w.reseller, "/usage?period=2026-13"), nil); got.status != 422 {
		t.Error(got)
	}
}

func TestRequestsByTheSecond(t *testing.T) {
	w := newWorld(t)
	admin, other := w.as("customer_admin@a.example"), w.as("customer_admin@b.example")
	w.no(w.tree.SetQuota(t.Context(), system, w.a.id, org.Quota{org.Requests: 1}))
	path := func(c *customer) string { return "/api/v1/customers/" + c.id.String() + "/usage" }
	refused := response{}
	for range 6 {
		if got := admin.do("GET", path(w.a), nil); got.status != 200 {
			refused = got
		}
	}
	if refused.status != http.StatusTooManyRequests || refused.header.Get("Retry-After") == "" {
		t.Errorf("six at once where one a second is allowed: %v", refused)
	}
	if got := other.do("GET", path(w.b), nil); got.status != 200 {
		t.Error("the neighbour waits too:", got)
	}
	if got := other.do("GET", path(w.a), nil); got.status != 404 {
		t.Error("a stranger learns that it is busy:", got)
	}
}

func TestSuspendedOverHTTP(t *testing.T) {
	w := newWorld(t)
	reseller, member := w.as("reseller@example.com"), w.as("superuser@a.example")
	a := "/api/v1/nodes/" + w.a.id.String()
	path := "/api/v1/customers/" + w.a.id.String() + "/recordings"
	if got := reseller.do("POST", a+"/suspension", map[string]string{"reason": ""}); got.status != 422 {
		t.Error("without a reason:", got)
	}
	conn, _, err := member.dial(w.a.id)
	w.no(err)
	begun := time.Now()
	if got := reseller.do("POST", a+"/suspension", map[string]string{"reason": "has not paid"}); got.status != 200 || !strings.Contains(got.body, `"state":"suspended"`) {
		t.Fatal(got)
	}
	w.closes(conn, begun)
	if got := member.do("GET", path, nil); got.status != 403 || !strings.Contains(got.body, "suspended") {
		t.Error("a member comes in:", got)
	}
	if got := w.as("superuser@b.example").do("GET", path, nil); got.status != 404 {
		t.Error("a stranger learns that it is suspended:", got)
	}
	if got := member.do("GET", "/api/v1/me", nil); got.status != 200 || !strings.Contains(got.body, `"suspended":true`) {
		t.Error("the place is not named as suspended:", got)
	}
	if got := reseller.do("POST", a+"/resumption", map[string]string{"reason": "has paid"}); got.status != 200 {
		t.Error(got)
	}
	if got := member.do("GET", path, nil); got.status != 200 {
		t.Error("still closed:", got)
	}
}

func TestBrandingOverHTTP(t *testing.T) {
	w := newWorld(t)
	provider, reseller := w.as("provider@example.com"), w.as("reseller@example.com")
	var logo bytes.Buffer
	w.no(png.Encode(&logo, image.NewRGBA(image.Rect(0, 0, 6, 3))))
	look := map[string]any{"name": "Northern", "accent": "#123456", "on_accent": "#ffffff", "logo": logo.Bytes()}
	if got := reseller.do("PUT", w.at(w.reseller, "/branding"), look); got.status != 200 {
		t.Fatal(got)
	}
	look["host"] = strings.TrimPrefix(w.url, "http://")
	if got := reseller.do("PUT", w.at(w.reseller, "/branding"), look); got.status != 422 || !strings.Contains(got.body, "organisation above") {
		t.Error("a reseller takes the provider's host name:", got)
	}
	look["host"] = "calls.northern.example"
	if got := provider.do("PUT", w.at(w.reseller, "/branding"), look); got.status != 200 {
		t.Error(got)
	}
	var b httpapi.Brand
	w.browser().do("GET", "/api/v1/brand", nil).into(t, &b)
	if b.Name != "Ringfence" {
		t.Errorf("the sign-in page of nobody in particular: %+v", b)
	}
	picture := regexp.MustCompile(`/api/v1/logos/[0-9a-f]+`).FindString(w.as("user@a.example").do("GET", "/api/v1/me", nil).body)
	if got := w.browser().do("GET", picture, nil); got.status != 200 || got.header.Get("Content-Type") != "image/png" {
		t.Error("the logo of the customer's pages:", picture, got.status, got.header)
	}
	look["on_accent"] = "#333333"
	if got := reseller.do("PUT", w.at(w.reseller, "/branding"), look); got.status != 422 || !strings.Contains(got.body, "to 1") {
		t.Error("what cannot be read:", got)
	}
	admin := w.as("customer_admin@a.example")
	admin.do("POST", "/api/v1/customers/"+w.a.id.String()+"/members", map[string]any{"email": "new@a.example", "name": "New", "roles": []string{"user"}})
	if m := w.box.Mails()[0]; m.To != "new@a.example" || !strings.Contains(m.HTML, "#123456") || !strings.Contains(m.Text, "Northern") {
		t.Errorf("an invitation in plain looks: %s", m.Text)
	}
}

func TestChecklistOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.as("reseller@example.com")
	a := "/api/v1/nodes/" + w.a.id.String() + "/checklist"
	if got := c.do("POST", a+"/signature", nil); got.status != http.StatusConflict {
		t.Error("signed with nothing found:", got)
	}
	if got := c.do("POST", a+"/mail", nil); got.status != 200 {
		t.Fatal(got)
	}
	m := w.box.Mails()[0]
	token := regexp.MustCompile(`/mail-arrived#token=(\S+)`).FindStringSubmatch(m.Text)
	if m.To != "reseller@example.com" || token == nil || m.HTML == "" {
		t.Fatalf("%+v", m)
	}
	confirm := func() response {
		return w.browser().do("POST", "/api/v1/mail-confirmations", map[string]string{"token": token[1]})
	}
	if got := confirm(); got.status != 204 {
		t.Error(got)
	}
	if got := confirm(); got.status != http.StatusGone {
		t.Error("twice:", got)
	}
	w.no(w.tree.Push(t.Context(), w.a.id, org.Figures{LastCapturedAt: time.Now(), Signs: []org.Sign{org.SignJoined, org.SignOpened, org.SignFactor, org.SignCopies}}))
	if got := c.do("POST", a+"/signature", nil); got.status != 200 || !strings.Contains(got.body, `"signed_by":"Somebody"`) {
		t.Error(got)
	}
}

func TestBlueprintOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.as("reseller@example.com")
	send := func(path, text string) response {
		return c.do("POST", w.at(w.reseller, "/blueprint"+path), map[string]string{"yaml": text})
	}
	if got := send("/preview", "version: 1\ncustomer: x\nbeer: 1"); got.status != 422 || !strings.Contains(got.body, "body.beer") {
		t.Error("an unknown key:", got)
	}
	text := "version: 1\ncustomer: Fresh Fish\nretention: {days: 30}\nquotas: {seats: 2}\npeople: [{email: f@fish.example, name: F, roles: [customer_admin]}]"
	var plan httpapi.Blueprint
	send("/preview", text).into(t, &plan)
	if !plan.Changes || plan.CustomerID != "" {
		t.Errorf("%+v", plan)
	}
	send("", text).into(t, &plan)
	if plan.CustomerID == "" || plan.State.State != blueprint.Done {
		t.Errorf("%+v", plan)
	}
	send("", text).into(t, &plan)
	if plan.Changes {
		t.Errorf("the second time: %+v", plan)
	}
	if got := c.do("POST", w.at(w.provider, "/blueprint"), map[string]string{"yaml": text}); got.status != 404 {
		t.Error("a reseller at the provider:", got)
	}
}

func TestTheMailboxShowsLettersThatDoNothing(t *testing.T) {
	w := newWorld(t)
	w.as("user@a.example")
	got := w.browser().do("GET", "/mailbox", nil)
	if !strings.Contains(got.body, `<iframe sandbox="allow-popups allow-popups-to-escape-sandbox"`) || strings.Contains(got.body, "allow-scripts") {
		t.Error("a mail could run a program")
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
		t.Error(policy)
	}
}
