package sftp_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/disk/disktest"
	"ringfence/internal/edge/sftp"
)

// A disk without a byte left is told to who pushes; nothing half-sent stays, and
// the same upload goes through once there is room.
func TestAFullDisk(t *testing.T) {
	disk := disktest.Small(t, 1<<20)
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
