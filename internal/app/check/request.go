package check

import (
	"crypto/x509"
	"fmt"
	"io"
	"strconv"

	"ringfence/internal/base/fault"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/proof"
)

// mostDocument is how large a signed document may be: no certificate of a request
// comes near it.
const mostDocument = 64 << 20

// document gives the bytes of a signed document; nil: the file is none by its first
// bytes.
func document(file io.ReaderAt, size int64) []byte {
	head := make([]byte, 1)
	if _, err := file.ReadAt(head, 0); err != nil || head[0] != '{' && head[0] != '%' || size > mostDocument {
		return nil
	}
	text, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil
	}
	return text
}

// request checks the certificate of a person's request and tells what it says. signer
// is the installation's certificate as it is known from elsewhere; nil: it is not.
func request(name string, text []byte, signer *x509.Certificate) *proof.Report {
	rep := &proof.Report{File: name, Kind: "certificate of a person's request"}
	say := func(holds bool, claim, format string, args ...any) {
		rep.Findings = append(rep.Findings, proof.Finding{Claim: claim, Holds: holds, Text: fmt.Sprintf(format, args...)})
	}
	c, sig, err := person.Verify(text)
	if err != nil {
		say(false, "signature", "%s", fault.Of(err).Text)
		return rep
	}
	say(true, "signature", "unchanged since it was signed by %q", sig.Certificate.Subject.CommonName)
	switch {
	case signer == nil:
		say(true, "signer", "whether that is your installation: compare with its certificate, --certificate FILE")
	case signer.Equal(sig.Certificate):
		say(true, "signer", "that is the installation of the certificate that you gave")
	default:
		say(false, "signer", "it was signed by another installation than the one of the certificate that you gave")
	}
	const form = "2006-01-02 15:04:05 MST"
	when := "in time"
	if !c.InTime {
		when = "late"
	}
	due := c.Due.UTC().Format(form)
	if c.Extended != nil {
		due += ", made longer until " + c.Extended.UTC().Format(form)
	}
	checked := "not noted"
	if c.Identified != nil {
		checked = "noted at " + c.Identified.UTC().Format(form)
	}
	say(true, "request", "%s of %s (%s): %s, GDPR article %d", c.Request, c.Name, c.Customer, c.Right, c.Article)
	say(true, "clock", "received %s, to be answered before %s; %s %s, %s", c.Received.UTC().Format(form), due, c.State, c.Ended.UTC().Format(form), when)
	say(true, "identity", "how it was checked: %s", checked)
	say(true, "finds", "%d found: %d confirmed, %d rejected, %d undecided", c.Finds.Found, c.Finds.Confirmed, c.Finds.Rejected, c.Finds.Undecided)
	for _, e := range c.Erasures {
		say(true, "erasure", "%s, certificates %v", e.Run, e.Certificates)
	}
	for _, a := range c.Acts {
		say(true, "no. "+strconv.FormatInt(a.Position, 10), "%s %s (%s)", a.At.UTC().Format(form), a.What, a.Event)
	}
	return rep
}
