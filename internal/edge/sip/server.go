// Package sip is the recording server of SIPREC (RFC 7866): it speaks SIP and
// RTP, and hands facts and packets to package siprec, which decides and keeps.
//
//	datagram, connection → door (known? how often?) → SIP library → call's inbox → Session.Next
//	RTP → leg (who may send, SRTP) → siprec.Tape
//
// Each call has one goroutine, and everything about it goes through its inbox:
// the library handles each message in a goroutine of its own, so that an end can
// overtake what it ends. Requests of one dialog are taken in the order of their
// numbers; an end is taken at once.
//
// Who may send is a matter of the source: addresses, a client certificate, a
// digest user, and all that is set must hold. Everybody else gets a 403 without
// a word, and seldom. A source without addresses can be called by TCP and TLS
// only: a datagram proves nothing about where it came from.
//
// Limits: messages of at most 64 KiB; 16 connections of an address and 1024 in
// all; G.711 only. Nothing of a message is ever logged.
package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	lib "github.com/emiago/sipgo/sip"

	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/fault"
)

// Options are what a Server stands on.
type Options struct {
	Listen    string      // UDP and TCP; "" neither
	TLSListen string      // "" no TLS
	TLS       *tls.Config // its certificates; client certificates are asked for and compared by the sources
	Address   netip.Addr  // told to clients; zero: the one that they have reached
	LowPort   int         // of the ports for sound
	HighPort  int
	MaxCalls  int // of the installation; zero: 500
	Service   *siprec.Service
	Log       *slog.Logger     // nil: silent
	Now       func() time.Time // nil: the clock of this machine
}

// Server takes recording sessions.
type Server struct {
	o     Options
	log   *slog.Logger
	now   func() time.Time
	agent *sipgo.UserAgent
	srv   *sipgo.Server
	cli   *sipgo.Client
	ports *ports
	guard *guard

	unknown, known    *limit
	strangers, floods atomic.Uint64

	udp, tcp, secure net.Addr
	doors            []*streamDoor
	cancel           context.CancelFunc
	done             sync.WaitGroup

	mu       sync.Mutex
	calls    map[string]*call
	stopping bool
}

// quiet keeps the SIP library from logging: it would log whole messages, with
// names and numbers in them.
var quiet = slog.New(slog.DiscardHandler)

// once per process, as the library keeps both in variables of its package:
// its log, and the longest datagram that it sends.
var setLibrary = sync.OnceFunc(func() {
	lib.SetDefaultLogger(quiet)
	lib.UDPMTUSize = 65000
})

// New makes a server; it listens from Start on.
func New(o Options) (*Server, error) {
	setLibrary()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 500
	}
	if o.LowPort < 1024 || o.HighPort > 65535 || o.HighPort-o.LowPort < 3 {
		return nil, fault.Field("sip.ports", "want a range of ports from 1024 to 65535, such as 16384-24575")
	}
	s := &Server{
		o: o, log: o.Log, now: o.Now, guard: newGuard(o.Now), calls: map[string]*call{},
		unknown: newLimit(1, 5), known: newLimit(500, 2000),
	}
	var host netip.Addr
	if ap, err := netip.ParseAddrPort(o.Listen); err == nil {
		host = ap.Addr()
	}
	s.ports = newPorts(host, o.LowPort, o.HighPort, o.Now)
	var err error
	s.agent, err = sipgo.NewUA(sipgo.WithUserAgent("Ringfence"), sipgo.WithUserAgentHostname("ringfence.invalid"),
		sipgo.WithUserAgentTransportLayerOptions(lib.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(lib.WithTransactionLayerLogger(quiet), lib.WithTransactionLayerUnhandledResponseHandler(func(*lib.Response) {})))
	if err == nil {
		s.srv, err = sipgo.NewServer(s.agent, sipgo.WithServerLogger(quiet))
	}
	if err == nil {
		s.cli, err = sipgo.NewClient(s.agent, sipgo.WithClientLogger(quiet))
	}
	if err != nil {
		return nil, err
	}
	s.srv.OnInvite(s.invite)
	s.srv.OnAck(s.within)
	s.srv.OnBye(s.within)
	s.srv.OnUpdate(s.within)
	s.srv.OnInfo(s.within)
	s.srv.OnCancel(s.within)
	s.srv.OnOptions(s.options)
	s.srv.OnNoRoute(s.other)
	return s, nil
}

// Start listens. It returns when requests can come.
func (s *Server) Start(ctx context.Context) error {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if s.o.Listen != "" {
		u, t, err := listenBoth(s.o.Listen, net.Listen)
		if err != nil {
			return err
		}
		if c, ok := u.(*net.UDPConn); ok {
			_ = c.SetReadBuffer(receiveBuffer)
		}
		s.udp = u.LocalAddr()
		s.tcp = t.Addr()
		d := newStreamDoor(t, s)
		s.doors = append(s.doors, d)
		s.serve(ctx, u.Close, func() error { return s.srv.ServeUDP(&packetDoor{u, s}) })
		s.serve(ctx, d.Close, func() error { return s.srv.ServeTCP(d) })
	}
	if s.o.TLSListen != "" {
		conf := s.o.TLS.Clone()
		conf.ClientAuth = tls.RequestClientCert // pinned by the sources: no authority has to vouch for a box in a cellar
		l, err := tls.Listen("tcp", s.o.TLSListen, conf)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "sip.tls_listen: cannot listen on %s", s.o.TLSListen)
		}
		s.secure = l.Addr()
		d := newStreamDoor(l, s)
		s.doors = append(s.doors, d)
		s.serve(ctx, d.Close, func() error { return s.srv.ServeTLS(d) })
	}
	s.done.Go(func() { s.reports(ctx) })
	return nil
}

// listenBoth listens at one address for datagrams and for connections. For port 0
// the system chooses one that is free for datagrams; whether it is free for
// connections too shows only when it is tried, so another is asked for a few times.
func listenBoth(address string, connections func(network, address string) (net.Listener, error)) (net.PacketConn, net.Listener, error) {
	_, port, _ := net.SplitHostPort(address)
	for left := 20; ; left-- {
		u, err := net.ListenPacket("udp", address)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Unavailable, "sip.listen: cannot listen on %s (UDP): is another program using the port?", address)
		}
		same := address
		if port == "0" {
			same = u.LocalAddr().String()
		}
		t, err := connections("tcp", same)
		if err == nil {
			return u, t, nil
		}
		err = errors.Join(fault.Wrap(err, fault.Unavailable, "sip.listen: cannot listen on %s (TCP): is another program using the port?", same), u.Close())
		if port != "0" || left == 0 {
			return nil, nil, err
		}
	}
}

// serve runs a listener until the server stops.
func (s *Server) serve(ctx context.Context, end func() error, run func() error) {
	s.done.Go(func() {
		if err := run(); err != nil && ctx.Err() == nil {
			s.log.Error("the server stopped listening for recording sessions", "error", err)
		}
	})
	s.done.Go(func() {
		<-ctx.Done()
		end()
	})
}

// reports sends RTCP for all streams.
func (s *Server) reports(ctx context.Context) {
	each := time.NewTicker(reportEach)
	defer each.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-each.C:
		}
		for _, c := range s.all() {
			for _, l := range c.streams() {
				l.tell()
			}
		}
	}
}

func (s *Server) all() (out []*call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		out = append(out, c)
	}
	return out
}

// Stop ends every call towards its client, and then stops listening. Twice is
// fine.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	calls := s.all()
	for _, c := range calls {
		c.tell(siprec.Stopping)
	}
	late := time.After(3 * time.Second)
	for _, c := range calls {
		select {
		case <-c.gone:
		case <-late:
			late = nil
		}
		if late == nil {
			break
		}
	}
	if s.cancel != nil {
		s.cancel()
		s.agent.Close()
	}
	s.done.Wait()
}

// Addresses are where the server listens: UDP, TCP and TLS; nil where it does not.
func (s *Server) Addresses() (udp, tcp, secure net.Addr) { return s.udp, s.tcp, s.secure }

// Calls is how many calls there are.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// Turned is how many messages came from strangers, and how many too often.
func (s *Server) Turned() (strangers, floods uint64) { return s.strangers.Load(), s.floods.Load() }
