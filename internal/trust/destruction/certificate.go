package destruction

import (
	"bytes"
	"encoding/json"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/paper"
)

// Certificate is what is said of a destruction, and signed. Its JSON is the
// document.
type Certificate struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Corrects string    `json:"corrects,omitempty"` // certificate that this one takes the place of: more is known now
	Customer string    `json:"customer"`
	Name     string    `json:"customer_name"`
	Run      string    `json:"run"`
	By       Authority `json:"authority"`
	Ordered  time.Time `json:"ordered_at"`
	Ended    time.Time `json:"ended_at"` // keys, objects and rows were gone
	SignedAt time.Time `json:"signed_at"`
	Total    Total     `json:"total"`
	Copies   []Copy    `json:"copies"`
	Stores   []Store   `json:"stores,omitempty"` // of a person's request for erasure: every store, not recordings alone
	Items    []Item    `json:"items"`
	// Boxes are what collectors said of all that they had of a customer who left.
	Boxes []BoxParts `json:"boxes,omitempty"`
}

// Authority is by what right it was done.
type Authority struct {
	Kind      string `json:"kind"`
	Rule      string `json:"rule,omitempty"`
	Request   string `json:"request,omitempty"`
	Approval  string `json:"approval,omitempty"`
	OrderedBy string `json:"ordered_by"` // kind of who did: person, token, system
}

// Total counts what went.
type Total struct {
	Recordings int   `json:"recordings"`
	Keys       int   `json:"keys"`
	Sounds     int   `json:"sounds"`
	Texts      int   `json:"transcript_parts"`
	Bytes      int64 `json:"bytes"`
	Remaining  int   `json:"remaining_at_source"`
	Unknown    int   `json:"unknown_at_source"`
	Waiting    int   `json:"waiting_at_source"` // a collector was asked and has not answered
}

// Copy is one kind of copy and what became of it.
type Copy struct {
	What   string     `json:"what"`
	State  string     `json:"state"` // gone, remaining, none, unknown, waiting
	Until  *time.Time `json:"until,omitempty"`
	Detail string     `json:"detail"`
}

// Item is one recording.
type Item struct {
	Recording string    `json:"recording"`
	Source    string    `json:"source"`
	At        string    `json:"ended_at"`
	Keys      []string  `json:"keys"` // their ids: the same stand as tombstones in the key stores
	Sounds    int       `json:"sounds"`
	Texts     int       `json:"transcript_parts"`
	Bytes     int64     `json:"bytes"`
	AtSource  AtSource  `json:"at_source"`
	Paths     []string  `json:"paths,omitempty"` // keyed hashes of its files' names at the source
	Boxes     []BoxSays `json:"boxes,omitempty"`
}

const whatItIs = "ringfence destruction certificate"

// Verify checks the file of a certificate, JSON or PDF, without asking anybody:
// fault.Denied if it was changed, fault.Invalid if it is none. The certificate is
// nil for a PDF. It trusts whatever signer is named inside: the caller compares
// that with the installation's.
func Verify(file []byte) (*Certificate, paper.Signature, error) {
	if bytes.HasPrefix(file, []byte("%PDF-")) {
		sig, err := paper.Verify(file)
		return nil, sig, err
	}
	text, sig, err := paper.Open(file, whatItIs)
	if err != nil {
		return nil, sig, err
	}
	var c Certificate
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, sig, fault.Wrap(err, fault.Invalid, "the signed certificate cannot be read")
	}
	if c.Version != 1 {
		return nil, sig, fault.New(fault.Invalid, "the certificate is of version %d, which this program does not know", c.Version)
	}
	for _, i := range c.Items {
		for _, b := range i.Boxes {
			if err := b.check(c.Customer, i.Recording); err != nil {
				return nil, sig, fault.Wrap(err, fault.Denied, "what a collector says of %s does not bear its signature", i.Recording)
			}
		}
	}
	for _, b := range c.Boxes {
		if err := b.check(c.Customer); err != nil {
			return nil, sig, fault.Wrap(err, fault.Denied, "what collector %s says of all that it had does not bear its signature", b.Device)
		}
	}
	return &c, sig, nil
}
