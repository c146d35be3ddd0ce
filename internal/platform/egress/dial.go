package egress

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Dialer is the guarded way to an address for what is no HTTP: the name is
// looked up once, judged, and dialled as judged. The caller encrypts, and keeps
// an account of whom it has contacted.
func Dialer(o Options) (func(ctx context.Context, network, address string) (net.Conn, error), error) {
	g, err := newGuard(o)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return g.dial(ctx, network, address, func(string, netip.Addr) error { return nil })
	}, nil
}

// Beside dials another port of the address that a guarded connection reached, for
// protocols that open a second connection on a port which the other side names,
// as FTP does. Who allowed the one has allowed the other; the caller proves that
// it is the same peer.
func Beside(ctx context.Context, c net.Conn, port string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: 15 * time.Second}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}
