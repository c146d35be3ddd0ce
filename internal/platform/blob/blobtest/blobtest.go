// Package blobtest is what every bucket must do, as a suite that all drivers
// run against real peers.
package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
)

// Run runs the suite. Each call of open gives a bucket that holds nothing.
func Run(t *testing.T, open func(t *testing.T) blob.Bucket) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Bucket)
	}{
		{"WhatWasPutIsRead", roundTrip},
		{"ReadsAnywhere", readAt},
		{"ManyReadersAtOnce", readers},
		{"MissingObject", missing},
		{"PutReplaces", replaces},
		{"FailedPutLeavesNothing", failedPut},
		{"FailedPutLeavesWhatWasThere", failedReplace},
		{"CancelledPutLeavesNothing", cancelled},
		{"DeleteIsForGoodAndTwice", deletes},
		{"ListIsSortedAndByPrefix", lists},
		{"ListStops", listStops},
		{"BadNames", badNames},
		{"BatchCommits", batchCommits},
		{"BatchDiscards", batchDiscards},
		{"ManyWritersAtOnce", writers},
		{"ReadEndsWithItsContext", readEnds},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Bytes are random bytes.
func Bytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func put(t *testing.T, b blob.Bucket, name string, content []byte) {
	t.Helper()
	n, err := b.Put(t.Context(), name, bytes.NewReader(content))
	if err != nil || n != int64(len(content)) {
		t.Fatalf("Put(%s) of %d bytes = %d, %v", name, len(content), n, err)
	}
}

func read(t *testing.T, b blob.Bucket, name string) []byte {
	t.Helper()
	o, err := b.Open(t.Context(), name)
	if err != nil {
		t.Fatalf("Open(%s): %v", name, err)
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return got
}

func holds(t *testing.T, b blob.Bucket, name string, want []byte) {
	t.Helper()
	if got := read(t, b, name); !bytes.Equal(got, want) {
		t.Fatalf("%s holds %d bytes, not the %d that were put", name, len(got), len(want))
	}
}

func lacks(t *testing.T, b blob.Bucket, name string) {
	t.Helper()
	if o, err := b.Open(t.Context(), name); !fault.Is(err, fault.NotFound) {
		if err == nil {
			o.Close()
		}
		t.Fatalf("Open(%s) = %v, want fault.NotFound", name, err)
	}
	for _, e := range list(t, b, "") {
		if strings.HasPrefix(e, name+" ") {
			t.Fatalf("%s is still listed", name)
		}
	}
}

// list gives "name size" lines.
func list(t *testing.T, b blob.Bucket, prefix string) []string {
	t.Helper()
	var got []string
	err := b.List(t.Context(), prefix, func(name string, size int64) error {
		got = append(got, fmt.Sprint(name, " ", size))
		return nil
	})
	if err != nil {
		t.Fatalf("List(%q): %v", prefix, err)
	}
	return got
}

func roundTrip(t *testing.T, b blob.Bucket) {
	for i, n := range []int{0, 1, 65_535, 65_536, 65_537, 1 << 20, 9<<20 + 1} {
		name, content := fmt.Sprintf("customer/object-%d", i), Bytes(n)
		put(t, b, name, content)
		holds(t, b, name, content)
	}
}

func readAt(t *testing.T, b blob.Bucket) {
	content := Bytes(5<<20 + 17)
	put(t, b, "a/long", content)
	o, err := b.Open(t.Context(), "a/long")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if o.Size() != int64(len(content)) {
		t.Fatalf("Size() = %d, want %d", o.Size(), len(content))
	}
	for _, off := range []int{len(content) - 10, 0, 3 << 20, 1<<20 - 5, 65_536, len(content)} {
		for _, n := range []int{0, 1, 10, 65_536, 2 << 20} {
			p := make([]byte, n)
			want := content[off:min(off+n, len(content))]
			c, err := o.ReadAt(p, int64(off))
			if !bytes.Equal(p[:c], want) {
				t.Fatalf("ReadAt(%d at %d) gave %d other bytes", n, off, c)
			}
			if c < n && err != io.EOF || c == n && err != nil && err != io.EOF {
				t.Fatalf("ReadAt(%d at %d) = %d, %v", n, off, c, err)
			}
		}
	}
	if _, err := o.ReadAt(make([]byte, 1), -1); err == nil {
		t.Fatal("a negative offset was taken")
	}
}

func readers(t *testing.T, b blob.Bucket) {
	content := Bytes(3 << 20)
	put(t, b, "a/shared", content)
	o, err := b.Open(t.Context(), "a/shared")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var wait sync.WaitGroup
	for g := range 6 {
		wait.Go(func() {
			p := make([]byte, 10_000)
			for i := range 20 {
				off := (g*500_009 + i*150_001) % (len(content) - len(p))
				if _, err := o.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, content[off:off+len(p)]) {
					t.Errorf("reader %d at %d: %v", g, off, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func missing(t *testing.T, b blob.Bucket) {
	lacks(t, b, "nobody/nothing")
	lacks(t, b, "nothing")
	put(t, b, "a/b/c", []byte("x"))
	lacks(t, b, "a/b")
	lacks(t, b, "a/b/c/d")
}

func replaces(t *testing.T, b blob.Bucket) {
	put(t, b, "a/twice", Bytes(200_000))
	shorter := Bytes(10)
	put(t, b, "a/twice", shorter)
	holds(t, b, "a/twice", shorter)
}

var errSource = errors.New("the source broke off")

// broken gives some bytes, then fails.
func broken(n int) io.Reader {
	return io.MultiReader(bytes.NewReader(Bytes(n)), errReader{errSource})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func failedPut(t *testing.T, b blob.Bucket) {
	for _, n := range []int{0, 10, 9 << 20} {
		if _, err := b.Put(t.Context(), "a/broken", broken(n)); !errors.Is(err, errSource) {
			t.Fatalf("Put gave %v, want the reader's own error", err)
		}
		lacks(t, b, "a/broken")
	}
}

func failedReplace(t *testing.T, b blob.Bucket) {
	content := Bytes(1000)
	put(t, b, "a/kept", content)
	if _, err := b.Put(t.Context(), "a/kept", broken(100)); !errors.Is(err, errSource) {
		t.Fatalf("Put gave %v", err)
	}
	holds(t, b, "a/kept", content)
}

func cancelled(t *testing.T, b blob.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := io.MultiReader(bytes.NewReader(Bytes(100_000)), doReader{cancel}, bytes.NewReader(Bytes(100_000)))
	if _, err := b.Put(ctx, "a/cancelled", r); err == nil {
		t.Fatal("Put succeeded though its context was done")
	}
	lacks(t, b, "a/cancelled")
}

// doReader does something and is at its end.
type doReader struct{ do func() }

func (r doReader) Read([]byte) (int, error) { r.do(); return 0, io.EOF }

func deletes(t *testing.T, b blob.Bucket) {
	put(t, b, "a/gone", Bytes(10))
	put(t, b, "a/stays", []byte("stays"))
	for range 2 {
		if err := b.Delete(t.Context(), "a/gone"); err != nil {
			t.Fatal(err)
		}
		lacks(t, b, "a/gone")
	}
	if err := b.Delete(t.Context(), "never/was"); err != nil {
		t.Fatal(err)
	}
	holds(t, b, "a/stays", []byte("stays"))
}

func lists(t *testing.T, b blob.Bucket) {
	names := []string{
		"a/abcdefgh", "a/abcdefgi", "a/abcde/under", "a/abcdef-x", "a/abc", "a/b/c/d", "a/zzzzzzz1",
		"b/object", "bb/object", "top", "a-b/x", "a0/x",
	}
	var all []string
	for i, name := range names {
		put(t, b, name, Bytes(i))
		all = append(all, fmt.Sprint(name, " ", i))
	}
	slices.SortFunc(all, func(x, y string) int {
		x, _, _ = strings.Cut(x, " ")
		y, _, _ = strings.Cut(y, " ")
		return strings.Compare(x, y)
	})
	for _, prefix := range []string{"", "a/", "a", "a/abc", "a/abcdef", "a/b/", "b", "b/object", "none", "a/b/c/d"} {
		var want []string
		for _, line := range all {
			if strings.HasPrefix(line, prefix) {
				want = append(want, line)
			}
		}
		if got := list(t, b, prefix); !slices.Equal(got, want) {
			t.Fatalf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func listStops(t *testing.T, b blob.Bucket) {
	for i := range 5 {
		put(t, b, fmt.Sprintf("a/object-%d", i), nil)
	}
	enough, n := errors.New("enough"), 0
	err := b.List(t.Context(), "", func(string, int64) error {
		if n++; n == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 2 {
		t.Fatalf("List gave %v after %d objects", err, n)
	}
}

// Names come from our own code, but one day they may come from a row that was
// written by somebody else.
func badNames(t *testing.T, b blob.Bucket) {
	for _, name := range []string{
		"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "../a", "a.b", "A", "ä", "a b", "a\x00b", "a\\b", "a%2fb", strings.Repeat("x", 201),
	} {
		if _, err := b.Put(t.Context(), name, strings.NewReader("x")); !fault.Is(err, fault.Invalid) {
			t.Errorf("Put(%q) = %v, want fault.Invalid", name, err)
		}
		if _, err := b.Batch().Put(t.Context(), name, strings.NewReader("x")); !fault.Is(err, fault.Invalid) {
			t.Errorf("Batch.Put(%q) = %v, want fault.Invalid", name, err)
		}
		if _, err := b.Open(t.Context(), name); !fault.Is(err, fault.Invalid) {
			t.Errorf("Open(%q) = %v, want fault.Invalid", name, err)
		}
		if err := b.Delete(t.Context(), name); !fault.Is(err, fault.Invalid) {
			t.Errorf("Delete(%q) = %v, want fault.Invalid", name, err)
		}
	}
	for _, prefix := range []string{"/", "../", "a//", "A"} {
		if err := b.List(t.Context(), prefix, func(string, int64) error { return nil }); !fault.Is(err, fault.Invalid) {
			t.Errorf("List(%q) = %v, want fault.Invalid", prefix, err)
		}
	}
	if got := list(t, b, ""); len(got) != 0 {
		t.Errorf("something was stored: %q", got)
	}
}

func batchCommits(t *testing.T, b blob.Bucket) {
	batch := b.Batch()
	defer batch.Discard()
	content := map[string][]byte{}
	for i := range 20 {
		name := fmt.Sprintf("c%d/object-%d", i%3, i)
		content[name] = Bytes(i * 5000)
		n, err := batch.Put(t.Context(), name, bytes.NewReader(content[name]))
		if err != nil || n != int64(i*5000) {
			t.Fatalf("Put = %d, %v", n, err)
		}
	}
	if _, err := batch.Put(t.Context(), "c0/broken", broken(10)); !errors.Is(err, errSource) {
		t.Fatalf("Put gave %v", err)
	}
	if _, err := batch.Put(t.Context(), "c1/object-1", strings.NewReader("twice")); !fault.Is(err, fault.Invalid) {
		t.Errorf("a name was put twice: %v", err)
	}
	if err := batch.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch.Discard() // after Commit it does nothing
	for name, want := range content {
		holds(t, b, name, want)
	}
	lacks(t, b, "c0/broken")
}

func batchDiscards(t *testing.T, b blob.Bucket) {
	batch := b.Batch()
	if _, err := batch.Put(t.Context(), "a/dropped", bytes.NewReader(Bytes(10))); err != nil {
		t.Fatal(err)
	}
	batch.Discard()
	batch.Discard()
	lacks(t, b, "a/dropped")
	if err := b.Batch().Commit(t.Context()); err != nil {
		t.Fatalf("an empty batch: %v", err)
	}
}

func writers(t *testing.T, b blob.Bucket) {
	contents := make([][]byte, 12)
	var wait sync.WaitGroup
	for i := range contents {
		contents[i] = Bytes(1000 * (i + 1))
		wait.Go(func() {
			if _, err := b.Put(t.Context(), fmt.Sprintf("w%d/object", i), bytes.NewReader(contents[i])); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i, want := range contents {
		holds(t, b, fmt.Sprintf("w%d/object", i), want)
	}
}

func readEnds(t *testing.T, b blob.Bucket) {
	put(t, b, "a/object", Bytes(10<<20))
	ctx, cancel := context.WithCancel(t.Context())
	o, err := b.Open(ctx, "a/object")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	cancel()
	if _, err := o.ReadAt(make([]byte, 9<<20), 1<<20); !errors.Is(err, context.Canceled) {
		t.Fatalf("ReadAt gave %v", err)
	}
}
