package httpapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/archive/capture"
	"ringfence/internal/edge/httpapi"
)

// TestProfiles: the API tells of each profile whether it was checked against a real system, and takes exactly the profiles that there are.
func TestProfiles(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	var list struct{ Items []httpapi.Profile }
	admin.do("GET", "/api/v1/customers/"+w.a.id.String()+"/profiles", nil).into(t, &list)
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
		if !p.Verified && !strings.Contains(p.Checked, "no sample of a real system") {
			t.Errorf("%+v", p)
		}
	}
	if !slices.Equal(names, capture.ProfileNames()) {
		t.Errorf("%v", names)
	}
	text, err := httpapi.Description()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(text), "- "+name+"\n") && !strings.Contains(string(text), "- \""+name+"\"") {
			t.Errorf("the description does not take the profile %s", name)
		}
	}
}

// TestEveryFaultAtOnce: what only the edge knows and what only the service knows is told in one answer, each with its field.
func TestEveryFaultAtOnce(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String()
	var folder, sbc httpapi.Source
	admin.do("POST", base+"/sources", map[string]any{"name": "Watched", "kind": "folder", "profile": "generic", "folder": "/drop/" + w.a.canary, "time_zone": "UTC"}).into(t, &folder)
	admin.do("POST", base+"/sources", map[string]any{"name": "SBC", "kind": "siprec", "profile": "generic", "time_zone": "UTC"}).into(t, &sbc)
	for _, one := range []struct {
		method, path string
		body         map[string]any
		fields       []string
	}{
		{"POST", "/imports", map[string]any{
			"name": "x", "folder": "/etc", "logs": "/var", "drop": "nothing", "profile": "generic", "pattern": "{nonsense", "time_zone": "Nowhere", "transcribe": true,
		}, []string{"folder", "folder", "logs", "drop", "time_zone", "language", "pattern"}},
		{"POST", "/sources", map[string]any{"name": "x", "kind": "folder", "profile": "generic", "pattern": "{caller", "country": "gb", "folder": "/etc", "logs": "/var", "time_zone": "Nowhere"}, []string{"folder", "logs", "pattern", "country", "time_zone"}},
		{"PATCH", "/sources/" + folder.ID, map[string]any{"name": "x", "kind": "collector", "profile": "generic", "time_zone": "Nowhere"}, []string{"kind", "time_zone"}},
		{"PUT", "/sources/" + sbc.ID + "/siprec", map[string]any{
			"peers": []string{"sbc.example", "192.0.2.1"}, "certificates": []string{"abc"}, "user": "u", "secret": "short", "ours": []string{}, "encrypted": false, "max_calls": 10,
		}, []string{"peers", "certificates", "secret"}},
		{"POST", "/coverage/excuses", map[string]any{"kind": "shorter", "source_id": "nothing", "owner": "", "reason": " ", "active": true}, []string{"source_id", "seconds", "owner", "reason"}},
	} {
		got := admin.do(one.method, base+one.path, one.body)
		var said struct{ Errors []struct{ Location string } }
		if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.status != 422 {
			t.Fatal(one.path, got, err)
		}
		want := map[string]int{}
		for _, f := range one.fields {
			want["body."+f]++
		}
		for _, e := range said.Errors {
			want[e.Location]--
		}
		for field, n := range want {
			if n != 0 {
				t.Errorf("%s %s: %s told %+d times too few\n%s", one.method, one.path, field, n, got.body)
			}
		}
	}
}

// TestImportsByTheAPI: a folder has to be one's own; an import is prepared, paused and ended, and its acts answer with what it is then.
func TestImportsByTheAPI(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/imports"
	draft := map[string]any{"name": "Old recorder", "folder": "/etc", "profile": "generic", "time_zone": "Europe/London"}
	if got := admin.do("POST", base, draft); got.status != 422 || !strings.Contains(got.body, "operator of this server") {
		t.Fatal(got)
	}
	draft["folder"] = "/drop/" + w.a.canary
	var imp httpapi.Import
	admin.do("POST", base, draft).into(t, &imp)
	if imp.State != "looking" || imp.Settings.Name != "Old recorder" {
		t.Fatalf("%+v", imp)
	}
	if got := admin.do("POST", base+"/"+imp.ID+"/start", nil); got.status != 409 {
		t.Fatal(got)
	}
	for _, step := range [][2]string{{"pause", "paused"}, {"resume", "looking"}, {"cancel", "cancelled"}} {
		admin.do("POST", base+"/"+imp.ID+"/"+step[0], nil).into(t, &imp)
		if imp.State != step[1] {
			t.Errorf("after %s it is %s", step[0], imp.State)
		}
	}
	var files struct{ Items []json.RawMessage }
	admin.do("GET", base+"/"+imp.ID+"/files", nil).into(t, &files)
	var list struct{ Items []httpapi.Import }
	admin.do("GET", base, nil).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].State != "cancelled" || len(files.Items) != 0 {
		t.Fatalf("%+v", list)
	}
	if got := admin.do("GET", base+"/"+imp.ID+"/list", nil); got.status != 200 || !strings.HasPrefix(got.body, "file,size,") {
		t.Fatal(got)
	}
	if got := admin.do("GET", base+"/"+imp.ID+"/report", nil); got.status != 404 {
		t.Fatal(got)
	}
	if got := admin.do("DELETE", base+"/"+imp.ID, nil); got.status != 204 {
		t.Fatal(got)
	}
	if got := w.as("superuser@a.example").do("GET", base, nil); got.status != 404 {
		t.Fatalf("who may only listen sees imports: %v", got)
	}
}
