package siprec

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/sealed"
)

// A spool is one file:
//
//	spool  = header record…
//	header = "RFSP" 1 | customer (16 bytes) | session (16 bytes)
//	record = length (4 bytes, big endian) | sealed field
//
// The associated data of a record are the header and the record's number, so
// that none can be moved, left out or exchanged. What a crash cut off is the
// last record alone; without it the file reads to its end.
//
//	fact  = 'F' JSON
//	sound = 'S' from (8 bytes) | count (4 bytes) | { track (1 byte) | count bytes }…
//	end   = 'E' position (8 bytes) | JSON of the last fact
const (
	spoolMagic  = "RFSP\x01"
	spoolHeader = len(spoolMagic) + 32
	spoolSuffix = ".spool"
	maxRecord   = 4 << 20
)

// spool writes one.
type spool struct {
	f      *os.File
	box    *sealed.Box
	aad    []byte // header and number
	number uint64
	buf    []byte
}

func spoolName(dir string, s id.Siprec) string { return filepath.Join(dir, s.String()+spoolSuffix) }

// header is what stands in front of a spool, and under every tag in it.
func header(c id.Customer, s id.Siprec) []byte {
	b := append([]byte(spoolMagic), c[:]...)
	return append(b, s[:]...)
}

// folderName reads what a folder of spools is called, or names it.
func folderName(dir string) (id.Siprec, error) {
	path := filepath.Join(dir, "folder.id")
	b, err := os.ReadFile(path)
	if err == nil {
		return id.Parse[id.Siprec](string(b))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return id.Siprec{}, err
	}
	name := id.New[id.Siprec]()
	if err := os.WriteFile(path, []byte(name.String()), 0o600); err != nil {
		return name, err
	}
	return name, syncFolder(dir)
}

// createSpool makes the file of a session, durable with its name.
func createSpool(dir string, c id.Customer, s id.Siprec, key secret.Key) (*spool, error) {
	f, err := os.OpenFile(spoolName(dir, s), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &spool{f: f, box: sealed.NewBox(key), aad: append(header(c, s), make([]byte, 8)...)}
	if _, err = f.Write(w.aad[:spoolHeader]); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// append seals one record. It is in the file when it returns, and durable after
// the next sync.
func (w *spool) append(plain []byte) error {
	binary.BigEndian.PutUint64(w.aad[spoolHeader:], w.number)
	text := w.box.Seal(w.aad, plain)
	w.buf = binary.BigEndian.AppendUint32(w.buf[:0], uint32(len(text)))
	w.buf = append(w.buf, text...)
	w.number++
	_, err := w.f.Write(w.buf)
	return err
}

func (w *spool) fact(f Fact) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return w.append(append([]byte{'F'}, text...))
}

func (w *spool) end(at int64) error {
	return w.append(binary.BigEndian.AppendUint64([]byte{'E'}, uint64(at)))
}

func (w *spool) sync() error  { return w.f.Sync() }
func (w *spool) close() error { return w.f.Close() }

// spoolReader reads one record after the other.
type spoolReader struct {
	f      *os.File
	box    *sealed.Box
	aad    []byte
	number uint64
	buf    []byte
}

// spoolOwner says whose a file is, without a key.
func spoolOwner(path string) (c id.Customer, s id.Siprec, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, s, err
	}
	defer f.Close()
	var h [spoolHeader]byte
	if _, err := io.ReadFull(f, h[:]); err != nil || string(h[:len(spoolMagic)]) != spoolMagic {
		return c, s, fault.New(fault.Conflict, "this is no spool of a recording session")
	}
	copy(c[:], h[len(spoolMagic):])
	copy(s[:], h[len(spoolMagic)+16:])
	return c, s, nil
}

func openSpool(dir string, c id.Customer, s id.Siprec, key secret.Key) (*spoolReader, error) {
	f, err := os.Open(spoolName(dir, s))
	if err != nil {
		return nil, err
	}
	r := &spoolReader{f: f, box: sealed.NewBox(key), aad: append(header(c, s), make([]byte, 8)...)}
	var h [spoolHeader]byte
	if _, err := io.ReadFull(f, h[:]); err != nil || string(h[:]) != string(r.aad[:spoolHeader]) {
		f.Close()
		return nil, fault.New(fault.Conflict, "the spool does not belong to this session")
	}
	return r, nil
}

// errCut is the end of a spool that a crash has cut off.
var errCut = errors.New("the spool was cut")

// next gives the next record. It is io.EOF after the last whole one, errCut if
// more follows that is none, and sealed.ErrAltered if a record was changed.
func (r *spoolReader) next() ([]byte, error) {
	var l [4]byte
	if _, err := io.ReadFull(r.f, l[:]); errors.Is(err, io.EOF) {
		return nil, io.EOF
	} else if err != nil {
		return nil, errCut
	}
	n := binary.BigEndian.Uint32(l[:])
	if n == 0 || n > maxRecord {
		return nil, errCut // a file system that lost power may leave zeros
	}
	if cap(r.buf) < int(n) {
		r.buf = make([]byte, n)
	}
	if _, err := io.ReadFull(r.f, r.buf[:n]); err != nil {
		return nil, errCut
	}
	binary.BigEndian.PutUint64(r.aad[spoolHeader:], r.number)
	r.number++
	plain, err := r.box.Open(r.aad, r.buf[:n])
	if err == nil && len(plain) == 0 {
		err = errCut
	}
	return plain, err
}

func (r *spoolReader) close() error { return r.f.Close() }

// survey is what a first reading of a spool brings.
type survey struct {
	facts   []Fact
	ended   bool  // its end was written
	length  int64 // samples
	sounded [MaxStreams]bool
	cut     bool
}

// look reads a whole spool without keeping its sound. A record that does not
// open ends it: what lies before is whole, what lies behind cannot be trusted.
func (r *spoolReader) look() (v survey, err error) {
	for {
		rec, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return v, nil
		case err != nil:
			v.cut = true
			return v, nil
		}
		switch rec[0] {
		case 'F':
			var f Fact
			if err := json.Unmarshal(rec[1:], &f); err != nil {
				return v, fmt.Errorf("a fact of a spool: %w", err)
			}
			v.facts = append(v.facts, f)
		case 'S':
			b, ok := readBlock(rec)
			if !ok {
				v.cut = true
				return v, nil
			}
			v.length = max(v.length, b.from+b.count)
			b.each(func(track int, _ []byte) { v.sounded[track] = true })
		case 'E':
			if len(rec) >= 9 {
				v.ended, v.length = true, max(v.length, int64(binary.BigEndian.Uint64(rec[1:])))
			}
		}
	}
}

// block is one record of sound.
type block struct {
	from, count int64
	tracks      []byte
}

func readBlock(rec []byte) (block, bool) {
	if len(rec) < 13 {
		return block{}, false
	}
	b := block{int64(binary.BigEndian.Uint64(rec[1:])), int64(binary.BigEndian.Uint32(rec[9:])), rec[13:]}
	ok := b.count > 0 && b.from >= 0 && int64(len(b.tracks))%(b.count+1) == 0 && b.from+b.count <= samples(2*MaxLength)
	return b, ok
}

// each gives the samples of every stream in the block.
func (b block) each(fn func(track int, sound []byte)) {
	for t := b.tracks; int64(len(t)) > b.count; t = t[b.count+1:] {
		if t[0] < MaxStreams {
			fn(int(t[0]), t[1:b.count+1])
		}
	}
}
