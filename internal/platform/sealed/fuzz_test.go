package sealed

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"ringfence/internal/base/secret"
)

// FuzzReader gives arbitrary bytes as an object: it is refused without a panic.
func FuzzReader(f *testing.F) {
	k, _ := secret.KeyFrom(pattern(32))
	for _, n := range []int{0, 1, 200} {
		object := seal(f, k, nil, pattern(n))
		f.Add(object, int64(0))
		f.Add(object[:len(object)-1], int64(5))
	}
	other := secret.NewKey()
	f.Fuzz(func(t *testing.T, object []byte, off int64) {
		if _, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), other, nil); !errors.Is(err, ErrAltered) {
			t.Fatalf("a key that sealed nothing opened something: %v", err)
		}
		r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, nil)
		if err != nil {
			return
		}
		r.ReadAt(make([]byte, 100), off)
	})
}

// FuzzRoundTrip seals and reads in steps of any size; Tink must agree.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("hello"), uint16(3), uint32(0), []byte("aad"))
	f.Add([]byte{}, uint16(1), uint32(70_000), []byte{})
	f.Fuzz(func(t *testing.T, seed []byte, step uint16, more uint32, aad []byte) {
		k := secret.NewKey()
		plain := append(bytes.Clone(seed), pattern(int(more%(3*segmentSize)))...)
		var out bytes.Buffer
		w, err := NewWriter(&out, k, aad)
		if err != nil {
			t.Fatal(err)
		}
		if err := inPieces(w, plain, int(step)+1); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := unseal(out.Bytes(), k, aad)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("did not come back: %v", err)
		}
		r, err := tink(t, k).NewDecryptingReader(&out, aad)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Tink disagrees: %v", err)
		}
	})
}

// FuzzField gives arbitrary bytes as a sealed field.
func FuzzField(f *testing.F) {
	k, _ := secret.KeyFrom(pattern(32))
	f.Add(Field(k, []byte("a"), []byte("value")), []byte("a"))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, s, aad []byte) {
		if plain, err := OpenField(k, aad, s); err == nil && len(plain) != len(s)-fieldOverhead {
			t.Fatalf("%d bytes out of %d", len(plain), len(s))
		}
	})
}
