package backup

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// header of an entry in a file: its length and number, in the clear.
const entryHead = 12

func entryAAD(c id.Customer, m place.Mark) []byte {
	b := append([]byte("ringfence log entry v1\x00"), c[:]...)
	b = append(b, m.Branch[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(m.Seq))
}

type entryMeta struct {
	At         int64 `json:"a"`
	Born       bool  `json:"b,omitempty"`
	Migrations []int `json:"m,omitempty"`
}

func (l *Ledger) seal(c id.Customer, e place.Entry) ([]byte, error) {
	meta, err := json.Marshal(entryMeta{e.At.UnixMilli(), e.Born, e.Migrations})
	if err != nil {
		return nil, err
	}
	var plain bytes.Buffer
	plain.Write(binary.AppendUvarint(nil, uint64(len(meta))))
	plain.Write(meta)
	if len(e.Writes) < 512 {
		plain.WriteByte(0)
		plain.Write(e.Writes)
	} else {
		plain.WriteByte(1)
		w, err := flate.NewWriter(&plain, flate.BestSpeed)
		if err == nil {
			_, err = w.Write(e.Writes)
			err = errors.Join(err, w.Close())
		}
		if err != nil {
			return nil, err
		}
	}
	body := l.box.Seal(entryAAD(c, e.Mark), plain.Bytes())
	head := binary.BigEndian.AppendUint32(make([]byte, 0, entryHead+len(body)), uint32(len(body)))
	head = binary.BigEndian.AppendUint64(head, uint64(e.Seq))
	return append(head, body...), nil
}

func unseal(box *sealed.Box, c id.Customer, m place.Mark, body []byte) (e place.Entry, err error) {
	plain, err := box.Open(entryAAD(c, m), body)
	if err != nil {
		return e, err
	}
	n, w := binary.Uvarint(plain)
	if w <= 0 || n >= uint64(len(plain)-w) {
		return e, sealed.ErrAltered
	}
	var meta entryMeta
	if err := json.Unmarshal(plain[w:w+int(n)], &meta); err != nil {
		return e, sealed.ErrAltered
	}
	e = place.Entry{Mark: m, At: time.UnixMilli(meta.At).UTC(), Born: meta.Born, Migrations: meta.Migrations}
	rest := plain[w+int(n):]
	e.Writes = rest[1:]
	if rest[0] == 1 {
		e.Writes, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(rest[1:])), maxEntry))
	}
	return e, err
}

// record is one entry as it lies in a file.
type record struct {
	mark place.Mark
	body []byte
	end  int64 // offset after it
}

// records walks through a file up to its last whole entry.
func records(r io.ReaderAt, s segment) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		off := int64(0)
		for {
			var head [entryHead]byte
			if n, err := r.ReadAt(head[:], off); n < entryHead {
				if err != nil && !errors.Is(err, io.EOF) {
					yield(record{}, err)
				}
				return
			}
			size := int64(binary.BigEndian.Uint32(head[:4]))
			if size == 0 || size > maxEntry {
				return
			}
			body := make([]byte, size)
			if n, err := r.ReadAt(body, off+entryHead); int64(n) < size {
				if err != nil && !errors.Is(err, io.EOF) {
					yield(record{}, err)
				}
				return
			}
			off += entryHead + size
			m := place.Mark{Branch: s.branch, Seq: int64(binary.BigEndian.Uint64(head[4:]))}
			if !yield(record{m, body, off}, nil) {
				return
			}
		}
	}
}
