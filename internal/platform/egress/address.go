package egress

import "net/netip"

// reach is what kind of network an address leads to.
type reach int

const (
	public reach = iota
	inner        // this host, or a network behind the same router: only where the operator lists the host
	never        // link-local (cloud credentials lie at 169.254.169.254), multicast, reserved, or a v4 address in disguise
)

// innerNets are private in the sense of RFC 1918, RFC 4193 and RFC 6598.
var innerNets = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")

// neverNets are the rest of the IANA special-purpose registries (RFC 6890).
// Prefixes that carry a v4 address inside a v6 one are here as a whole: a
// gateway would take the request to an inner address that no list mentions.
var neverNets = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// global is all that IPv6 gives out to the public (RFC 4291 §2.4).
var global = netip.MustParsePrefix("2000::/3")

func reachOf(a netip.Addr) reach {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.Zone() != "" || within(a, neverNets):
		return never
	case within(a, innerNets):
		return inner
	case a.Is6() && !global.Contains(a):
		return never
	default:
		return public
	}
}

func within(a netip.Addr, nets []netip.Prefix) bool {
	for _, n := range nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

func prefixes(texts ...string) []netip.Prefix {
	nets := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		nets[i] = netip.MustParsePrefix(s)
	}
	return nets
}
