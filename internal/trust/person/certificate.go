package person

import (
	"bytes"
	"encoding/json"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/paper"
)

// Certificate says what was done about one request until it was ended, and is
// signed. Its JSON is the document. It holds ids, instants, counts and words of this
// program, and nothing that somebody wrote: nobody can be told by it.
type Certificate struct {
	Version    int        `json:"version"`
	ID         string     `json:"id"`
	Customer   string     `json:"customer"`
	Name       string     `json:"customer_name"`
	Request    string     `json:"request"`
	Right      Right      `json:"right"`
	Article    int        `json:"article"` // of the GDPR
	Received   time.Time  `json:"received_at"`
	Due        time.Time  `json:"due_at"`                        // the month was over then
	Extended   *time.Time `json:"extended_until,omitempty"`      // the time was made longer until then
	Identified *time.Time `json:"identity_checked_at,omitempty"` // it was made sure that the person is who they say
	Ended      time.Time  `json:"ended_at"`
	State      State      `json:"state"` // answered or refused
	InTime     bool       `json:"in_time"`
	Finds      Finds      `json:"finds"`
	Erasures   []Erasure  `json:"erasures,omitempty"`
	Acts       []Act      `json:"acts"` // in the order of the change log
	SignedAt   time.Time  `json:"signed_at"`
}

// Finds count what was found, and what was decided of it.
type Finds struct {
	Found     int64 `json:"found"`
	Confirmed int64 `json:"confirmed"`
	Rejected  int64 `json:"rejected"`
	Undecided int64 `json:"undecided"`
}

// Erasure is one erasure of the request, and the certificates of what became of
// every copy that were signed by then.
type Erasure struct {
	Run          string   `json:"run"`
	Certificates []string `json:"certificates"`
}

// Act is one thing that was done. Whoever has an export of the change log finds the
// event there, with its proof.
type Act struct {
	At       time.Time `json:"at"`
	What     string    `json:"what"`
	Code     string    `json:"code"`
	Position int64     `json:"position"`
	Event    string    `json:"event"`
}

// WhatItIs is what the envelope of a certificate calls itself.
const WhatItIs = "ringfence certificate of a person's request"

// Verify checks the file of a certificate, JSON or PDF, without asking anybody:
// fault.Denied if it was changed, fault.Invalid if it is none. A PDF has what the JSON
// says in it. It trusts whatever signer is named inside: the caller compares that
// with the installation's.
func Verify(file []byte) (*Certificate, paper.Signature, error) {
	if bytes.HasPrefix(file, []byte("%PDF-")) {
		sig, err := paper.Verify(file)
		if err != nil {
			return nil, sig, err
		}
		text, err := paper.Attached(file)
		if fault.Is(err, fault.NotFound) {
			return nil, sig, fault.New(fault.Invalid, "this document is signed and unchanged, but it is no certificate of a person's request")
		}
		if err != nil {
			return nil, sig, err
		}
		c, err := parse(text)
		return c, sig, err
	}
	text, sig, err := paper.Open(file, WhatItIs)
	if err != nil {
		return nil, sig, err
	}
	c, err := parse(text)
	return c, sig, err
}

// parse reads what was signed.
func parse(text []byte) (*Certificate, error) {
	var c Certificate
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the signed certificate cannot be read")
	}
	if c.Version != 1 {
		return nil, fault.New(fault.Invalid, "the certificate is of version %d, which this program does not know", c.Version)
	}
	return &c, nil
}
