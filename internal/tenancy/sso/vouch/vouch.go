// Package vouch is the language in which identity providers are spoken of: what
// one says about a person, what of it was checked, and what went wrong, told
// apart so that an administrator can mend it without guessing.
//
// Texts are for administrators. They name what was expected and what came, and
// hold no secret; what somebody who only wants to sign in is told, is decided
// further up and says less.
package vouch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/base/fault"
)

// Cause is why a sign-in by an identity provider did not succeed.
type Cause string

// The causes. The first group is the network's and the provider's health, the
// second what its answer lacks, the third our own customer's settings.
const (
	Down      Cause = "down"      // cannot be reached, or answers that it cannot work
	Slow      Cause = "slow"      // does not answer in time
	Forbidden Cause = "forbidden" // its address is one that this server may not reach
	Broken    Cause = "broken"    // answers, but not as the standard says

	Issuer   Cause = "issuer"   // speaks under another name than the one that was set up
	Keys     Cause = "keys"     // signed with a key that the provider does not publish, or not at all
	Audience Cause = "audience" // meant for somebody else
	Expired  Cause = "expired"  // too old
	Clock    Cause = "clock"    // its clock and ours differ
	Mismatch Cause = "mismatch" // does not answer our question: state, nonce or request
	Replayed Cause = "replayed" // was used before
	Client   Cause = "client"   // the provider does not know us: client id, secret or redirect address
	Denied   Cause = "denied"   // the provider refused the person

	Incomplete Cause = "incomplete" // a claim is missing that we need
	Stranger   Cause = "stranger"   // nobody here is linked to this subject, and none may be made
	Unlinked   Cause = "unlinked"   // a member has this address; an administrator must confirm that it is the same person
	Subject    Cause = "subject"    // the person is known here under another subject
	NoRole     Cause = "no-role"    // the mapping gives no role
	Taken      Cause = "taken"      // the claims give an extension that is somebody else's
	Off        Cause = "off"        // the provider is switched off
)

// Failure is a cause with a text for administrators and, wrapped, the error.
type Failure struct {
	Cause Cause
	Text  string
	err   error
}

// Fail makes a failure.
func Fail(c Cause, format string, args ...any) *Failure {
	return &Failure{Cause: c, Text: fmt.Sprintf(format, args...)}
}

// Because adds what caused it, for the log.
func (f *Failure) Because(err error) *Failure {
	f.err = err
	return f
}

// Error is the text for the log.
func (f *Failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("%s: %s", f.Cause, f.Text)
	}
	return fmt.Sprintf("%s: %s: %v", f.Cause, f.Text, f.err)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (f *Failure) Unwrap() error { return f.err }

// Of finds the failure in an error, or nil: then it is our own fault.
func Of(err error) *Failure {
	f, _ := errors.AsType[*Failure](err)
	return f
}

// Reaching tells apart why a request to a provider brought no answer. What is
// neither the provider's nor its address's fault comes back as it is.
func Reaching(err error, host string) error {
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Fail(Slow, "%s does not answer in time", host).Because(err)
	case errors.Is(err, context.Canceled):
		return err
	case ok && f.Kind == fault.Invalid:
		text := f.Text
		if len(f.Details) > 0 {
			text = f.Details[0].Text
		}
		return Fail(Forbidden, "%s", text).Because(err)
	case ok && f.Kind == fault.TooLarge:
		return Fail(Broken, "%s answers with more than a provider has to say", host).Because(err)
	case ok && f.Kind != fault.Unavailable:
		return err
	}
	return Fail(Down, "%s cannot be reached", host).Because(err)
}

// Check is one thing that was looked at.
type Check struct {
	Name string // for people: "Signature"
	OK   bool
	Text string // what was found
}

// Statement is what a provider says about a person, once every check passed.
type Statement struct {
	Issuer  string
	Subject string // the provider's own name of the person, which it gives nobody else
	Email   string // not a proof of anything but itself
	Name    string
	Claims  map[string][]string

	Mark  string    // what makes this statement one of a kind, where the protocol has it: a SAML assertion's id
	Until time.Time // until when Mark has to be remembered
}

// Outcome is how far the checks came. Claims that were read before a check
// failed are there to be shown to an administrator and for nothing else.
type Outcome struct {
	Statement *Statement // nil unless all passed
	Checks    []Check
	Shown     map[string][]string // what arrived, believed or not
}

// Pass adds a check that was passed.
func (o *Outcome) Pass(name, format string, args ...any) {
	o.Checks = append(o.Checks, Check{name, true, fmt.Sprintf(format, args...)})
}

// Refuse adds the check that was not, and gives the failure.
func (o *Outcome) Refuse(name string, f *Failure) *Failure {
	o.Checks = append(o.Checks, Check{name, false, f.Text})
	return f
}
