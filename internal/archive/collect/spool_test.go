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
	if err := errors.Join(d.add([]source{a}, Verified), d.add([]source{b}, Erased), d.Close()); err != nil {
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
		if err := errors.Join(d.add([]source{c}, Verified), d.Close()); err != nil {
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
	if err := d.add([]source{{Path: mark16{1}, Size: 10, ModTime: 7}}, Verified); err != nil {
		t.Fatal(err)
	}
	for _, other := range []struct{ size, mod int64 }{{11, 7}, {10, 8}} {
		if _, ok := d.has(mark16{1}, other.size, other.mod); ok {
			t.Errorf("%v is known, though another version was captured", other)
		}
	}
}

func testEntry(t *testing.T, s *spool, size int64) *entry {
	t.Helper()
	_, key := newKey(t)
	e := &entry{Upload: id.New[id.Upload](), Made: time.Now()}
	e.manifest = Manifest{Version: version, Upload: e.Upload, Objects: []Object{{ID: id.New[id.Object](), Bytes: size}}}
	var err error
	if e.Signed, err = signDocument(manifestLabel, e.manifest, func(b []byte) ([]byte, error) { return ed25519.Sign(key, b), nil }); err != nil {
		t.Fatal(err)
	}
	f, err := s.create(e.Upload)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSpoolKeepsWhatWasCommittedOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, _, err := openSpool(dir, 1<<20, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.reserveSpace(1000); err != nil {
		t.Fatal(err)
	}
	e := testEntry(t, s, 1000)
	if err := s.commit(e); err != nil {
		t.Fatal(err)
	}
	unfinished := testEntry(t, s, 500)

	s, entries, err := openSpool(dir, 1<<20, 0)
	if err != nil || len(entries) != 1 || entries[0].Upload != e.Upload {
		t.Fatalf("after a restart: %v, %v", entries, err)
	}
	if s.bytes() != 1000 {
		t.Fatalf("%d bytes are counted", s.bytes())
	}
	if _, err := os.Stat(filepath.Join(dir, unfinished.Upload.String())); !os.IsNotExist(err) {
		t.Fatal("what was never committed is still there")
	}
	if err := s.remove(entries[0]); err != nil || s.bytes() != 0 {
		t.Fatal(err, s.bytes())
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Fatal(left, err)
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
