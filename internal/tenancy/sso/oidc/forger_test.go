package oidc_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/sso/oidc"
	"ringfence/internal/tenancy/sso/vouch"
)

// forger is a provider that lies: honest ones do not make what is tested here.
type forger struct {
	url    string
	key    *rsa.PrivateKey
	head   map[string]any
	claims map[string]any
	sign   func(signed string) []byte
	answer http.HandlerFunc            // instead of a token
	find   func(map[string]any)        // changes the description
	info   func(w http.ResponseWriter) // userinfo
}

func newForger(t testing.TB) *forger {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		doc := map[string]any{
			"issuer": f.url, "authorization_endpoint": f.url + "/auth", "token_endpoint": f.url + "/token", "jwks_uri": f.url + "/jwks",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"},
		}
		if f.info != nil {
			doc["userinfo_endpoint"] = f.url + "/me"
		}
		if f.find != nil {
			f.find(doc)
		}
		json.NewEncoder(w).Encode(doc)
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": "one", "use": "sig", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if f.answer != nil {
			f.answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": f.token()})
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		f.info(w)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

func (f *forger) token() string {
	head, _ := json.Marshal(f.head)
	claims, _ := json.Marshal(f.claims)
	signed := encode(head) + "." + encode(claims)
	return signed + "." + encode(f.sign(signed))
}

func (f *forger) honest(nonce string) {
	now := time.Now().Unix()
	f.head = map[string]any{"alg": "RS256", "kid": "one"}
	f.claims = map[string]any{"iss": f.url, "aud": "us", "sub": "alice", "nonce": nonce, "iat": now, "exp": now + 300}
	f.sign = f.rs256
	f.answer, f.find, f.info = nil, nil, nil
}

func (f *forger) rs256(signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return sig
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (f *forger) signIn(t testing.TB, change func()) (vouch.Outcome, error) {
	t.Helper()
	party := oidc.New(oidc.Settings{Issuer: f.url, ClientID: "us", Secret: secret.NewText("s"), Redirect: back}, guarded(t, 5*time.Second), time.Now)
	f.honest("")
	_, begun, err := party.Begin(t.Context(), "state", false)
	if err != nil {
		return vouch.Outcome{}, err
	}
	f.honest(begun.Nonce)
	change()
	return party.Finish(t.Context(), begun, url.Values{"state": {"state"}, "code": {"code"}})
}

// Every check of an ID token, each with one lie: take the check away and the
// lie is believed.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	f := newForger(t)
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
		"another issuer":         {vouch.Issuer, func() { f.claims["iss"] = "https://evil.example" }},
		"another audience":       {vouch.Audience, func() { f.claims["aud"] = "somebody else" }},
		"no audience":            {vouch.Audience, func() { delete(f.claims, "aud") }},
		"given to somebody else": {vouch.Audience, func() { f.claims["azp"] = "somebody else" }},
		"two audiences, no azp":  {vouch.Audience, func() { f.claims["aud"] = []string{"us", "them"} }},
		"no nonce":               {vouch.Mismatch, func() { delete(f.claims, "nonce") }},
		"another nonce":          {vouch.Mismatch, func() { f.claims["nonce"] = "other" }},
		"old":                    {vouch.Expired, func() { f.claims["iat"], f.claims["exp"] = ago(time.Hour), ago(30*time.Minute) }},
		"without end":            {vouch.Expired, func() { delete(f.claims, "exp") }},
		"of tomorrow":            {vouch.Clock, func() { f.claims["iat"] = ago(-24 * time.Hour); f.claims["exp"] = ago(-25 * time.Hour) }},
		"not before tomorrow":    {vouch.Clock, func() { f.claims["nbf"] = ago(-24 * time.Hour) }},
		"nobody":                 {vouch.Incomplete, func() { delete(f.claims, "sub") }},
		"a long subject":         {vouch.Incomplete, func() { f.claims["sub"] = strings.Repeat("x", 256) }},
		"another access token":   {vouch.Mismatch, func() { f.claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }},
		"not signed":             {vouch.Keys, func() { f.head["alg"] = "none"; f.sign = func(string) []byte { return nil } }},
		"signed with our secret": {vouch.Keys, func() {
			f.head["alg"] = "HS256"
			f.sign = func(s string) []byte { m := hmac.New(sha256.New, []byte("s")); m.Write([]byte(s)); return m.Sum(nil) }
		}},
		"signed with the public key as a secret": {vouch.Keys, func() {
			f.head["alg"] = "HS256"
			f.sign = func(s string) []byte {
				m := hmac.New(sha256.New, f.key.N.Bytes())
				m.Write([]byte(s))
				return m.Sum(nil)
			}
		}},
		"signed by another key": {vouch.Keys, func() {
			f.sign = func(s string) []byte { o := *f; o.key = other; return o.rs256(s) }
		}},
		"a key that it brings itself": {vouch.Keys, func() {
			f.head["jwk"] = map[string]any{"kty": "RSA", "n": encode(other.N.Bytes()), "e": "AQAB"}
			f.sign = func(s string) []byte { o := *f; o.key = other; return o.rs256(s) }
		}},
		"no token":            {vouch.Broken, func() { f.answer = answer(200, `{"access_token":"a","token_type":"Bearer"}`) }},
		"rubbish":             {vouch.Broken, func() { f.answer = answer(200, `<html>`) }},
		"a token of rubbish":  {vouch.Broken, func() { f.answer = answer(200, `{"access_token":"a","token_type":"Bearer","id_token":"rubbish"}`) }},
		"it is ill":           {vouch.Down, func() { f.answer = answer(503, `try later`) }},
		"it does not know us": {vouch.Client, func() { f.answer = answer(401, `no`) }},
		"it sends us on": {vouch.Broken, func() {
			f.answer = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, f.url+"/jwks", http.StatusFound) }
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
	f := newForger(t)
	f.info = func(http.ResponseWriter) {}
	tell := func(text string) func() {
		return func() {
			f.claims["email"] = "alice@example.com"
			f.info = func(w http.ResponseWriter) { fmt.Fprint(w, text) }
		}
	}
	keep := f.info
	begin := func(change func()) (vouch.Outcome, error) {
		f.info = keep
		party := oidc.New(oidc.Settings{Issuer: f.url, ClientID: "us", Redirect: back}, guarded(t, 5*time.Second), time.Now)
		_, begun, err := party.Begin(t.Context(), "state", false)
		if err != nil {
			t.Fatal(err)
		}
		f.honest(begun.Nonce)
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
	f := newForger(t)
	for name, find := range map[string]func(map[string]any){
		"script":            func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"no token endpoint": func(d map[string]any) { delete(d, "token_endpoint") },
		"a file":            func(d map[string]any) { d["jwks_uri"] = "file:///etc/passwd" },
		"a password in it":  func(d map[string]any) { d["token_endpoint"] = "https://a:b@example.com/" },
		"no list":           func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = 7 },
	} {
		f.find = find
		_, _, err := oidc.New(oidc.Settings{Issuer: f.url, ClientID: "us", Redirect: back}, guarded(t, 5*time.Second), time.Now).Begin(t.Context(), "s", false)
		if got := vouch.Of(err); got == nil || got.Cause != vouch.Broken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCallback(f *testing.F) {
	forger := newForger(f)
	party := oidc.New(oidc.Settings{Issuer: forger.url, ClientID: "us", Redirect: back}, guarded(f, 5*time.Second), time.Now)
	forger.honest("")
	forger.answer = answer(400, `{"error":"invalid_grant"}`)
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
