package httpapi_test

import (
	"regexp"
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
