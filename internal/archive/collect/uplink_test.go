package collect

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Plain text goes over loopback only, and only to a certificate that is trusted.
func TestUplinkNeedsTLS(t *testing.T) {
	w := newWorld(t)
	_, code, err := w.server.Add(t.Context(), w.place, admin, "Box", w.src)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Enrol(t.Context(), "http://192.0.2.1", code.Reveal(), w.state, ""); err == nil || !strings.Contains(err.Error(), "https") {
		t.Fatalf("plain http beyond this machine: %v", err)
	}
	tls := httptest.NewTLSServer(w.server)
	defer tls.Close()
	if _, err := Enrol(t.Context(), tls.URL, code.Reveal(), w.state, ""); err == nil || !strings.Contains(err.Error(), "--ca") {
		t.Fatalf("an unknown authority: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pemOf(tls.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Enrol(t.Context(), tls.URL, code.Reveal(), w.state, ca); err != nil {
		t.Fatal(err)
	}
	wavFile(t, w.from, "a.wav", 1, 2)
	w.mustCollect(nil)
	if len(w.archived()) != 1 {
		t.Fatal("not archived over TLS")
	}
	if info, err := os.Stat(filepath.Join(w.state, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := os.Chmod(filepath.Join(w.state, keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.collect(nil); err == nil || !strings.Contains(err.Error(), "read by others") {
		t.Fatalf("a key that others can read: %v", err)
	}
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
