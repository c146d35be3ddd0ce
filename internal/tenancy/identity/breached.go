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
		line, _, err := b.lineAt(b.size / 1000 * i)
		if err == nil && (len(line) < hashDigits || bytes.Compare(line[:hashDigits], last) < 0) {
			err = fmt.Errorf("line %q", line)
		}
		if err != nil {
			f.Close()
			return nil, fault.Wrap(err, fault.Invalid, "sign_in.breached_passwords: want a file of SHA-1 hashes, ordered by hash, one a line")
		}
		last = line[:hashDigits]
	}
	return b, nil
}

// Close closes the file.
func (b *Breached) Close() error { return b.file.Close() }

// lineAt gives the first whole line that begins at or after an offset, or the
// last one, and where the next begins.
func (b *Breached) lineAt(offset int64) (line []byte, next int64, err error) {
	from := max(0, offset-1) // one before, so that a line that begins just there is whole
	buf := make([]byte, 3*longestHashLine)
	n, err := b.file.ReadAt(buf, from)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	buf = buf[:n]
	start := 0
	if offset > 0 {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 || i+1 >= n {
			if from == 0 {
				return nil, 0, io.ErrUnexpectedEOF
			}
			return b.lineAt(max(0, from-longestHashLine))
		}
		start = i + 1
	}
	end := bytes.IndexByte(buf[start:], '\n')
	if end < 0 {
		end = n - start
	}
	line = bytes.TrimRight(buf[start:start+end], "\r")
	if len(line) < hashDigits {
		return nil, 0, fmt.Errorf("a line of %d characters at %d", len(line), from+int64(start))
	}
	return line, from + int64(start+end) + 1, nil
}

// Holds reports whether a password is in the file.
func (b *Breached) Holds(password string) (bool, error) {
	sum := sha1.Sum([]byte(password))
	want := bytes.ToUpper([]byte(hex.EncodeToString(sum[:])))
	low, high := int64(0), b.size
	for low < high {
		mid := low + (high-low)/2
		line, next, err := b.lineAt(mid)
		if err != nil {
			return false, err
		}
		switch bytes.Compare(line[:hashDigits], want) {
		case 0:
			return true, nil
		case -1:
			low = max(next, mid+1)
		default:
			high = mid
		}
	}
	return false, nil
}
