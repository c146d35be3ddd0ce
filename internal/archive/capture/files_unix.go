//go:build unix

package capture

import (
	"io/fs"
	"syscall"
)

// onDisk is a file's inode and device.
func onDisk(info fs.FileInfo) (inode, device uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino, uint64(st.Dev)
	}
	return 0, 0
}
