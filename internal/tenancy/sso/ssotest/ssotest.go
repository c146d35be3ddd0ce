// Package ssotest runs real identity providers for tests, as child processes on
// loopback: oidc-provider for OpenID Connect and samlp, which has another XML
// stack than ours, for SAML. A test sets their people, keys, clock and manners.
//
// What is not installed fails the test: a suite that skips its peers proves
// nothing about them.
package ssotest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Client and Secret are how the OpenID provider knows us.
const (
	Client = "ringfence"
	Secret = "a secret that only tests know"
)

// Peer is a running provider.
type Peer struct {
	URL  string
	http *http.Client
	stop func()
}

// OIDC starts an OpenID provider. Its issuer is its URL.
func OIDC(t testing.TB) *Peer { return start(t, "oidc.mjs") }

// SAML starts a SAML identity provider with a fresh certificate.
func SAML(t testing.TB) *Peer {
	p := start(t, "saml.mjs")
	k := NewSigner(t, time.Hour)
	p.Control(t, map[string]any{"key": k.Key, "cert": k.Cert})
	return p
}

func start(t testing.TB, script string) *Peer {
	t.Helper()
	root := repository(t)
	tools := filepath.Join(root, ".tools")
	if _, err := os.Stat(filepath.Join(tools, "idp", ".version")); err != nil {
		t.Fatalf("%s/idp is missing: run make test-peers", tools)
	}
	cmd := exec.Command("node", filepath.Join(root, "internal", "tenancy", "sso", "ssotest", script), tools)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // the peer ends when this closes, also when the test is killed
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	p := &Peer{http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}}
	p.stop = func() {
		if !ended {
			ended = true
			in.Close()
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	t.Cleanup(p.stop)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var said struct{ URL string }
	if err != nil || json.Unmarshal(line, &said) != nil || said.URL == "" {
		t.Fatalf("%s did not start: %v %q", script, err, line)
	}
	p.URL = said.URL
	return p
}

func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Stop ends the provider: from then on nobody answers at its address.
func (p *Peer) Stop() { p.stop() }

// Control sets what the scripts know by these names, and gives how often each
// path was asked for.
func (p *Peer) Control(t testing.TB, wishes map[string]any) map[string]int {
	t.Helper()
	text, err := json.Marshal(wishes)
	if err != nil {
		t.Fatal(err)
	}
	res, err := p.http.Post(p.URL+"/_control", "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	counts := map[string]int{}
	if err := json.NewDecoder(res.Body).Decode(&counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

// Get reads a page of the provider.
func (p *Peer) Get(t testing.TB, path string) []byte {
	t.Helper()
	res, err := p.http.Get(p.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(path, res.Status, err)
	}
	return b
}

// Signer is a key and its certificate, in PEM.
type Signer struct{ Key, Cert string }

// NewSigner makes a key that signs for so long.
func NewSigner(t testing.TB, lasts time.Duration) Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "idp"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(lasts)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Signer{text("PRIVATE KEY", pkcs8), text("CERTIFICATE", der)}
}

// OtherCurve is a certificate whose key is of another kind, for rollovers.
func OtherCurve(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func text(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Arrival is what the person's browser is left with at the end: where it is to
// go, and the form it is to send there; nil for a redirect.
type Arrival struct {
	To   *url.URL
	Form url.Values
}

var (
	action = regexp.MustCompile(`action="([^"]*)"`)
	field  = regexp.MustCompile(`(?s)name="([^"]+)"\s+value="([^"]*)"`)
)

// SignIn goes through the provider's pages as the browser of somebody with this
// login, until the provider sends the browser to an address that is not its own.
func (p *Peer) SignIn(t testing.TB, start, login string) Arrival {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := b.Get(start)
	for range 12 {
		if err != nil {
			t.Fatal(err)
		}
		body, rerr := io.ReadAll(res.Body)
		res.Body.Close()
		if rerr != nil {
			t.Fatal(rerr)
		}
		if res.StatusCode >= 300 && res.StatusCode < 400 {
			to, lerr := res.Location()
			if lerr != nil {
				t.Fatal(lerr)
			}
			if !strings.HasPrefix(to.String(), p.URL) {
				return Arrival{To: to}
			}
			res, err = b.Get(to.String())
			continue
		}
		at := action.FindSubmatch(body)
		if res.StatusCode != http.StatusOK || at == nil {
			t.Fatalf("%s answers %s:\n%.2000s", res.Request.URL, res.Status, body)
		}
		to, perr := res.Request.URL.Parse(html.UnescapeString(string(at[1])))
		if perr != nil {
			t.Fatal(perr)
		}
		form := url.Values{}
		for _, f := range field.FindAllSubmatch(body, -1) {
			form.Set(string(f[1]), html.UnescapeString(string(f[2])))
		}
		if !strings.HasPrefix(to.String(), p.URL) {
			return Arrival{to, form}
		}
		form.Set("login", login)
		res, err = b.PostForm(to.String(), form)
	}
	t.Fatal("the provider leads in circles")
	return Arrival{}
}
