package collect

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"time"
)

// contact is what the box learnt of the server from its answers, besides them.
type contact struct {
	at       time.Time // of the last answer
	drift    time.Duration
	unsure   time.Duration // drift is within this
	measured time.Time
	pin      string // SHA-256 of the public key of its certificate
	until    time.Time
}

// noted measures the server's clock against the box's: the server's time lies
// between the moments of asking and of hearing, and is taken for the middle.
// An upload's body takes long, and says nothing of when the answer was dated. A
// surer measurement is kept for five minutes against one that is less sure.
func (u *uplink) noted(resp *http.Response, sent, heard time.Time, upload bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen.at = heard
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		u.seen.pin, u.seen.until = pinOf(resp.TLS.PeerCertificates[0]), resp.TLS.PeerCertificates[0].NotAfter
	}
	at, unsure, ok := dated(resp.Header)
	unsure += heard.Sub(sent) / 2
	if !ok || upload || unsure < 0 || unsure > time.Minute {
		return
	}
	if unsure > u.seen.unsure && heard.Sub(u.seen.measured) < 5*time.Minute {
		return
	}
	u.seen.drift, u.seen.unsure, u.seen.measured = sent.Add(heard.Sub(sent)/2).Sub(at), unsure, heard
}

// dated reads the server's clock from its answer: exactly since protocol 2,
// else to the second, which is taken for its middle.
func dated(h http.Header) (at time.Time, unsure time.Duration, ok bool) {
	if at, err := time.Parse(time.RFC3339Nano, h.Get(timeHeader)); err == nil {
		return at, 0, true
	}
	at, err := http.ParseTime(h.Get("Date"))
	return at.Add(500 * time.Millisecond), 500 * time.Millisecond, err == nil
}

// drift is the box's clock minus the server's, if it could be measured.
func (u *uplink) drift() (time.Duration, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen.drift, !u.seen.measured.IsZero() && u.seen.unsure <= time.Second
}

func (u *uplink) contact() contact {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen
}

func pinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
