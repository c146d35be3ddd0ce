package collect

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// done is the box's memory of what needs no more capturing: fixed records, and a
// map of them in memory (about 100 bytes per file). Of a torn record at its end
// the worst that follows is that the server answers "already here".
type done struct {
	records
	known map[mark16]seen // under the lock of the records
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
	d := &done{records: records{f: f}, known: map[mark16]seen{}}
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

// remember keeps that a version of a file was dealt with; durable on return.
func (d *done) remember(sources []source, state State) error {
	var all []byte
	for _, s := range sources {
		b := make([]byte, doneRecord)
		copy(b, s.Path[:])
		binary.BigEndian.PutUint64(b[16:], uint64(s.Size))
		binary.BigEndian.PutUint64(b[24:], uint64(s.ModTime))
		b[32] = doneCodes[state]
		binary.BigEndian.PutUint32(b[33:], crc32.ChecksumIEEE(b[:33]))
		all = append(all, b...)
	}
	if err := d.add(all); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range sources {
		d.known[s.Path] = seen{s.Size, s.ModTime, state}
	}
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
