package blob

import (
	"os"
	"syscall"
)

// startWriteback asks the kernel to begin writing a file to disk, so that the
// fsync of the batch waits less. It promises nothing and may fail freely.
func startWriteback(f *os.File) {
	const write = 2 // SYNC_FILE_RANGE_WRITE, sync_file_range(2)
	_ = syscall.SyncFileRange(int(f.Fd()), 0, 0, write)
}
