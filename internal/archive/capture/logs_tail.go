package capture

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/disk"
)

// maxLine bounds one line of a log; longer ones are no rows of Asterisk's.
const maxLine = 64 << 10

// headBytes is how much of a file's start tells it from another: an inode number may be used again, and a copy has another inode.
const headBytes = 256

// logFile is one file of a log and how far it has been read.
type logFile struct {
	Name   string `json:"name"` // relative to the folder of logs
	Inode  uint64 `json:"inode"`
	Device uint64 `json:"device"`
	Head   uint64 `json:"head"` // hash of the first HeadLen bytes
	Len    int    `json:"head_len"`
	Offset int64  `json:"offset"` // of the next line
	Line   int    `json:"line"`   // its number, from 0

	live bool // the file that is written now; all others were rotated away
	size int64
}

// mark is a place in a log.
type mark struct {
	offset int64
	line   int
}

// logKind is which of the three logs a file belongs to.
type logKind int

const (
	kindCEL logKind = iota
	kindCDR
	kindQueue
)

func (k logKind) String() string { return [...]string{"cel", "cdr", "queue_log"}[k] }

// family is one log with its rotated files. It gives the rows in the order in which they were written, across rotation by renaming and by
// copying and truncating, each row once.
type family struct {
	kind   logKind
	root   fs.FS  // the folder of logs
	base   string // of the live file, relative to root
	parser parser
	files  []*logFile // oldest first
	whole  bool       // a last line without an end is taken (dry run); else it waits for its rest
	gaps   []coverage.Gap

	at     int // index of the file being read
	reader *bufio.Reader
	closer io.Closer
}

// refresh looks which files there are now and matches them with those that are known.
func (f *family) refresh() []Problem {
	f.close()
	var problems []Problem
	names, err := fs.ReadDir(f.root, path.Dir(f.base))
	if err != nil {
		return []Problem{{Path: f.base, Reason: "the folder of logs cannot be read: " + plain(err), Advice: "check the folder and its permissions"}}
	}
	known := f.files
	f.files = nil
	var fresh []int
	for _, n := range names {
		if !rotationOf(n.Name(), path.Base(f.base)) || n.IsDir() {
			continue
		}
		rel := path.Join(path.Dir(f.base), n.Name())
		now, err := identify(f.root, rel, headBytes)
		if disk.Busy(err) { // it goes on where it stood
			if i := slices.IndexFunc(known, func(k *logFile) bool { return k.Name == rel }); i >= 0 {
				f.files = append(f.files, known[i])
			}
			continue
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, Problem{Path: rel, Reason: "the log cannot be read: " + plain(err), Advice: "let the service read it, for example through the group asterisk"})
			}
			continue
		}
		now.live = n.Name() == path.Base(f.base)
		if old := f.same(known, now); old != nil {
			now = old.renamed(now)
		} else {
			fresh = append(fresh, len(f.files))
		}
		f.files = append(f.files, now)
	}
	for _, i := range fresh { // a copy of a file that was then emptied or removed goes on where that one was read to
		for _, k := range known {
			if k.Len > 0 && k.Offset > 0 && !slices.Contains(f.files, k) && sameHead(f.root, f.files[i], k) {
				f.files[i] = k.renamed(f.files[i])
			}
		}
	}
	for _, k := range known { // taken away, or cut, before it was read to its end
		if k.size > k.Offset && k.size < 1<<62 && !slices.Contains(f.files, k) {
			f.gaps = append(f.gaps, coverage.Gap{Kind: coverage.Rotation, Log: f.kind.String(), N: 1})
		}
	}
	sort.SliceStable(f.files, func(i, j int) bool { return older(f.files[i], f.files[j]) })
	f.at = 0
	return problems
}

// same finds the known file that this one is: the same inode that still begins as it did and has not become smaller.
func (f *family) same(known []*logFile, now *logFile) *logFile {
	for _, k := range known {
		if k.Inode == now.Inode && k.Device == now.Device && now.size >= k.Offset && sameHead(f.root, now, k) {
			return k
		}
	}
	return nil
}

// renamed is the same log under the name, and perhaps the inode, that it has now. It stays the same object: calls remember places in it.
func (l *logFile) renamed(now *logFile) *logFile {
	l.Name, l.Inode, l.Device, l.Head, l.Len, l.live, l.size = now.Name, now.Inode, now.Device, now.Head, now.Len, now.live, now.size
	return l
}

// sameHead compares a file with what another one began with when it was last seen.
func sameHead(root fs.FS, now, then *logFile) bool {
	if now.Len < then.Len {
		return false
	}
	if now.Len == then.Len {
		return now.Head == then.Head
	}
	again, err := identify(root, now.Name, then.Len)
	return err == nil && again.Head == then.Head && again.Len == then.Len
}

// identify stats a log and hashes its start; of a compressed one, the start of what is in it.
func identify(root fs.FS, rel string, head int) (*logFile, error) {
	info, err := fs.Stat(root, rel)
	if err != nil {
		return nil, err
	}
	r, c, err := openLog(root, rel)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	buf := make([]byte, head)
	n, err := io.ReadFull(r, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	h := fnv.New64a()
	h.Write(buf[:n])
	lf := &logFile{Name: rel, Head: h.Sum64(), Len: n, size: info.Size()}
	lf.Inode, lf.Device = numberOf(info)
	if strings.HasSuffix(rel, ".gz") {
		lf.size = 1 << 62
	}
	return lf, nil
}

func openLog(root fs.FS, name string) (io.Reader, io.Closer, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(name, ".gz") {
		return file, file, nil
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("it is not gzip: %w", err)
	}
	return z, file, nil
}

// rotationOf reports that a name is the live file's or one that logrotate or Asterisk made of it: Master.csv.1, queue_log-20261122.gz.
func rotationOf(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base)
	if !ok {
		return false
	}
	rest = strings.TrimSuffix(rest, ".gz")
	if rest == "" {
		return true
	}
	return len(rest) > 1 && (rest[0] == '.' || rest[0] == '-') && strings.Trim(rest[1:], "0123456789-.") == ""
}

// older orders rotated files: by date where the name has one, by falling number where it has that; the live file is the last.
func older(a, b *logFile) bool {
	if a.live != b.live {
		return b.live
	}
	na, da := rotationNumber(a.Name)
	nb, db := rotationNumber(b.Name)
	if da != db {
		return da // dated files come before numbered ones, which a change of settings made later
	}
	if da {
		return na < nb
	}
	return na > nb
}

func rotationNumber(name string) (n int64, dated bool) {
	name = strings.TrimSuffix(name, ".gz")
	i := strings.LastIndexAny(name, ".-")
	n, _ = strconv.ParseInt(name[i+1:], 10, 64)
	return n, n >= 1900_01_01
}

// next gives the next whole line with its place. At the end of what is there now it gives false.
func (f *family) next() (line string, file *logFile, from mark, err error, ok bool) {
	for f.at < len(f.files) {
		file = f.files[f.at]
		if f.reader == nil {
			if err := f.open(file); err != nil {
				f.at++
				return "", file, mark{file.Offset, file.Line}, err, true
			}
		}
		from = mark{file.Offset, file.Line}
		b, err := f.reader.ReadSlice('\n')
		switch {
		case err == nil:
			file.Offset += int64(len(b))
			file.Line++
			return strings.TrimRight(string(b), "\r\n"), file, from, nil, true
		case errors.Is(err, bufio.ErrBufferFull):
			n, tail := f.skipLine()
			file.Offset += int64(len(b)) + n
			file.Line++
			if tail {
				return "", file, from, fmt.Errorf("the line is longer than %d bytes", maxLine), true
			}
		case errors.Is(err, io.EOF) && len(b) > 0 && (f.whole || !file.live):
			file.Offset += int64(len(b))
			file.Line++
			return strings.TrimRight(string(b), "\r\n"), file, from, nil, true
		case !errors.Is(err, io.EOF):
			f.close()
			f.at++
			return "", file, from, fmt.Errorf("reading stopped: %s", plain(err)), true
		}
		f.close()
		f.at++
	}
	return "", nil, mark{}, nil, false
}

func (f *family) skipLine() (skipped int64, whole bool) {
	for {
		b, err := f.reader.ReadSlice('\n')
		skipped += int64(len(b))
		if err == nil {
			return skipped, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return skipped, true
		}
	}
}

// open goes to the place where reading stopped. The first line is looked at again for a heading.
func (f *family) open(file *logFile) error {
	r, c, err := openLog(f.root, file.Name)
	if err != nil {
		return fmt.Errorf("the log cannot be read: %s", plain(err))
	}
	f.closer, f.reader = c, bufio.NewReaderSize(r, maxLine)
	f.parser.named, f.parser.inside = nil, false
	if file.Offset == 0 {
		return nil
	}
	if first, err := f.reader.Peek(min(maxLine, 4096)); err == nil || len(first) > 0 {
		line, _, _ := strings.Cut(string(first), "\n")
		if fields, err := splitCSV(strings.TrimRight(line, "\r"), nil); err == nil && f.kind != kindQueue {
			f.parser.heading(fields)
		}
	}
	if file, ok := r.(io.ReadSeeker); ok {
		if _, err := file.Seek(f.files[f.at].Offset, io.SeekStart); err != nil {
			return err
		}
		f.reader.Reset(file)
		return nil
	}
	if _, err := io.CopyN(io.Discard, f.reader, file.Offset); err != nil {
		return fmt.Errorf("the log is shorter than when it was read before")
	}
	return nil
}

func (f *family) close() {
	if f.closer != nil {
		_ = f.closer.Close() // opened for reading only
	}
	f.closer, f.reader = nil, nil
}

// plain is the cause of a file error without its path, which the Problem names already.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
