// Package transittest is a server that speaks as much of the transit protocol as
// package transit asks for, with moods: OpenBao itself cannot be installed where
// the tests run.
package transittest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/platform/sealed"
)

// Mood is how the server answers.
type Mood string

// The moods.
const (
	Well      Mood = ""
	Sealed    Mood = "sealed"    // 503, as after a start
	Refuses   Mood = "refuses"   // 403: the policy was taken away
	Lost      Mood = "lost"      // 400: the key was destroyed
	Lies      Mood = "lies"      // another plaintext
	Nonsense  Mood = "nonsense"  // 200, but no transit engine
	Redirects Mood = "redirects" // to somewhere else
	Huge      Mood = "huge"      // more than anybody reads
	Hangs     Mood = "hangs"     // for as long as the caller waits
)

// What signs in.
const (
	Role   = "7f2a8e6c-role"
	Secret = "s.secret-of-the-role"
	Lease  = time.Hour
)

// Server is a key server with one key, "ringfence".
type Server struct {
	*httptest.Server

	mu     sync.Mutex
	mood   Mood
	keys   []secret.Key // by version
	tokens map[string]bool
	own    string
	counts map[string]int
}

// New starts a server on loopback, with TLS.
func New(t testing.TB) *Server {
	s := &Server{keys: []secret.Key{secret.NewKey()}, tokens: map[string]bool{}, counts: map[string]int{}}
	s.own = "hvs.own-" + rand.Text()
	s.tokens[s.own] = true
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(func() { s.Set(Well); s.CloseClientConnections(); s.Close() })
	return s
}

// CA is the certificate of the server, for pinning.
func (s *Server) CA() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// Token is one that may use the key.
func (s *Server) Token() string { return s.own }

// Set changes the mood.
func (s *Server) Set(m Mood) { s.mu.Lock(); defer s.mu.Unlock(); s.mood = m }

// Rotate adds a version of the key.
func (s *Server) Rotate() { s.mu.Lock(); defer s.mu.Unlock(); s.keys = append(s.keys, secret.NewKey()) }

// Reset makes the key one of a single version.
func (s *Server) Reset() { s.mu.Lock(); defer s.mu.Unlock(); s.keys = s.keys[:1] }

// Revoke ends all tokens that were signed in for.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	s.tokens[s.own] = true
}

// Count is how often the last part of a path was asked for.
func (s *Server) Count(what string) int { s.mu.Lock(); defer s.mu.Unlock(); return s.counts[what] }

// ServeHTTP answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	what := parts[len(parts)-1]
	if what == "ringfence" {
		what = parts[len(parts)-2]
	}
	s.mu.Lock()
	s.counts[what]++
	mood := s.mood
	s.mu.Unlock()
	if mood == Hangs {
		select {
		case <-r.Context().Done():
		case <-time.After(3 * time.Second):
		}
		return
	}
	if s.moody(w, mood, what) {
		return
	}
	var in map[string]string
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, 400, "error parsing JSON")
		return
	}
	if what == "login" {
		s.login(w, in)
		return
	}
	s.mu.Lock()
	known := s.tokens[r.Header.Get("X-Vault-Token")]
	s.mu.Unlock()
	if !known || r.Header.Get("X-Vault-Request") != "true" {
		refuse(w, 403, "permission denied")
		return
	}
	s.transit(w, what, in, mood)
}

// moody answers for a mood that concerns every question.
func (s *Server) moody(w http.ResponseWriter, m Mood, what string) bool {
	switch m {
	case Sealed:
		refuse(w, 503, "Vault is sealed")
	case Refuses:
		if what == "login" {
			return false
		}
		refuse(w, 403, "1 error occurred:\n\t* permission denied\x1b[31m\n\n")
	case Lost:
		refuse(w, 400, "encryption key not found")
	case Nonsense:
		fmt.Fprint(w, "<html>welcome to nginx</html>")
	case Redirects:
		w.Header().Set("Location", "https://elsewhere.example/v1/")
		w.WriteHeader(307)
	case Huge:
		w.Write(make([]byte, 1<<20))
	default:
		return false
	}
	return true
}

func (s *Server) login(w http.ResponseWriter, in map[string]string) {
	if (in["role_id"] != Role || in["secret_id"] != Secret) && (in["role"] != Role || in["jwt"] != Secret) {
		refuse(w, 400, "invalid role or secret ID")
		return
	}
	token := "hvs." + rand.Text()
	s.mu.Lock()
	s.tokens[token] = true
	s.mu.Unlock()
	write(w, map[string]any{"auth": map[string]any{"client_token": token, "lease_duration": int(Lease.Seconds()), "renewable": true}})
}

func (s *Server) transit(w http.ResponseWriter, what string, in map[string]string, mood Mood) {
	s.mu.Lock()
	keys := append([]secret.Key{}, s.keys...)
	s.mu.Unlock()
	aad, _ := base64.StdEncoding.DecodeString(in["associated_data"])
	switch what {
	case "lookup-self":
		data(w, map[string]any{"ttl": int(Lease.Seconds()), "renewable": true})
	case "renew-self":
		write(w, map[string]any{"auth": map[string]any{"client_token": s.own, "lease_duration": int(Lease.Seconds()), "renewable": true}})
	case "keys":
		data(w, map[string]any{"type": "aes256-gcm96", "latest_version": len(keys), "exportable": false})
	case "encrypt":
		plain, err := base64.StdEncoding.DecodeString(in["plaintext"])
		if err != nil {
			refuse(w, 400, "failed to base64-decode plaintext")
			return
		}
		data(w, map[string]any{"ciphertext": closed(keys, aad, plain)})
	case "decrypt", "rewrap":
		plain, ok := opened(keys, aad, in["ciphertext"])
		switch {
		case !ok:
			refuse(w, 400, "cipher: message authentication failed")
		case what == "rewrap":
			data(w, map[string]any{"ciphertext": closed(keys, aad, plain)})
		case mood == Lies:
			data(w, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(make([]byte, len(plain)))})
		default:
			data(w, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
		}
	default:
		refuse(w, 404, "no handler for route")
	}
}

func closed(keys []secret.Key, aad, plain []byte) string {
	n := len(keys)
	return fmt.Sprintf("vault:v%d:%s", n, base64.StdEncoding.EncodeToString(sealed.Field(keys[n-1], aad, plain)))
}

func opened(keys []secret.Key, aad []byte, text string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(text, "vault:v")
	version, body, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(version)
	raw, err2 := base64.StdEncoding.DecodeString(body)
	if !ok || err != nil || err2 != nil || n < 1 || n > len(keys) {
		return nil, false
	}
	plain, err := sealed.OpenField(keys[n-1], aad, raw)
	return plain, err == nil
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.WriteHeader(status)
	write(w, map[string]any{"errors": []string{why}})
}

func data(w http.ResponseWriter, d map[string]any) { write(w, map[string]any{"data": d}) }

func write(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) }

// Other is the certificate of an authority that has nothing to do with it.
func Other(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
