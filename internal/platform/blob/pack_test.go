package blob_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
)

// stuff is n bytes that occur nowhere else.
func stuff(name string, n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		s := sha256.Sum256(fmt.Append(nil, name, i))
		b = append(b, s[:]...)
	}
	return b[:n]
}

func name(i int) string { return fmt.Sprintf("cust/06b3k%021d", i) }

// putBatch commits objects of so many bytes together.
func putBatch(t testing.TB, b blob.Bucket, version string, first int, sizes ...int) {
	t.Helper()
	batch := b.Batch()
	defer batch.Discard()
	for i, size := range sizes {
		if n, err := batch.Put(t.Context(), name(first+i), bytes.NewReader(stuff(version+name(first+i), size))); err != nil || n != int64(size) {
			t.Fatal(n, err)
		}
	}
	if err := batch.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantObject(t testing.TB, b blob.Bucket, version string, i, size int) {
	t.Helper()
	if got, err := read(b, t, name(i)); err != nil || !bytes.Equal(got, stuff(version+name(i), size)) {
		t.Fatalf("object %d: %d bytes, %v", i, len(got), err)
	}
}

func wantNothing(t testing.TB, b blob.Bucket, i int) {
	t.Helper()
	if got, err := read(b, t, name(i)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("object %d: %d bytes, %v", i, len(got), err)
	}
}

// files are the names of the files below a folder, but for the marker.
func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".ringfence") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func holding(t testing.TB, dir string, content []byte) bool {
	t.Helper()
	return slices.ContainsFunc(files(t, dir), func(path string) bool {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(b, content[:16]) || bytes.Contains(b, content[len(content)-16:])
	})
}

func names(t testing.TB, b blob.Bucket, prefix string) (all []string) {
	t.Helper()
	if err := b.List(t.Context(), prefix, func(name string, _ int64) error { all = append(all, name); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

const large = 5 << 20

func TestSmallObjectsOfABatchShareAFile(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	sizes := []int{130_000, 40_000, large, 7, 0, 1 << 20, 4 << 20, 4<<20 + 1, 90_001}
	putBatch(t, b, "", 1, sizes...)
	if got := files(t, dir); len(got) != 3 {
		t.Fatalf("%d files for a pack and two large objects: %q", len(got), got)
	}
	again := openDir(t, dir) // one that has seen none of it
	for _, b := range []blob.Bucket{b, again} {
		for i, size := range sizes {
			wantObject(t, b, "", 1+i, size)
		}
		wantNothing(t, b, 0)
		wantNothing(t, b, 99)
		if got := names(t, b, "cust/"); len(got) != len(sizes) || !slices.IsSorted(got) {
			t.Fatalf("listed: %q", got)
		}
		for prefix, n := range map[string]int{name(4): 1, name(44): 0, "cust/06b3k": 9, "cust/07": 0, "cust/0": 9, "cust/05zzz": 0} {
			if got := names(t, b, prefix); len(got) != n {
				t.Errorf("%s: %q", prefix, got)
			}
		}
	}
}

// One object alone needs no pack.
func TestBatchOfOne(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	putBatch(t, b, "", 1, 500)
	if got := files(t, dir); len(got) != 1 || strings.HasSuffix(got[0], ".pack") {
		t.Fatalf("%q", got)
	}
	wantObject(t, b, "", 1, 500)
}

// What is deleted is gone from the disk, not only from the directory, and its
// neighbours are as they were.
func TestDeletedFromAPack(t *testing.T) {
	dir := t.TempDir()
	b, other := openDir(t, dir), openDir(t, dir)
	sizes := []int{100_000, 33, 5_000, 200_000}
	putBatch(t, b, "", 1, sizes...)
	wantObject(t, other, "", 3, sizes[2]) // it now knows the pack
	for i := range sizes {
		content := stuff(name(1+i), sizes[i])
		if !holding(t, dir, content) {
			t.Fatal("the test looks for the wrong bytes")
		}
		if err := b.Delete(t.Context(), name(1+i)); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, b, 1+i)
		wantNothing(t, openDir(t, dir), 1+i)
		if holding(t, dir, content) {
			t.Fatalf("the bytes of object %d are still on the disk", i)
		}
		for j := i + 1; j < len(sizes); j++ {
			wantObject(t, b, "", 1+j, sizes[j])
			wantObject(t, other, "", 1+j, sizes[j])
		}
		if got := names(t, b, ""); len(got) != len(sizes)-1-i {
			t.Fatalf("listed: %q", got)
		}
	}
	if got := files(t, dir); len(got) != 0 {
		t.Fatalf("an empty pack is left: %q", got)
	}
	wantNothing(t, other, 4)
	if err := b.Delete(t.Context(), name(1)); err != nil {
		t.Fatalf("a second deletion: %v", err)
	}
}

// Putting again replaces, wherever the object lay before.
func TestReplacedInAndOutOfPacks(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	putBatch(t, b, "old", 1, 1000, 1000, 1000, 1000)
	putBatch(t, b, "new", 2, 900, 900) // pack to pack
	put(t, b, name(4), stuff("own"+name(4), 800))
	putBatch(t, b, "big", 1, large) // pack to file
	for _, b := range []blob.Bucket{b, openDir(t, dir)} {
		wantObject(t, b, "big", 1, large)
		wantObject(t, b, "new", 2, 900)
		wantObject(t, b, "new", 3, 900)
		wantObject(t, b, "own", 4, 800)
	}
	putBatch(t, b, "last", 3, 700, 700) // file and pack to pack
	wantObject(t, b, "last", 4, 700)
	wantObject(t, openDir(t, dir), "last", 3, 700)
	for _, gone := range []string{"old" + name(2), "new" + name(3), "own" + name(4)} {
		if holding(t, dir, stuff(gone, 700)) {
			t.Errorf("what was replaced is still on the disk: %s", gone)
		}
	}
}

// A crash between the steps of a replacement leaves an object twice: it is
// listed once, and deleting removes both.
func TestObjectThatIsThereTwice(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	putBatch(t, b, "", 1, 1000, 1000)
	pack := files(t, dir)[0]
	content, err := os.ReadFile(pack)
	if err == nil {
		err = os.WriteFile(strings.Replace(pack, ".pack", "x.pack", 1), content, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(pack), filepath.Base(name(2))), stuff(name(2), 1000), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, b, ""); len(got) != 2 {
		t.Fatalf("listed: %q", got)
	}
	if err := b.Delete(t.Context(), name(2)); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, b, 2)
	if holding(t, dir, stuff(name(2), 1000)) {
		t.Error("a second copy outlived the deletion")
	}
}

func TestDamagedPack(t *testing.T) {
	for what, damage := range map[string]func([]byte) []byte{
		"cut":       func(b []byte) []byte { return b[:len(b)-1] },
		"empty":     func([]byte) []byte { return nil },
		"directory": func(b []byte) []byte { b[len(b)-40] ^= 1; return b },
		"trailer":   func(b []byte) []byte { b[len(b)-15] ^= 0x80; return b },
	} {
		dir := t.TempDir()
		putBatch(t, openDir(t, dir), "", 1, 1000, 1000)
		pack := files(t, dir)[0]
		content, err := os.ReadFile(pack)
		if err == nil {
			err = os.WriteFile(pack, damage(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		b := openDir(t, dir)
		if _, err := read(b, t, name(1)); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", what, err)
		}
		if err := b.Delete(t.Context(), name(1)); err == nil {
			t.Errorf("%s: deleted from a pack that cannot be read", what)
		}
	}
}

// A failed object leaves no trace in its pack.
func TestFailureWithinAPack(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	batch := b.Batch()
	defer batch.Discard()
	boom := errors.New("boom")
	for i := range 3 {
		r := &failing{bytes.NewReader(stuff("lost", 9000)), boom}
		if _, err := batch.Put(t.Context(), name(i), r); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if _, err := batch.Put(t.Context(), name(i), bytes.NewReader(stuff(name(i), 500))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := batch.Put(t.Context(), name(1), strings.NewReader("twice")); !fault.Is(err, fault.Invalid) {
		t.Errorf("a name was put twice: %v", err)
	}
	if err := batch.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		wantObject(t, b, "", i, 500)
	}
	if holding(t, dir, stuff("lost", 9000)) {
		t.Error("what failed is on the disk")
	}
}

type failing struct {
	r   *bytes.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if n, err := f.r.Read(p); err == nil {
		return n, nil
	}
	return 0, f.err
}

// Whatever lies in the folder: a pack is refused or leads to bytes within it.
func FuzzPack(f *testing.F) {
	f.Add([]byte("RFpack01"))
	f.Add(blob.Pack("a", "06b3k0001"))
	f.Add(append([]byte("sealed sealed"), blob.Pack("x")...))
	f.Fuzz(func(t *testing.T, file []byte) {
		names, claimed, err := blob.ReadPack(file)
		if err == nil && (claimed > int64(len(file)) || slices.Contains(names, "")) {
			t.Fatalf("%q up to %d of %d bytes", names, claimed, len(file))
		}
	})
}
