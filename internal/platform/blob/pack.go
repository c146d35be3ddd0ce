package blob

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A pack is one file that holds the small objects of a batch, one after the
// other, with a directory at its end:
//
//	object … object | entry … entry | count, length of the entries, CRC-32, magic
//	entry: flag (0 live, 1 gone) | length of the name | offset | size | name
//
// Making a file durable costs more than reading, hashing and sealing the 130 KiB
// of a usual recording; one file for all of a batch costs that once.
//
// A pack lies in the shard of its objects and is named after the first and the
// last of them, so that a name leads to its pack without an index. Each object
// is deleted by itself: its bytes are given back to the file system, then its
// flag is set, one byte, which is written whole or not at all. The CRC is
// taken with all flags 0. With its last object the file goes.
const (
	packMark = ".pack"
	packMost = 4 << 20  // bytes; a larger object gets a file of its own
	packFull = 64 << 20 // bytes, after which a batch begins another pack
	packPart = 100      // longest last part of a name: two of them must fit a file's name

	packMagic   = "RFpack01"
	packTrailer = 4 + 4 + 4 + len(packMagic)
	packFixed   = 1 + 1 + 8 + 8
	packEntries = 4 << 20 // bytes of entries at most; more is damage
)

// errPack is a pack whose directory is damaged.
var errPack = errors.New("a file of packed objects is damaged")

// packed is where one object lies in a pack.
type packed struct {
	name         string // last part
	offset, size int64
	gone         bool
	flag         int64 // where the flag lies in the file
}

// span is a pack by the name of its file: the names it may hold.
type span struct{ first, last, file string }

func (s span) covers(last string) bool { return s.first <= last && last <= s.last }

// parseSpan reads the name of a file.
func parseSpan(file string) (span, bool) {
	body, ok := strings.CutSuffix(file, packMark)
	first, rest, found := strings.Cut(body, "..")
	last, salt, salted := strings.Cut(rest, ".")
	if !ok || !found || !salted || !plain(first) || !plain(last) || !plain(salt) || first > last {
		return span{}, false
	}
	return span{first, last, file}, true
}

// spanOf is a name for a new pack. The salt keeps a second pack of the same
// objects from taking the place of the first, which may hold others too.
func spanOf(entries []packed) span {
	s := span{first: entries[0].name, last: entries[0].name}
	for _, e := range entries {
		s.first, s.last = min(s.first, e.name), max(s.last, e.name)
	}
	s.file = s.first + ".." + s.last + "." + strings.ToLower(rand.Text()[:8]) + packMark
	return s
}

// directory is the end of a pack that holds these entries.
func directory(entries []packed) []byte {
	var b []byte
	for _, e := range entries {
		b = append(b, 0, byte(len(e.name)))
		b = binary.BigEndian.AppendUint64(b, uint64(e.offset))
		b = binary.BigEndian.AppendUint64(b, uint64(e.size))
		b = append(b, e.name...)
	}
	sum := crc32.ChecksumIEEE(b)
	n := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint32(b, sum)
	return append(b, packMagic...)
}

// readDirectory reads what a pack of so many bytes holds, the gone ones too.
func readDirectory(r io.ReaderAt, size int64) ([]packed, error) {
	if size < int64(packTrailer) {
		return nil, errPack
	}
	end := make([]byte, min(size, 16<<10)) // almost always the whole directory
	if _, err := r.ReadAt(end, size-int64(len(end))); err != nil && err != io.EOF {
		return nil, err
	}
	t := end[len(end)-packTrailer:]
	n := int64(binary.BigEndian.Uint32(t[4:]))
	if string(t[12:]) != packMagic || n > packEntries || n+int64(packTrailer) > size {
		return nil, errPack
	}
	start := size - int64(packTrailer) - n
	list := end[:len(end)-packTrailer]
	if n <= int64(len(list)) {
		list = list[int64(len(list))-n:]
	} else {
		list = make([]byte, n)
		if _, err := r.ReadAt(list, start); err != nil && err != io.EOF {
			return nil, err
		}
	}
	return parseEntries(list, start, int(binary.BigEndian.Uint32(t)), binary.BigEndian.Uint32(t[8:]))
}

// parseEntries takes the entries apart; start is where they begin in the file.
func parseEntries(list []byte, start int64, count int, sum uint32) (entries []packed, err error) {
	clean := append([]byte(nil), list...)
	for at := 0; at < len(list); {
		b := list[at:]
		if len(b) < packFixed || len(b) < packFixed+int(b[1]) || b[0] > 1 {
			return nil, errPack
		}
		e := packed{
			name:   string(b[packFixed : packFixed+int(b[1])]),
			offset: int64(binary.BigEndian.Uint64(b[2:])), size: int64(binary.BigEndian.Uint64(b[10:])),
			gone: b[0] == 1, flag: start + int64(at),
		}
		if e.name == "" || !plain(e.name) || e.offset < 0 || e.size < 0 || e.size > start || e.offset > start-e.size {
			return nil, errPack
		}
		entries = append(entries, e)
		clean[at] = 0
		at += packFixed + len(e.name)
	}
	if len(entries) != count || crc32.ChecksumIEEE(clean) != sum {
		return nil, errPack
	}
	return entries, nil
}

// packing is a pack that a batch is writing.
type packing struct {
	dir, temp string // the shard it will lie in; its file until then
	file      *os.File
	at        int64 // where the next object goes
	pushed    int64 // up to here the kernel was asked to write
	entries   []packed
}

// add appends an object. If it fails, the next one is written over it.
func (p *packing) add(last string, content []byte) error {
	if _, err := p.file.WriteAt(content, p.at); err != nil {
		return err
	}
	p.entries = append(p.entries, packed{name: last, offset: p.at, size: int64(len(content))})
	p.at += int64(len(content))
	if p.at-p.pushed >= 8<<20 {
		startWriteback(p.file)
		p.pushed = p.at
	}
	return nil
}

// finish makes the pack durable under its temporary name. A pack of one object
// gets no directory: it becomes a file like any other.
func (p *packing) finish() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Truncate(p.at) // an object that failed may have left more
	if err == nil && len(p.entries) > 1 {
		_, err = p.file.WriteAt(directory(p.entries), p.at)
	}
	err = all(err, p.file.Sync(), p.file.Close())
	p.file = nil
	return err
}

// target is the name under which the pack is kept.
func (p *packing) target() (path string, s span) {
	if len(p.entries) == 1 {
		return filepath.Join(p.dir, p.entries[0].name), span{}
	}
	s = spanOf(p.entries)
	return filepath.Join(p.dir, s.file), s
}

// erase gives the bytes of an object back to the file system, or writes zeros
// over them where it cannot take them back.
func erase(f *os.File, offset, size int64) error {
	if punchHole(f, offset, size) == nil {
		return nil
	}
	zeros := make([]byte, min(size, 256<<10))
	for size > 0 {
		n, err := f.WriteAt(zeros[:min(size, int64(len(zeros)))], offset)
		if err != nil {
			return err
		}
		offset, size = offset+int64(n), size-int64(n)
	}
	return nil
}
