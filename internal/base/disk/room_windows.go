package disk

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Room is how large the disk of a folder is, and what its user may still write
// to it.
func Room(dir string) (free, total int64, err error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var mine, all, left uint64
	if err := windows.GetDiskFreeSpaceEx(p, &mine, &all, &left); err != nil {
		return 0, 0, err
	}
	return int64(mine), int64(all), nil
}

// Device names the disk of a folder: the same for two folders that fill up together.
func Device(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	return filepath.VolumeName(full), err
}
