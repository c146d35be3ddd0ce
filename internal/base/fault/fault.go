// Package fault says what went wrong in two texts: one for the caller, who must
// learn what to do next, and one for the log, which must learn the cause. Only
// the edge turns a fault into a status code or an exit code; an error without a
// kind is Internal and its text never reaches a caller.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what sort of failure it is, from the caller's point of view.
type Kind int

const (
	Internal        Kind = iota // our fault; the caller learns nothing but that
	Invalid                     // the request is wrong; Details name each field
	Unauthenticated             // not signed in, or no longer
	StepUp                      // signed in, but too long ago or too weakly for this act
	Denied                      // may not, and may know that
	NotFound                    // missing, foreign or forbidden: all look the same
	Conflict                    // the thing is in another state than the act needs
	TooLarge                    // more than a limit allows
	Limited                     // too many requests; RetryAfter says when
	Gone                        // was here and was destroyed on purpose
	Unavailable                 // something we depend on does not answer; try again
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "step-up", "denied", "not found",
	"conflict", "too large", "limited", "gone", "unavailable",
}

func (k Kind) String() string { return kindNames[k] }

// Detail is one fault among several, with the path of the field it is about.
type Detail struct {
	Path string // for example "sources[0].time_zone" or "query.limit"
	Text string
}

// Error is a failure with a text for the caller and, wrapped, the cause.
type Error struct {
	Kind       Kind
	Text       string
	Details    []Detail
	RetryAfter time.Duration // for Limited and Unavailable; zero: not known
	cause      error
}

// Error is the text for the log: what the caller is told and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Text)
	for _, d := range e.Details {
		fmt.Fprintf(&b, "; %s: %s", d.Path, d.Text)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// New makes a fault whose text the caller may read.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...)}
}

// Wrap gives a cause a kind and a text for the caller. Wrap of nil is nil.
func Wrap(cause error, k Kind, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...), cause: cause}
}

// Field makes an Invalid fault about one field.
func Field(path, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Text: "the request is not valid", Details: []Detail{{path, fmt.Sprintf(format, args...)}}}
}

// Together makes one fault of several that each found something: all details of
// those that are Invalid, under the text of the first. One of another kind says
// more than any field and is given alone. Together of nils is nil.
func Together(errs ...error) error {
	var all *Error
	for _, err := range errs {
		if err == nil {
			continue
		}
		one := Of(err)
		if one.Kind != Invalid {
			return err
		}
		if all == nil {
			all = &Error{Kind: Invalid, Text: one.Text, cause: err}
		}
		all.Details = append(all.Details, one.Details...)
	}
	if all == nil {
		return nil
	}
	return all
}

// After says when the caller may try again.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

// Of finds the fault in an error; an error without one is Internal.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Text: "something went wrong on our side", cause: err}
}

// KindOf is the kind of the fault in an error.
func KindOf(err error) Kind { return Of(err).Kind }

// Is reports whether an error carries a fault of the given kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }
