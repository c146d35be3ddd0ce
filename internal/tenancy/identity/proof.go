package identity

import (
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Method is one way in which somebody has shown who they are.
type Method string

// The methods. A device only remembers what was shown on it before.
const (
	ByPassword Method = "password"
	ByMail     Method = "mail"     // a code in the mailbox
	ByTOTP     Method = "totp"     // a code of an authenticator app
	ByPasskey  Method = "passkey"  // with user verification: two factors in one
	ByRecovery Method = "recovery" // a code that was written down
	ByDevice   Method = "device"   // a browser that was trusted earlier
	BySSO      Method = "sso"      // a customer's identity provider says so
)

// Proof is what a session rests on. What a customer's identity provider says
// is worth something at that customer only, unless another one accepts it:
// whoever runs the provider could vouch for anybody.
type Proof struct {
	Methods  []Method
	Customer id.Customer // whose identity provider vouched; zero: our own sign-in
	Provider string      // which of that customer's
}

// StepUpFor is how long a proof is enough for a dangerous act.
const StepUpFor = 5 * time.Minute

// Has reports whether a method is part of the proof.
func (p Proof) Has(m Method) bool { return slices.Contains(p.Methods, m) }

// Strong reports whether we saw a second factor ourselves that whoever reads
// the person's mail does not have.
func (p Proof) Strong() bool {
	return p.Has(ByPasskey) || p.Has(ByPassword) && (p.Has(ByTOTP) || p.Has(ByRecovery))
}

// own reports whether we saw two factors of any sort ourselves.
func (p Proof) own() bool { return p.Strong() || p.Has(ByPassword) && p.Has(ByMail) }

// with adds what was shown later.
func (p Proof) with(more Proof) Proof {
	all := slices.Concat(p.Methods, more.Methods)
	slices.Sort(all)
	p.Methods = slices.Compact(all)
	if !more.Customer.IsZero() {
		p.Customer, p.Provider = more.Customer, more.Provider
	}
	return p
}

func joinMethods(ms []Method) string {
	var words []string
	for _, m := range ms {
		words = append(words, string(m))
	}
	return strings.Join(words, " ")
}

func splitMethods(s string) (ms []Method) {
	for _, w := range strings.Fields(s) {
		ms = append(ms, Method(w))
	}
	return ms
}

// Fresh reports whether the session showed a factor to us within the last five
// minutes. A browser that was only remembered has shown none.
func (s Session) Fresh(at time.Time) bool {
	return !s.ProvedAt.IsZero() && at.Sub(s.ProvedAt) < StepUpFor
}

// FreshAt is Fresh for acts at one customer: there, what its own identity
// provider has just said counts too.
func (s Session) FreshAt(c id.Customer, at time.Time) bool {
	return s.Fresh(at) || !c.IsZero() && s.Proof.Customer == c && !s.VouchedAt.IsZero() && at.Sub(s.VouchedAt) < StepUpFor
}

// NeedsPath is the path under which a fault.StepUp names each proof that would
// do: a Method, or "sso".
const NeedsPath = "needs"

// StepUp is the refusal of a session that stands but has shown too little, or
// too long ago; it names what would do.
func StepUp(text string, needs ...Method) *fault.Error {
	f := fault.New(fault.StepUp, "%s", text)
	for _, m := range needs {
		f.Details = append(f.Details, fault.Detail{Path: NeedsPath, Text: string(m)})
	}
	return f
}
