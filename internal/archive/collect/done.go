package collect

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// done is the box's memory of what needs no more capturing: an append-only file
// of fixed records, one fsync for all that wait for it, and a map of it in memory (about 100 bytes
// per file). A torn record at the end is what a power cut left; it is cut off,
// and the worst that follows is that the server answers "already here".
type done struct {
	mu    sync.Mutex
	known map[mark16]seen
	fresh []byte // records to be written
	asked int64  // how many calls of add have put theirs into fresh

	writing sync.Mutex // held while records are written
	f       *os.File
	end     int64 // of the whole records; a write that failed half-way is written over
	kept    int64 // how many calls of add are on the disk
}

// seen is the version of a file that was dealt with.
type seen struct {
	size, modTime int64
	state         State
}

const doneRecord = 16 + 8 + 8 + 1 + 4

// The states that last, as they stand in the file. Refused does not: the file
// is tried again after the next start.
var doneCodes = map[State]byte{Verified: 1, Erased: 2}

func openDone(path string) (*done, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	d := &done{f: f, known: map[mark16]seen{}}
	whole := int64(0)
	for b := make([]byte, doneRecord); ; whole += doneRecord {
		if _, err = io.ReadFull(f, b); err != nil {
			break
		}
		m, s, ok := readDone(b)
		if !ok {
			break
		}
		d.known[m] = s
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.Join(err, f.Close())
	}
	if err = f.Truncate(whole); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.end = whole
	return d, nil
}

func readDone(b []byte) (m mark16, s seen, ok bool) {
	body, sum := b[:doneRecord-4], binary.BigEndian.Uint32(b[doneRecord-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return m, s, false
	}
	copy(m[:], body)
	s.size = int64(binary.BigEndian.Uint64(body[16:]))
	s.modTime = int64(binary.BigEndian.Uint64(body[24:]))
	for state, code := range doneCodes {
		if code == body[32] {
			s.state = state
		}
	}
	return m, s, s.state != ""
}

// add remembers that a version of a file was dealt with; durable on return.
func (d *done) add(sources []source, state State) error {
	d.mu.Lock()
	for _, s := range sources {
		b := make([]byte, doneRecord)
		copy(b, s.Path[:])
		binary.BigEndian.PutUint64(b[16:], uint64(s.Size))
		binary.BigEndian.PutUint64(b[24:], uint64(s.ModTime))
		b[32] = doneCodes[state]
		binary.BigEndian.PutUint32(b[33:], crc32.ChecksumIEEE(b[:33]))
		d.fresh = append(d.fresh, b...)
	}
	d.asked++
	mine := d.asked
	d.mu.Unlock()
	if err := d.flush(mine); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range sources {
		d.known[s.Path] = seen{s.Size, s.ModTime, state}
	}
	return nil
}

// flush writes what waits, unless the call before has done it for this one.
func (d *done) flush(mine int64) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.kept >= mine {
		return nil
	}
	d.mu.Lock()
	b, asked := d.fresh, d.asked
	d.mu.Unlock()
	if _, err := d.f.WriteAt(b, d.end); err != nil {
		return err
	}
	if err := d.f.Sync(); err != nil {
		return err
	}
	d.end += int64(len(b))
	d.kept = asked
	d.mu.Lock()
	d.fresh = d.fresh[len(b):]
	d.mu.Unlock()
	return nil
}

// has reports whether this very version of a file was dealt with, and how.
func (d *done) has(path mark16, size, modTime int64) (State, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.known[path]
	if !ok || s.size != size || s.modTime != modTime {
		return "", false
	}
	return s.state, true
}

func (d *done) Close() error { return d.f.Close() }
