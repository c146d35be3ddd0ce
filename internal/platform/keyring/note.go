package keyring

import (
	"bytes"
	"context"
	"crypto/ed25519"

	"ringfence/internal/base/fault"
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
