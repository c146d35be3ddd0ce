package intake_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/disk/disktest"
	"ringfence/internal/base/fault"
)

// After a failed fsync nobody knows what the disk holds, and the next fsync of
// that file would say that all is well. The drop refuses, is told of, and takes
// files again when its list could be written into a new file; what waited
// before is there, also after a restart.
func TestAFailedSyncIsMended(t *testing.T) {
	var failing atomic.Bool
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	var o intake.Options
	o.Now = func() time.Time { return now }
	o = o.WithSync(func(f *os.File) error {
		if failing.Load() {
			return syscall.EIO
		}
		return f.Sync()
	})
	r := newRoom(t, o)
	r.put(t, "before.wav", []byte("before"))
	failing.Store(true)
	w, err := r.Create("lost.wav")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("half known")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "tries again each minute") {
		t.Fatal("what may not be durable was taken:", err)
	}
	failing.Store(false)
	since := now
	now = now.Add(59 * time.Second)
	if _, err := r.Create("soon.wav"); !fault.Is(err, fault.Unavailable) {
		t.Fatal("believed before its list was written anew:", err)
	}
	if all := r.service.Failing(); len(all) != 1 || !all[r.place.Customer()].Equal(since) {
		t.Fatal(all)
	}
	now = now.Add(time.Second)
	if all := r.service.Failing(); len(all) != 0 {
		t.Fatal("not mended, or still told of:", all)
	}
	r.put(t, "after.wav", []byte("after"))
	for range 2 {
		for name, want := range map[string]string{"before.wav": "before", "after.wav": "after", "lost.wav": "half known"} {
			if got := string(r.read(t, name)); got != want {
				t.Errorf("%s holds %q", name, got)
			}
		}
		r.reopen(t, r.dir)
	}
}

// unsteady is a room whose disk fails while it is told to, by a clock of its own.
func unsteady(t *testing.T) (r *room, failing *bool, now *time.Time) {
	t.Helper()
	failing, now = new(bool), new(time.Time)
	*now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	var o intake.Options
	o.Now = func() time.Time { return *now }
	return newRoom(t, o.WithSync(func(f *os.File) error {
		if *failing {
			return syscall.EIO
		}
		return f.Sync()
	})), failing, now
}

// As long as the disk fails, the drop stays closed and each minute is a new try.
func TestADiskThatStaysBroken(t *testing.T) {
	r, failing, now := unsteady(t)
	r.put(t, "before.wav", []byte("before"))
	*failing = true
	if err := r.Mkdir("x"); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	home := filepath.Join(r.dir, r.place.Customer().String(), r.source.String())
	if err := os.Rename(home, home+"-away"); err != nil { // writing the list anew fails, too
		t.Fatal(err)
	}
	for range 3 {
		*now = now.Add(time.Minute)
		if _, err := r.Create("x.wav"); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(home+"-away", home); err != nil {
		t.Fatal(err)
	}
	*failing, *now = false, now.Add(time.Minute)
	r.put(t, "x.wav", []byte("x"))
	if string(r.read(t, "before.wav")) != "before" || len(r.service.Failing()) != 0 {
		t.Error("not mended")
	}
}

// What waited for a sync that failed is durable for nobody: neither for who had
// asked for it, nor for who came meanwhile and would be served by the next one,
// which says that all is well.
func TestAFailedSyncFailsAllWhoWait(t *testing.T) {
	begun, both := make(chan bool), make(chan bool)
	first := true
	var o intake.Options
	r := newRoom(t, o.WithSync(func(f *os.File) error {
		if !first {
			return f.Sync()
		}
		first = false
		close(begun)
		<-both
		return syscall.EIO
	}))
	said := make(chan error, 2)
	go func() { said <- r.Mkdir("a") }()
	<-begun
	go func() { said <- r.Mkdir("b") }()
	for {
		if _, err := fs.Stat(r.FS(), "b"); err == nil {
			break // its record is written, to the same file
		}
		time.Sleep(time.Millisecond)
	}
	close(both)
	for range 2 {
		if err := <-said; !fault.Is(err, fault.Unavailable) {
			t.Errorf("it is said to be durable: %v", err)
		}
	}
}

// A file that gave way while the disk failed may still be named there: its bytes
// go when that is known.
func TestWhatGaveWayWhileTheDiskFailed(t *testing.T) {
	r, failing, now := unsteady(t)
	r.put(t, "a.wav", []byte("one"))
	was := onDisk(t, r.dir)
	*failing = true
	w, err := r.Create("a.wav")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if n := onDisk(t, r.dir); n != was+1 {
		t.Errorf("%d files while nobody knows which of the two is named, %d before", n, was)
	}
	*failing, *now = false, now.Add(time.Minute)
	r.put(t, "b.wav", []byte("three"))
	if n := onDisk(t, r.dir); n != was+1 || string(r.read(t, "a.wav")) != "two" {
		t.Errorf("%d files afterwards", n)
	}
}

// Where the list could not be written anew, and the file that records go to is
// not the one that a restart opens, nothing is durable.
func TestAListThatLostItsName(t *testing.T) {
	r := newRoom(t, intake.CompactAt(1))
	home := filepath.Join(r.dir, r.place.Customer().String(), r.source.String())
	if err := os.Rename(home, home+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(home, "index", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := errors.Join(r.Mkdir("d"), r.Rmdir("d")); err != nil {
			if !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("records are said to be durable in a file without a name")
}

// On a disk without a byte left, what cannot be kept whole is refused in words
// and leaves nothing; what was there stays, and it goes on once there is room.
func TestAFullDisk(t *testing.T) {
	disk := disktest.Small(t, 512<<10)
	r := newRoom(t, intake.Options{Spare: -1})
	r.reopen(t, disk)
	r.put(t, "before.wav", noise(100_000))
	was := onDisk(t, disk)
	w, err := r.Create("large.wav")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(noise(1 << 20))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "full") {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, disk); n != was {
		t.Fatalf("%d files, %d before", n, was)
	}
	// Not even a record finds room: the page that it needs is taken.
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, noise(512<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	refused := 0
	for range 200 { // the index's last page may have room for some
		if err := errors.Join(r.Mkdir("d"), r.Rmdir("d")); err != nil {
			if refused++; !fault.Is(err, fault.Unavailable) {
				t.Fatal(err)
			}
			break
		}
	}
	if refused == 0 {
		t.Fatal("records are kept on a full disk")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	r.put(t, "after.wav", noise(100_000))
	for range 2 {
		if len(r.read(t, "before.wav")) != 100_000 || len(r.read(t, "after.wav")) != 100_000 {
			t.Error("cut")
		}
		if _, err := fs.Stat(r.FS(), "large.wav"); err == nil {
			t.Error("half of a file is there")
		}
		r.reopen(t, disk)
	}
}
