package ssotest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// Mimic is an OpenID provider within the test's process that says what it is
// told, lies included: honest ones do not make what is tested with it.
type Mimic struct {
	URL    string
	Key    *rsa.PrivateKey
	Head   map[string]any
	Claims map[string]any
	Sign   func(signed string) []byte
	Answer http.HandlerFunc            // instead of a token
	Find   func(map[string]any)        // changes the description
	Info   func(w http.ResponseWriter) // userinfo
}

// NewMimic starts one.
func NewMimic(t testing.TB) *Mimic {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &Mimic{Key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		doc := map[string]any{
			"issuer": f.URL, "authorization_endpoint": f.URL + "/auth", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/jwks",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"},
		}
		if f.Info != nil {
			doc["userinfo_endpoint"] = f.URL + "/me"
		}
		if f.Find != nil {
			f.Find(doc)
		}
		json.NewEncoder(w).Encode(doc)
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": "one", "use": "sig", "n": Encode(key.N.Bytes()), "e": Encode(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if f.Answer != nil {
			f.Answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": f.token()})
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		f.Info(w)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	f.URL = s.URL
	return f
}

func (f *Mimic) token() string {
	head, _ := json.Marshal(f.Head)
	claims, _ := json.Marshal(f.Claims)
	signed := Encode(head) + "." + Encode(claims)
	return signed + "." + Encode(f.Sign(signed))
}

// Honest has it say what an honest provider says, in answer to a nonce.
func (f *Mimic) Honest(nonce string) {
	now := time.Now().Unix()
	f.Head = map[string]any{"alg": "RS256", "kid": "one"}
	f.Claims = map[string]any{"iss": f.URL, "aud": Client, "sub": "alice", "nonce": nonce, "iat": now, "exp": now + 300}
	f.Sign = f.RS256
	f.Answer, f.Find, f.Info = nil, nil, nil
}

// RS256 signs as it should.
func (f *Mimic) RS256(signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, f.Key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return sig
}

// Encode is base64url without padding.
func Encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Return says who signs in at the address that a sign-in began with, and gives
// what the browser brings back.
func (f *Mimic) Return(t testing.TB, began string, claims map[string]any) url.Values {
	t.Helper()
	u, err := url.Parse(began)
	if err != nil {
		t.Fatal(err)
	}
	f.Honest(u.Query().Get("nonce"))
	for name, v := range claims {
		f.Claims[name] = v
	}
	return url.Values{"state": {u.Query().Get("state")}, "code": {"code"}}
}
