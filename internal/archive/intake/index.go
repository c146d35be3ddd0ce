package intake

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/sealed"
)

const (
	indexName = "index"
	indexSalt = 16      // random start of an index: its records open in no other
	maxRecord = 1 << 20 // a file has few parts; more is no record
)

// record is one thing that happened to a name.
type record struct {
	Op   string `json:"o"` // put, cut, del, uncut, mv, mkdir, rmdir
	Name []byte `json:"n"`
	To   []byte `json:"m,omitempty"`
	ID   uint64 `json:"i,omitempty"`
	Part []part `json:"p,omitempty"`
	Time int64  `json:"t,omitempty"` // ms
}

// part is some bytes of a file that were written at one go.
type part struct {
	ID   string `json:"i"`
	Size int64  `json:"s"` // that count; an upload that went on further back left more
}

// index is the journal of a drop. Records are sealed with their number and the
// index's own salt: none can be left out, moved or brought from elsewhere. A
// last one that is not whole was being written when the machine stopped.
type index struct {
	dir  string
	box  *sealed.Box
	bind []byte // customer and source
	f    *os.File
	salt []byte
	next uint64
	end  int64
}

func (x *index) aad() []byte {
	b := append([]byte("ringfence drop index 1\x00"), x.bind...)
	b = append(b, x.salt...)
	return binary.BigEndian.AppendUint64(b, x.next)
}

// open reads an index, or begins one.
func (x *index) open(each func(record)) (err error) {
	x.f, err = os.OpenFile(filepath.Join(x.dir, indexName), os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return x.renew(nil)
	}
	if err != nil {
		return err
	}
	all, err := io.ReadAll(x.f)
	if err != nil {
		return err
	}
	if len(all) < indexSalt {
		return errIndex
	}
	x.salt, x.end = all[:indexSalt], indexSalt
	for rest := all[indexSalt:]; len(rest) > 0; {
		r, n, err := x.read(rest)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return x.f.Truncate(x.end)
		}
		if err != nil {
			return err
		}
		each(r)
		rest, x.end, x.next = rest[n:], x.end+int64(n), x.next+1
	}
	return nil
}

var errIndex = fault.New(fault.Conflict, "the list of what waits for this source is damaged or was changed; the files cannot be opened")

func (x *index) read(b []byte) (r record, n int, err error) {
	if len(b) < 4 {
		return r, 0, io.ErrUnexpectedEOF
	}
	n = int(binary.BigEndian.Uint32(b))
	if n > maxRecord {
		return r, 0, errIndex
	}
	if len(b) < 4+n {
		return r, 0, io.ErrUnexpectedEOF
	}
	plain, err := x.box.Open(x.aad(), b[4:4+n])
	if err != nil {
		if len(b) == 4+n || len(bytes.Trim(b[4:], "\x00")) == 0 { // the last: its blocks may have reached the disk in any order
			return r, 0, io.ErrUnexpectedEOF
		}
		return r, 0, errIndex
	}
	return r, 4 + n, json.Unmarshal(plain, &r)
}

func (x *index) seal(r record) ([]byte, error) {
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c := x.box.Seal(x.aad(), plain)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(c))), c...), nil
}

// add writes a record; it is durable after sync. What could not be written
// whole is taken back.
func (x *index) add(r record) error {
	b, err := x.seal(r)
	if err != nil {
		return err
	}
	if _, err := x.f.WriteAt(b, x.end); err != nil {
		return errors.Join(err, x.f.Truncate(x.end))
	}
	x.end += int64(len(b))
	x.next++
	return nil
}

// inPlace says that the file records are added to is the one that a restart opens.
func (x *index) inPlace() bool {
	named, err := os.Stat(filepath.Join(x.dir, indexName))
	if err != nil || x.f == nil {
		return false
	}
	ours, err := x.f.Stat()
	return err == nil && os.SameFile(named, ours)
}

// renew writes the index anew with what is true now, beside the old one.
func (x *index) renew(now []record) error {
	old := *x
	x.salt, x.next, x.end = make([]byte, indexSalt), 0, indexSalt
	rand.Read(x.salt)
	out := bytes.NewBuffer(bytes.Clone(x.salt))
	for _, r := range now {
		b, err := x.seal(r)
		if err != nil {
			*x = old
			return err
		}
		out.Write(b)
		x.next++
	}
	x.end = int64(out.Len())
	at := filepath.Join(x.dir, indexName)
	err := writeDurably(at, out.Bytes())
	if err == nil {
		x.f, err = os.OpenFile(at, os.O_RDWR, 0o600)
	}
	if err != nil {
		*x = old
		return err
	}
	if old.f != nil {
		_ = old.f.Close() // it has no name any more
	}
	return nil
}
