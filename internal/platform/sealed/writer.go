package sealed

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"io"

	"ringfence/internal/base/secret"
)

var errClosed = errors.New("sealed: write after Close")

// Writer seals what is written to it. It holds one segment in memory however
// long the object is. A Writer that is not closed leaves an object that no
// reader accepts, as its last segment is missing.
type Writer struct {
	w       io.Writer
	aead    cipher.AEAD
	nonce   nonce
	buf     *[segmentSize]byte // header (first segment only) and plain text; sealed in place
	start   int                // where plain text begins in buf
	end     int                // where it ends
	segment int64
	written int64
	err     error // sticky: after a failed write the object is lost
}

// NewWriter begins an object. The associated data binds it to its place: the
// reader must give the same.
func NewWriter(w io.Writer, k secret.Key, aad []byte) (*Writer, error) {
	var header [headerSize]byte
	header[0] = headerSize
	rand.Read(header[1:])
	return newWriter(w, k, aad, header)
}

// newWriter begins an object with a given header; only test vectors choose it.
func newWriter(w io.Writer, k secret.Key, aad []byte, header [headerSize]byte) (*Writer, error) {
	aead, err := objectCipher(k, header[1:1+saltSize], aad)
	if err != nil {
		return nil, err
	}
	s := &Writer{w: w, aead: aead, buf: buffers.Get().(*[segmentSize]byte), start: headerSize, end: headerSize}
	copy(s.nonce[:], header[1+saltSize:])
	copy(s.buf[:], header[:])
	return s, nil
}

// Write seals p. The last segment stays open until Close, since only Close
// knows that it is the last.
func (s *Writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && s.err == nil {
		if s.end == plainSize {
			s.flush(false)
			continue
		}
		c := copy(s.buf[s.end:plainSize], p)
		s.end += c
		p = p[c:]
		n += c
	}
	return n, s.err
}

// ReadFrom seals all that r gives, without a buffer between: io.Copy uses it.
func (s *Writer) ReadFrom(r io.Reader) (int64, error) {
	var n int64
	for s.err == nil {
		if s.end == plainSize {
			// The segment is full, but only more plain text tells that it is not the last.
			var one [1]byte
			c, err := io.ReadFull(r, one[:])
			if c == 0 {
				return n, ignoreEOF(err)
			}
			m, _ := s.Write(one[:])
			n += int64(m)
			continue
		}
		c, err := r.Read(s.buf[s.end:plainSize])
		s.end += c
		n += int64(c)
		if err != nil {
			return n, ignoreEOF(err)
		}
	}
	return n, s.err
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// flush seals and writes the segment in the buffer.
func (s *Writer) flush(last bool) {
	if s.err != nil {
		return
	}
	if s.segment == maxSegments {
		s.err = ErrTooLarge
		return
	}
	plain := s.buf[s.start:s.end]
	s.aead.Seal(plain[:0], s.nonce.at(s.segment, last), plain, nil)
	n, err := s.w.Write(s.buf[:s.end+tagSize])
	if err == nil && n < s.end+tagSize {
		err = io.ErrShortWrite
	}
	s.err = err
	s.written += int64(n)
	s.segment++
	s.start, s.end = 0, 0
}

// Close seals the last segment. It does not close what lies below.
func (s *Writer) Close() error {
	if s.buf == nil {
		return nil
	}
	s.flush(true)
	clear(s.buf[:]) // a failed write may leave plain text in it
	buffers.Put(s.buf)
	s.buf = nil
	err := s.err
	s.err = errClosed
	return err
}

// Abandon gives the buffer back without finishing the object.
func (s *Writer) Abandon() {
	if s.buf != nil {
		s.err = errClosed
		s.Close()
	}
}

// Written is how many bytes of the object have been given to the writer below.
func (s *Writer) Written() int64 { return s.written }
