package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/platform/paper"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/person"
)

const certificateUsage = `
ringfence certificate verify checks a signed certificate, JSON or PDF, of a
destruction or of a person's request: whether it was changed since, who signed
it, and what it says. It asks no server. With --certificate it also checks that
the signer is the installation whose certificate that is; the portal offers it
on the page Certificates.

Usage: ringfence certificate verify FILE [--certificate FILE]`

// Certificate is `ringfence certificate`.
func Certificate(_ context.Context, args []string, p cli.Process) error {
	return verifySigned("certificate", certificateUsage, args, p, func(text []byte) (signature, error) {
		if ofRequest(text) {
			return request(text)
		}
		return destroyed(text)
	})
}

// ofRequest tells the two kinds apart; a PDF of a request has its text attached.
func ofRequest(file []byte) bool {
	if _, err := paper.Attached(file); err == nil {
		return true
	}
	return paper.What(file) == person.WhatItIs
}

func destroyed(text []byte) (signature, error) {
	c, sig, err := destruction.Verify(text)
	if err != nil {
		return signature{}, err
	}
	out := signature{by: sig.Certificate}
	if c == nil {
		return out, nil
	}
	out.says = fmt.Sprintf("%d recordings of %s, destroyed by %s, ended %s", c.Total.Recordings, c.Name, c.By.Kind, c.Ended.UTC().Format("2006-01-02 15:04 MST"))
	for _, one := range c.Copies {
		out.says += "\n  " + one.What + ": " + one.State
		if one.Until != nil && one.State == "remaining" {
			out.says += " until " + one.Until.UTC().Format("2006-01-02")
		}
	}
	return out, nil
}

func request(text []byte) (signature, error) {
	c, sig, err := person.Verify(text)
	if err != nil {
		return signature{}, err
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s (%s): %s, GDPR article %d\n  received %s, to be answered before %s", c.Request, c.Name, c.Customer, c.Right, c.Article, at(c.Received), at(c.Due))
	if c.Extended != nil {
		fmt.Fprintf(&b, ", made longer until %s", at(*c.Extended))
	}
	when, checked := "in time", "was not noted"
	if !c.InTime {
		when = "late"
	}
	if c.Identified != nil {
		checked = "was noted at " + at(*c.Identified)
	}
	fmt.Fprintf(&b, "\n  %s %s, %s; how the identity was checked %s", c.State, at(c.Ended), when, checked)
	fmt.Fprintf(&b, "\n  %d found: %d confirmed, %d rejected, %d undecided", c.Finds.Found, c.Finds.Confirmed, c.Finds.Rejected, c.Finds.Undecided)
	for _, e := range c.Erasures {
		fmt.Fprintf(&b, "\n  erasure %s, certificates %v", e.Run, e.Certificates)
	}
	for _, a := range c.Acts {
		fmt.Fprintf(&b, "\n  %6d  %s  %s (%s)", a.Position, at(a.At), a.What, a.Event)
	}
	return signature{by: sig.Certificate, says: b.String()}, nil
}
