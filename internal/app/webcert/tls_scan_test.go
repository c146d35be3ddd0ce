package webcert

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/webcert/webcerttest"
)

// TestEverySuiteOfEveryVersion proposes each suite that Go knows, alone, in each
// version, to a server with an ECDSA and to one with an RSA certificate: what it
// takes is TLS 1.2 with AEAD and forward secrecy, and nothing else.
func TestEverySuiteOfEveryVersion(t *testing.T) {
	dir := t.TempDir()
	ecCert, ecKey, _ := webcerttest.Certificate(t, dir)
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	apptest.No(t, err)
	rsaCert, rsaKey := selfSigned(t, t.TempDir(), k)
	for kind, files := range map[string]config.TLS{"ECDSA": {Certificate: ecCert, Key: ecKey}, "RSA": {Certificate: rsaCert, Key: rsaKey}} {
		f, err := FromFiles(files, nil)
		apptest.No(t, err)
		server := httptest.NewUnstartedServer(nil)
		server.Listener = tls.NewListener(server.Listener, f.Config())
		server.Start()
		defer server.Close()
		taken := 0
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
				if !slices.Contains(suite.SupportedVersions, version) {
					continue
				}
				conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{
					MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite.ID}, InsecureSkipVerify: true,
				})
				if err == nil {
					conn.Close()
					taken++
				}
				want := version == tls.VersionTLS12 && strings.HasPrefix(suite.Name, "TLS_ECDHE_"+kind+"_") &&
					(strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "CHACHA20"))
				if (err == nil) != want {
					t.Errorf("%s certificate, %s in %s: %v", kind, suite.Name, tls.VersionName(version), err)
				}
			}
		}
		if taken != 3 {
			t.Errorf("%s: %d suites are taken, want 3", kind, taken)
		}
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true})
		apptest.No(t, err)
		if s := conn.ConnectionState(); s.Version != tls.VersionTLS13 || s.CurveID != tls.X25519MLKEM768 {
			t.Errorf("%s: %s with %s", kind, tls.VersionName(s.Version), s.CurveID)
		}
		conn.Close()
		if resumes(t, server.Listener.Addr().String()) {
			t.Errorf("%s: a session is resumed", kind)
		}
	}
}

// resumes reports whether a second connection goes on where the first ended.
func resumes(t *testing.T, address string) bool {
	t.Helper()
	c := &tls.Config{MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	again := false
	for range 2 {
		conn, err := tls.Dial("tcp", address, c)
		apptest.No(t, err)
		again = conn.ConnectionState().DidResume
		conn.Close()
	}
	return again
}

func selfSigned(t *testing.T, dir string, k crypto.Signer) (cert, key string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	apptest.No(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	apptest.No(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	apptest.No(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	apptest.No(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}
