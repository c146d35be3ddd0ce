package httpapi_test

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ringfence/internal/edge/httpapi"
)

// A parameter that huma does not see (it skips what is embedded unexported) is
// not read at all: a handler would then act on an empty id.
func TestEveryPathParameterIsRead(t *testing.T) {
	text, err := httpapi.Description()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ In, Name string }
		}
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`\{(\w+)\}`)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for _, m := range word.FindAllStringSubmatch(path, -1) {
				found := false
				for _, p := range op.Parameters {
					found = found || p.In == "path" && p.Name == m[1]
				}
				if !found {
					t.Errorf("%s %s does not read {%s}", method, path, m[1])
				}
			}
		}
	}
}

// A list of what lies between two times says that the second is before the first:
// an empty list would say that there is nothing.
func TestNoListTakesTimesTheWrongWayRound(t *testing.T) {
	w := newWorld(t)
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				In, Name string
				Schema   struct{ Format string }
			}
		}
	}
	if err := yaml.Unmarshal(must[[]byte](t)(httpapi.Description()), &doc); err != nil {
		t.Fatal(err)
	}
	days := map[string][2]string{"date": {"2026-02-01", "2026-01-01"}, "date-time": {"2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"}}
	asked := 0
	admin, super, base := w.as("customer_admin@a.example"), w.as("superuser@a.example"), "/api/v1/customers/"+w.a.id.String()
	for path, methods := range doc.Paths {
		format := ""
		for _, p := range methods["get"].Parameters {
			if p.In == "query" && p.Name == "to" {
				format = p.Schema.Format
			}
		}
		if days[format] == [2]string{} {
			continue
		}
		asked++
		path = strings.Replace(path, "/api/v1/customers/{customer}", base, 1)
		as := admin
		if path == base+"/recordings" || path == base+"/calls" {
			as = super
		}
		if got := as.do("GET", path+"?from="+days[format][0]+"&to="+days[format][1], nil); got.status != 422 || !strings.Contains(got.body, `"location":"query.to"`) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got := as.do("GET", path+"?to="+days[format][0]+"&from="+days[format][1], nil); got.status != 200 {
			t.Errorf("%s the right way round: %d %s", path, got.status, got.body)
		}
	}
	if asked < 7 {
		t.Errorf("only %d lists were asked", asked)
	}
	wrong := map[string]any{"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
	if got := admin.do("POST", base+"/holds-preview", wrong); got.status != 422 || !strings.Contains(got.body, `"location":"body.search.to"`) {
		t.Errorf("a hold: %v", got)
	}
	wrong["format"] = "csv"
	for _, path := range []string{"/events/exports", "/receipts/exports"} {
		if got := admin.do("POST", base+path, wrong); got.status != 422 || !strings.Contains(got.body, `"location":"body.to"`) {
			t.Errorf("%s: %v", path, got)
		}
	}
}
