// Package entry says from which networks somebody may come in, customer by
// customer and surface by surface. A surface without a rule is open; with
// rules, only what one of them covers is let in. A rule that has run out counts
// no more, at once, and is taken out at night.
//
//	rules (owner, reason, end) ──▶ one sealed text per place ──▶ Admits, at each request
//
// The decision is pure. The text comes with the read that the gate of the API
// makes anyway, so that a change works from the next request on and costs no
// round trip. Whoever is refused gets the answer that a missing thing gets; the
// journal tells the place's own administrators.
//
// Limits: when the last rule of a surface runs out, the surface is open again,
// and the journal says so. A rule protects as well as the address that the
// server sees: behind a proxy that is not configured it sees only the proxy.
package entry

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// Surface is a way in.
type Surface string

// The surfaces.
const (
	Portal         Surface = "portal"         // people, with a session
	API            Surface = "api"            // machines, with a token
	SCIM           Surface = "scim"           // an identity provider that pushes people
	Collectors     Surface = "collectors"     // boxes beside telephone systems
	Administration Surface = "administration" // acts that change settings; at a provider or reseller everything
)

// Surfaces are those that a customer has, or a node above customers.
func Surfaces(customer bool) []Surface {
	if customer {
		return []Surface{Portal, API, SCIM, Collectors, Administration}
	}
	return []Surface{Administration}
}

// reading are the acts that change nothing: everything else at a customer is
// administration besides being the portal.
var reading = []access.Act{
	access.RecordingList, access.RecordingListen, access.RecordingTranscript, access.RecordingDownload,
	access.JournalRead, access.UsageRead, access.AttentionRead, access.ExposureRead,
	access.PolicyRead, access.MemberRead, access.ReviewRead,
}

// ForPerson is which surfaces somebody with a session needs for an act.
func ForPerson(a access.Act) []Surface {
	if slices.Contains(reading, a) {
		return onlyPortal
	}
	return portalAndMore
}

var (
	onlyPortal    = []Surface{Portal}
	portalAndMore = []Surface{Portal, Administration}
)

// Rule lets a network in.
type Rule struct {
	ID        id.Rule
	Surface   Surface
	Network   netip.Prefix
	Owner     string    // who answers for it
	Reason    string    // why it is there
	Until     time.Time // zero: until it is taken out
	CreatedAt time.Time
	Maker     string // text form of who made it
}

func (r Rule) live(at time.Time) bool { return r.Until.IsZero() || at.Before(r.Until) }

// List is what the gate reads: a line for each rule, "surface network end",
// the end in Unix milliseconds or 0. It is kept as text because most requests
// look at one line of it.
type List string

// Of makes the list of rules.
func Of(rules []Rule) List {
	var b strings.Builder
	for _, r := range rules {
		until := int64(0)
		if !r.Until.IsZero() {
			until = r.Until.UnixMilli()
		}
		b.WriteString(string(r.Surface) + " " + r.Network.String() + " " + strconv.FormatInt(until, 10) + "\n")
	}
	return List(b.String())
}

// Admits reports whether an address is let in at that instant. An address that
// is not known is let in only where there is no rule; a line that cannot be
// read counts as a rule that covers nobody.
func (l List) Admits(s Surface, from netip.Addr, at time.Time) bool {
	ruled := false
	now := at.UnixMilli()
	for rest := string(l); rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		surface, line, _ := strings.Cut(line, " ")
		if surface != string(s) {
			continue
		}
		network, end, _ := strings.Cut(line, " ")
		until, err := strconv.ParseInt(end, 10, 64)
		if err == nil && until != 0 && now >= until {
			continue
		}
		ruled = true
		p, perr := netip.ParsePrefix(network)
		if err == nil && perr == nil && from.IsValid() && p.Contains(from.Unmap()) {
			return true
		}
	}
	return !ruled
}

// AdmitsAll is Admits for an act that needs several surfaces.
func (l List) AdmitsAll(all []Surface, from netip.Addr, at time.Time) (refusing Surface, ok bool) {
	if l == "" {
		return "", true
	}
	for _, s := range all {
		if !l.Admits(s, from, at) {
			return s, false
		}
	}
	return "", true
}

// ends lists when rules of a surface run out, soonest first, those to come.
func ends(rules []Rule, s Surface, at time.Time) (out []time.Time) {
	for _, r := range rules {
		if r.Surface == s && r.Until.After(at) {
			out = append(out, r.Until)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// Forecast is what becomes of an address at a surface.
type Forecast struct {
	Admitted bool      // now
	OutAt    time.Time // from then on it is refused; zero: never, as far as the rules say
	OpenAt   time.Time // from then on the surface has no rule and is open to all; zero: never, or open now
	Open     bool      // there is no rule now
}

// Foresee says what rules mean for an address, now and whenever one runs out.
func Foresee(rules []Rule, s Surface, from netip.Addr, at time.Time) Forecast {
	list := Of(rules)
	f := Forecast{Admitted: list.Admits(s, from, at), Open: !ruled(rules, s, at)}
	if !f.Admitted {
		f.OutAt = at
	}
	for _, end := range ends(rules, s, at) {
		if f.OutAt.IsZero() && !list.Admits(s, from, end) {
			f.OutAt = end
		}
		if f.OpenAt.IsZero() && !f.Open && !ruled(rules, s, end) {
			f.OpenAt = end
		}
	}
	return f
}

func ruled(rules []Rule, s Surface, at time.Time) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.Surface == s && r.live(at) })
}

// LocksOut reports whether a change of rules shuts out an address that the
// rules before it let in, now or when another rule runs out, and when.
func LocksOut(before, after []Rule, s Surface, from netip.Addr, at time.Time) (when time.Time, out bool) {
	was, will := Foresee(before, s, from, at), Foresee(after, s, from, at)
	if will.OutAt.IsZero() || !was.OutAt.IsZero() && !will.OutAt.Before(was.OutAt) {
		return time.Time{}, false
	}
	return will.OutAt, true
}
