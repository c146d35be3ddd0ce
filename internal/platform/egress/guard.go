package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
)

// Options are the operator's, not a customer's: a customer must not be able to
// point Ringfence at the network it stands in.
type Options struct {
	// Private lists hosts on private or loopback addresses that may be reached:
	// "host" for any port, or "host:port". The host is a name or an address, as
	// it stands in the URL. Plain http is spoken to loopback addresses only.
	Private []string
	// Hosts, if not empty, are the only hosts that may be reached at all.
	Hosts []string
	// Roots are who is believed about certificates; nil: those of the system.
	Roots *x509.CertPool
	// Sent is told of each request that left, for figures: by whom, and whether it
	// was answered; nil: nobody is.
	Sent func(engine, outcome string, took time.Duration)
	// Lookup resolves a name; nil: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Transport is the guarded way to the network alone, without limits and ledger,
// for callers that keep their own account of what they send.
func Transport(o Options) (*http.Transport, error) {
	g, err := newGuard(o)
	if err != nil {
		return nil, err
	}
	return g.transport(), nil
}

type guard struct{ Options }

func newGuard(o Options) (*guard, error) {
	for i, entry := range o.Private {
		if host, _ := splitPort(entry); host == "" || strings.ContainsAny(entry, "/ @?*") {
			return nil, fault.Field("private["+entry+"]", "entry %d must be a host or host:port", i+1)
		}
	}
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &guard{o}, nil
}

func (g *guard) transport() *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // a proxy would look names up where nobody judges the address
		DialContext:            g.dialPlain,
		DialTLSContext:         g.dialTLS,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // a small answer must not unpack into a large one
	}
}

// dialPlain is used for http:// alone: such a connection must not leave the host.
func (g *guard) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	return g.dial(ctx, network, address, func(host string, a netip.Addr) error {
		if !a.Unmap().IsLoopback() {
			return fault.Field("url", "%s must be reached by https: plain http is for this host alone", host)
		}
		return nil
	})
}

// dialTLS is used for https://.
func (g *guard) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := g.dial(ctx, network, address, func(string, netip.Addr) error { return nil })
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address)
	t := tls.Client(c, &tls.Config{
		ServerName: host,
		MinVersion: tls.VersionTLS12,
		RootCAs:    g.Roots,
		CipherSuites: []uint16{ // for TLS 1.2; those of 1.3 are all authenticated
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "no trustworthy connection to %s: its certificate or its encryption is not acceptable", host)
	}
	return t, nil
}

// judgeURL refuses what can be told without looking up the name.
func (g *guard) judgeURL(u *url.URL) error {
	host, port := u.Hostname(), portOf(u)
	if len(g.Hosts) > 0 && !slices.ContainsFunc(g.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		return fault.Field("url", "the operator of this server does not allow %s", host)
	}
	if u.Scheme == "http" && !g.private(host, port) {
		return fault.Field("url", "%s must be reached by https", host)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return g.judge(host, port, a)
	}
	return nil
}

// dial looks the name up once, judges every address and dials what it judged.
func (g *guard) dial(ctx context.Context, network, address string, also func(host string, a netip.Addr) error) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = g.Lookup(ctx, host); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the address of %s cannot be looked up", host)
	}
	// One bad address among good ones is refused as a whole: an honest name has no
	// reason for the mixture, and somebody who wants in has.
	for _, a := range addrs {
		if err := g.judge(host, port, a); err != nil {
			return nil, err
		}
		if err := also(host, a); err != nil {
			return nil, err
		}
	}
	var d net.Dialer
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	err = fault.New(fault.Unavailable, "%s has no address", host)
	for _, a := range addrs {
		c, derr := d.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if derr == nil {
			return c, nil
		}
		err = derr
	}
	return nil, err
}

// judge says whether one address may be dialled for a host.
func (g *guard) judge(host, port string, a netip.Addr) error {
	refuse := func() error {
		return fault.Field("url", "%s is at an address of the inner network (%s); the operator of this server must allow it first", host, a)
	}
	switch a = a.Unmap(); reachOf(a) {
	case public:
		return nil
	case inner:
		if g.private(host, port) {
			return nil
		}
	case never:
	}
	return refuse()
}

func (g *guard) private(host, port string) bool {
	return slices.ContainsFunc(g.Private, func(entry string) bool {
		h, p := splitPort(entry)
		return strings.EqualFold(h, host) && (p == "" || p == port)
	})
}

// splitPort reads "host", "host:port", "::1" and "[::1]:port".
func splitPort(entry string) (host, port string) {
	if h, p, err := net.SplitHostPort(entry); err == nil {
		return h, p
	}
	return strings.Trim(entry, "[]"), ""
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}
