package collect

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/id"
)

// signedRequest is a PATCH as a box sends it, as the server sees it.
func signedRequest(t testing.TB, key ed25519.PrivateKey, epoch string, at time.Time, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPatch, Path+"/uploads/"+id.New[id.Upload]().String(), strings.NewReader(body))
	r.Header.Set("Upload-Offset", "4096")
	signRequest(r, sha256.Sum256([]byte(body)), key, id.New[id.Customer](), id.New[id.Device](), epoch, at)
	return r
}

func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, key
}

func TestSignedRequestIsBelieved(t *testing.T) {
	public, key := newKey(t)
	at := time.Now()
	c, err := readClaim(signedRequest(t, key, "epoch", at, "body"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(public, "epoch", at.Add(window-2*time.Second)); err != nil {
		t.Fatal(err)
	}
	if c.digest != sha256.Sum256([]byte("body")) {
		t.Fatal("the digest is not that of the body")
	}
}

// Each part that a signature covers, changed on its way, must end it. A mutant
// that leaves a component out of the signature base fails here.
func TestEveryCoveredPartIsProtected(t *testing.T) {
	public, key := newKey(t)
	at := time.Now()
	swap := func(h, from, to string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(h, strings.Replace(r.Header.Get(h), from, to, 1)) }
	}
	for name, change := range map[string]func(*http.Request){
		"method":        func(r *http.Request) { r.Method = http.MethodPost },
		"path":          func(r *http.Request) { r.RequestURI += "x" },
		"query":         func(r *http.Request) { r.URL.RawQuery = "a=b" },
		"empty query":   func(r *http.Request) { r.URL.ForceQuery = true },
		"digest":        func(r *http.Request) { r.Header.Set("Content-Digest", digestHeader(sha256.Sum256([]byte("other")))) },
		"no digest":     func(r *http.Request) { r.Header.Del("Content-Digest") },
		"offset":        func(r *http.Request) { r.Header.Set("Upload-Offset", "0") },
		"no offset":     func(r *http.Request) { r.Header.Del("Upload-Offset") },
		"two offsets":   func(r *http.Request) { r.Header.Add("Upload-Offset", "0") },
		"two digests":   func(r *http.Request) { r.Header.Add("Content-Digest", "sha-256=::") },
		"epoch":         func(r *http.Request) { r.Header.Set(epochHeader, "other") },
		"date":          swap("Signature-Input", "created=", "created=1"),
		"nonce":         swap("Signature-Input", `nonce="`, `nonce="A`),
		"device":        func(r *http.Request) { replaceDevice(r) },
		"tag":           swap("Signature-Input", tag, "other"),
		"algorithm":     swap("Signature-Input", "ed25519", "hmac-sha256"),
		"fewer covered": swap("Signature-Input", `"content-digest" `, ""),
		"no signature":  func(r *http.Request) { r.Header.Del("Signature") },
		"cut signature": func(r *http.Request) { r.Header.Set("Signature", "sig=:AAAA:") },
	} {
		t.Run(name, func(t *testing.T) {
			r := signedRequest(t, key, "epoch", at, "body")
			change(r)
			c, err := readClaim(r)
			if err == nil {
				err = c.check(public, "epoch", at)
			}
			if !errors.Is(err, errSignature) {
				t.Fatalf("got %v, want %v", err, errSignature)
			}
		})
	}
}

func replaceDevice(r *http.Request) {
	in := r.Header.Get("Signature-Input")
	i := strings.Index(in, "/dev_") + 1
	r.Header.Set("Signature-Input", in[:i]+id.New[id.Device]().String()+in[i+30:])
}

// A request cannot drop the header that says where its bytes go and keep a
// signature that never covered it.
func TestOffsetMustBeCovered(t *testing.T) {
	public, key := newKey(t)
	at := time.Now()
	r := httptest.NewRequest(http.MethodPatch, Path+"/x", nil)
	signRequest(r, sha256.Sum256(nil), key, id.New[id.Customer](), id.New[id.Device](), "e", at)
	r.Header.Set("Upload-Offset", "7")
	c, err := readClaim(r)
	if err == nil {
		err = c.check(public, "e", at)
	}
	if !errors.Is(err, errSignature) {
		t.Fatalf("got %v, want %v", err, errSignature)
	}
}

func TestClockAndEpoch(t *testing.T) {
	public, key := newKey(t)
	at := time.Now()
	c, err := readClaim(signedRequest(t, key, "epoch", at, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []time.Duration{-window - 2*time.Second, window + 2*time.Second} {
		if err := c.check(public, "epoch", at.Add(off)); !errors.Is(err, errClock) {
			t.Errorf("clock off by %v: %v", off, err)
		}
	}
	if err := c.check(public, "next", at); !errors.Is(err, errEpoch) {
		t.Errorf("another epoch: %v", err)
	}
	other, _ := newKey(t)
	if err := c.check(other, "next", at.Add(time.Hour)); !errors.Is(err, errSignature) {
		t.Errorf("a stranger learned %v", err)
	}
	if err := c.check(nil, "epoch", at); !errors.Is(err, errSignature) {
		t.Errorf("a device without a key: %v", err)
	}
}

func TestNonceWorksOnce(t *testing.T) {
	n := nonces{of: map[id.Device]*used{}}
	d, at := id.New[id.Device](), time.Now()
	if err := n.use(d, "a", at, at); err != nil {
		t.Fatal(err)
	}
	if err := n.use(d, "a", at, at); !errors.Is(err, errReplay) {
		t.Fatalf("used twice: %v", err)
	}
	if err := n.use(id.New[id.Device](), "a", at, at); err != nil {
		t.Fatalf("another device's nonce: %v", err)
	}
	// What is out of date is forgotten, so that memory is bounded by the rate.
	for range 3000 {
		if err := n.use(d, rand.Text(), at, at); err != nil {
			t.Fatal(err)
		}
	}
	later := at.Add(window + time.Minute)
	for range 3000 {
		if err := n.use(d, rand.Text(), later, later); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(n.of[d].seen); got > 4100 {
		t.Fatalf("%d nonces are kept", got)
	}
}

func TestDocumentLabelsKeepApart(t *testing.T) {
	public, key := newKey(t)
	sign := func(b []byte) ([]byte, error) {
		return ed25519.Sign(key, append([]byte("ringfence receipt v1\x00"), b...)), nil
	}
	s, err := signDocument(receiptLabel, Receipt{Version: version, State: Verified}, sign)
	if err != nil {
		t.Fatal(err)
	}
	var r Receipt
	if err := openDocument(receiptLabel, s, public, &r); err != nil || r.State != Verified {
		t.Fatal(r, err)
	}
	if err := openDocument(manifestLabel, s, public, &r); err == nil {
		t.Fatal("a receipt was taken for a manifest")
	}
	s.Body = append(s.Body, ' ')
	if err := openDocument(receiptLabel, s, public, &r); err == nil {
		t.Fatal("a longer body was believed")
	}
}

func FuzzReadClaim(f *testing.F) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	r := signedRequest(f, key, "epoch", time.Now(), "body")
	f.Add(r.Header.Get("Signature-Input"), r.Header.Get("Signature"), r.Header.Get("Content-Digest"), "4096")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, input, signature, digest, offset string) {
		r := httptest.NewRequest(http.MethodPatch, Path+"/uploads/x", nil)
		r.Header.Set("Signature-Input", input)
		r.Header.Set("Signature", signature)
		r.Header.Set("Content-Digest", digest)
		r.Header.Set("Upload-Offset", offset)
		c, err := readClaim(r)
		if err != nil {
			return
		}
		stranger, _, _ := ed25519.GenerateKey(rand.Reader)
		if c.check(stranger, "", c.created) == nil {
			t.Fatal("believed without a signature")
		}
	})
}
