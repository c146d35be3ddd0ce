package sealed

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// edges are lengths on both sides of each border of the layout.
var edges = []int{
	0, 1, 15, 16, 17, firstSize - 1, firstSize, firstSize + 1,
	firstSize + plainSize - 1, firstSize + plainSize, firstSize + plainSize + 1, 3*segmentSize + 5,
}

// pattern is plain text that differs from segment to segment.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + i>>16)
	}
	return b
}

func seal(t testing.TB, k secret.Key, aad, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, k, aad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Written() != int64(out.Len()) {
		t.Fatalf("Written() = %d, %d bytes came out", w.Written(), out.Len())
	}
	return out.Bytes()
}

// unseal reads the whole object.
func unseal(object []byte, k secret.Key, aad []byte) ([]byte, error) {
	r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, aad)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

func TestRoundTripAtEveryBorder(t *testing.T) {
	k, aad := secret.NewKey(), []byte("customer|object")
	for _, n := range edges {
		plain := pattern(n)
		object := seal(t, k, aad, plain)
		if int64(len(object)) != SealedSize(int64(n)) {
			t.Fatalf("%d bytes sealed into %d, SealedSize says %d", n, len(object), SealedSize(int64(n)))
		}
		if got, err := PlainSize(int64(len(object))); err != nil || got != int64(n) {
			t.Fatalf("PlainSize(%d) = %d, %v, want %d", len(object), got, err, n)
		}
		got, err := unseal(object, k, aad)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes did not come back: %v", n, err)
		}
	}
}

// How the plain text arrives must not show in the object.
func TestObjectDoesNotDependOnTheSizeOfWrites(t *testing.T) {
	k, _ := secret.KeyFrom(pattern(32))
	header := [headerSize]byte{headerSize, 1, 2, 3}
	for _, n := range edges {
		plain := pattern(n)
		var want []byte
		for name, feed := range map[string]func(w *Writer) error{
			"at once":   func(w *Writer) error { _, err := w.Write(plain); return err },
			"in pieces": func(w *Writer) error { return inPieces(w, plain, 1021) },
			"ReadFrom":  func(w *Writer) error { _, err := w.ReadFrom(bytes.NewReader(plain)); return err },
			"halves":    func(w *Writer) error { _, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(plain))); return err },
			"data+EOF":  func(w *Writer) error { _, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(plain))); return err },
		} {
			var out bytes.Buffer
			w, err := newWriter(&out, k, nil, header)
			if err != nil {
				t.Fatal(err)
			}
			if err := feed(w); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = out.Bytes()
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("%d bytes, %s: another object", n, name)
			}
		}
	}
}

func inPieces(w io.Writer, plain []byte, size int) error {
	for len(plain) > 0 {
		n := min(size, len(plain))
		if _, err := w.Write(plain[:n]); err != nil {
			return err
		}
		plain = plain[n:]
	}
	return nil
}

func TestSizesThatNoObjectHas(t *testing.T) {
	for _, n := range []int64{-1, 0, 1, headerSize, headerSize + tagSize - 1, segmentSize + 1, segmentSize + tagSize, 2*segmentSize + tagSize - 1, 1 << 60} {
		if got, err := PlainSize(n); !errors.Is(err, ErrAltered) {
			t.Errorf("PlainSize(%d) = %d, %v; want ErrAltered", n, got, err)
		}
	}
}

func TestReadAtAnywhere(t *testing.T) {
	k := secret.NewKey()
	plain := pattern(firstSize + 2*plainSize + 333)
	object := seal(t, k, nil, plain)
	r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []int{0, 1, firstSize - 1, firstSize, firstSize + 1, firstSize + plainSize - 7, len(plain) - 1, len(plain), len(plain) + 9} {
		for _, n := range []int{0, 1, 100, plainSize, plainSize + 1, 3 * segmentSize} {
			want := plain[min(off, len(plain)):min(off+n, len(plain))]
			got := make([]byte, n)
			c, err := r.ReadAt(got, int64(off))
			if !bytes.Equal(got[:c], want) {
				t.Fatalf("ReadAt(%d bytes at %d) gave %d other bytes", n, off, c)
			}
			if short := c < n; short != (err == io.EOF) || (err != nil && err != io.EOF) {
				t.Fatalf("ReadAt(%d bytes at %d) = %d, %v", n, off, c, err)
			}
		}
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); !fault.Is(err, fault.Invalid) {
		t.Fatalf("a negative offset gave %v", err)
	}
}

func TestReadersDoNotDisturbOneAnother(t *testing.T) {
	k := secret.NewKey()
	plain := pattern(5 * segmentSize)
	object := seal(t, k, nil, plain)
	r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for g := range 8 {
		go func() {
			p := make([]byte, 5000)
			for i := range 200 {
				off := (g*7919 + i*104729) % (len(plain) - len(p))
				if _, err := r.ReadAt(p, int64(off)); err != nil {
					done <- err
					return
				}
				if !bytes.Equal(p, plain[off:off+len(p)]) {
					done <- errors.New("other bytes came back")
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// What lies below may fail for reasons of its own: those are not tampering.
func TestReadErrorIsNotTampering(t *testing.T) {
	k := secret.NewKey()
	object := seal(t, k, nil, pattern(10))
	broken := errors.New("the disk does not answer")
	_, err := NewReaderAt(failing{broken}, int64(len(object)), k, nil)
	if !errors.Is(err, broken) || errors.Is(err, ErrAltered) {
		t.Fatalf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }
func (f failing) Write([]byte) (int, error)         { return 0, f.err }

func TestWriteErrorStaysToTheEnd(t *testing.T) {
	full := errors.New("no space left")
	w, err := NewWriter(failing{full}, secret.NewKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(2 * segmentSize)); !errors.Is(err, full) {
		t.Fatalf("Write gave %v", err)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Fatalf("Close gave %v", err)
	}
}

func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	for _, end := range []func(*Writer){func(w *Writer) { w.Close() }, (*Writer).Abandon} {
		var out bytes.Buffer
		w, err := NewWriter(&out, secret.NewKey(), nil)
		if err != nil {
			t.Fatal(err)
		}
		end(w)
		was := out.Len()
		if _, err := w.Write([]byte("late")); err == nil {
			t.Fatal("a write after the end was taken")
		}
		if err := w.Close(); err != nil || out.Len() != was {
			t.Fatalf("a second Close gave %v and %d bytes", err, out.Len()-was)
		}
	}
}

// An object that was not closed lacks its last segment: nobody reads it.
func TestUnfinishedObjectIsRefused(t *testing.T) {
	k := secret.NewKey()
	var out bytes.Buffer
	w, err := NewWriter(&out, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(pattern(firstSize + 2*plainSize + 1))
	w.Abandon()
	if out.Len() != 3*segmentSize {
		t.Fatalf("%d bytes came out, want three segments", out.Len())
	}
	if _, err := unseal(out.Bytes(), k, nil); !errors.Is(err, ErrAltered) {
		t.Fatalf("got %v", err)
	}
}

func TestWriterHoldsOneSegmentOnly(t *testing.T) {
	k := secret.NewKey()
	plain := pattern(1 << 20)
	one := testing.AllocsPerRun(10, func() { w, _ := NewWriter(io.Discard, k, nil); w.Write(plain[:10]); w.Close() })
	many := testing.AllocsPerRun(10, func() { w, _ := NewWriter(io.Discard, k, nil); w.Write(plain); w.Write(plain); w.Close() })
	if many > one+2 {
		t.Fatalf("%v allocations for 2 MiB, %v for 10 bytes", many, one)
	}
}
