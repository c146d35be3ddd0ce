package sip

import (
	"net"
	"strings"
	"syscall"
	"testing"
)

// A port that is free for datagrams may be taken for connections: another one is
// asked for, unless the operator named the port.
func TestBothAreListenedOn(t *testing.T) {
	tries := 0
	taken := func(until int) func(string, string) (net.Listener, error) {
		tries = 0
		return func(network, address string) (net.Listener, error) {
			if tries++; tries < until {
				return nil, &net.OpError{Op: "listen", Net: network, Err: syscall.EADDRINUSE}
			}
			return net.Listen(network, address)
		}
	}
	u, l, err := listenBoth("127.0.0.1:0", taken(4))
	if err != nil {
		t.Fatal(err)
	}
	if u.LocalAddr().String() != l.Addr().String() || tries < 4 {
		t.Errorf("datagrams at %s, connections at %s, after %d tries", u.LocalAddr(), l.Addr(), tries)
	}
	named := u.LocalAddr().String()
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, _, err := listenBoth(named, taken(4)); err == nil || tries != 1 || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a port that was named: %d tries, %v", tries, err)
	}
	if _, _, err := listenBoth("127.0.0.1:0", taken(1000)); err == nil || tries > 50 {
		t.Errorf("no end: %d tries, %v", tries, err)
	}
}
