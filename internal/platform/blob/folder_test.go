package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/base/disk/disktest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/blob/blobtest"
	"ringfence/internal/platform/sealed"
)

func openFolder(t testing.TB) blob.Bucket {
	t.Helper()
	return openDir(t, t.TempDir())
}

func openDir(t testing.TB, dir string) blob.Bucket {
	t.Helper()
	b, err := blob.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestFolder(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return openFolder(t) })
}

func TestMirrorOfFolders(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return blob.Mirror(openFolder(t), openFolder(t)) })
}

func put(t testing.TB, b blob.Bucket, name string, content []byte) {
	t.Helper()
	if _, err := b.Put(t.Context(), name, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func read(b blob.Bucket, t testing.TB, name string) ([]byte, error) {
	o, err := b.Open(t.Context(), name)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

// unmounted is what a folder looks like when its disk is not there.
var unmounted = map[string]func(t *testing.T, dir string){
	"gone": func(t *testing.T, dir string) {
		if err := os.Rename(dir, dir+"-elsewhere"); err != nil {
			t.Fatal(err)
		}
	},
	"an empty mount point": func(t *testing.T, dir string) {
		if err := os.Rename(dir, dir+"-elsewhere"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	},
}

// A folder that vanishes while it is used: every act says so and what to do,
// and nothing is written where its disk was.
func TestVanishedFolder(t *testing.T) {
	for name, vanish := range unmounted {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "objects")
			b := openDir(t, dir)
			put(t, b, "a/object-here", []byte("x"))
			vanish(t, dir)
			_, putErr := b.Put(t.Context(), "a/object-later", strings.NewReader("x"))
			_, newErr := b.Put(t.Context(), "other/object", strings.NewReader("x"))
			_, openErr := b.Open(t.Context(), "a/object-here")
			for what, err := range map[string]error{
				"Put": putErr, "Put elsewhere": newErr, "Open": openErr, "Delete": b.Delete(t.Context(), "a/object-here"),
				"List": b.List(t.Context(), "", func(string, int64) error { return nil }),
			} {
				if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, dir) {
					t.Errorf("%s: %v, want fault.Unavailable that names the folder", what, err)
				}
			}
			if left, err := os.ReadDir(dir); len(left) != 0 {
				t.Fatalf("written to the mount point: %v, %v", left, err)
			}
		})
	}
}

// At the start, a folder that was made before and is missing or empty is a disk
// that is not mounted.
func TestUnmountedAtTheStart(t *testing.T) {
	for name, vanish := range unmounted {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "objects")
			openDir(t, dir)
			cfg := blob.Config{Folder: dir, Made: true}
			if _, err := blob.Open(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			vanish(t, dir)
			_, err := blob.Open(t.Context(), cfg)
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, dir) {
				t.Fatalf("got %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Fatalf("something was made: %v", left)
			}
		})
	}
}

// After the disk is back, everything is as before.
func TestFolderComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "objects")
	b := openDir(t, dir)
	put(t, b, "a/object-here", []byte("x"))
	if err := os.Rename(dir, dir+"-elsewhere"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), "a/object-later", strings.NewReader("y")); err == nil {
		t.Fatal("Put without its disk")
	}
	if err := os.Rename(dir+"-elsewhere", dir); err != nil {
		t.Fatal(err)
	}
	put(t, b, "a/object-later", []byte("y"))
	for name, want := range map[string]string{"a/object-here": "x", "a/object-later": "y"} {
		if got, err := read(b, t, name); err != nil || string(got) != want {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
	}
}

// A sub-folder that was removed behind our back, for example with a customer.
func TestSubfolderVanishes(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	put(t, b, "a/object-one", []byte("x"))
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	put(t, b, "a/object-two", []byte("y"))
	if got, err := read(b, t, "a/object-two"); err != nil || string(got) != "y" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestFolderThatHoldsOtherFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := blob.OpenFolder(dir)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "letter.txt") {
		t.Fatalf("got %v", err)
	}
}

// A full disk says so, loses nothing that was there and leaves nothing half. A
// disk that small is to be had by root only; others check the text alone.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if disktest.Mount(t, dir, 256<<10) == nil {
		b := openDir(t, dir)
		kept := blobtest.Bytes(50_000)
		put(t, b, "a/object-before", kept)
		_, err := b.Put(t.Context(), "a/object-large", bytes.NewReader(blobtest.Bytes(1<<20)))
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, "full") {
			t.Fatalf("got %v", err)
		}
		if got, err := read(b, t, "a/object-before"); err != nil || !bytes.Equal(got, kept) {
			t.Fatalf("what was there before: %v", err)
		}
		put(t, b, "a/object-after", kept) // the room of the failed one is free again
	}
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		err := blob.Explain(openFolder(t), &fs.PathError{Op: "write", Path: "x", Err: cause})
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Text, "full") {
			t.Fatalf("%v is told as %v", cause, err)
		}
	}
}

// What a crash left half-written does not become an object, is not listed, and
// is swept once it is surely nobody's.
func TestLeftoversOfACrash(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	batch := b.Batch() // never ended, as if the process had died
	if _, err := batch.Put(t.Context(), "a/object-lost", strings.NewReader("half")); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".incomplete", "*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%v, %v", left, err)
	}
	b = openDir(t, dir)
	err = b.List(t.Context(), "", func(name string, _ int64) error { return fmt.Errorf("%s is listed", name) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left[0]); err != nil {
		t.Fatal("a fresh file was swept: another process may be writing it")
	}
	old := time.Now().Add(-72 * time.Hour)
	if err := os.Chtimes(left[0], old, old); err != nil {
		t.Fatal(err)
	}
	openDir(t, dir)
	if _, err := os.Stat(left[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an old file stays: %v", err)
	}
}

// Whoever reads the whole folder finds neither what was said nor who said it.
func TestFolderShowsNothing(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	c, canary := id.New[id.Customer](), []byte("canary: Ada Lovelace, +44 20 7946 0000")
	key := secret.NewKey()
	for range 20 {
		o := id.New[id.Object]()
		var object bytes.Buffer
		w, err := sealed.NewWriter(&object, key, append(c[:], o[:]...))
		if err != nil {
			t.Fatal(err)
		}
		w.Write(bytes.Repeat(canary, 3000))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		put(t, b, blob.Name(c, o), object.Bytes())
	}
	objects := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, trace := range []string{"canary", "Lovelace", "20 7946"} {
			if bytes.Contains(content, []byte(trace)) || strings.Contains(path, trace) {
				t.Errorf("%s shows %q", path, trace)
			}
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if strings.HasSuffix(filepath.Dir(path), ".d") {
			objects++
		}
		return nil
	})
	if err != nil || objects != 20 {
		t.Fatalf("%d objects, %v", objects, err)
	}
}

// A name says whose an object is to those who know the ids, and nothing else.
func TestNamesAreMeaningless(t *testing.T) {
	c, o := id.New[id.Customer](), id.New[id.Object]()
	name := blob.Name(c, o)
	if !strings.HasPrefix(name, blob.Prefix(c)) || strings.Contains(name, "org_") || len(name) != 53 {
		t.Fatalf("Name = %q", name)
	}
	if blob.Name(c, id.New[id.Object]()) == name {
		t.Fatal("two objects have one name")
	}
}
