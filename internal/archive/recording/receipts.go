package recording

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// receiptHead begins the text of an archive receipt. The text has one line per
// object after the head; it names nothing personal, the hash of the sound being
// blinded with the customer's index key.
//
//	ringfence archive receipt v1
//	kind stored
//	customer org_…
//	receipt rcp_…
//	at 2026-11-22T07:00:00.000Z
//	rec_… obj_… <bytes stored> <digest of the ciphertext> <blinded SHA-256 of the sound> <bytes of sound>
func receiptHead(kind Result, c id.Customer, r id.Receipt, at time.Time) *bytes.Buffer {
	var b bytes.Buffer
	fmt.Fprintf(&b, "ringfence archive receipt v1\nkind %s\ncustomer %s\nreceipt %s\nat %s\n",
		kind, c, r, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	return &b
}

// signStored signs that everything taken is stored: committed with these rows
// and covering these ciphertexts.
func (c *commit) signStored() error {
	var lines []string
	for _, t := range c.taken {
		lines = append(lines, c.proof(t).lines()...)
	}
	r, err := c.s.sign(c.tx, Stored, c.receipt, lines)
	if err != nil {
		return err
	}
	for _, t := range c.taken {
		o := c.outcomes[t.at]
		o.Receipt = r
		c.outcomes[t.at] = o
	}
	return nil
}

// proof is what will have to be shown of a recording that was taken.
func (c *commit) proof(t taken) *proof {
	f := &proof{n: t.n, id: t.id, key: t.keys.Content.ID, stored: c.receipt, thorough: t.thorough}
	for i, p := range t.parts {
		f.parts = append(f.parts, proofPart{object: p.object, bytes: p.bytes, plain: p.plain, digest: p.digest, token: c.seen.tokens[t.at][i]})
	}
	return f
}

// sign makes a receipt over lines and keeps it, in the Change it is true with.
func (s *Service) sign(tx *place.Tx, kind Result, r id.Receipt, lines []string) (SignedReceipt, error) {
	b := receiptHead(kind, tx.Place().Customer(), r, tx.At())
	for _, l := range lines {
		b.WriteString(l)
	}
	signature, err := s.keys.SignReceipt(tx.Context(), b.Bytes())
	if err != nil {
		return SignedReceipt{}, err
	}
	_, err = tx.Exec(`INSERT INTO archive_receipts (id, kind, at, body, signature) VALUES (?, ?, ?, ?, ?)`,
		r, string(kind), millis(tx.At()), b.Bytes(), signature)
	return SignedReceipt{Kind: kind, Text: b.Bytes(), Signature: signature}, err
}
