package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ringfence/internal/edge/httpapi"
)

// The provider is told what the server is; a reseller learns neither folders
// nor hosts, and whoever has no role there learns nothing.
func TestTheInstallationIsTheProviders(t *testing.T) {
	w := newWorld(t)
	w.everyRole()
	path := "/api/v1/nodes/" + w.provider.ID.String() + "/installation"
	var got httpapi.Installation
	res := w.as("provider@example.com").do("GET", path, nil)
	if err := json.Unmarshal([]byte(res.body), &got); err != nil || res.status != 200 {
		t.Fatal(res.status, res.body, err)
	}
	if got.Release == "" || got.TLS.From != "files" || got.TLS.DaysLeft == nil || *got.TLS.DaysLeft != 89 || len(got.Folders) != 1 {
		t.Errorf("%+v", got)
	}
	for who, want := range map[string]int{"support@example.com": 200, "reseller@example.com": 404, "customer_admin@a.example": 404} {
		if res := w.as(who).do("GET", path, nil); res.status != want {
			t.Errorf("%s: %d", who, res.status)
		}
	}
	own := w.as("reseller@example.com").do("GET", strings.Replace(path, w.provider.ID.String(), w.reseller.ID.String(), 1), nil)
	if own.status != 403 || strings.Contains(own.body, "/var/lib") {
		t.Errorf("a reseller: %d %s", own.status, own.body)
	}
}
