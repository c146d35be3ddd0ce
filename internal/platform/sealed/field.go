package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"slices"

	"ringfence/internal/base/secret"
)

const (
	fieldVersion  = 1 // first byte of a sealed field: AES-256-GCM, random nonce of 12 bytes
	fieldNonce    = 12
	fieldOverhead = 1 + fieldNonce + tagSize
)

// Box seals small values under one key. It is safe for concurrent use; make it
// once for a key that is used often, as the key schedule is most of the cost.
type Box struct{ aead cipher.AEAD }

// NewBox makes a box for a key.
func NewBox(k secret.Key) *Box {
	block, err := aes.NewCipher(k.Reveal())
	if err != nil {
		panic(err) // not reached: a secret.Key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // not reached: AES has blocks of 16 bytes
	}
	return &Box{aead}
}

// Seal closes a value; it is 29 bytes longer after that. The associated data
// says where the value belongs: elsewhere it does not open.
func (b *Box) Seal(aad, plain []byte) []byte {
	out := make([]byte, 1+fieldNonce, fieldOverhead+len(plain))
	out[0] = fieldVersion
	rand.Read(out[1:])
	return b.aead.Seal(out, out[1:], plain, fieldAAD(aad))
}

// Open gives the value back, or ErrAltered.
func (b *Box) Open(aad, sealed []byte) ([]byte, error) {
	if len(sealed) < fieldOverhead || sealed[0] != fieldVersion {
		return nil, ErrAltered
	}
	plain, err := b.aead.Open(nil, sealed[1:1+fieldNonce], sealed[1+fieldNonce:], fieldAAD(aad))
	if err != nil {
		return nil, ErrAltered
	}
	return plain, nil
}

// fieldAAD puts the version under the tag: a later version must not be taken
// back to this one.
func fieldAAD(aad []byte) []byte { return slices.Concat([]byte{fieldVersion}, aad) }

// Field seals one small value under a key.
func Field(k secret.Key, aad, plain []byte) []byte { return NewBox(k).Seal(aad, plain) }

// OpenField opens what Field sealed, or gives ErrAltered.
func OpenField(k secret.Key, aad, sealed []byte) ([]byte, error) { return NewBox(k).Open(aad, sealed) }
