package webcert

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/webcert/webcerttest"
)

// TestCertificateIsReadAgain: what renews the files needs no word with us, and
// a half-written pair does no harm.
func TestCertificateIsReadAgain(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	cert, key, _ := webcerttest.Certificate(t, dir)
	newCert, newKey, _ := webcerttest.Certificate(t, other)
	f, err := FromFiles(config.TLS{Certificate: cert, Key: key}, cli.NewLog(config.Log{Level: "error"}, io.Discard))
	apptest.No(t, err)
	at := time.Now()
	f.now = func() time.Time { return at }
	leaf := func() []byte {
		c, err := f.get(nil)
		apptest.No(t, err)
		return c.Leaf.Raw
	}
	first := leaf()
	replace := func(to, from string) {
		b, err := os.ReadFile(from)
		apptest.No(t, err)
		apptest.No(t, os.WriteFile(to, b, 0o600))
		apptest.No(t, os.Chtimes(to, at, at))
		at = at.Add(reloadEvery)
	}
	replace(cert, newCert)
	if !bytes.Equal(leaf(), first) {
		t.Fatal("a certificate without its key is used")
	}
	replace(key, newKey)
	if f.Until(); bytes.Equal(f.cert.Leaf.Raw, first) {
		t.Fatal("it is told when the former one ends, until somebody connects")
	}
	if bytes.Equal(leaf(), first) {
		t.Fatal("the new pair is not used")
	}
	apptest.No(t, os.Remove(cert))
	at = at.Add(reloadEvery)
	leaf()
}
