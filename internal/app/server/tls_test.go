package server_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"strings"
	"testing"

	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/app/webcert/webcerttest"
	"ringfence/internal/base/fault"
)

// TestTLS shakes hands with a server in each way that a client may propose.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, roots := webcerttest.Certificate(t, dir)
	c := servertest.Prepared(t, dir, "--certificate", cert, "--key", key, "--tls-ca", cert)
	s := servertest.Serving(t, c, server.Extras{})

	modern := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
	blocks := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}
	for name, c := range map[string]struct {
		client  *tls.Config
		refused bool
	}{
		"1.0":           {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, true},
		"1.1":           {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, true},
		"1.2 with CBC":  {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: blocks}, true},
		"1.2 with AEAD": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: modern}, false},
		"1.3":           {&tls.Config{MinVersion: tls.VersionTLS13}, false},
	} {
		c.client.RootCAs, c.client.ServerName = roots, "127.0.0.1"
		conn, err := tls.Dial("tcp", s.URL()[len("https://"):], c.client)
		if err == nil {
			conn.Close()
		}
		if (err != nil) != c.refused {
			t.Errorf("TLS %s: %v", name, err)
		}
	}

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	res, err := client.Get(s.URL() + "/healthz")
	if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 || s.URL()[:8] != "https://" {
		t.Errorf("%s: %+v %v", s.URL(), res, err)
	}
	if res, err := http.Get("http" + s.URL()[5:] + "/healthz"); err == nil && res.StatusCode < 400 {
		t.Error("without TLS:", res.Status)
	}
}

// TestKeyThatOthersCanReadIsRefused: whoever read it can stand in for the server.
func TestKeyThatOthersCanReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := webcerttest.Certificate(t, dir)
	c := servertest.Prepared(t, dir, "--certificate", cert, "--key", key, "--tls-ca", cert)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := servertest.NotServing(t, c); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Text, "chmod 600 "+key) {
		t.Error(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := servertest.NotServing(t, c); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Text, "tls.key") {
		t.Error(err)
	}
}
