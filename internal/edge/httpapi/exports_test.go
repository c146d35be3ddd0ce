package httpapi_test

import (
	"strings"
	"testing"

	"ringfence/internal/edge/httpapi"
)

// An export is taken by who asked for it, and by nobody else of the same
// customer, whatever their role.
func TestExportsAreTheAskers(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String() + "/exports"
	admin, superuser := w.as("customer_admin@a.example"), w.as("superuser@a.example")
	i := w.exported(w.a, w.memberNamed(w.a, "customer_admin@a.example"))
	var list struct{ Items []httpapi.Export }
	admin.do("GET", base, nil).into(w, &list)
	if len(list.Items) != 1 || list.Items[0].State != "ready" || list.Items[0].Name != "test.zip" || list.Items[0].Until == nil {
		t.Fatalf("%+v", list)
	}
	var o httpapi.ExportOpening
	admin.do("POST", base+"/"+i.String()+"/openings", nil).into(w, &o)
	got := admin.do("GET", o.DownloadURL, nil)
	if got.status != 200 || !strings.HasPrefix(got.body, "PK") || !strings.Contains(got.header.Get("Content-Disposition"), `"test.zip"`) {
		t.Fatal(got.status, got.header)
	}
	for _, path := range []string{base + "/" + i.String(), o.DownloadURL} {
		if got := superuser.do("GET", path, nil); got.status != 404 {
			t.Errorf("%s: %d for somebody else", path, got.status)
		}
	}
	if got := superuser.do("DELETE", base+"/"+i.String(), nil); got.status != 404 {
		t.Error(got.status)
	}
	if got := admin.do("DELETE", base+"/"+i.String(), nil); got.status != 204 {
		t.Error(got)
	}
	if got := admin.do("GET", o.DownloadURL, nil); got.status == 200 {
		t.Error("what was removed is handed out")
	}
}
