package collect

import (
	"os"
	"sync"
)

// records is a file that only grows: one fsync for all that wait for it. A write
// that failed half-way is written over; a torn record at the end is what a power
// cut left, and is cut off by whoever reads the file at the start.
type records struct {
	mu    sync.Mutex
	fresh []byte // to be written
	asked int64  // how many calls of add have put theirs into fresh

	writing sync.Mutex // held while records are written
	f       *os.File
	end     int64 // of the whole records
	kept    int64 // how many calls of add are on the disk
}

// add appends whole records; durable on return.
func (r *records) add(b []byte) error {
	r.mu.Lock()
	r.fresh = append(r.fresh, b...)
	r.asked++
	mine := r.asked
	r.mu.Unlock()
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.kept >= mine {
		return nil // the call before has done it for this one
	}
	r.mu.Lock()
	all, asked := r.fresh, r.asked
	r.mu.Unlock()
	if _, err := r.f.WriteAt(all, r.end); err != nil {
		return err
	}
	if err := r.f.Sync(); err != nil {
		return err
	}
	r.end += int64(len(all))
	r.kept = asked
	r.mu.Lock()
	r.fresh = r.fresh[len(all):]
	r.mu.Unlock()
	return nil
}

func (r *records) Close() error { return r.f.Close() }
