package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"golang.org/x/crypto/argon2"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// The cost of one hash: RFC 9106 §4 second choice in spirit, OWASP's figures
// for machines that also serve. 37 ms of one core and 19 MiB.
const (
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB
	argonThreads = 1
	saltLength   = 16
	hashLength   = 32
	hashVersion  = 1
)

const (
	shortestPassword = 12  // characters
	longestPassword  = 256 // bytes; longer is refused before anything looks at it
	scoredRunes      = 72  // the estimator's time grows with the square and more: 1,000 characters took 41 s
	leastScore       = 3   // of zxcvbn: 10⁸ guesses
)

// hasher bounds how many hashes run at once. Each takes 19 MiB: without a
// bound, a thousand sign-ins at one moment would take the machine's memory.
type hasher struct {
	slots chan struct{}
	wait  time.Duration
}

func newHasher() *hasher {
	return &hasher{make(chan struct{}, 2*runtime.GOMAXPROCS(0)), 5 * time.Second}
}

func (h *hasher) do(ctx context.Context, work func()) error {
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
	case <-timer.C:
		return fault.New(fault.Limited, "too many people are signing in at this moment; try again").After(h.wait)
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.slots }()
	work()
	return nil
}

// hash makes what is sealed and stored: version, cost, salt, key. The costs
// stand in it so that they can be raised without asking anybody.
func (h *hasher) hash(ctx context.Context, password string) ([]byte, error) {
	out := []byte{hashVersion}
	out = binary.BigEndian.AppendUint32(out, argonTime)
	out = binary.BigEndian.AppendUint32(out, argonMemory)
	out = append(out, argonThreads)
	salt := make([]byte, saltLength)
	rand.Read(salt)
	out = append(out, salt...)
	err := h.do(ctx, func() {
		out = append(out, argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, hashLength)...)
	})
	return out, err
}

const hashHeader = 1 + 4 + 4 + 1

var errHash = errors.New("a stored password hash cannot be read")

// matches compares in constant time; the cost is that of the stored hash.
func (h *hasher) matches(ctx context.Context, stored []byte, password string) (ok bool, err error) {
	if len(stored) != hashHeader+saltLength+hashLength || stored[0] != hashVersion {
		return false, errHash
	}
	t, m, p := binary.BigEndian.Uint32(stored[1:]), binary.BigEndian.Uint32(stored[5:]), stored[9]
	if t == 0 || t > 16 || m > 1<<20 || p == 0 {
		return false, errHash
	}
	salt, want := stored[hashHeader:hashHeader+saltLength], stored[hashHeader+saltLength:]
	err = h.do(ctx, func() {
		got := argon2.IDKey([]byte(password), salt, t, m, p, hashLength)
		ok = subtle.ConstantTimeCompare(got, want) == 1
	})
	return ok, err
}

// dummyHash is compared for a name that nobody has, so that the answer takes as
// long as for one that somebody has. No password matches it.
func dummyHash() []byte {
	out := make([]byte, hashHeader+saltLength+hashLength)
	out[0] = hashVersion
	binary.BigEndian.PutUint32(out[1:], argonTime)
	binary.BigEndian.PutUint32(out[5:], argonMemory)
	out[9] = argonThreads
	rand.Read(out[hashHeader:])
	return out
}

// checkPassword says whether a password is good enough for its person. Words
// that anybody would try first (name, address, product) count for nothing.
func (h *hasher) checkPassword(ctx context.Context, field string, password secret.Text, words ...string) error {
	p := password.Reveal()
	if len(p) > longestPassword {
		return fault.Field(field, "a password has at most %d bytes", longestPassword)
	}
	if utf8.RuneCountInString(p) < shortestPassword {
		return fault.Field(field, "a password has at least %d characters", shortestPassword)
	}
	known := []string{"ringfence", "recording", "password"}
	for _, w := range words {
		known = append(known, strings.FieldsFunc(strings.ToLower(w), func(r rune) bool { return strings.ContainsRune(" @.-_+", r) })...)
	}
	score := 0
	if err := h.do(ctx, func() { score = zxcvbn.PasswordStrength(firstRunes(p, scoredRunes), known).Score }); err != nil {
		return err
	}
	if score < leastScore {
		return fault.Field(field, "this password would be guessed; four or five words that do not belong together are good")
	}
	return nil
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
