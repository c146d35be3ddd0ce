package paper

import (
	"crypto/x509"
	"time"

	"github.com/digitorus/pkcs7"

	"ringfence/internal/base/fault"
)

// SignText signs a text as it is, apart from it: a detached PKCS #7 signature
// (RFC 5652) in DER, with the certificate inside.
func (k *Key) SignText(text []byte) ([]byte, error) { return k.detached(text) }

// VerifyText checks a signature of SignText: fault.Invalid if it is none,
// fault.Denied if the text is not what was signed. It trusts whatever certificate
// is inside: the caller compares it with the installation's.
func VerifyText(text, signature []byte) (Signature, error) {
	p7, err := pkcs7.Parse(signature)
	if err != nil {
		return Signature{}, errUnsigned
	}
	p7.Content = text
	signer := p7.GetOnlySigner()
	if signer == nil || len(p7.Signers) != 1 {
		return Signature{}, errUnsigned
	}
	if err := vouched(p7, signer); err != nil {
		return Signature{}, fault.Wrap(err, fault.Denied, "this file was changed after it was signed")
	}
	s := Signature{Certificate: signer}
	var at time.Time
	if p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &at) == nil {
		s.At = at
	}
	return s, nil
}

// vouched checks the signature, and that the certificate vouches for itself;
// else a name in it could be changed unseen.
func vouched(p7 *pkcs7.PKCS7, signer *x509.Certificate) error {
	if err := p7.Verify(); err != nil {
		return err
	}
	return signer.CheckSignature(signer.SignatureAlgorithm, signer.RawTBSCertificate, signer.Signature)
}
