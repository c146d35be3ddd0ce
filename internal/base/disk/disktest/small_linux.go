package disktest

import (
	"fmt"
	"syscall"
	"testing"
)

// Small gives the folder of a disk of so many bytes; where there is none the test
// is skipped.
func Small(t testing.TB, size int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := Mount(t, dir, size); err != nil {
		t.Skip("no disk can be mounted here: ", err)
	}
	return dir
}

// Mount lays such a disk over a folder until the test ends.
func Mount(t testing.TB, dir string, size int64) error {
	t.Helper()
	if err := syscall.Mount("ringfence-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return err
	}
	t.Cleanup(func() {
		// What is still open on it keeps it no longer than the test's process.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return nil
}
