package entry

import (
	"fmt"
	"net/netip"
	"strings"

	"ringfence/internal/base/fault"
)

// mostNetworks bounds what one token may list.
const mostNetworks = 50

// Network reads a network such as 203.0.113.0/24 or 2001:db8::/48, or one
// address. Bits behind the mask are refused, with what may have been meant:
// guessing would let in more, or less, than somebody thought.
func Network(text string) (netip.Prefix, error) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fault.New(fault.Invalid, "want an address or a network, such as 203.0.113.7 or 203.0.113.0/24")
	}
	if p != p.Masked() {
		return netip.Prefix{}, fault.New(fault.Invalid, "%s is neither a network nor one address: is it %s or %s?", p, p.Masked(), p.Addr())
	}
	return p, nil
}

// Networks reads a list and names every entry that is none; path is the field.
func Networks(path string, texts []string) (out []netip.Prefix, err error) {
	if len(texts) > mostNetworks {
		return nil, fault.Field(path, "at most %d networks", mostNetworks)
	}
	bad := fault.New(fault.Invalid, "the request is not valid")
	for i, t := range texts {
		p, err := Network(t)
		if err != nil {
			bad.Details = append(bad.Details, fault.Detail{Path: fmt.Sprintf("%s[%d]", path, i), Text: fault.Of(err).Text})
			continue
		}
		out = append(out, p)
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	return out, nil
}

// Covers reports whether a list of networks, as text with blanks between, lets
// an address in; an empty list lets in all.
func Covers(list string, from netip.Addr) bool {
	if list == "" {
		return true
	}
	for rest := list; rest != ""; {
		var one string
		one, rest, _ = strings.Cut(rest, " ")
		if p, err := netip.ParsePrefix(one); err == nil && from.IsValid() && p.Contains(from.Unmap()) {
			return true
		}
	}
	return false
}
