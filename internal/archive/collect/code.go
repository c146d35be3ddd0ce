package collect

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// A code for enrolment has three parts, joined by hyphens:
//
//	customer     whose place the device joins, so that one place is asked only
//	fingerprint  of the server's signing key, 80 bits, so that the box knows
//	             whom it talks to whatever became of TLS on the way
//	secret       130 random bits; the server keeps a keyed hash of the code
//
// It works once, for 24 hours.
var (
	codeAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	errCode      = fault.New(fault.NotFound, "this code is not valid, was used already or is older than 24 hours; make a new one in the portal")
)

func newCode(c id.Customer, serverKey []byte) string {
	_, body, _ := strings.Cut(c.String(), "_")
	return body + "-" + fingerprint(serverKey) + "-" + strings.ToLower(rand.Text())
}

func fingerprint(serverKey []byte) string {
	sum := sha256.Sum256(bind("ringfence server key v1", serverKey))
	return codeAlphabet.EncodeToString(sum[:10])
}

// codeCustomer is whose place a code belongs to.
func codeCustomer(code string) (id.Customer, error) {
	parts := strings.Split(code, "-")
	if len(parts) != 3 || len(code) > 100 {
		return id.Customer{}, errCode
	}
	prefix, _, _ := strings.Cut(id.Customer{}.String(), "_")
	c, err := id.Parse[id.Customer](prefix + "_" + parts[0])
	if err != nil {
		return id.Customer{}, errCode
	}
	return c, nil
}

// codeNames reports whether the code was made by the holder of a server key.
func codeNames(code string, serverKey []byte) bool {
	parts := strings.Split(code, "-")
	return len(parts) == 3 && parts[1] == fingerprint(serverKey)
}

// tidy takes a code as people paste it.
func tidy(code string) string { return strings.ToLower(strings.TrimSpace(code)) }
