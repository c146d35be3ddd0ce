package httpapi_test

import (
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/paper"
	"ringfence/internal/tenancy/review"
)

// reviewed is a review of a node and one of its lines: an open one, made if
// there is none, and a line about nobody who decides.
func (w *world) reviewed(at review.Where) (under, line string) {
	w.Helper()
	r, err := w.reviews.Open(w.Context(), at, system)
	if fault.Is(err, fault.Conflict) {
		_, list, err := w.reviews.List(w.Context(), at)
		w.no(err)
		r = list[0]
	} else {
		w.no(err)
	}
	_, lines, err := w.reviews.Read(w.Context(), at, r.ID)
	w.no(err)
	for _, l := range lines {
		line = l.ID.String()
		if strings.HasPrefix(l.Email, "user@") {
			break
		}
	}
	return r.ID.String(), line
}

type reviewed struct {
	ID, State string
	Total     int
	Lines     []struct {
		ID, Email, Decision string
		Own, Alone          bool
	}
}

func TestAnAccessReviewOverHTTP(t *testing.T) {
	w := newWorld(t)
	admin, base := w.as("customer_admin@a.example"), "/api/v1/customers/"+w.a.id.String()+"/reviews"
	var r reviewed
	got := admin.do("POST", base, nil)
	got.into(t, &r)
	if got.status != 201 || r.State != "open" || r.Total < 3 {
		t.Fatal(got)
	}
	got = admin.do("GET", base+"/"+r.ID, nil)
	got.into(t, &r)
	for _, l := range r.Lines {
		if l.Own != (l.Email == "customer_admin@a.example") {
			t.Errorf("own: %+v", l)
		}
		if got := admin.do("GET", base+"/"+r.ID+"/paper", nil); got.status != 409 {
			t.Error(got)
		}
		decision := "keep"
		if l.Email == "user@a.example" {
			decision = "remove"
		}
		if got := admin.do("PUT", base+"/"+r.ID+"/lines/"+l.ID, jsonMap{"decision": decision, "note": "asked"}); got.status != 200 || l.Own != strings.Contains(got.body, `"alone":true`) {
			t.Error(got)
		}
	}
	if got := admin.do("POST", base+"/"+r.ID+"/close", nil); got.status != 200 || !strings.Contains(got.body, `"closed"`) {
		t.Fatal(got)
	}
	pdf := admin.do("GET", base+"/"+r.ID+"/paper", nil)
	if pdf.status != 200 || pdf.header.Get("Content-Type") != "application/pdf" {
		t.Fatal(pdf.status, pdf.header)
	}
	if _, err := paper.Verify([]byte(pdf.body)); err != nil {
		t.Error(err)
	}
	if got := admin.do("GET", "/api/v1/document-certificate", nil); got.status != 200 || !strings.Contains(got.body, "BEGIN CERTIFICATE") {
		t.Error(got)
	}
	if got := w.as("user@a.example").do("GET", "/api/v1/customers/"+w.a.id.String()+"/recordings", nil); got.status != 404 && got.status != 401 {
		t.Errorf("removed, and still here: %v", got)
	}
	if got := admin.do("PUT", "/api/v1/customers/"+w.a.id.String()+"/review-rule", jsonMap{"months": 6, "consequence": "suspend"}); got.status != 200 || !strings.Contains(got.body, `"months":6`) {
		t.Error(got)
	}
}

func TestReviewsAboveCustomers(t *testing.T) {
	w := newWorld(t)
	top := w.as("provider@example.com")
	for _, n := range []string{w.provider.ID.String(), w.reseller.ID.String()} {
		got := top.do("GET", "/api/v1/nodes/"+n+"/reviews", nil)
		if got.status != 200 || !strings.Contains(got.body, `"mandatory":true`) || !strings.Contains(got.body, `"months":1`) {
			t.Error(got)
		}
		if got := top.do("PUT", "/api/v1/nodes/"+n+"/review-rule", jsonMap{"months": 0, "consequence": "remind"}); got.status != 422 {
			t.Error("a review that is mandatory was switched off:", got)
		}
	}
	if got := top.do("POST", "/api/v1/nodes/"+w.a.id.String()+"/reviews", nil); got.status != 409 {
		t.Error("a customer's people were reviewed from above:", got)
	}
}

func TestLeaversOverHTTP(t *testing.T) {
	w := newWorld(t)
	admin, path := w.as("customer_admin@a.example"), "/api/v1/customers/"+w.a.id.String()+"/leavers"
	var out struct {
		Done  bool
		Items []struct {
			Email      string
			Recordings int64   `json:"recordings_in_reach"`
			LeftAt     *string `json:"left_at"`
		}
	}
	file := "Name,E-Mail\nA,user@a.example\nB,superuser@a.example\n"
	got := admin.do("POST", path, jsonMap{"csv": file, "dry_run": true})
	got.into(t, &out)
	if got.status != 200 || out.Done || len(out.Items) != 2 || out.Items[0].Recordings != 1 || out.Items[1].Recordings != 2 || out.Items[0].LeftAt != nil {
		t.Fatal(got)
	}
	if got := admin.do("POST", path, jsonMap{"csv": file + "C,nobody@a.example\nD,customer_admin@a.example\n"}); got.status != 422 || !strings.Contains(got.body, "emails[2]") || !strings.Contains(got.body, "last administrator") {
		t.Error(got)
	}
	user := w.as("user@a.example")
	if got := user.do("GET", "/api/v1/customers/"+w.a.id.String()+"/recordings", nil); got.status != 200 {
		t.Fatal(got)
	}
	got = admin.do("POST", path, jsonMap{"csv": file, "reason": "end of the season"})
	got.into(t, &out)
	if got.status != 200 || !out.Done || out.Items[0].LeftAt == nil {
		t.Fatal(got)
	}
	if got := user.do("GET", "/api/v1/customers/"+w.a.id.String()+"/recordings", nil); got.status != 401 && got.status != 404 {
		t.Errorf("out, and still here: %v", got)
	}
	if log := admin.do("GET", "/api/v1/customers/"+w.a.id.String()+"/events?code=member.removed", nil); !strings.Contains(log.body, "end of the season") {
		t.Error(log)
	}
}
