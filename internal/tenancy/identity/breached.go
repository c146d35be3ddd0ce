package identity

import (
	"bytes"
	"crypto/sha1" // the format of the collections that exist; nothing is kept secret by it
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"ringfence/internal/base/fault"
)

// Breached is a file of stolen passwords that an operator mounted: one SHA-1 in
// upper case hexadecimal a line, in ascending order, with ":count" behind it or
// without, as the downloader of Have I Been Pwned writes it. It is searched on
// the disk, so that forty gigabytes of it take no memory, and nothing that
// somebody types leaves the server.
type Breached struct {
	file *os.File
	size int64
}

const hashDigits = 2 * sha1.Size

// longest line: the hash, a colon, a count, carriage return.
const longestHashLine = hashDigits + 24

// OpenBreached opens the file and looks at a thousand places in it: one that is
// not what it should be is refused at the start of the program, not silently
// asked for ever.
func OpenBreached(path string) (*Breached, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "sign_in.breached_passwords: the file cannot be opened")
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Invalid, "sign_in.breached_passwords: the file cannot be read")
	}
	b := &Breached{f, info.Size()}
	var last []byte
	for i := range int64(1000) {
		line, _, _, err := b.lineAt(b.size / 1000 * i)
		if _, bad := hex.Decode(make([]byte, sha1.Size), line); err == nil && (bad != nil || bytes.Compare(line, last) < 0) {
			err = fmt.Errorf("near byte %d", b.size/1000*i)
		}
		if err != nil {
			f.Close()
			return nil, fault.Wrap(err, fault.Invalid, "sign_in.breached_passwords: want a file of SHA-1 hashes in capitals, ordered by hash, one a line")
		}
		last = line
	}
	return b, nil
}

// Close closes the file.
func (b *Breached) Close() error { return b.file.Close() }

// lineAt gives the hash of the line that a byte of the file stands in, where the
// line begins and where it ends.
func (b *Breached) lineAt(at int64) (hash []byte, from, to int64, err error) {
	begin := max(0, at-longestHashLine)
	buf := make([]byte, 2*longestHashLine)
	n, err := b.file.ReadAt(buf, begin)
	if err != nil && err != io.EOF {
		return nil, 0, 0, err
	}
	buf = buf[:n]
	here := int(at - begin)
	if here >= n {
		return nil, 0, 0, io.ErrUnexpectedEOF
	}
	start := bytes.LastIndexByte(buf[:here], '\n') + 1
	if start == 0 && begin > 0 {
		return nil, 0, 0, fmt.Errorf("a line that is too long before byte %d", at)
	}
	end := bytes.IndexByte(buf[here:], '\n')
	if end < 0 && begin+int64(n) < b.size {
		return nil, 0, 0, fmt.Errorf("a line that is too long after byte %d", at)
	}
	if end < 0 {
		end = n - here
	}
	line := buf[start : here+end]
	if len(line) < hashDigits {
		return nil, 0, 0, fmt.Errorf("a line of %d characters at byte %d", len(line), begin+int64(start))
	}
	return line[:hashDigits], begin + int64(start), begin + int64(here+end), nil
}

// Holds reports whether a password is in the file.
func (b *Breached) Holds(password string) (bool, error) {
	sum := sha1.Sum([]byte(password))
	want := bytes.ToUpper([]byte(hex.EncodeToString(sum[:])))
	low, high := int64(0), b.size
	for low < high {
		hash, from, to, err := b.lineAt(low + (high-low)/2)
		if err != nil {
			return false, err
		}
		switch bytes.Compare(hash, want) {
		case 0:
			return true, nil
		case -1:
			low = to + 1
		default:
			high = from
		}
	}
	return false, nil
}
