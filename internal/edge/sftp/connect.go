package sftp

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const byPassword = "password"

// session is one connection that has signed in.
type session struct {
	s       *Server
	conn    *watchedConn
	place   *place.Place
	account intake.Account
	drop    *intake.Drop
	from    string
	by      string
	since   time.Time
	files   atomic.Int64
	bytes   atomic.Int64
	refusal error // why this session takes nothing; nil: it does
}

// signIn is what the callbacks of one handshake find out.
type signIn struct {
	place   *place.Place
	account intake.Account
	by      string
}

var errLogin = errors.New("login refused")

// connection takes one connection from its first byte to its last.
func (s *Server) connection(raw net.Conn) {
	if !s.turn() {
		return
	}
	conn := watch(raw, s.opt.Handshake)
	ctx, cancel := context.WithTimeout(context.Background(), s.opt.Handshake)
	defer cancel()
	var in signIn
	conf := s.conf
	conf.PublicKeyCallback = func(m ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		print := ssh.FingerprintSHA256(k)
		p, a, err := s.opt.Drops.Find(ctx, m.User())
		if err != nil || !a.Holds(print) {
			return nil, errLogin
		}
		// It counts only after the signature was checked: see VerifiedPublicKeyCallback.
		return &ssh.Permissions{ExtraData: map[any]any{loginKey{}: signIn{p, a, print}}}, nil
	}
	conf.VerifiedPublicKeyCallback = func(_ ssh.ConnMetadata, _ ssh.PublicKey, perm *ssh.Permissions, _ string) (*ssh.Permissions, error) {
		in, _ = perm.ExtraData[loginKey{}].(signIn)
		return perm, nil
	}
	conf.PasswordCallback = func(m ssh.ConnMetadata, text []byte) (*ssh.Permissions, error) {
		p, a, err := s.opt.Drops.Find(ctx, m.User())
		if !a.PasswordIs(string(text)) || err != nil { // the same work for a login that nobody has
			select {
			case <-time.After(s.opt.Penalty):
			case <-ctx.Done():
			}
			return nil, errLogin
		}
		in = signIn{p, a, byPassword}
		return nil, nil
	}
	peer, channels, requests, err := ssh.NewServerConn(conn, &conf)
	<-s.fresh
	if err != nil || in.place == nil {
		conn.Close()
		return // scanners come all day: their failures are not worth a line
	}
	defer peer.Close()
	conn.limit(s.opt.Idle)
	one := &session{s: s, conn: conn, place: in.place, account: in.account, by: in.by, since: s.opt.Now(), from: hostOf(raw.RemoteAddr())}
	one.refusal = s.welcome(one)
	defer s.goodbye(one)
	go ssh.DiscardRequests(requests)
	one.channels(channels)
}

type loginKey struct{}

// welcome lets a session in, or says why not. Only now is anything told: who
// does not hold a credential learns nothing.
func (s *Server) welcome(one *session) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := s.admitted(ctx, one.place, one.account, one.from)
	if errors.Is(err, errElsewhere) && s.opt.Refused != nil {
		s.opt.Refused(ctx, one.place, actor.Actor{Kind: actor.Device, ID: one.account.Login, From: one.from})
	}
	if err == nil {
		one.drop, err = s.opt.Drops.Drop(ctx, one.place, one.account.Source)
	}
	if err != nil {
		return err
	}
	if err := s.count(one); err != nil {
		return err
	}
	// What ended between the question above and here was not told to this session.
	return s.still(ctx, one)
}

// count makes a session one of those that are told when their right ends,
// unless there are too many.
func (s *Server) count(one *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := 0
	for other := range s.sessions {
		if other.account.Source == one.account.Source {
			mine++
		}
	}
	switch {
	case len(s.sessions) >= s.opt.Sessions:
		return fault.New(fault.Limited, "too many systems are connected to this server; try again later")
	case mine >= s.opt.PerSource:
		return fault.New(fault.Limited, "this source has %d connections already; close one, or set the client to use fewer", mine)
	}
	s.sessions[one] = true
	return nil
}

func (s *Server) goodbye(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, one)
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// channels opens one channel after the other. Anything but SFTP is refused.
func (one *session) channels(news <-chan ssh.NewChannel) {
	for n := range news {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.Prohibited, "this server takes files by SFTP and does nothing else") // or the peer is gone
			continue
		}
		ch, requests, err := n.Accept()
		if err != nil {
			return
		}
		one.channel(ch, requests)
	}
}

// channel waits for the request for SFTP and serves it. A client that wants a
// shell, or may not come in, is told why in words that it shows to its user.
func (one *session) channel(ch ssh.Channel, requests <-chan *ssh.Request) {
	defer ch.Close()
	for r := range requests {
		switch {
		case r.Type == "env":
			_ = r.Reply(false, nil)
			continue
		case one.refusal != nil && (r.Type == "subsystem" || r.Type == "exec" || r.Type == "shell"):
			_ = r.Reply(true, nil)
			tell(ch, sentence(one.refusal))
			return
		case r.Type == "subsystem" && string(r.Payload) == "\x00\x00\x00\x04sftp":
			_ = r.Reply(true, nil)
			go ssh.DiscardRequests(requests)
			newServe(one, ch).run()
			_, _ = ch.SendRequest("exit-status", false, make([]byte, 4)) // or the peer is gone
			return
		case r.Type == "exec" || r.Type == "shell":
			_ = r.Reply(true, nil)
			tell(ch, "this server takes files by SFTP and does nothing else; for scp use a release that speaks SFTP, or the option -s")
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

// tell shows a sentence and ends the channel with a failure.
func tell(ch ssh.Channel, text string) {
	_, _ = ch.Stderr().Write([]byte("Ringfence: " + text + "\r\n")) // or the peer is gone
	_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, 1})
}

// sentence is what a peer may read of an error.
func sentence(err error) string {
	f := fault.Of(err)
	if len(f.Details) > 0 {
		return f.Details[0].Text
	}
	return f.Text
}

// source is what a log line may name.
func (one *session) source() id.Source { return one.account.Source }
