package sip

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"net/netip"
	"sync"
	"time"

	lib "github.com/emiago/sipgo/sip"
)

// The doors stand before the SIP library: who is not known costs neither its
// memory nor its time. The library keeps something for each address that it has
// heard of, and parses before it asks.

// packetDoor lets datagrams of known addresses through. Others get a 403 that is
// made here, without any state, as long as they ask seldom.
type packetDoor struct {
	net.PacketConn
	s *Server
}

// ReadFrom implements net.PacketConn.
func (d *packetDoor) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := d.PacketConn.ReadFrom(b)
		if err != nil {
			return n, addr, err
		}
		from := addressOf(addr)
		if !d.s.o.Service.Knows(from, true) {
			d.s.strangers.Add(1)
			if d.s.unknown.take(from, d.s.now()) {
				d.refuse(b[:n], addr)
			}
			continue
		}
		if d.s.known.take(from, d.s.now()) {
			return n, addr, nil
		}
		d.s.floods.Add(1)
	}
}

// refuse answers a request with nothing but a number.
func (d *packetDoor) refuse(b []byte, to net.Addr) {
	if len(b) > 16<<10 {
		return
	}
	m, err := lib.ParseMessage(append([]byte(nil), b...))
	req, ok := m.(*lib.Request)
	if err != nil || !ok || req.IsAck() {
		return
	}
	req.SetSource(to.String())
	res := lib.NewResponseFromRequest(req, 403, "Forbidden", nil)
	_, _ = d.WriteTo([]byte(res.String()), to) // it asks again
}

// addressOf is the address of a peer, without its port.
func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap()
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	return hostOf(a.String())
}

// hostOf is the address in "host:port".
func hostOf(s string) netip.Addr {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// Limits of connections. A recording client needs one.
const (
	maxConnections  = 1024
	maxFromOne      = 16
	handshakeFor    = 10 * time.Second
	strangerFor     = 10 * time.Second
	maxStrangerFrom = 2
)

// streamDoor limits connections, and remembers the certificates that they show.
type streamDoor struct {
	net.Listener
	s *Server

	mu   sync.Mutex
	open map[string]*stream
	from map[netip.Addr]int
}

func newStreamDoor(l net.Listener, s *Server) *streamDoor {
	return &streamDoor{Listener: l, s: s, open: map[string]*stream{}, from: map[netip.Addr]int{}}
}

// Accept implements net.Listener.
func (d *streamDoor) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(c.RemoteAddr())
		known := d.s.o.Service.Knows(from, false)
		if c := d.enter(c, from, known); c != nil {
			if !known { // it has the time for one request
				_ = c.SetDeadline(d.s.now().Add(strangerFor))
			}
			return c, nil
		}
		d.s.floods.Add(1)
		c.Close()
	}
}

func (d *streamDoor) enter(c net.Conn, from netip.Addr, known bool) *stream {
	d.mu.Lock()
	defer d.mu.Unlock()
	most := maxFromOne
	if !known {
		most = maxStrangerFrom
	}
	if len(d.open) >= maxConnections || d.from[from] >= most {
		return nil
	}
	one := &stream{Conn: c, d: d, from: from, known: known}
	d.open[c.RemoteAddr().String()] = one
	d.from[from]++
	return one
}

// certificate is the fingerprint of what the peer of a connection has shown, and
// proven to have the key of; "" if nothing.
func (d *streamDoor) certificate(remote string) string {
	d.mu.Lock()
	one := d.open[remote]
	d.mu.Unlock()
	if one == nil {
		return ""
	}
	t, ok := one.Conn.(*tls.Conn)
	if !ok {
		return ""
	}
	state := t.ConnectionState()
	if !state.HandshakeComplete || len(state.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// stream is one connection.
type stream struct {
	net.Conn
	d     *streamDoor
	from  netip.Addr
	known bool
	shake sync.Once
	bad   error
	end   sync.Once
}

// Read implements net.Conn. A handshake has ten seconds: without an end to it a
// peer that says nothing would hold a connection for ever.
func (c *stream) Read(b []byte) (int, error) {
	c.shake.Do(func() {
		t, ok := c.Conn.(*tls.Conn)
		if !ok {
			return
		}
		_ = c.SetDeadline(c.d.s.now().Add(handshakeFor))
		if c.bad = t.Handshake(); c.bad == nil && c.known {
			_ = c.SetDeadline(time.Time{})
		}
	})
	if c.bad != nil {
		return 0, c.bad
	}
	return c.Conn.Read(b)
}

// Close implements net.Conn.
func (c *stream) Close() error {
	c.end.Do(func() {
		c.d.mu.Lock()
		defer c.d.mu.Unlock()
		delete(c.d.open, c.RemoteAddr().String())
		if c.d.from[c.from]--; c.d.from[c.from] <= 0 {
			delete(c.d.from, c.from)
		}
	})
	return c.Conn.Close()
}
