package sip

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"ringfence/internal/archive/siprec"
)

// relatchAfter is how long a sender must be silent before another port of the
// same address may take its place.
const relatchAfter = 2 * time.Second

// leg receives one stream.
//
// Who may send: with SRTP whoever has the key, from anywhere. Without, the first
// sender at the address of the description or of the signalling, or beside them
// in the same /24 (/64), as media gateways are; from then on that one alone,
// until the next offer. Somebody who does not see the call's packets and is
// elsewhere can put nothing into it.
type leg struct {
	pair
	track  int
	tape   *siprec.Tape
	now    func() time.Time
	ssrc   uint32 // ours, in reports
	done   sync.WaitGroup
	strays atomic.Uint64 // packets of others

	mu      sync.Mutex
	law     siprec.Law
	payload uint8
	near    []netip.Addr
	mux     bool
	in      *srtp.Context // nil: not encrypted
	out     *srtp.Context
	key     string // of in: the same key offered again goes on
	from    netip.AddrPort
	heard   time.Time
	report  netip.AddrPort // where RTCP came from
	source  uint32         // SSRC of the sender
	sr      uint32         // middle of the NTP time of its last report
	srAt    time.Time
}

func newLeg(p pair, track int, tape *siprec.Tape, now func() time.Time, ssrc uint32) *leg {
	l := &leg{pair: p, track: track, tape: tape, now: now, ssrc: ssrc}
	l.done.Go(func() { l.read(l.rtp, l.packet) })
	l.done.Go(func() { l.read(l.rtcp, l.control) })
	return l
}

// set takes what was agreed. A new offer may come from a new address.
func (l *leg) set(c choice, signalling netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.law, l.payload, l.mux = c.codec, c.payload, c.mux
	l.near = []netip.Addr{signalling}
	if c.address.IsValid() && !c.address.IsUnspecified() {
		l.near = append(l.near, c.address)
	}
	l.from = netip.AddrPort{}
	l.report = netip.AddrPort{}
	if c.crypto == nil {
		l.in, l.out, l.key = nil, nil, ""
		return nil
	}
	key := c.crypto.suite.name + string(c.crypto.key) + string(c.crypto.salt)
	if key != l.key {
		in, err := c.crypto.context()
		if err != nil {
			return err
		}
		l.in, l.key = in, key
	}
	out, err := c.own.context()
	l.out = out
	return err
}

// read runs until the socket is closed.
func (l *leg) read(c *net.UDPConn, take func([]byte, netip.AddrPort)) {
	b := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				continue
			}
			return
		}
		take(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

// packet takes one datagram of the port for sound.
func (l *leg) packet(b []byte, from netip.AddrPort) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return
	}
	if pt := b[1] & 0x7f; pt >= 72 && pt <= 76 { // RFC 5761 §4: RTCP on the same port
		l.control(b, from)
		return
	}
	at := l.now()
	p, ok := l.open(b, from, at)
	if ok {
		l.tape.Packet(p, at)
	}
}

// open checks who sent a packet, decrypts it and takes its sound out.
func (l *leg) open(b []byte, from netip.AddrPort, at time.Time) (siprec.Packet, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.in == nil && !l.admits(from, at) {
		l.strays.Add(1)
		return siprec.Packet{}, false
	}
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil {
		return siprec.Packet{}, false
	}
	if l.in != nil {
		if b, err = l.in.DecryptRTP(b[:0:len(b)], b, &h); err != nil {
			l.strays.Add(1)
			return siprec.Packet{}, false
		}
	}
	sound := b[n:]
	if h.Padding && len(sound) > 0 {
		sound = sound[:max(0, len(sound)-int(sound[len(sound)-1]))]
	}
	l.from, l.heard, l.source = from, at, h.SSRC
	p := siprec.Packet{Track: l.track, Law: l.law, SSRC: h.SSRC, Seq: h.SequenceNumber, Time: h.Timestamp, Payload: sound}
	if h.PayloadType != l.payload { // comfort noise, tones: their time passes in silence
		p.Payload = nil
	}
	return p, true
}

// admits is called with the lock held.
func (l *leg) admits(from netip.AddrPort, at time.Time) bool {
	switch {
	case from == l.from:
		return true
	case l.from.IsValid():
		return from.Addr() == l.from.Addr() && at.Sub(l.heard) > relatchAfter
	}
	for _, a := range l.near {
		bits := 24
		if a.Is6() {
			bits = 64
		}
		if n, err := a.Prefix(bits); err == nil && n.Contains(from.Addr()) {
			return true
		}
	}
	return false
}

// close ends the leg; no packet of it is taken when it returns.
func (l *leg) close(to *ports) {
	to.put(l.pair)
	l.done.Wait()
}
