// Package sftp lets others push files into the drop of a source, by SFTP
// (version 3, draft-ietf-secsh-filexfer-02) over SSH. It has no shell, no
// forwarding and no file of the machine: every name is one in the drop.
//
//	login, key or password ──▶ access list, suspension ──▶ put, mkdir, rename, stat and list of what waits
//
// What has been sent is not given back. A file is acknowledged at its close,
// when it is durable; a connection that is cut leaves an upload that can go on.
// A session ends within a second when what opened it ends: key, password,
// source, customer.
//
// Requests of a session are answered one after the other, in the order in which
// they came: bytes are sealed from front to back, and a session needs about 200
// KiB however fast its peer is. A write that leaves a gap or goes back is
// refused with a sentence. Names, logins and addresses are never logged.
package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Options are what a Server stands on.
type Options struct {
	Drops *intake.Service
	Store *place.Store
	Log   *slog.Logger     // nil: silent
	Now   func() time.Time // nil: the clock of this machine
	// Active reports whether a source takes files now; its error is the sentence
	// that a client is shown.
	Active func(ctx context.Context, p *place.Place, source id.Source) error
	// Admits says whether the customer's access lists let an address in; nil: all.
	// Refused is told of one that had a right credential and was not let in.
	Admits  func(tx *place.Tx, from string) (bool, error)
	Refused func(ctx context.Context, p *place.Place, who actor.Actor)

	Sessions  int           // at once; 0 is 500
	PerSource int           // of one source at once; 0 is 16
	Idle      time.Duration // without a request; 0 is 5 minutes
	Handshake time.Duration // from connection to login; 0 is 30 s
	Penalty   time.Duration // for a wrong password; 0 is 1 s
}

// Server takes connections.
type Server struct {
	opt   Options
	conf  ssh.ServerConfig
	keys  []ssh.Signer
	fresh chan struct{} // connections that have not signed in yet
	bytes atomic.Int64
	files atomic.Int64

	mu       sync.Mutex
	sessions map[*session]bool
	conns    map[net.Conn]bool
	listener net.Listener
	stopped  bool
	work     sync.WaitGroup
}

// What is spoken. Everything older is refused: SHA-1, CBC, group 14 and below.
var (
	keyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, "curve25519-sha256@libssh.org", ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521}
	ciphers      = []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES128CTR, ssh.CipherAES256CTR}
	macs         = []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM}
	publicKeys   = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}
)

// freshAtOnce bounds what strangers cost: so many are greeted at once, the others
// wait for their turn. Two hundred systems whose clocks strike together all get in.
const freshAtOnce = 100

// New makes a server that is known by the given host keys.
func New(o Options, hostKeys []ssh.Signer) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Active == nil {
		o.Active = func(context.Context, *place.Place, id.Source) error { return nil }
	}
	defaults := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	defaults(&o.Sessions, 500)
	defaults(&o.PerSource, 16)
	for _, v := range []struct {
		at *time.Duration
		d  time.Duration
	}{{&o.Idle, 5 * time.Minute}, {&o.Handshake, 30 * time.Second}, {&o.Penalty, time.Second}} {
		if *v.at == 0 {
			*v.at = v.d
		}
	}
	s := &Server{opt: o, keys: hostKeys, fresh: make(chan struct{}, freshAtOnce), sessions: map[*session]bool{}, conns: map[net.Conn]bool{}}
	s.conf = ssh.ServerConfig{
		Config:                  ssh.Config{Rand: rand.Reader, KeyExchanges: keyExchanges, Ciphers: ciphers, MACs: macs},
		PublicKeyAuthAlgorithms: publicKeys,
		MaxAuthTries:            6,
		ServerVersion:           "SSH-2.0-Ringfence",
	}
	for _, k := range hostKeys {
		s.conf.AddHostKey(k)
	}
	if o.Store != nil {
		o.Store.OnCommit(s.committed)
	}
	return s
}

// Serve takes connections until Stop.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		return l.Close()
	}
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
				continue
			}
			s.opt.Log.Warn("sftp: a connection could not be taken", "error", err)
			time.Sleep(100 * time.Millisecond) // out of descriptors: those who are here go on
			continue
		}
		if !s.enter(c) {
			c.Close()
			continue
		}
		s.work.Go(func() {
			defer s.leave(c)
			s.connection(c)
		})
	}
}

// enter counts a connection, unless there are too many.
func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || len(s.conns) >= s.opt.Sessions+freshAtOnce {
		return false
	}
	s.conns[c] = true
	return true
}

// turn waits until a connection may be greeted; false: it took too long. What waits
// holds a socket and nothing else; when the server ends, those that are greeted are
// cut, and it has its turn and its end at once.
func (s *Server) turn() bool {
	long := time.NewTimer(2 * s.opt.Handshake)
	defer long.Stop()
	select {
	case s.fresh <- struct{}{}:
		return true
	case <-long.C:
		return false
	}
}

func (s *Server) leave(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Stop ends all sessions: their uploads can go on later. Twice is fine.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	if s.listener != nil {
		s.listener.Close()
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

// Fingerprints are those by which the server is known, as clients show them.
func (s *Server) Fingerprints() (all []string) {
	for _, k := range s.keys {
		all = append(all, k.PublicKey().Type()+" "+ssh.FingerprintSHA256(k.PublicKey()))
	}
	return all
}

// HostKeys are the public host keys, as known_hosts takes them after a name.
func (s *Server) HostKeys() (all []string) {
	for _, k := range s.keys {
		text := ssh.MarshalAuthorizedKey(k.PublicKey())
		all = append(all, string(text[:len(text)-1]))
	}
	return all
}

// Count is how many sessions there are.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Taken is how many files and bytes were taken since the start.
func (s *Server) Taken() (files, bytes int64) { return s.files.Load(), s.bytes.Load() }

// Session is one connection that has signed in.
type Session struct {
	From  string
	By    string // the key's fingerprint, or "password"
	Since time.Time
	Files int64 // closed
	Bytes int64
}

// Sessions lists those of a source.
func (s *Server) Sessions(source id.Source) (all []Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.sessions {
		if one.account.Source == source {
			all = append(all, Session{From: one.from, By: one.by, Since: one.since, Files: one.files.Load(), Bytes: one.bytes.Load()})
		}
	}
	return all
}

// again are events after which it is asked again whether sessions may go on.
var again = map[string]bool{
	"drop.key-removed": true, "drop.password-set": true, "drop.password-ended": true, "drop.ended": true,
	"source.changed": true, "source.removed": true, "customer.suspended": true,
	"entry.added": true, "entry.changed": true, "entry.removed": true,
}

// committed ends the sessions that a change has taken the right from.
func (s *Server) committed(c place.Commit) {
	for _, e := range c.Events {
		if again[e.Code] {
			go s.review(c.Customer)
			return
		}
	}
}

// review asks for each session of a customer, or of all where the registry
// changed, whether it would be let in now.
func (s *Server) review(customer id.Customer) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s.mu.Lock()
	var all []*session
	for one := range s.sessions {
		if customer.IsZero() || one.account.Customer == customer {
			all = append(all, one)
		}
	}
	s.mu.Unlock()
	for _, one := range all {
		if err := s.still(ctx, one); err != nil {
			one.conn.Close()
		}
	}
}

// still is nil while a session would be let in.
func (s *Server) still(ctx context.Context, one *session) error {
	p, a, err := s.opt.Drops.Find(ctx, one.account.Login)
	if err != nil {
		return err
	}
	if one.by == byPassword && !a.PasswordAt.Equal(one.account.PasswordAt) || one.by != byPassword && !a.Holds(one.by) {
		return errEnded
	}
	return s.admitted(ctx, p, a, one.from)
}

var errEnded = fault.New(fault.Denied, "this login has ended")

// admitted asks the access list, then whether files are taken now.
func (s *Server) admitted(ctx context.Context, p *place.Place, a intake.Account, from string) error {
	if s.opt.Admits != nil {
		ok := false
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			ok, err = s.opt.Admits(tx, from)
			return err
		})
		if err != nil {
			return err
		}
		if !ok {
			return errElsewhere
		}
	}
	return s.opt.Active(ctx, p, a.Source)
}

var errElsewhere = fault.New(fault.Denied, "the access list does not let this address in")
