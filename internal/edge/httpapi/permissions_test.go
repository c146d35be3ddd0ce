package httpapi_test

import (
	"strings"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/access"
)

func TestThePolicyIsShownWhole(t *testing.T) {
	w := newWorld(t)
	var p httpapi.Permissions
	w.as("user@a.example").do("GET", "/api/v1/permissions", nil).into(t, &p)
	if len(p.Roles) != len(access.Roles()) || len(p.Acts) != len(access.Acts()) {
		t.Fatalf("%d roles, %d acts", len(p.Roles), len(p.Acts))
	}
	for _, line := range p.Acts {
		for _, r := range access.Roles() {
			if want := access.ScopeOf(access.Act(line.Act), r); want != access.Nothing && line.Roles[string(r)] != want.String() || want == access.Nothing && line.Roles[string(r)] != "" {
				t.Errorf("%s, %s: %q", line.Act, r, line.Roles[string(r)])
			}
		}
	}
}

func TestAnAdministratorAsksWhy(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin := w.as("customer_admin@a.example")
	who := func(email string) string {
		var me httpapi.Me
		w.as(email).do("GET", "/api/v1/me", nil).into(t, &me)
		return me.Person.ID
	}
	ask := func(email string, a access.Act, rec id.Recording) (out httpapi.Why) {
		t.Helper()
		path := base + "/why?person=" + who(email) + "&act=" + string(a)
		if !rec.IsZero() {
			path += "&recording=" + rec.String()
		}
		got := admin.do("GET", path, nil)
		if got.status != 200 {
			t.Fatal(got)
		}
		got.into(t, &out)
		return out
	}
	if y := ask("user@a.example", access.RecordingListen, w.a.mine); !y.Allowed || y.By != "user" {
		t.Errorf("%+v", y)
	}
	if y := ask("user@a.example", access.RecordingListen, w.a.others); y.Allowed || !strings.Contains(y.Findings[0].Text, "no extension or queue") {
		t.Errorf("%+v", y)
	}
	if y := ask("user@a.example", access.RecordingListen, id.Recording{}); !y.Allowed || !strings.Contains(y.Findings[0].Text, "for a part") {
		t.Errorf("%+v", y)
	}
	if y := ask("customer_admin@a.example", access.RecordingDownload, w.a.mine); y.Allowed || len(y.Missing) != 1 || y.Missing[0] != "superuser" {
		t.Errorf("%+v", y)
	}
	for _, path := range []string{
		"/why?person=" + id.New[id.Person]().String() + "&act=recording.listen",
		"/why?person=" + who("superuser@b.example") + "&act=recording.listen",
		"/why?person=" + who("user@a.example") + "&act=recording.listen&recording=" + w.b.mine.String(),
	} {
		if got := admin.do("GET", base+path, nil); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := admin.do("GET", base+"/why?person="+who("user@a.example")+"&act=nonsense", nil); got.status != 422 && got.status != 400 {
		t.Error(got)
	}
	if got := w.as("superuser@a.example").do("GET", base+"/why?person="+who("user@a.example")+"&act=recording.listen", nil); got.status != 404 {
		t.Error("who may not read members asks why:", got.status)
	}
}
