// Package secret holds what must not be printed: keys, passwords, tokens and
// personal data on their way through the program. A value hides itself from
// every way of formatting, from logs and from JSON; Reveal is the one way to
// it, so that a search for Reveal finds each place where a secret is used.
package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const hidden = "‹hidden›"

// Key is a 256-bit key.
type Key struct{ b [32]byte }

// NewKey makes a random key.
func NewKey() Key {
	var k Key
	rand.Read(k.b[:])
	return k
}

// KeyFrom takes exactly 32 bytes as a key.
func KeyFrom(b []byte) (Key, error) {
	if len(b) != 32 {
		return Key{}, fmt.Errorf("a key has 32 bytes, not %d", len(b))
	}
	return Key{[32]byte(b)}, nil
}

// Reveal gives the bytes. The slice is a copy.
func (k Key) Reveal() []byte { b := k.b; return b[:] }

// IsZero reports whether this is no key at all.
func (k Key) IsZero() bool { return k.b == [32]byte{} }

// Equal compares in constant time.
func (k Key) Equal(o Key) bool { return subtle.ConstantTimeCompare(k.b[:], o.b[:]) == 1 }

// Format hides the key from every verb, %#v and %x included.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue hides the key from slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the key from JSON and the like.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Text is a secret of any length: a password, a token, a telephone number.
type Text struct{ s string }

// NewText wraps a text.
func NewText(s string) Text { return Text{s} }

// Reveal gives the text.
func (t Text) Reveal() string { return t.s }

// IsZero reports whether the text is empty.
func (t Text) IsZero() bool { return t.s == "" }

// Equal compares in constant time for texts of the same length.
func (t Text) Equal(o Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.s), []byte(o.s)) == 1
}

// Format hides the text from every verb.
func (t Text) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue hides the text from slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the text from JSON and the like.
func (t Text) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalText reads a secret from a request or a configuration file.
func (t *Text) UnmarshalText(b []byte) error {
	t.s = string(b)
	return nil
}
