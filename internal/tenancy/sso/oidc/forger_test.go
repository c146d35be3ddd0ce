package oidc_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/sso/oidc"
	"ringfence/internal/tenancy/sso/ssotest"
	"ringfence/internal/tenancy/sso/vouch"
)

// mimic is a provider that lies.
type mimic struct{ *ssotest.Mimic }

func newMimic(t testing.TB) *mimic { return &mimic{ssotest.NewMimic(t)} }

func (f *mimic) signIn(t testing.TB, change func()) (vouch.Outcome, error) {
	t.Helper()
	party := oidc.New(oidc.Settings{Issuer: f.URL, ClientID: ssotest.Client, Secret: secret.NewText("s"), Redirect: back}, guarded(t, 5*time.Second), time.Now)
	f.Honest("")
	_, begun, err := party.Begin(t.Context(), "state", false)
	if err != nil {
		return vouch.Outcome{}, err
	}
	f.Honest(begun.Nonce)
	change()
	return party.Finish(t.Context(), begun, url.Values{"state": {"state"}, "code": {"code"}})
}

// Every check of an ID token, each with one lie: take the check away and the
// lie is believed.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	f := newMimic(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := f.signIn(t, func() {}); err != nil || out.Statement.Subject != "alice" {
		t.Fatal("an honest token is refused:", err)
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	for name, c := range map[string]struct {
		cause  vouch.Cause
		change func()
	}{
		"another issuer":         {vouch.Issuer, func() { f.Claims["iss"] = "https://evil.example" }},
		"another audience":       {vouch.Audience, func() { f.Claims["aud"] = "somebody else" }},
		"no audience":            {vouch.Audience, func() { delete(f.Claims, "aud") }},
		"given to somebody else": {vouch.Audience, func() { f.Claims["azp"] = "somebody else" }},
		"two audiences, no azp":  {vouch.Audience, func() { f.Claims["aud"] = []string{ssotest.Client, "them"} }},
		"no nonce":               {vouch.Mismatch, func() { delete(f.Claims, "nonce") }},
		"another nonce":          {vouch.Mismatch, func() { f.Claims["nonce"] = "other" }},
		"old":                    {vouch.Expired, func() { f.Claims["iat"], f.Claims["exp"] = ago(time.Hour), ago(30*time.Minute) }},
		"without end":            {vouch.Expired, func() { delete(f.Claims, "exp") }},
		"of tomorrow":            {vouch.Clock, func() { f.Claims["iat"] = ago(-24 * time.Hour); f.Claims["exp"] = ago(-25 * time.Hour) }},
		"not before tomorrow":    {vouch.Clock, func() { f.Claims["nbf"] = ago(-24 * time.Hour) }},
		"nobody":                 {vouch.Incomplete, func() { delete(f.Claims, "sub") }},
		"a long subject":         {vouch.Incomplete, func() { f.Claims["sub"] = strings.Repeat("x", 256) }},
		"another access token":   {vouch.Mismatch, func() { f.Claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }},
		"not signed":             {vouch.Keys, func() { f.Head["alg"] = "none"; f.Sign = func(string) []byte { return nil } }},
		"signed with our secret": {vouch.Keys, func() {
			f.Head["alg"] = "HS256"
			f.Sign = func(s string) []byte { m := hmac.New(sha256.New, []byte("s")); m.Write([]byte(s)); return m.Sum(nil) }
		}},
		"signed with the public key as a secret": {vouch.Keys, func() {
			f.Head["alg"] = "HS256"
			f.Sign = func(s string) []byte {
				m := hmac.New(sha256.New, f.Key.N.Bytes())
				m.Write([]byte(s))
				return m.Sum(nil)
			}
		}},
		"signed by another key": {vouch.Keys, func() {
			f.Sign = func(s string) []byte { o := *f.Mimic; o.Key = other; return o.RS256(s) }
		}},
		"a key that it brings itself": {vouch.Keys, func() {
			f.Head["jwk"] = map[string]any{"kty": "RSA", "n": ssotest.Encode(other.N.Bytes()), "e": "AQAB"}
			f.Sign = func(s string) []byte { o := *f.Mimic; o.Key = other; return o.RS256(s) }
		}},
		"no token":            {vouch.Broken, func() { f.Answer = answer(200, `{"access_token":"a","token_type":"Bearer"}`) }},
		"rubbish":             {vouch.Broken, func() { f.Answer = answer(200, `<html>`) }},
		"a token of rubbish":  {vouch.Broken, func() { f.Answer = answer(200, `{"access_token":"a","token_type":"Bearer","id_token":"rubbish"}`) }},
		"it is ill":           {vouch.Down, func() { f.Answer = answer(503, `try later`) }},
		"it does not know us": {vouch.Client, func() { f.Answer = answer(401, `no`) }},
		"it sends us on": {vouch.Broken, func() {
			f.Answer = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, f.URL+"/jwks", http.StatusFound) }
		}},
	} {
		out, err := f.signIn(t, c.change)
		if got := vouch.Of(err); got == nil || got.Cause != c.cause || out.Statement != nil {
			t.Errorf("%s: want %q, got %v", name, c.cause, err)
		}
	}
}

func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// Userinfo adds, replaces nothing, and speaks of nobody else.
func TestUserinfo(t *testing.T) {
	t.Parallel()
	f := newMimic(t)
	f.Info = func(http.ResponseWriter) {}
	tell := func(text string) func() {
		return func() {
			f.Claims["email"] = "alice@example.com"
			f.Info = func(w http.ResponseWriter) { fmt.Fprint(w, text) }
		}
	}
	keep := f.Info
	begin := func(change func()) (vouch.Outcome, error) {
		f.Info = keep
		party := oidc.New(oidc.Settings{Issuer: f.URL, ClientID: ssotest.Client, Redirect: back}, guarded(t, 5*time.Second), time.Now)
		_, begun, err := party.Begin(t.Context(), "state", false)
		if err != nil {
			t.Fatal(err)
		}
		f.Honest(begun.Nonce)
		change()
		return party.Finish(t.Context(), begun, url.Values{"state": {"state"}, "code": {"code"}})
	}
	out, err := begin(tell(`{"sub":"alice","email":"other@example.com","name":"Alice","realm_access":{"roles":["a","b"]}}`))
	if err != nil || out.Statement.Email != "alice@example.com" || out.Statement.Name != "Alice" || len(out.Statement.Claims["realm_access.roles"]) != 2 {
		t.Errorf("%v %+v", err, out.Statement)
	}
	_, err = begin(tell(`{"sub":"mallory"}`))
	want(t, vouch.Mismatch, err)
	_, err = begin(tell(`rubbish`))
	want(t, vouch.Broken, err)
}

// What a provider says of itself leads the browser, and our secret, nowhere
// that is not https.
func TestDescriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newMimic(t)
	for name, find := range map[string]func(map[string]any){
		"script":            func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"no token endpoint": func(d map[string]any) { delete(d, "token_endpoint") },
		"a file":            func(d map[string]any) { d["jwks_uri"] = "file:///etc/passwd" },
		"a password in it":  func(d map[string]any) { d["token_endpoint"] = "https://a:b@example.com/" },
		"no list":           func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = 7 },
	} {
		f.Find = find
		_, _, err := oidc.New(oidc.Settings{Issuer: f.URL, ClientID: ssotest.Client, Redirect: back}, guarded(t, 5*time.Second), time.Now).Begin(t.Context(), "s", false)
		if got := vouch.Of(err); got == nil || got.Cause != vouch.Broken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCallback(f *testing.F) {
	forger := newMimic(f)
	party := oidc.New(oidc.Settings{Issuer: forger.URL, ClientID: ssotest.Client, Redirect: back}, guarded(f, 5*time.Second), time.Now)
	forger.Honest("")
	forger.Answer = answer(400, `{"error":"invalid_grant"}`)
	_, begun, err := party.Begin(f.Context(), "state", false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("state=state&code=x")
	f.Add("state=state&error=access_denied&error_description=%00%ff")
	f.Add("state=state&code=x&iss=https%3A%2F%2Fevil.example")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		out, err := party.Finish(t.Context(), begun, values)
		if err == nil || out.Statement != nil || vouch.Of(err) == nil {
			t.Fatalf("%q: %v", query, err)
		}
	})
}
