package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"ringfence/internal/app/config"
)

// pebble is the test authority of Let's Encrypt's makers. It reaches hosts at
// port instead of 443, and every name leads to this machine.
func pebble(t *testing.T, port int) (directory, caFile string, roots *x509.CertPool) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	dns := udpAddress(t)
	names, err := challtestsrv.New(challtestsrv.Config{Log: quiet, DNSAddrs: []string{dns}})
	no(t, err)
	names.SetDefaultDNSIPv4("127.0.0.1")
	names.SetDefaultDNSIPv6("")
	go names.Run()
	t.Cleanup(names.Shutdown)

	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "test"}})
	front := wfe.New(quiet, store, va.New(quiet, 1, port, false, dns, store), authority, []string{"test.example"}, false, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	no(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	roots = x509.NewCertPool()
	roots.AddCert(authority.GetRootCert(0).Cert)
	return server.URL + wfe.DirectoryPath, caFile, roots
}

func udpAddress(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	no(t, err)
	defer c.Close()
	return c.LocalAddr().String()
}

// TestCertificateFromAnAuthority: the server starts without a certificate, proves
// its name inside a handshake, gets one, and refuses every other name.
func TestCertificateFromAnAuthority(t *testing.T) {
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	no(t, err)
	number, err := strconv.Atoi(port)
	no(t, err)
	dir := t.TempDir()
	c := prepared(t, dir, "--listen", address)
	var roots *x509.CertPool
	c.TLS.ACME = config.ACME{Hosts: []string{"calls.example.com"}, Email: "ops@example.com"}
	c.TLS.ACME.Directory, c.TLS.ACME.CAFile, roots = pebble(t, number)
	if problems := c.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	s := serving(t, c, extras{})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "calls.example.com"}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.listener.Addr().String())
		},
	}}
	defer client.CloseIdleConnections()
	var res *http.Response
	eventually(t, 30*time.Second, "a certificate", func() bool {
		res, err = client.Get("https://calls.example.com/healthz")
		return err == nil
	})
	if res.StatusCode != 200 || res.ProtoMajor != 2 || !strings.Contains(res.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Errorf("%+v", res)
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "www.example.com"}); err == nil {
		t.Error("a name that is not listed gets a certificate")
	}
	keys, err := filepath.Glob(filepath.Join(c.Data, "certificates", "certificates", "*", "*", "*.key"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if info, err := os.Stat(keys[0]); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Error("others may read the key:", info.Mode(), err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l := listener(t)
	defer l.Close()
	return l.Addr().String()
}

// TestCertificateIsReadAgain: what renews the files needs no word with us, and
// a half-written pair does no harm.
func TestCertificateIsReadAgain(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	cert, key, _ := certificate(t, dir)
	newCert, newKey, _ := certificate(t, other)
	f, err := newFileCertificate(config.TLS{Certificate: cert, Key: key}, newLog(config.Log{Level: "error"}, io.Discard))
	no(t, err)
	at := time.Now()
	f.now = func() time.Time { return at }
	leaf := func() []byte {
		c, err := f.get(nil)
		no(t, err)
		return c.Leaf.Raw
	}
	first := leaf()
	replace := func(to, from string) {
		b, err := os.ReadFile(from)
		no(t, err)
		no(t, os.WriteFile(to, b, 0o600))
		no(t, os.Chtimes(to, at, at))
		at = at.Add(reloadEvery)
	}
	replace(cert, newCert)
	if !bytes.Equal(leaf(), first) {
		t.Fatal("a certificate without its key is used")
	}
	replace(key, newKey)
	if bytes.Equal(leaf(), first) {
		t.Fatal("the new pair is not used")
	}
	no(t, os.Remove(cert))
	at = at.Add(reloadEvery)
	leaf()
}
