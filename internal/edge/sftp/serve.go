package sftp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/fault"
)

const maxHandles = 32 // open at once in a session

// serve answers the requests of one channel, one after the other.
type serve struct {
	one     *session
	in      *bufio.Reader
	to      io.Writer
	out     []byte // answers that wait for the next flush
	buf     []byte
	handles map[string]*handle
	next    uint64
	inited  bool
}

// handle is an open file or folder.
type handle struct {
	name    string
	w       *intake.Writer // nil until the first byte says where the file begins
	create  bool           // a file without a byte is made too
	toEnd   bool           // bytes go to the end, whatever offset they name
	failed  error          // of an earlier write: the file cannot be closed
	time    time.Time
	entries []intake.Waiting // of a folder, still to be told
	isDir   bool
}

func newServe(one *session, ch ssh.Channel) *serve {
	return &serve{one: one, in: bufio.NewReaderSize(counting{one.conn, ch}, 64<<10), to: ch, handles: map[string]*handle{}}
}

// counting tells the connection what of its bytes was worked off.
type counting struct {
	conn *watchedConn
	ch   io.Reader
}

func (c counting) Read(p []byte) (int, error) {
	c.conn.ask()
	n, err := c.ch.Read(p)
	c.conn.worked(n)
	return n, err
}

// run serves until the peer ends or breaks the protocol. What is open then can
// go on in another session.
func (s *serve) run() {
	defer s.cut()
	for {
		if s.in.Buffered() == 0 || len(s.out) > 16<<10 {
			if err := s.flush(); err != nil {
				return
			}
		}
		b, err := s.packet()
		if err != nil {
			_ = s.flush() // the peer is gone, most likely
			return
		}
		if err := s.answer(b); err != nil {
			_ = s.flush()
			return
		}
	}
}

func (s *serve) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.to.Write(s.out)
	s.out = s.out[:0]
	return err
}

// packet reads one into a buffer that is used again.
func (s *serve) packet() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 1 || n > maxPacket {
		return nil, errBad
	}
	if int(n) > cap(s.buf) {
		s.buf = make([]byte, max(int(n), maxWrite+1024))
	}
	b := s.buf[:n]
	_, err := io.ReadFull(s.in, b)
	return b, err
}

// answer does one request. An error ends the session: the peer does not keep to
// the protocol.
func (s *serve) answer(b []byte) error {
	r := &reader{b: b[1:]}
	if b[0] == typeInit {
		return s.init()
	}
	if !s.inited {
		return errBad
	}
	id := r.uint32()
	s.do(b[0], id, r)
	if r.bad {
		return errBad
	}
	return nil
}

// init tells the version and what is offered beyond it.
func (s *serve) init() error {
	if s.inited {
		return errBad
	}
	s.inited = true
	from := len(s.out)
	p := begin(s.out, typeVersion)
	p.uint32(3)
	for _, ext := range [][2]string{{"posix-rename@openssh.com", "1"}, {"limits@openssh.com", "1"}} {
		p.text(ext[0])
		p.text(ext[1])
	}
	s.out = p.end(from)
	return nil
}

// done answers nil with OK and a fault with its sentence.
func (s *serve) done(id uint32, err error) {
	code := uint32(codeFailure)
	switch {
	case err == nil:
		code = codeOK
	case fault.Is(err, fault.NotFound):
		code = codeNoSuchFile
	case fault.Is(err, fault.Denied):
		code = codeDenied
	}
	if err != nil && fault.Is(err, fault.Internal) {
		s.one.s.opt.Log.Error("sftp: a request failed", "source", s.one.source(), "error", err)
	}
	s.status(id, err, code)
}

func (s *serve) status(id uint32, err error, code uint32) {
	from := len(s.out)
	p := begin(s.out, typeStatus)
	p.uint32(id)
	p.uint32(code)
	text := ""
	if err != nil {
		text = sentence(err)
	}
	p.text(text)
	p.text("en")
	s.out = p.end(from)
}

// nameOf reads a path as a name in the drop: "/" and "" are its top. Bytes that
// are no UTF-8 are taken as Latin-1, as older systems write.
func nameOf(p string) string {
	if !utf8.ValidString(p) {
		runes := make([]rune, len(p))
		for i := range len(p) {
			runes[i] = rune(p[i])
		}
		p = string(runes)
	}
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if p == "" {
		return "."
	}
	return p
}

func (s *serve) handle(text string) (*handle, error) {
	if h := s.handles[text]; h != nil {
		return h, nil
	}
	return nil, fault.New(fault.Invalid, "there is no such handle")
}

func (s *serve) opened(id uint32, h *handle) {
	s.next++
	name := strconv.FormatUint(s.next, 36)
	s.handles[name] = h
	from := len(s.out)
	p := begin(s.out, typeHandle)
	p.uint32(id)
	p.text(name)
	s.out = p.end(from)
}

// cut keeps what was sent of files that were not closed.
func (s *serve) cut() {
	for _, h := range s.handles {
		if h.w == nil {
			continue
		}
		err := h.w.Abort
		if h.failed == nil {
			err = h.w.Cut
		}
		if err := err(); err != nil && !errors.Is(err, io.ErrClosedPipe) && !fault.Is(err, fault.Conflict) {
			s.one.s.opt.Log.Warn("sftp: an upload that was cut could not be kept", "source", s.one.source(), "error", err)
		}
	}
	s.handles = nil
}
