package sealed

import (
	"crypto/cipher"
	"errors"
	"io"
	"sync"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// ReaderAt reads a sealed object anywhere. It is safe for use by several
// goroutines at once and holds two segments in memory.
type ReaderAt struct {
	r      io.ReaderAt
	aead   cipher.AEAD
	prefix nonce // with number and last flag zero
	size   int64 // of the object
	plain  int64 // of what is sealed in it

	mu     sync.Mutex // guards the segment opened last: readers go forward in small steps
	held   int64      // its number, -1 if there is none
	heldAt []byte     // its plain text
}

// NewReaderAt opens an object of the given size. The last segment is
// authenticated before it returns, so a truncated or lengthened object is
// refused here, as are another key and other associated data, all with
// ErrAltered. What r itself cannot give is its own error.
func NewReaderAt(r io.ReaderAt, size int64, k secret.Key, aad []byte) (*ReaderAt, error) {
	plain, err := PlainSize(size)
	if err != nil {
		return nil, err
	}
	var header [headerSize]byte
	if err := readFull(r, header[:], 0); err != nil {
		return nil, err
	}
	if header[0] != headerSize {
		return nil, ErrAltered
	}
	aead, err := objectCipher(k, header[1:1+saltSize], aad)
	if err != nil {
		return nil, err
	}
	s := &ReaderAt{r: r, aead: aead, size: size, plain: plain, held: -1}
	copy(s.prefix[:], header[1+saltSize:])
	if err := s.hold(s.last()); err != nil {
		return nil, err
	}
	return s, nil
}

// Size is the number of bytes of plain text.
func (s *ReaderAt) Size() int64 { return s.plain }

// ReadAt implements io.ReaderAt. Each segment is authenticated as a whole
// before a byte of it is given out.
func (s *ReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fault.New(fault.Invalid, "an offset cannot be negative")
	}
	n := 0
	for n < len(p) {
		if off >= s.plain {
			return n, io.EOF
		}
		c, err := s.readSegment(p[n:], off)
		n += c
		off += int64(c)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readSegment gives the bytes from off to the end of their segment, or as many
// as p takes.
func (s *ReaderAt) readSegment(p []byte, off int64) (int, error) {
	segment, within := locate(off)
	want := s.plainLen(segment)
	if within == 0 && int64(len(p)) >= want && segment != s.last() {
		// A whole segment is opened where it is wanted.
		return s.open(segment, p[:0:want])
	}
	if !s.mu.TryLock() { // another reader is at work: do not wait for it
		b := buffers.Get().(*[segmentSize]byte)
		defer buffers.Put(b)
		n, err := s.open(segment, b[:0:plainSize])
		c := copy(p, b[min(within, int64(n)):n])
		clear(b[:n])
		return c, err
	}
	defer s.mu.Unlock()
	if s.held != segment {
		if err := s.holdLocked(segment); err != nil {
			return 0, err
		}
	}
	return copy(p, s.heldAt[within:]), nil
}

// hold opens a segment and keeps it.
func (s *ReaderAt) hold(segment int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holdLocked(segment)
}

func (s *ReaderAt) holdLocked(segment int64) error {
	if s.heldAt == nil {
		s.heldAt = make([]byte, 0, min(s.plain, plainSize))
	}
	s.held = -1
	n, err := s.open(segment, s.heldAt[:0:cap(s.heldAt)])
	s.heldAt = s.heldAt[:n]
	if err == nil {
		s.held = segment
	}
	return err
}

// open reads and authenticates one segment into dst, which has room for it.
func (s *ReaderAt) open(segment int64, dst []byte) (int, error) {
	b := buffers.Get().(*[segmentSize]byte)
	defer buffers.Put(b)
	from := segment * segmentSize
	if segment == 0 {
		from = headerSize
	}
	text := b[:s.plainLen(segment)+tagSize]
	if err := readFull(s.r, text, from); err != nil {
		return 0, err
	}
	n := s.prefix
	plain, err := s.aead.Open(dst, n.at(segment, segment == s.last()), text, nil)
	if err != nil {
		return 0, ErrAltered
	}
	return len(plain), nil
}

// last is the number of the last segment.
func (s *ReaderAt) last() int64 { return (s.size - 1) / segmentSize }

// plainLen is how much plain text a segment holds.
func (s *ReaderAt) plainLen(segment int64) int64 {
	end := min((segment+1)*segmentSize, s.size)
	n := end - segment*segmentSize - tagSize
	if segment == 0 {
		n -= headerSize
	}
	return n
}

// locate finds the segment of a byte of plain text and where in it the byte is.
func locate(off int64) (segment, within int64) {
	if off < firstSize {
		return 0, off
	}
	off -= firstSize
	return 1 + off/plainSize, off % plainSize
}

// readFull reads exactly len(p) bytes. An object that ends too early is one
// that was cut after it was opened.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrAltered
	}
	return err
}
