package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/blob/blobtest"
)

// flaky is a bucket whose acts fail as told.
type flaky struct {
	blob.Bucket
	err error
}

func (f *flaky) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if f.err != nil {
		io.CopyN(io.Discard, r, 10)
		return 0, f.err
	}
	return f.Bucket.Put(ctx, name, r)
}

func (f *flaky) Open(ctx context.Context, name string) (blob.Object, error) {
	if f.err != nil {
		return nil, f.err
	}
	o, err := f.Bucket.Open(ctx, name)
	return &flakyObject{o, f}, err
}

func (f *flaky) Delete(ctx context.Context, name string) error {
	if f.err != nil {
		return f.err
	}
	return f.Bucket.Delete(ctx, name)
}

func (f *flaky) List(ctx context.Context, prefix string, fn func(string, int64) error) error {
	if f.err != nil {
		return f.err
	}
	return f.Bucket.List(ctx, prefix, fn)
}

type flakyObject struct {
	blob.Object
	f *flaky
}

func (o *flakyObject) ReadAt(p []byte, off int64) (int, error) {
	if o.f.err != nil {
		return 0, o.f.err
	}
	return o.Object.ReadAt(p, off)
}

var errDown = fault.New(fault.Unavailable, "down")

func TestMirrorCountsOnlyWhatIsInBoth(t *testing.T) {
	content := blobtest.Bytes(300_000)
	for i := range 2 {
		halves := [2]*flaky{{Bucket: openFolder(t)}, {Bucket: openFolder(t)}}
		m := blob.Mirror(halves[0], halves[1])
		halves[i].err = errDown
		if _, err := m.Put(t.Context(), "a/object", bytes.NewReader(content)); !errors.Is(err, errDown) {
			t.Fatalf("Put with bucket %d down gave %v", i, err)
		}
		if err := m.Delete(t.Context(), "a/object"); !errors.Is(err, errDown) {
			t.Fatalf("Delete with bucket %d down gave %v", i, err)
		}
		if err := m.List(t.Context(), "", func(string, int64) error { return nil }); !errors.Is(err, errDown) {
			t.Fatalf("List with bucket %d down gave %v", i, err)
		}
		halves[i].err = nil
		put(t, m, "a/object", content)
		for j, half := range halves {
			if got, err := read(half.Bucket, t, "a/object"); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("bucket %d: %v", j, err)
			}
		}
	}
}

func TestMirrorReadsFromTheOther(t *testing.T) {
	content := blobtest.Bytes(300_000)
	first, second := &flaky{Bucket: openFolder(t)}, openFolder(t)
	m := blob.Mirror(first, second)
	put(t, m, "a/object", content)
	o, err := m.Open(t.Context(), "a/object")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	first.err = errDown // while it is being read
	p := make([]byte, 1000)
	if _, err := o.ReadAt(p, 70_000); err != nil || !bytes.Equal(p, content[70_000:71_000]) {
		t.Fatalf("reading on: %v", err)
	}
	if got, err := read(m, t, "a/object"); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("opening while the first is down: %v", err)
	}
	first.err = nil
	if _, err := m.Open(t.Context(), "a/never"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("an object that neither has: %v", err)
	}
	if err := first.Delete(t.Context(), "a/object"); err != nil {
		t.Fatal(err)
	}
	if got, err := read(m, t, "a/object"); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("an object that only the second has: %v", err)
	}
	listed := 0
	err = m.List(t.Context(), "", func(name string, size int64) error {
		listed++
		if name != "a/object" || size != 300_000 {
			t.Errorf("%s %d", name, size)
		}
		return nil
	})
	if err != nil || listed != 1 {
		t.Fatalf("%d listed, %v", listed, err)
	}
}

// Neither can say that the object is not there while one of them is down.
func TestMirrorDoesNotMistakeDownForMissing(t *testing.T) {
	first, second := &flaky{Bucket: openFolder(t)}, &flaky{Bucket: openFolder(t)}
	m := blob.Mirror(first, second)
	first.err = errDown
	if _, err := m.Open(t.Context(), "a/object"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	first.err, second.err = nil, errDown
	if _, err := m.Open(t.Context(), "a/object"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
}

func TestReplicas(t *testing.T) {
	a, b := openFolder(t), openFolder(t)
	if n := len(blob.Replicas(a)); n != 1 {
		t.Fatalf("a folder counts as %d", n)
	}
	if got := blob.Replicas(blob.Mirror(a, b)); len(got) != 2 || got[0] != a || got[1] != b {
		t.Fatalf("a mirror counts as %d", len(got))
	}
}

// The caller's reader is read once, at the speed of the slower bucket.
func TestMirrorReadsItsSourceOnce(t *testing.T) {
	m := blob.Mirror(openFolder(t), openFolder(t))
	r := strings.NewReader(strings.Repeat("x", 200_000))
	if n, err := m.Put(t.Context(), "a/object", r); err != nil || n != 200_000 || r.Len() != 0 {
		t.Fatalf("%d, %v", n, err)
	}
}

// A disk was replaced: what it lacks is copied, in either direction, and what
// differs is not touched.
func TestRepair(t *testing.T) {
	first, second := openFolder(t), openFolder(t)
	m := blob.Mirror(first, second)
	put(t, m, "a/in-both", []byte("both"))
	put(t, first, "a/in-first", []byte("first"))
	put(t, second, "b/in-second", []byte("second"))
	put(t, first, "b/odd", []byte("short"))
	put(t, second, "b/odd", []byte("longer"))
	for _, want := range [][2]int{{2, 1}, {0, 1}} {
		copied, odd, err := blob.Repair(t.Context(), m, "")
		if err != nil || copied != want[0] || odd != want[1] {
			t.Fatalf("Repair = %d, %d, %v, want %v", copied, odd, err, want)
		}
	}
	for name, want := range map[string]string{"a/in-first": "first", "b/in-second": "second", "a/in-both": "both"} {
		for i, b := range []blob.Bucket{first, second} {
			if got, err := read(b, t, name); err != nil || string(got) != want {
				t.Errorf("%s in bucket %d: %q, %v", name, i, got, err)
			}
		}
	}
	if copied, _, err := blob.Repair(t.Context(), first, ""); copied != 0 || err != nil {
		t.Fatalf("Repair of a single bucket: %d, %v", copied, err)
	}
	down := &flaky{Bucket: second, err: errDown}
	if copied, _, err := blob.Repair(t.Context(), blob.Mirror(first, down), ""); copied != 0 || !errors.Is(err, errDown) {
		t.Fatalf("Repair with a bucket down copied %d and gave %v", copied, err)
	}
}
