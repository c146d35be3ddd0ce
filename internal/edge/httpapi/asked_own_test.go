package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/trust/backup"
)

// A person's own factors, from the first to the last.
func TestOwnFactorsByTheAPI(t *testing.T) {
	w := newWorld(t)
	w.browser().do("POST", "/api/v1/sign-in/sso", jsonMap{"email": "user@a.example"}).expect(t, 200)
	c := w.browser()
	c.signIn("user@a.example")
	var e httpapi.Enrolment
	c.do("POST", "/api/v1/me/totp", nil).expect(t, 200).into(t, &e)
	code := must[string](t)(totp.GenerateCode(strings.ReplaceAll(e.Key, " ", ""), time.Now()))
	c.do("POST", "/api/v1/me/totp/confirm", jsonMap{"code": code}).expect(t, 200)
	var codes httpapi.RecoveryCodes
	c.do("POST", "/api/v1/me/recovery-codes", nil).expect(t, 200).into(t, &codes)
	if len(codes.RecoveryCodes) != 10 {
		t.Errorf("%d codes", len(codes.RecoveryCodes))
	}
	if got := c.do("POST", "/api/v1/me/password", jsonMap{"current": "not this one at all", "new": "orchid lantern sails past dawn"}); got.status < 400 {
		t.Error("changed without the password:", got)
	}
	c.do("POST", "/api/v1/me/password", jsonMap{"current": password, "new": "orchid lantern sails past dawn"}).expect(t, 204)
	c.do("DELETE", "/api/v1/me/totp", nil).expect(t, 204)
}

// Where files are fetched from, which telephone system is asked, and a drill.
func TestSourcesThatAskByTheAPI(t *testing.T) {
	w := newWorld(t)
	c, base := w.as("customer_admin@a.example"), w.path("/sources")
	source := func(kind, profile string) string {
		return base + "/" + w.createdID(c, base, jsonMap{"name": "Cloud PBX " + kind, "kind": kind, "profile": profile, "time_zone": "UTC"})
	}
	one := source("pickup", "generic")
	c.do("PUT", one+"/pickup", jsonMap{"protocol": "sftp", "host": "pbx.example.com:22", "user": "ringfence", "password": "only set, never shown", "folder": "/recordings", "patterns": []string{"*.wav"}, "dated": "2006/01/02", "since": nil, "minutes": 5, "kbps": 0, "move_to": ""}).expect(t, 200)
	if got := c.do("GET", one+"/pickup", nil).expect(t, 200); strings.Contains(got.body, "never shown") {
		t.Error("the password is shown:", got)
	}
	if got := c.do("POST", one+"/pickup/look", nil); got.status > 299 {
		t.Error(got)
	}
	c.do("PUT", source("system", "yeastar")+"/system", jsonMap{"system": "yeastar", "address": "https://pbx.example.com:8088", "client_id": "ringfence", "secret": "only set, never shown"}).expect(t, 200)

	w.makeBackups()
	must[backup.Point](t)(w.backups.Run(t.Context()))
	w.as("provider@example.com").do("POST", w.at(w.provider, "/restore-drills"), nil).expect(t, 202)
}
