package place

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Blanks keeps what an empty SQLite place looks like when its migrations have
// run, so that the next one begins as a copy: to write a file takes a
// hundredth of the time in which its tables are made. It is for programs that
// make places by the hundred, as tests do. It is not asked where a Log is told
// of every transaction, for a Log is told how a place began.
type Blanks struct {
	mu sync.Mutex
	of map[[sha256.Size]byte][]byte // by the migrations
}

// begin writes what an empty place looks like into its file, and reports
// whether that is still to be learned, by keep.
func (b *Blanks) begin(path string, ms Migrations) (learn bool, err error) {
	if b == nil {
		return false, nil
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		return false, nil // missing, which open tells, or in use
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		return false, nil // what was written is all still there
	}
	b.mu.Lock()
	image := b.of[ms.sum()]
	b.mu.Unlock()
	if image == nil {
		return true, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false, err
	}
	_, err = f.Write(image)
	return false, errors.Join(err, f.Sync(), f.Close())
}

// keep remembers a place that was made by its migrations just now. SQLite
// itself reads it: to open and close the file beside it would let go of its
// locks.
func (b *Blanks) keep(ctx context.Context, pl *pool, ms Migrations) error {
	conn, err := pl.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		image, err := driver.(interface{ Serialize() ([]byte, error) }).Serialize()
		if err != nil {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.of == nil {
			b.of = map[[sha256.Size]byte][]byte{}
		}
		b.of[ms.sum()] = image
		return nil
	})
}

func (ms Migrations) sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, m := range ms {
		fmt.Fprintf(h, "%d %q %q\n", m.Number, m.Name, m.SQL)
	}
	h.Sum(sum[:0])
	return sum
}
