package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"

	lib "github.com/emiago/sipgo/sip"

	"ringfence/internal/archive/siprec"
)

const (
	realm    = "ringfence"
	nonceFor = 5 * time.Minute
)

// guard makes and checks challenges (RFC 8760). A nonce carries its own time
// under a code of authentication, so that asking costs us no memory; what is
// remembered is the highest count that was used with each, or a request that
// somebody has overheard could be sent again.
type guard struct {
	key [32]byte
	now func() time.Time

	mu   sync.Mutex
	used map[string]int
}

func newGuard(now func() time.Time) *guard {
	g := &guard{now: now, used: map[string]int{}}
	rand.Read(g.key[:])
	return g
}

func (g *guard) nonce() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(g.now().UnixNano()))
	return base64.RawURLEncoding.EncodeToString(append(b, g.tag(b)...))
}

func (g *guard) tag(b []byte) []byte {
	m := hmac.New(sha256.New, g.key[:])
	m.Write(b)
	return m.Sum(nil)[:16]
}

// fresh reports whether a nonce is ours, and whether it is too old.
func (g *guard) fresh(nonce string) (ours, stale bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 24 || !hmac.Equal(b[8:], g.tag(b[:8])) {
		return false, false
	}
	age := g.now().Sub(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
	return true, age < 0 || age > nonceFor
}

// challenge asks for a password, by SHA-256 first and by MD5 for the many that
// know nothing else.
func (g *guard) challenge(res *lib.Response, stale bool) {
	nonce := g.nonce()
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		c := digest.Challenge{Realm: realm, Nonce: nonce, Stale: stale, Algorithm: algorithm, QOP: []string{"auth"}}
		res.AppendHeader(lib.NewHeader("WWW-Authenticate", c.String()))
	}
}

// verdict is what came of a password.
type verdict int

const (
	unproven verdict = iota // none was sent: ask
	old                     // right, but the nonce is used up: ask again
	wrong
	proven
)

// check finds which of the sources a request proves to be for.
func (g *guard) check(req *lib.Request, candidates []siprec.Binding) (siprec.Binding, verdict) {
	h := req.GetHeader("Authorization")
	if h == nil {
		return siprec.Binding{}, unproven
	}
	c, err := digest.ParseCredentials(h.Value())
	if err != nil || c.Realm != realm || c.QOP != "auth" || c.Userhash {
		return siprec.Binding{}, wrong
	}
	ours, stale := g.fresh(c.Nonce)
	if !ours {
		return siprec.Binding{}, old // of the run before this one
	}
	switch strings.ToUpper(c.Algorithm) {
	case "", "MD5", "SHA-256":
	default:
		return siprec.Binding{}, wrong
	}
	for _, b := range candidates {
		if b.User == "" || b.User != c.Username {
			continue
		}
		want, err := digest.Digest(
			&digest.Challenge{Realm: realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{"auth"}},
			digest.Options{Method: string(req.Method), URI: c.URI, Username: b.User, Password: b.Secret.Reveal(), Cnonce: c.Cnonce, Count: c.Nc})
		if err != nil || subtle.ConstantTimeCompare([]byte(want.Response), []byte(c.Response)) != 1 {
			continue
		}
		if stale || !g.first(c.Nonce, c.Nc) {
			return b, old
		}
		return b, proven
	}
	return siprec.Binding{}, wrong
}

const maxNonces = 10_000

// first reports whether a count is higher than all that came with the nonce.
func (g *guard) first(nonce string, count int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.used) >= maxNonces {
		for n := range g.used {
			if _, stale := g.fresh(n); stale {
				delete(g.used, n)
			}
		}
		if len(g.used) >= maxNonces {
			clear(g.used)
			rand.Read(g.key[:]) // no nonce that was used counts any more
			return false
		}
	}
	if count <= g.used[nonce] {
		return false
	}
	g.used[nonce] = count
	return true
}
