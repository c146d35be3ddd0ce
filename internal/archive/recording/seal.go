package recording

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/sealed"
)

// segment is the ciphertext segment of the sealed format; a stream is read in
// steps of about as much.
const segment = 64 << 10

// part is one rendition on its way into the rows.
type part struct {
	rendition id.Rendition
	object    id.Object
	file      File
	plain     int64
	bytes     int64
	sum       [32]byte // SHA-256 of the sound
	digest    string   // of the ciphertext
}

// ErrChanged is a file that is not what was looked at a moment ago.
var ErrChanged = fault.New(fault.Conflict, "the file changed while it was read; it is tried again when it has come to rest")

// sealFile reads a file once: hashed, sealed and written on its way, in buffers
// of one segment, however long it is.
func sealFile(ctx context.Context, to blob.Batch, c id.Customer, key secret.Key, object id.Object, f File) (part, error) {
	src, err := f.Open()
	if err != nil {
		return part{}, err
	}
	defer src.Close()
	s := &sealing{ctx: ctx, src: src, want: f.Size, sum: sha256.New()}
	s.out = &tagDigest{h: sha256.New()}
	if s.w, err = sealed.NewWriter(s, key, ObjectAAD(c, object)); err != nil {
		return part{}, err
	}
	stored, err := to.Put(ctx, ObjectName(c, object), s)
	if err != nil {
		s.w.Abandon()
		if s.err != nil {
			return part{}, s.err
		}
		return part{}, err
	}
	p := part{rendition: id.New[id.Rendition](), object: object, file: f, plain: s.read, bytes: stored, digest: s.out.String()}
	s.sum.Sum(p.sum[:0])
	return p, nil
}

// sealing gives the ciphertext of a file to whoever reads it. Drivers that copy
// get it through WriteTo without another buffer.
type sealing struct {
	ctx  context.Context
	src  io.Reader
	want int64
	read int64
	sum  hash.Hash
	w    *sealed.Writer
	out  *tagDigest
	sink io.Writer // where the sealed writer writes to
	held bytes.Buffer
	err  error // of the source; io.EOF once everything is sealed
}

// Write takes what the sealed writer gives out.
func (s *sealing) Write(p []byte) (int, error) {
	s.out.Write(p)
	return s.sink.Write(p)
}

// WriteTo implements io.WriterTo.
func (s *sealing) WriteTo(w io.Writer) (int64, error) {
	s.sink = w
	b := readBuffers.Get().(*[segment]byte)
	defer readBuffers.Put(b)
	for s.err == nil {
		if err := s.step(b[:]); err != nil {
			return s.w.Written(), err
		}
	}
	if s.err != io.EOF {
		return s.w.Written(), s.err
	}
	s.err = nil
	return s.w.Written(), nil
}

// Read implements io.Reader.
func (s *sealing) Read(p []byte) (int, error) {
	s.sink = &s.held
	b := readBuffers.Get().(*[segment]byte)
	defer readBuffers.Put(b)
	for s.held.Len() == 0 {
		if s.err == io.EOF {
			s.err = nil
			s.want = -1
		}
		if s.want < 0 {
			return 0, io.EOF
		}
		if s.err != nil {
			return 0, s.err
		}
		if err := s.step(b[:]); err != nil {
			return 0, err
		}
	}
	return s.held.Read(p)
}

// step seals the next piece. What the source cannot give goes to s.err, what
// cannot be written is returned.
func (s *sealing) step(b []byte) error {
	if s.err = s.ctx.Err(); s.err != nil {
		return nil
	}
	n, err := s.src.Read(b)
	s.read += int64(n)
	s.sum.Write(b[:n])
	if _, err := s.w.Write(b[:n]); err != nil {
		return err
	}
	switch {
	case s.read > s.want, errors.Is(err, io.EOF) && s.read < s.want:
		s.err = ErrChanged
	case errors.Is(err, io.EOF):
		s.err = io.EOF
		return s.w.Close()
	case err != nil:
		s.err = err
	}
	return nil
}

var readBuffers = sync.Pool{New: func() any { return new([segment]byte) }}

// tagDigest is the digest of a ciphertext that was made here: SHA-256 over the
// authentication tag of each segment and the length. Under the recording's key
// the tags stand for every byte, the verifying opening checks them all, and it
// spares a second hash over the whole: that alone would make archiving cost
// half as much again.
type tagDigest struct {
	h    hash.Hash
	tail [16]byte
	pos  int64
}

func (d *tagDigest) Write(p []byte) {
	for len(p) > 0 {
		c := int(min(segment-d.pos%segment, int64(len(p))))
		if c >= len(d.tail) {
			copy(d.tail[:], p[c-len(d.tail):c])
		} else {
			copy(d.tail[:], d.tail[c:])
			copy(d.tail[len(d.tail)-c:], p[:c])
		}
		d.pos += int64(c)
		if d.pos%segment == 0 {
			d.h.Write(d.tail[:])
		}
		p = p[c:]
	}
}

func (d *tagDigest) String() string {
	if d.pos%segment != 0 {
		d.h.Write(d.tail[:])
	}
	d.h.Write(binary.BigEndian.AppendUint64(nil, uint64(d.pos)))
	return "tags-sha256:" + hex.EncodeToString(d.h.Sum(nil))
}
