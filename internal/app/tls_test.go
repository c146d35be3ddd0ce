package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/base/fault"
)

// certificate makes a certificate for loopback and its key, as files.
func certificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(cert, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return cert, key, roots
}

// TestTLS shakes hands with a server in each way that a client may propose.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, roots := certificate(t, dir)
	c := prepared(t, dir, "--certificate", cert, "--key", key, "--tls-ca", cert)
	s := serving(t, c, extras{})

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
		conn, err := tls.Dial("tcp", s.listener.Addr().String(), c.client)
		if err == nil {
			conn.Close()
		}
		if (err != nil) != c.refused {
			t.Errorf("TLS %s: %v", name, err)
		}
	}

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	res, err := client.Get(s.url() + "/healthz")
	if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 || s.url()[:8] != "https://" {
		t.Errorf("%s: %+v %v", s.url(), res, err)
	}
	if res, err := http.Get("http" + s.url()[5:] + "/healthz"); err == nil && res.StatusCode < 400 {
		t.Error("without TLS:", res.Status)
	}
}

// TestKeyThatOthersCanReadIsRefused: whoever read it can stand in for the server.
func TestKeyThatOthersCanReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := certificate(t, dir)
	c := prepared(t, dir, "--certificate", cert, "--key", key, "--tls-ca", cert)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := notServing(t, c); !fault.Is(err, fault.Invalid) || !contains(fault.Of(err).Text, "chmod 600 "+key) {
		t.Error(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := notServing(t, c); !fault.Is(err, fault.Invalid) || !contains(fault.Of(err).Text, "tls.key") {
		t.Error(err)
	}
}

// taken is an address that somebody else listens on.
func taken(t *testing.T) string {
	l := listener(t)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func listener(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
