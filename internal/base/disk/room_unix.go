//go:build unix

package disk

import (
	"strconv"
	"syscall"
)

// Room is how large the disk of a folder is, and what an ordinary user may still
// write to it.
func Room(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	// What is reserved for the administrator is not counted as room.
	used := int64(s.Blocks-s.Bfree) * int64(s.Bsize)
	free = int64(s.Bavail) * int64(s.Bsize)
	return free, used + free, nil
}

// Device names the disk of a folder: the same for two folders that fill up together.
func Device(dir string) (string, error) {
	var s syscall.Stat_t
	if err := syscall.Stat(dir, &s); err != nil {
		return "", err
	}
	return strconv.FormatUint(uint64(s.Dev), 10), nil
}
