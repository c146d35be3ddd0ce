package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Packets of SFTP version 3: https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02
const (
	typeInit     = 1
	typeVersion  = 2
	typeOpen     = 3
	typeClose    = 4
	typeRead     = 5
	typeWrite    = 6
	typeLstat    = 7
	typeFstat    = 8
	typeSetstat  = 9
	typeFsetstat = 10
	typeOpendir  = 11
	typeReaddir  = 12
	typeRemove   = 13
	typeMkdir    = 14
	typeRmdir    = 15
	typeRealpath = 16
	typeStat     = 17
	typeRename   = 18
	typeReadlink = 19
	typeSymlink  = 20
	typeStatus   = 101
	typeHandle   = 102
	typeName     = 104
	typeAttrs    = 105
	typeExtended = 200
	typeReply    = 201
)

// Codes of a status.
const (
	codeOK          = 0
	codeEOF         = 1
	codeNoSuchFile  = 2
	codeDenied      = 3
	codeFailure     = 4
	codeBadMessage  = 5
	codeUnsupported = 8
)

// Flags of an open.
const (
	flagRead   = 0x01
	flagWrite  = 0x02
	flagAppend = 0x04
	flagCreate = 0x08
	flagTrunc  = 0x10
	flagExcl   = 0x20
)

// Flags of attributes.
const (
	attrSize     = 0x01
	attrOwner    = 0x02
	attrMode     = 0x04
	attrTimes    = 0x08
	attrExtended = 0x80000000
)

// maxWrite is the most that one write brings; the client is told. maxPacket
// bounds any packet: older clients ask for nothing and write 32 KiB.
const (
	maxWrite  = 64 << 10
	maxPacket = 256<<10 + 1024
)

var errBad = errors.New("malformed packet")

// reader takes a packet apart. After the first fault it gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint32) []byte {
	if r.bad || uint32(len(r.b)) < n {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) text() string { return string(r.take(r.uint32())) }

// attrs are what of a file's attributes is heeded.
type attrs struct {
	size     int64 // -1: not said
	modified time.Time
}

func (r *reader) attrs() attrs {
	a := attrs{size: -1}
	flags := r.uint32()
	if flags&attrSize != 0 {
		a.size = int64(min(r.uint64(), 1<<62))
	}
	if flags&attrOwner != 0 {
		r.take(8)
	}
	if flags&attrMode != 0 {
		r.take(4)
	}
	if flags&attrTimes != 0 {
		r.take(4) // of the last access
		if at := r.uint32(); at != 0 {
			a.modified = time.Unix(int64(at), 0).UTC()
		}
	}
	if flags&attrExtended != 0 {
		for n := r.uint32(); n > 0 && !r.bad; n-- {
			r.text()
			r.text()
		}
	}
	return a
}

// packet is an answer being written: its length is put in front at the end.
type packet struct{ b []byte }

func begin(b []byte, kind byte) packet { return packet{append(b, 0, 0, 0, 0, kind)} }

func (p *packet) uint32(v uint32) { p.b = binary.BigEndian.AppendUint32(p.b, v) }
func (p *packet) uint64(v uint64) { p.b = binary.BigEndian.AppendUint64(p.b, v) }

func (p *packet) text(s string) {
	p.uint32(uint32(len(s)))
	p.b = append(p.b, s...)
}

// end writes the length of what came after from.
func (p *packet) end(from int) []byte {
	binary.BigEndian.PutUint32(p.b[from:], uint32(len(p.b)-from-4))
	return p.b
}

// padded is a number as wide as ls writes it.
func padded(n int64) string { return fmt.Sprintf("%10d", n) }
