package keyring

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// receiptDomain keeps a signature under a receipt from being one under anything
// else that the same key may sign one day.
const receiptDomain = "ringfence receipt v1\x00"

// SignReceipt signs a receipt for a source with the installation's key
// (Ed25519, RFC 8032).
func (k *Keyring) SignReceipt(ctx context.Context, message []byte) ([]byte, error) {
	m, err := k.material(ctx, installation)
	if err != nil {
		return nil, err
	}
	return ed25519.Sign(m.sign, append([]byte(receiptDomain), message...)), nil
}

// SigningKey is the public key that receipts are checked with.
func (k *Keyring) SigningKey(ctx context.Context) ([]byte, error) {
	m, err := k.material(ctx, installation)
	if err != nil {
		return nil, err
	}
	return m.sign.Public().(ed25519.PublicKey), nil
}

// VerifyReceipt checks a signature of SignReceipt; collectors use it without a
// keyring.
func VerifyReceipt(public, message, signature []byte) error {
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, append([]byte(receiptDomain), message...), signature) {
		return fault.New(fault.Denied, "this receipt was not signed by this server")
	}
	return nil
}

// Seal implements place.Sealer: it closes a field under the customer's field
// key. Customer, field and row are bound: a value copied into another row, field
// or customer does not open.
func (k *Keyring) Seal(ctx context.Context, c id.Customer, f place.Field, row [16]byte, plain []byte) ([]byte, error) {
	m, err := k.material(ctx, c)
	if err != nil {
		return nil, err
	}
	return m.field.Seal(bindField(c, f, row), plain), nil
}

// Unseal implements place.Sealer.
func (k *Keyring) Unseal(ctx context.Context, c id.Customer, f place.Field, row [16]byte, s []byte) ([]byte, error) {
	m, err := k.material(ctx, c)
	if err != nil {
		return nil, err
	}
	return m.field.Open(bindField(c, f, row), s)
}

func bindField(c id.Customer, f place.Field, row [16]byte) []byte {
	b := make([]byte, 0, 34)
	b = append(b, c[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(f))
	return append(b, row[:]...)
}

// Blind implements place.Sealer: HMAC-SHA256 under the customer's index key, cut
// to 16 bytes. It tells which rows of one customer and field share a value, and
// nothing across customers or fields.
func (k *Keyring) Blind(ctx context.Context, c id.Customer, f place.Field, value []byte) ([]byte, error) {
	m, err := k.material(ctx, c)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, m.index.Reveal())
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(f)))
	h.Write(value)
	return h.Sum(nil)[:16], nil
}
