package collect

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/base/id"
)

func TestDoneSurvivesATornEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "done.log")
	d, err := openDone(path)
	if err != nil {
		t.Fatal(err)
	}
	a, b := source{Path: mark16{1}, Size: 10, ModTime: 7}, source{Path: mark16{2}, Size: 20, ModTime: 8}
	if err := errors.Join(d.remember([]source{a}, Verified), d.remember([]source{b}, Erased), d.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Cut at every byte: what was whole is known, the rest is not guessed at.
	for n := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDone(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(d.known); got != n/doneRecord {
			t.Fatalf("of %d bytes %d records are known", n, got)
		}
		// The next record stands whole behind what was whole.
		c := source{Path: mark16{3}, Size: 30, ModTime: 9}
		if err := errors.Join(d.remember([]source{c}, Verified), d.Close()); err != nil {
			t.Fatal(err)
		}
		if d, err = openDone(path); err != nil {
			t.Fatal(err)
		}
		if s, ok := d.has(c.Path, 30, 9); !ok || s != Verified {
			t.Fatalf("after a cut at %d the next record is lost", n)
		}
		d.Close()
	}
}

func TestDoneKnowsAVersionNotAName(t *testing.T) {
	d, err := openDone(filepath.Join(t.TempDir(), "done.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.remember([]source{{Path: mark16{1}, Size: 10, ModTime: 7}}, Verified); err != nil {
		t.Fatal(err)
	}
	for _, other := range []struct{ size, mod int64 }{{11, 7}, {10, 8}} {
		if _, ok := d.has(mark16{1}, other.size, other.mod); ok {
			t.Errorf("%v is known, though another version was captured", other)
		}
	}
}

func testEntry(t *testing.T, s *spool, size int64) (*os.File, *entry) {
	t.Helper()
	_, key := newKey(t)
	e := &entry{Upload: id.New[id.Upload](), Made: time.Now(), Sources: []source{{Size: 1}}}
	e.manifest = Manifest{Version: version, Upload: e.Upload, Objects: []Object{{ID: id.New[id.Object](), Bytes: size}}}
	var err error
	if e.Signed, err = signDocument(manifestLabel, e.manifest, func(b []byte) ([]byte, error) { return ed25519.Sign(key, b), nil }); err != nil {
		t.Fatal(err)
	}
	f, err := s.create(e.Upload)
	if err == nil {
		_, err = f.Write(make([]byte, size))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, e
}

func TestSpoolKeepsWhatWasCommittedOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, _, err := openSpool(dir, 1<<20, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, e := testEntry(t, s, 1000)
	if err := errors.Join(s.commit(f, e), s.sync()); err != nil {
		t.Fatal(err)
	}
	testEntry(t, s, 500) // never committed
	whole, err := os.ReadFile(s.path(e.Upload))
	if err != nil {
		t.Fatal(err)
	}
	s, entries, err := openSpool(dir, 1<<20, 0)
	if err != nil || len(entries) != 1 || entries[0].Upload != e.Upload || s.bytes() != 1000 {
		t.Fatalf("after a restart: %v, %d bytes, %v", entries, s.bytes(), err)
	}
	if n := files(dir); n != 1 {
		t.Fatalf("%d files: what was never committed is still there", n)
	}
	if err := s.remove(entries[0]); err != nil || s.bytes() != 0 || files(dir) != 0 {
		t.Fatal(err, s.bytes())
	}
	// Cut at any byte, or with any byte of its end changed, it is no entry.
	for n := range len(whole) {
		bad := whole[:n]
		if n >= 1000 {
			bad = append([]byte(nil), whole...)
			bad[n] ^= 0x40
		}
		if err := os.WriteFile(s.path(e.Upload), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readEntry(s.path(e.Upload)); err == nil && got.manifest.size() != 1000 {
			t.Fatalf("damage at %d was not noticed", n)
		}
	}
	if _, entries, err = openSpool(dir, 1<<20, 0); err != nil || len(entries) != 0 {
		t.Fatalf("a damaged file stops the box: %v, %v", entries, err)
	}
}

func TestSpoolIsBounded(t *testing.T) {
	s, _, err := openSpool(t.TempDir(), 1000, 5000)
	if err != nil {
		t.Fatal(err)
	}
	free := int64(1 << 30)
	s.free = func(string) (int64, error) { return free, nil }
	if err := s.reserveSpace(5000); err != nil {
		t.Fatalf("one recording larger than the limit must get through alone: %v", err)
	}
	if err := s.reserveSpace(1); !errors.Is(err, errSpoolFull) {
		t.Fatalf("beyond the limit: %v", err)
	}
	room := s.room()
	s.release(5000)
	select {
	case <-room:
	default:
		t.Fatal("nobody is told that there is room")
	}
	// The telephone system records to the same disk.
	free = 5500
	if err := s.reserveSpace(501); !errors.Is(err, errSpoolFull) {
		t.Fatalf("into the reserve of the disk: %v", err)
	}
	if err := s.reserveSpace(500); err != nil {
		t.Fatal(err)
	}
}
