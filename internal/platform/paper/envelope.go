package paper

import (
	"encoding/json"

	"ringfence/internal/base/fault"
)

// Envelope is the file of a signed certificate for programs. The signature is over
// exactly the bytes of Certificate.
type Envelope struct {
	What        string `json:"what"` // of which kind it is
	Certificate string `json:"certificate"`
	Signature   []byte `json:"signature"` // PKCS #7, detached, DER
}

// What is of which kind a file calls itself; empty: it is no envelope.
func What(file []byte) string {
	var e Envelope
	if json.Unmarshal(file, &e) != nil {
		return ""
	}
	return e.What
}

// Open gives the text of an envelope of one kind, checked: fault.Invalid if the file
// is none of that kind, fault.Denied if the text was changed after it was signed. It
// trusts whatever signer is named inside.
func Open(file []byte, what string) ([]byte, Signature, error) {
	var e Envelope
	if err := json.Unmarshal(file, &e); err != nil || e.What != what {
		return nil, Signature{}, fault.New(fault.Invalid, "this is no %s: neither the JSON nor the PDF of one", what)
	}
	sig, err := VerifyText([]byte(e.Certificate), e.Signature)
	return []byte(e.Certificate), sig, err
}
