package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/app/webcert/webcerttest"
	"ringfence/internal/base/freeport"
)

// TestCertificateFromAnAuthority: the server starts without a certificate, proves
// its name inside a handshake, gets one, and refuses every other name.
func TestCertificateFromAnAuthority(t *testing.T) {
	address := freeport.Address(t)
	_, port, err := net.SplitHostPort(address)
	apptest.No(t, err)
	number, err := strconv.Atoi(port)
	apptest.No(t, err)
	dir := t.TempDir()
	c := servertest.Prepared(t, dir, "--listen", address)
	var roots *x509.CertPool
	c.TLS.ACME = config.ACME{Hosts: []string{"calls.example.com"}, Email: "ops@example.com"}
	c.TLS.ACME.Directory, c.TLS.ACME.CAFile, roots = webcerttest.Pebble(t, number)
	if problems := c.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	servertest.Serving(t, c, server.Extras{})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "calls.example.com"}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		},
	}}
	defer client.CloseIdleConnections()
	var res *http.Response
	apptest.Eventually(t, 30*time.Second, "a certificate", func() bool {
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
