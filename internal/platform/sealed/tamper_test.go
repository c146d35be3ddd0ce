package sealed

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"ringfence/internal/base/secret"
)

// refused fails the test if any byte of an altered object can be read.
func refused(t *testing.T, what string, object []byte, k secret.Key, aad []byte) {
	t.Helper()
	got, err := unseal(object, k, aad)
	if !errors.Is(err, ErrAltered) {
		t.Fatalf("%s: %d bytes and %v, want ErrAltered", what, len(got), err)
	}
}

func TestEveryBitFlipIsRefused(t *testing.T) {
	k, aad := secret.NewKey(), []byte("aad")
	object := seal(t, k, aad, pattern(200))
	for i := range object {
		for bit := range 8 {
			object[i] ^= 1 << bit
			refused(t, "bit flip", object, k, aad)
			object[i] ^= 1 << bit
		}
	}
	if _, err := unseal(object, k, aad); err != nil {
		t.Fatalf("the object itself is refused: %v", err)
	}
}

func TestFlipsInALongObjectAreRefused(t *testing.T) {
	k := secret.NewKey()
	object := seal(t, k, nil, pattern(3*segmentSize))
	for i := 0; i < len(object); i += 997 {
		object[i] ^= 0x10
		refused(t, "flip", object, k, nil)
		object[i] ^= 0x10
	}
}

// A byte of a damaged segment is never given out, but its neighbours are: a
// damaged minute does not take the hour with it.
func TestDamageStaysInItsSegment(t *testing.T) {
	k := secret.NewKey()
	plain := pattern(4 * segmentSize)
	object := seal(t, k, nil, plain)
	object[segmentSize+100] ^= 1
	r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1000)
	if _, err := r.ReadAt(p, 0); err != nil || !bytes.Equal(p, plain[:1000]) {
		t.Fatalf("the first segment: %v", err)
	}
	for _, size := range []int{1, 1000, segmentSize, 2 * segmentSize} {
		p := make([]byte, size)
		if n, err := r.ReadAt(p, firstSize); n != 0 || !errors.Is(err, ErrAltered) || !bytes.Equal(p, make([]byte, size)) {
			t.Fatalf("the damaged segment gave %d bytes and %v", n, err)
		}
	}
	if n, err := r.ReadAt(make([]byte, 100), firstSize-50); n != 50 || !errors.Is(err, ErrAltered) {
		t.Fatalf("into the damaged segment: %d bytes and %v", n, err)
	}
	if _, err := r.ReadAt(p, firstSize+plainSize); err != nil || !bytes.Equal(p, plain[firstSize+plainSize:][:1000]) {
		t.Fatalf("the segment behind it: %v", err)
	}
}

func TestTruncationIsRefusedBeforeTheFirstByte(t *testing.T) {
	k := secret.NewKey()
	small := seal(t, k, nil, pattern(300))
	for n := range small {
		if _, err := NewReaderAt(bytes.NewReader(small[:n]), int64(n), k, nil); !errors.Is(err, ErrAltered) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(small), err)
		}
	}
	large := seal(t, k, nil, pattern(4*segmentSize))
	for border := segmentSize; border < len(large); border += segmentSize {
		for _, n := range []int{border - tagSize, border - 1, border, border + 1, border + tagSize, border + tagSize + 1} {
			if _, err := NewReaderAt(bytes.NewReader(large[:n]), int64(n), k, nil); !errors.Is(err, ErrAltered) {
				t.Fatalf("cut to %d of %d bytes: %v", n, len(large), err)
			}
		}
	}
	longer := append(slices.Clone(small), 0)
	refused(t, "one byte more", longer, k, nil)
	refused(t, "another segment behind", append(slices.Clone(large), large[:segmentSize]...), k, nil)
}

// An object that shrinks after it was opened is damaged, not at its end.
func TestShrinkingWhileOpenIsRefused(t *testing.T) {
	k := secret.NewKey()
	object := seal(t, k, nil, pattern(4*segmentSize))
	below := &shrinking{b: object}
	r, err := NewReaderAt(below, int64(len(object)), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	below.b = object[:segmentSize+10]
	if _, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); !errors.Is(err, ErrAltered) {
		t.Fatalf("got %v", err)
	}
}

type shrinking struct{ b []byte }

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(s.b).ReadAt(p, off)
}

func TestEverySegmentSwapIsRefused(t *testing.T) {
	k := secret.NewKey()
	object := seal(t, k, nil, pattern(firstSize+4*plainSize)) // five full segments
	other := seal(t, k, nil, pattern(firstSize+4*plainSize))
	part := func(b []byte, i int) []byte { return b[i*segmentSize : (i+1)*segmentSize] }
	for i := range 5 {
		for j := range 5 {
			if i != j {
				swapped := slices.Clone(object)
				copy(part(swapped, i), part(object, j))
				copy(part(swapped, j), part(object, i))
				refused(t, "segments swapped", swapped, k, nil)

				repeated := slices.Clone(object)
				copy(part(repeated, i), part(object, j))
				refused(t, "segment repeated", repeated, k, nil)
			}
		}
		foreign := slices.Clone(object)
		copy(part(foreign, i), part(other, i))
		refused(t, "segment of another object", foreign, k, nil)

		without := slices.Concat(object[:i*segmentSize], object[(i+1)*segmentSize:])
		refused(t, "segment left out", without, k, nil)
	}
}

func TestForeignKeyAndPlaceAreRefused(t *testing.T) {
	k := secret.NewKey()
	object := seal(t, k, []byte("customer 1"), pattern(100))
	refused(t, "another key", object, secret.NewKey(), []byte("customer 1"))
	refused(t, "another customer", object, k, []byte("customer 2"))
	refused(t, "no customer", object, k, nil)
}

func TestSealedTextShowsNothing(t *testing.T) {
	k := secret.NewKey()
	plain := bytes.Repeat([]byte("canary in the mine "), 10_000)
	object := seal(t, k, nil, plain)
	if bytes.Contains(object, []byte("canary")) {
		t.Fatal("plain text stands in the object")
	}
	if bytes.Equal(object, seal(t, k, nil, plain)) {
		t.Fatal("the same text sealed twice gives the same object")
	}
}

func TestField(t *testing.T) {
	k, aad := secret.NewKey(), []byte("customer|7|row")
	for _, plain := range [][]byte{nil, []byte("x"), []byte("Ada Lovelace, +44 20 7946 0000")} {
		s := Field(k, aad, plain)
		got, err := OpenField(k, aad, s)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("OpenField gave %q, %v", got, err)
		}
		for i := range s {
			for bit := range 8 {
				s[i] ^= 1 << bit
				if _, err := OpenField(k, aad, s); !errors.Is(err, ErrAltered) {
					t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
				}
				s[i] ^= 1 << bit
			}
			if _, err := OpenField(k, aad, s[:i]); !errors.Is(err, ErrAltered) {
				t.Fatalf("cut to %d bytes: %v", i, err)
			}
		}
		if _, err := OpenField(k, []byte("customer|8|row"), s); !errors.Is(err, ErrAltered) {
			t.Fatal("opened in another field")
		}
		if _, err := OpenField(secret.NewKey(), aad, s); !errors.Is(err, ErrAltered) {
			t.Fatal("opened with another key")
		}
		if bytes.Equal(s, Field(k, aad, plain)) {
			t.Fatal("the same value sealed twice looks the same")
		}
	}
}
