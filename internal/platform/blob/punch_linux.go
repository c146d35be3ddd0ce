package blob

import (
	"errors"
	"os"
	"syscall"
)

// punchHole frees the blocks of a stretch of a file and zeroes what of it shares
// a block with its neighbours; the file keeps its length (fallocate(2)).
func punchHole(f *os.File, offset, size int64) error {
	const keepSize, punch = 0x01, 0x02
	if size == 0 {
		return nil
	}
	for {
		err := syscall.Fallocate(int(f.Fd()), keepSize|punch, offset, size)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
