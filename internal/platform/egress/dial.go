package egress

import (
	"context"
	"net"
	"net/netip"
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
