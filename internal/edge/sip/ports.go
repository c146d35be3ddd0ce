package sip

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"ringfence/internal/base/fault"
)

const (
	// quarantine keeps a port unused after its call: late packets of the one must
	// not turn up in the next.
	quarantine    = 2 * time.Second
	receiveBuffer = 4 << 20
)

// ports gives out pairs of ports, the even one for sound and the next for RTCP.
type ports struct {
	host      netip.Addr // to listen on; unspecified: everywhere
	low, high int
	now       func() time.Time

	mu   sync.Mutex
	next int
	free map[int]time.Time // when a port was given back
	used map[int]bool
}

func newPorts(host netip.Addr, low, high int, now func() time.Time) *ports {
	low += low & 1
	return &ports{host: host, low: low, high: high, now: now, next: low, free: map[int]time.Time{}, used: map[int]bool{}}
}

// pair is a port with its sockets.
type pair struct {
	port int
	rtp  *net.UDPConn
	rtcp *net.UDPConn
}

// take opens the next pair that is free. Another program's port is passed over.
func (p *ports) take() (pair, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range (p.high - p.low + 1) / 2 {
		port := p.next
		if p.next += 2; p.next+1 > p.high {
			p.next = p.low
		}
		if p.used[port] || p.now().Sub(p.free[port]) < quarantine {
			continue
		}
		a, err := p.listen(port)
		if err != nil {
			continue
		}
		b, err := p.listen(port + 1)
		if err != nil {
			a.Close()
			continue
		}
		p.used[port] = true
		delete(p.free, port)
		return pair{port, a, b}, nil
	}
	return pair{}, fault.New(fault.Unavailable, "all ports for sound are taken (sip.ports)")
}

func (p *ports) listen(port int) (*net.UDPConn, error) {
	var ip net.IP
	if p.host.IsValid() && !p.host.IsUnspecified() {
		ip = p.host.AsSlice()
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: port})
	if err != nil {
		return nil, err
	}
	// The kernel may give less (net.core.rmem_max); a call of 50 packets a second
	// gets by with what it gives.
	if err := c.SetReadBuffer(receiveBuffer); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// put gives a pair back.
func (p *ports) put(one pair) {
	one.rtp.Close()
	one.rtcp.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, one.port)
	p.free[one.port] = p.now()
}
