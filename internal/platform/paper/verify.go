package paper

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"regexp"
	"strconv"
	"time"

	"github.com/digitorus/pkcs7"

	"ringfence/internal/base/fault"
)

// Signature is what a document's signature says.
type Signature struct {
	Certificate *x509.Certificate
	At          time.Time // of the server that signed
}

var rangeAt = regexp.MustCompile(`/ByteRange \[0 (\d{1,12}) (\d{1,12}) (\d{1,12})\]`)

var errUnsigned = fault.New(fault.Invalid, "this file bears no signature of the form that Ringfence writes")

// Verify checks that a document is what was signed, whole and unchanged:
// fault.Invalid if it bears no signature, fault.Denied if the signature does not
// fit. It trusts whatever certificate is inside: the caller compares it with the
// installation's.
func Verify(pdf []byte) (Signature, error) {
	m := rangeAt.FindAllSubmatch(pdf, -1)
	if len(m) != 1 {
		return Signature{}, errUnsigned
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(m[0][i+1])) // twelve digits fit
	}
	from, to := n[0], n[1]
	changed := fault.New(fault.Denied, "this file was changed after it was signed")
	// What is outside of the range could say anything: the range must be all but
	// the signature itself.
	if from < 1 || to <= from+2 || to > len(pdf) || to+n[2] != len(pdf) || pdf[from] != '<' || pdf[to-1] != '>' {
		return Signature{}, changed
	}
	der := make([]byte, hex.DecodedLen(to-from-2))
	if _, err := hex.Decode(der, pdf[from+1:to-1]); err != nil {
		return Signature{}, changed
	}
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(der, &whole); err != nil {
		return Signature{}, errUnsigned
	}
	p7, err := pkcs7.Parse(whole.FullBytes)
	if err != nil {
		return Signature{}, errUnsigned
	}
	p7.Content = append(bytes.Clone(pdf[:from]), pdf[to:]...)
	signer := p7.GetOnlySigner()
	if signer == nil || len(p7.Signers) != 1 {
		return Signature{}, errUnsigned
	}
	if err := p7.Verify(); err != nil {
		return Signature{}, fault.Wrap(err, fault.Denied, "this file was changed after it was signed")
	}
	// The certificate vouches for itself; else a name in it could be changed unseen.
	if err := signer.CheckSignature(signer.SignatureAlgorithm, signer.RawTBSCertificate, signer.Signature); err != nil {
		return Signature{}, fault.Wrap(err, fault.Denied, "this file was changed after it was signed")
	}
	s := Signature{Certificate: signer}
	_ = p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &s.At) // without it, the time stays unknown
	return s, nil
}
