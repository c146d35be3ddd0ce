package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"

	"ringfence/internal/base/fault"
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
//
// Half of the slots are never given to suspects, who come from networks that
// have just typed wrong passwords: a flood of guesses queues behind itself, and
// somebody from elsewhere is let in at once.
type hasher struct {
	slots    chan struct{}
	suspects chan struct{}
	wait     time.Duration
	time     uint32
	memory   uint32
}

func newHasher(light bool) *hasher {
	n := runtime.GOMAXPROCS(0)
	h := &hasher{make(chan struct{}, 2*n), make(chan struct{}, n), 5 * time.Second, argonTime, argonMemory}
	if light {
		h.time, h.memory = 1, 8
	}
	return h
}

func (h *hasher) do(ctx context.Context, work func()) error {
	return h.queue(ctx, h.slots, work)
}

func (h *hasher) queue(ctx context.Context, slots chan struct{}, work func()) error {
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
	case <-timer.C:
		return fault.New(fault.Limited, "too many people are signing in at this moment; try again").After(h.wait)
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-slots }()
	work()
	return nil
}

// matchesFor is matches, for a suspect behind all other suspects.
func (h *hasher) matchesFor(ctx context.Context, suspect bool, stored []byte, password string) (ok bool, err error) {
	if !suspect {
		return h.matches(ctx, stored, password)
	}
	full := h.queue(ctx, h.suspects, func() { ok, err = h.matches(ctx, stored, password) })
	if full != nil {
		return false, full
	}
	return ok, err
}

// hash makes what is sealed and stored: version, cost, salt, key. The costs
// stand in it so that they can be raised without asking anybody.
func (h *hasher) hash(ctx context.Context, password string) ([]byte, error) {
	out := []byte{hashVersion}
	out = binary.BigEndian.AppendUint32(out, h.time)
	out = binary.BigEndian.AppendUint32(out, h.memory)
	out = append(out, argonThreads)
	salt := make([]byte, saltLength)
	rand.Read(salt)
	out = append(out, salt...)
	err := h.do(ctx, func() {
		out = append(out, argon2.IDKey([]byte(password), salt, h.time, h.memory, argonThreads, hashLength)...)
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

// dummy is compared for a name that nobody has, so that the answer takes as
// long as for one that somebody has. No password matches it.
func (h *hasher) dummy() []byte {
	out := make([]byte, hashHeader+saltLength+hashLength)
	out[0] = hashVersion
	binary.BigEndian.PutUint32(out[1:], h.time)
	binary.BigEndian.PutUint32(out[5:], h.memory)
	out[9] = argonThreads
	rand.Read(out[hashHeader:])
	return out
}

// firstRunes is the beginning of a text, by characters.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
