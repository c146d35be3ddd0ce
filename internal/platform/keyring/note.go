package keyring

import (
	"bytes"
	"context"
	"crypto/ed25519"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// notePrefix is what every text begins with that SignNote signs. Receipts begin
// otherwise: nobody can have one signed as the other.
const notePrefix = "ringfence/"

// SignNote signs the text of a note (a checkpoint of a customer's log, a statement
// beside it) with the installation's key. Readers of notes check the bare
// Ed25519 signature, so there is no room for a domain before the text: the text
// itself says what it is.
func (k *Keyring) SignNote(ctx context.Context, text []byte) ([]byte, error) {
	if !bytes.HasPrefix(text, []byte(notePrefix)) {
		return nil, fault.New(fault.Internal, "only notes are signed here")
	}
	m, err := k.material(ctx, installation)
	if err != nil {
		return nil, err
	}
	return ed25519.Sign(m.sign, text), nil
}

// Counted is one opening as the key store counted it.
type Counted struct {
	Receipt id.Receipt `db:"receipt"`
	At      int64      `db:"at"` // Unix milliseconds
	What    string     `db:"what"`
	Keys    int64      `db:"keys"` // how many were asked for
}

// OpeningList is the key store's own list of openings, the oldest first, to be
// held against the journal: each stood there before it was counted here.
func (k *Keyring) OpeningList(ctx context.Context, c id.Customer) (all []Counted, err error) {
	err = k.look(ctx, c, func(tx *place.Tx) (err error) {
		all, err = place.Rows[Counted](tx, `SELECT receipt, at, what, keys FROM openings ORDER BY receipt`)
		return err
	})
	return all, err
}
