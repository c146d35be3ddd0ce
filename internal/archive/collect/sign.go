package collect

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
)

// Requests are signed after RFC 9421 (HTTP Message Signatures), in one fixed
// shape of it: the covered components and parameters are always the same, in
// the same order, and anything else is refused. What each part is for:
//
//   - @method, @path: a signature for HEAD does not work for PATCH or for
//     another upload. A query is refused, so that nothing goes unsigned.
//   - content-digest (RFC 9530): the body cannot be exchanged.
//   - upload-offset: the chunk cannot be put elsewhere. A request that carries
//     the header must cover it.
//   - ringfence-epoch: a value that the server draws at its start and sends with
//     every answer (as DPoP does, RFC 9449 §8). Nonces are remembered in memory
//     only; without the epoch a request that was overheard before a restart
//     could be replayed after it.
//   - created, nonce: a request works once, and only within window of the
//     server's clock.
//   - keyid: customer and device, so that the server opens one place only.
//   - tag: a signature of this protocol is none of any other.
const (
	window      = 5 * time.Minute
	epochHeader = "Ringfence-Epoch"
	tag         = "ringfence-collect"

	covered       = `("@method" "@path" "content-digest" "ringfence-epoch")`
	coveredOffset = `("@method" "@path" "content-digest" "upload-offset" "ringfence-epoch")`
)

// The labels keep a signature over one kind of document from being shown as
// one over another kind.
const (
	enrolLabel    = "ringfence collect enrol v1"
	manifestLabel = "ringfence collect manifest v1"
	receiptLabel  = "ringfence collect receipt v1"
	configLabel   = "ringfence collect config v1"
)

// Reasons for which a request is refused; the box reacts to each differently.
var (
	errSignature = errors.New("the request is not signed by a known device")
	errClock     = errors.New("the request is dated more than 5 minutes from the server's clock")
	errEpoch     = errors.New("the request was signed for another run of the server")
	errReplay    = errors.New("the request was used before")
	errDigest    = errors.New("the body is not the one that was signed")
)

// signRequest signs r, whose body has the given SHA-256, as the device.
func signRequest(r *http.Request, digest [32]byte, key ed25519.PrivateKey, c id.Customer, d id.Device, epoch string, at time.Time) {
	r.Header.Set("Content-Digest", digestHeader(digest))
	r.Header.Set(epochHeader, epoch)
	params := fmt.Sprintf(`%s;created=%d;nonce="%s";keyid="%s/%s";alg="ed25519";tag="%s"`,
		coveredBy(r), at.Unix(), rand.Text(), c, d, tag)
	sig := ed25519.Sign(key, []byte(signatureBase(r, params)))
	r.Header.Set("Signature-Input", "sig="+params)
	r.Header.Set("Signature", "sig=:"+base64.StdEncoding.EncodeToString(sig)+":")
}

// claim is what a signed request says of itself, before anything is believed.
type claim struct {
	customer  id.Customer
	device    id.Device
	created   time.Time
	nonce     string
	epoch     string
	digest    [32]byte
	base      string
	signature []byte
}

var inputShape = regexp.MustCompile(`^sig=(\((?:"[a-z@-]+" ?)+\);created=([0-9]{1,12});nonce="([A-Za-z0-9_-]{22,64})";` +
	`keyid="([a-z0-9_]{30})/([a-z0-9_]{30})";alg="ed25519";tag="` + tag + `")$`)

// readClaim parses the signature headers of r. It believes nothing: check does.
func readClaim(r *http.Request) (claim, error) {
	var c claim
	for _, h := range []string{"Signature-Input", "Signature", "Content-Digest", epochHeader, "Upload-Offset"} {
		// A repeated header could be signed in one value and used in the other.
		if len(r.Header.Values(h)) > 1 {
			return c, errSignature
		}
	}
	m := inputShape.FindStringSubmatch(r.Header.Get("Signature-Input"))
	if m == nil || !strings.HasPrefix(m[1], coveredBy(r)+";") || r.URL.RawQuery != "" || r.URL.ForceQuery {
		return c, errSignature
	}
	sec, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return c, errSignature
	}
	c.created, c.nonce, c.epoch = time.Unix(sec, 0), m[3], r.Header.Get(epochHeader)
	if c.customer, err = id.Parse[id.Customer](m[4]); err != nil {
		return c, errSignature
	}
	if c.device, err = id.Parse[id.Device](m[5]); err != nil {
		return c, errSignature
	}
	if c.signature, err = unwrapBytes(r.Header.Get("Signature"), "sig=:", ed25519.SignatureSize); err != nil {
		return c, errSignature
	}
	digest, err := unwrapBytes(r.Header.Get("Content-Digest"), "sha-256=:", sha256.Size)
	if err != nil {
		return c, errSignature
	}
	c.digest = [32]byte(digest)
	c.base = signatureBase(r, m[1])
	return c, nil
}

// check reports whether the claim was signed by key, now and for this epoch.
// The signature comes first: only its owner learns about clock and epoch.
func (c *claim) check(key ed25519.PublicKey, epoch string, at time.Time) error {
	switch {
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, []byte(c.base), c.signature):
		return errSignature
	case c.created.Before(at.Add(-window)) || c.created.After(at.Add(window)):
		return errClock
	case c.epoch != epoch:
		return errEpoch
	}
	return nil
}

// signatureBase is RFC 9421 §2.5 for our fixed components.
func signatureBase(r *http.Request, params string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\"@method\": %s\n\"@path\": %s\n\"content-digest\": %s\n", r.Method, sentPath(r), r.Header.Get("Content-Digest"))
	if _, ok := r.Header["Upload-Offset"]; ok {
		fmt.Fprintf(&b, "\"upload-offset\": %s\n", r.Header.Get("Upload-Offset"))
	}
	fmt.Fprintf(&b, "\"ringfence-epoch\": %s\n\"@signature-params\": %s", r.Header.Get(epochHeader), params)
	return b.String()
}

func coveredBy(r *http.Request) string {
	if _, ok := r.Header["Upload-Offset"]; ok {
		return coveredOffset
	}
	return covered
}

// sentPath is the path as it was sent, also where a router took off a prefix.
func sentPath(r *http.Request) string {
	if r.RequestURI != "" {
		if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
			return u.EscapedPath()
		}
	}
	return r.URL.EscapedPath()
}

func digestHeader(d [32]byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(d[:]) + ":"
}

// unwrapBytes reads an RFC 8941 byte sequence after its name.
func unwrapBytes(s, name string, size int) ([]byte, error) {
	body, ok := strings.CutPrefix(s, name)
	body, end := strings.CutSuffix(body, ":")
	if !ok || !end {
		return nil, errSignature
	}
	b, err := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil || len(b) != size {
		return nil, errSignature
	}
	return b, nil
}

// signDocument signs the JSON of v under a label.
func signDocument(label string, v any, sign func([]byte) ([]byte, error)) (Signed, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Signed{}, err
	}
	sig, err := sign(bind(label, body))
	return Signed{Body: body, Signature: sig}, err
}

// openDocument checks that the server of the given key signed and only then
// reads the JSON.
func openDocument(label string, s Signed, key []byte, v any) error {
	if err := keyring.VerifyReceipt(key, bind(label, s.Body), s.Signature); err != nil {
		return fmt.Errorf("the signature of %q does not fit: %w", label, err)
	}
	return json.Unmarshal(s.Body, v)
}

// enrolProof is what a box signs to show that the key it enrols is its own.
func enrolProof(code string, public []byte) []byte {
	return bind(enrolLabel, []byte(code), []byte{0}, public)
}
