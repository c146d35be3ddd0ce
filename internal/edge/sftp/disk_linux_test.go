package sftp_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ringfence/internal/archive/intake"
	"ringfence/internal/edge/sftp"
)

// A disk without a byte left is told to who pushes; nothing half-sent stays, and
// the same upload goes through once there is room. The disk is one in memory,
// which takes root.
func TestAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("no disk can be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	w := newWorld(t, func(_ *sftp.Options, i *intake.Options) { i.Dir, i.Spare = disk, -1 })
	s, _, err := w.connect()
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 300_000)
	put := func(name string, body []byte) error {
		f, err := s.Create(name)
		if err != nil {
			return err
		}
		_, err = f.Write(body)
		return errors.Join(err, f.Close())
	}
	if err := put("before.wav", body); err != nil {
		t.Fatal(err)
	}
	files := func() int {
		all, err := filepath.Glob(filepath.Join(disk, "*", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := files()
	if err := put("large.wav", make([]byte, 2<<20)); err == nil || !strings.Contains(err.Error(), "the disk of the server is full") {
		t.Fatalf("is heard: %v", err)
	}
	if n := files(); n != before {
		t.Errorf("%d files are left, %d before", n, before)
	}
	if err := put("after.wav", body); err != nil {
		t.Fatal("the room of the failed one is free again: ", err)
	}
	w.has("before.wav", body)
	w.has("after.wav", body)
}
