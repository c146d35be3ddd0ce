// Package placetest gives tests real places: SQLite in a temporary folder and
// PostgreSQL in a throwaway cluster that the test binary starts itself.
package placetest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// New is an SQLite store in a temporary folder, closed with the test.
func New(t testing.TB, schemas place.Schemas) *place.Store {
	t.Helper()
	return Open(t, place.Config{Dir: t.TempDir()}, schemas)
}

// Blanks are what the SQLite places of a test binary begin as: most tests want
// tables, and few want to see them made.
var Blanks place.Blanks

// Open is a store with a Sealer in memory, closed with the test. Its SQLite
// places are copies of the first one of their kind.
func Open(t testing.TB, cfg place.Config, schemas place.Schemas) *place.Store {
	t.Helper()
	cfg.Blanks = &Blanks
	s, err := place.Open(context.Background(), cfg, schemas, NewSealer())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Customer makes a place of a new customer.
func Customer(t testing.TB, s *place.Store) *place.Place {
	t.Helper()
	c := id.New[id.Customer]()
	if err := s.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p, err := s.Place(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Sealer seals with AES-256-GCM under a key that is gone with the test.
type Sealer struct{ key [32]byte }

// NewSealer makes a Sealer with a random key.
func NewSealer() *Sealer {
	s := &Sealer{}
	rand.Read(s.key[:])
	return s
}

func (s *Sealer) gcm() cipher.AEAD {
	block, err := aes.NewCipher(s.key[:])
	if err != nil {
		panic(err) // a key of 32 bytes always fits
	}
	g, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return g
}

func bound(c id.Customer, f place.Field, row [16]byte) []byte {
	aad := append(c[:], row[:]...)
	return binary.BigEndian.AppendUint16(aad, uint16(f))
}

// Seal implements place.Sealer.
func (s *Sealer) Seal(_ context.Context, c id.Customer, f place.Field, row [16]byte, plain []byte) ([]byte, error) {
	return s.gcm().Seal(nil, nil, plain, bound(c, f, row)), nil
}

// Unseal implements place.Sealer.
func (s *Sealer) Unseal(_ context.Context, c id.Customer, f place.Field, row [16]byte, sealed []byte) ([]byte, error) {
	return s.gcm().Open(nil, nil, sealed, bound(c, f, row))
}

// Blind implements place.Sealer.
func (s *Sealer) Blind(_ context.Context, c id.Customer, f place.Field, value []byte) ([]byte, error) {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(bound(c, f, [16]byte{}))
	h.Write(value)
	return h.Sum(nil)[:16], nil
}
