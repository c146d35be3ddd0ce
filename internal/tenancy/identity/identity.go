// Package identity knows persons: who they are, how they prove it, where they
// are signed in, and which roles they hold.
//
//	name + password ──▶ SignIn ──▶ what to show next, secret in the browser's cookie
//	cookie + code   ──▶ Second ─┐   (mailed, of an app, or written down)
//	passkey         ──▶ SignInPasskey ─┴─▶ Begin ──▶ session: a token in the browser, its hash here
//	token           ──▶ Session, at each request
//	+ customer      ──▶ Enter: what is held there, and whether its policy lets this session in
//	+ danger        ──▶ Session.Fresh: a factor within five minutes, else StepUp ──▶ Renew
//
// Persons, passwords and sessions are in the registry; memberships and tokens
// are in the customer's place, so that taking one away is one Change there and
// works from the next request on. Names and addresses are sealed; a person is
// found by a blind index of the address. Of secrets that we hand out only hashes
// are stored. Passwords are argon2id hashes, sealed under a key that is in no
// database: a dump of the registry gives nothing to guess against. Whoever has
// both the running host and the database can guess; argon2id then is the wall.
//
// Known and unknown names answer alike, in words and in time. Guessing is slowed
// by buckets in the memory of this process and never locks an account: a lock
// would let a stranger keep an agent out in the middle of a shift.
package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/directory"
)

// How long things last.
const (
	codeFor       = 10 * time.Minute
	codeTries     = 5
	sessionIdle   = 12 * time.Hour
	sessionFor    = 7 * 24 * time.Hour
	invitationFor = 7 * 24 * time.Hour
	seenEvery     = time.Minute // how exactly "last seen" is kept
	longestPause  = 300 * time.Millisecond
)

// Options is what the service is built on.
type Options struct {
	Store   *place.Store
	Mail    mail.Sender
	BaseURL func() string    // where the portal is, for links in mails and for passkeys: "https://calls.example.com"
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: silent

	// Seats refuses one more person with a role at a customer where its quota is
	// used up; nil: there is no quota.
	Seats func(ctx context.Context, c id.Customer, before, after int64) error
	// Brand is whose name and colours a mail about a customer carries; the zero
	// node stands for the installation. nil: the plain ones.
	Brand func(ctx context.Context, at id.Node) mail.Brand
	// Names gives the names of nodes: words that no password of theirs may rest on.
	Names func(ctx context.Context, at []id.Node) []string
	// Breached reports whether a password is on a list of stolen ones; nil: only
	// the list that comes with the program is asked.
	Breached func(password string) (bool, error)
	// MailedCodeForNodes lets administrators of the provider and of resellers act
	// with a mailed code as second factor.
	MailedCodeForNodes bool
	// Light makes the hash of a password cost next to nothing: for tests, which
	// sign in thousands of times. A test of the house keeps it out of the product.
	Light bool
}

// Service is the persons, their sessions and their roles.
type Service struct {
	store     *place.Store
	directory *directory.Service
	mail      mail.Sender
	base      func() string
	now       func() time.Time
	log       *slog.Logger
	o         Options
	pause     func(context.Context, time.Duration) error

	hasher  *hasher
	dummy   []byte
	guesses *limiter // by account and network
	callers *limiter // by network
	account *limiter // by account alone: slows, never refuses
	invites *limiter // by customer or node
	wrong   *limiter // by network: who typed wrong passwords waits behind those who did not
	resets  *limiter // by account: mails with links
	whose   whose

	background sync.WaitGroup
	later      chan struct{} // how many things run behind an answer that has been given

	mu            sync.Mutex
	onEnd         []func(id.Session)
	beforeSSOOnly func(*place.Tx, id.Person) error
}

// New makes the service; the store must have been opened with the migrations
// and the housekeeping tables of this package.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.BaseURL == nil {
		o.BaseURL = func() string { return "" }
	}
	passwords := newHasher(o.Light)
	return &Service{
		directory: directory.New(roster{}),
		store:     o.Store, mail: o.Mail, base: o.BaseURL, now: o.Now, log: o.Log, o: o, pause: pause,
		hasher: passwords, dummy: passwords.dummy(),
		guesses: newLimiter(10, 15*time.Second),
		callers: newLimiter(60, time.Second),
		account: newLimiter(20, 30*time.Second),
		invites: newLimiter(100, 30*time.Second),
		wrong:   newLimiter(10, time.Minute),
		resets:  newLimiter(3, 10*time.Minute),
		later:   make(chan struct{}, 64),
	}
}

// OnEnd adds a function that is called after a session was ended before its
// time: what hangs on it (a live connection) must close.
func (s *Service) OnEnd(fn func(id.Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onEnd = append(s.onEnd, fn)
}

func (s *Service) ended(sessions ...id.Session) {
	s.mu.Lock()
	hooks := s.onEnd
	s.mu.Unlock()
	for _, fn := range hooks {
		for _, i := range sessions {
			fn(i)
		}
	}
}

// Origin is where a request comes from, as far as the server can know.
type Origin struct {
	Address netip.Addr
	Agent   string      // what the browser calls itself
	Browser secret.Text // what the browser was given when it was trusted, if it was
	Outer   bool        // by an address that knows nobody above customers: theirs is another one
}

// network is the part of an address that one subscriber usually holds: buckets
// by full address would give an IPv6 network 2⁶⁴ of them.
func (o Origin) network() string {
	if !o.Address.IsValid() {
		return "unknown"
	}
	bits := 64
	if o.Address.Is4() {
		bits = 24
	}
	p, err := o.Address.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

func (o Origin) address() string {
	if !o.Address.IsValid() {
		return ""
	}
	return o.Address.String()
}

// newSecret is 256 random bits as text, and the hash that is stored.
func newSecret() (text string, hash []byte) {
	b := make([]byte, 32)
	rand.Read(b)
	text = base64.RawURLEncoding.EncodeToString(b)
	return text, hashOf(text)
}

// hashOf needs no salt and no stretching: what it hashes has 256 random bits.
func hashOf(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// pause waits, unless the caller goes away.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
