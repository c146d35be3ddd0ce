// Package sealed closes bytes so that only the holder of a key can read them
// and nobody can alter, cut, reorder or exchange them without being noticed.
//
// A stream is sealed in the byte layout of Tink's AES256_GCM_HKDF streaming
// (HKDF-SHA256, ciphertext segments of 64 KiB), so that an independent reader
// exists; tests hold tink-go against this package in both directions.
//
//	object  = header segment…
//	header  = 40 (1 byte) | salt (32 bytes) | nonce prefix (7 bytes)
//	key     = HKDF-SHA256(main key, salt, info = associated data)
//	segment = AES-256-GCM(key, nonce, plain) with its tag of 16 bytes
//	nonce   = nonce prefix | number of the segment (4 bytes) | 1 if it is the last, else 0
//
// The header counts to the first segment, so that segment n begins at byte
// n × 64 KiB. Every segment but the last is full. The last one says that it is
// the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár,
// 2015), and ReaderAt opens it first: an object that was cut gives an error
// before its first byte is given out.
//
// Limits: an object has at most 2³² segments (256 TiB). What is hidden is the
// content, not its length. Field is for small values; one key may seal at most
// 2³² of them, because their nonces are random (NIST SP 800-38D §8.3).
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

const (
	segmentSize = 64 << 10 // bytes of a ciphertext segment, the header included in the first
	saltSize    = 32       // as long as the key (Tink: derived key size)
	prefixSize  = 7        // random part of the nonce
	headerSize  = 1 + saltSize + prefixSize
	tagSize     = 16
	plainSize   = segmentSize - tagSize // bytes of plain text in a full segment but the first
	firstSize   = plainSize - headerSize
	maxSegments = 1 << 32 // the number of a segment has four bytes in the nonce
)

// ErrAltered is the fault of an object or a field that is not what was sealed:
// changed, cut, moved from elsewhere, or opened with another key. Which of them
// it is cannot be known.
var ErrAltered error = fault.New(fault.Conflict, "this object is damaged or does not belong here: it is not what was sealed with this key")

// ErrTooLarge is returned for more plain text than the layout can number.
var ErrTooLarge error = fault.New(fault.TooLarge, "an object can hold at most 256 TiB")

// SealedSize is the size of the object that holds so many bytes of plain text.
func SealedSize(plain int64) int64 {
	segments := int64(1)
	if plain > firstSize {
		segments += (plain - firstSize + plainSize - 1) / plainSize
	}
	return headerSize + plain + segments*tagSize
}

// PlainSize is the number of bytes sealed in an object of the given size. It is
// ErrAltered for a size that no sealed object has.
func PlainSize(size int64) (int64, error) {
	segments := (size + segmentSize - 1) / segmentSize
	plain := size - headerSize - segments*tagSize
	if size < headerSize+tagSize || segments > maxSegments || SealedSize(plain) != size {
		return 0, ErrAltered
	}
	return plain, nil
}

// objectCipher derives the cipher of one object. The associated data goes into
// the key: under other associated data the object is noise.
func objectCipher(k secret.Key, salt, aad []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.Reveal(), salt, string(aad), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce is the nonce of one segment.
type nonce [12]byte

// at sets the number of the segment and whether it is the last.
func (n *nonce) at(segment int64, last bool) []byte {
	binary.BigEndian.PutUint32(n[prefixSize:], uint32(segment))
	n[11] = 0
	if last {
		n[11] = 1
	}
	return n[:]
}

// buffers holds segment buffers between objects: ten thousand small recordings
// share a few of them.
var buffers = sync.Pool{New: func() any { return new([segmentSize]byte) }}
