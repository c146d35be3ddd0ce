package capture

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of records: more is none.
const (
	maxRecordFile = 1 << 20 // of one leg
	maxRowsAtOnce = 20_000  // of one poll; the rest is read by the next
)

// tail is how far a file of lines has been read.
type tail struct {
	Head   uint64 `json:"head"` // hash of its first bytes
	Len    int    `json:"head_len"`
	Offset int64  `json:"offset"`
	Line   int    `json:"line"`
}

// source is a file of lines while it is read.
type source struct {
	path  string
	named columns // from its heading
	line  int
}

// origin is where a row came from.
type origin struct {
	path string
	at   mark
	when int64 // of a whole file, ms; 0 for a line
}

func (o origin) note(c *joined) {
	if o.when != 0 {
		c.oldest = earlier(c.oldest, o.when)
		return
	}
	if m, ok := c.marks[o.path]; !ok || o.at.offset < m.offset {
		c.marks[o.path] = o.at
	}
}

// recordReader reads the records of a telephone system: of the folder of logs, or from beside the recordings when there is none.
type recordReader struct {
	opt    Options
	d      dialect
	tails  map[string]*tail
	kept   map[uint64]uint64 // whole files that were read
	since  int64             // whole files older than this were read before a restart
	newest int64
	dirs   map[string]*subfolder
	bad    map[string]bool // what was told once
}

func newRecordReader(opt Options, d dialect) *recordReader {
	return &recordReader{opt: opt, d: d, tails: map[string]*tail{}, kept: map[uint64]uint64{}, dirs: map[string]*subfolder{}, bad: map[string]bool{}}
}

// found is one file of records that may have something new.
type found struct {
	path string
	form form
	size int64
	when time.Time
}

// files opens the file system that holds the records.
func (d *recordReader) files() (fs.FS, func() error, error) {
	if logs := d.opt.logFiles(); logs != nil {
		return logs, func() error { return nil }, nil
	}
	return d.opt.files()
}

// poll reads what is new and gives each row.
func (d *recordReader) poll(ctx context.Context, now time.Time, give func(*row, origin)) ([]Problem, error) {
	fsys, end, err := d.files()
	if err != nil {
		return nil, err
	}
	defer end()
	list, problems, err := d.list(ctx, fsys, now)
	if err != nil {
		return problems, err
	}
	left := maxRowsAtOnce
	complain := func(p Problem) {
		if len(problems) < maxProblems {
			problems = append(problems, p)
		}
	}
	for _, f := range list {
		if err := ctx.Err(); err != nil {
			return problems, err
		}
		if left <= 0 && !d.opt.DryRun {
			delete(d.dirs, path.Dir(f.path)) // the rest is read by the next poll
			continue
		}
		if f.form == byLine {
			left -= d.readLines(fsys, f, give, complain)
		} else {
			left -= d.readWhole(fsys, f, give, complain)
		}
	}
	return problems, nil
}

// list gives the files that may hold something new, the oldest first.
func (d *recordReader) list(ctx context.Context, fsys fs.FS, now time.Time) (list []found, problems []Problem, err error) {
	queue := []string{"."}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, problems, err
		}
		dir := queue[0]
		queue = queue[1:]
		info, err := fs.Stat(fsys, dir)
		if err != nil {
			if dir == "." && !d.bad[dir] {
				problems = append(problems, Problem{Path: d.opt.Logs, Reason: "the folder of logs cannot be read: " + plain(err), Advice: "check the folder and its permissions; without records only file names are known"})
			}
			d.bad[dir] = err != nil && dir == "."
			continue
		}
		delete(d.bad, dir)
		if last := d.dirs[dir]; last != nil && last.changed.Equal(info.ModTime()) {
			queue = append(queue, last.below...)
			continue
		}
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			problems = append(problems, Problem{Path: dir, Reason: "the folder cannot be read: " + plain(err), Advice: "check its permissions"})
			continue
		}
		listed := &subfolder{}
		if now.Sub(info.ModTime()) > racy {
			listed.changed = info.ModTime()
		}
		d.dirs[dir] = listed
		for _, e := range entries {
			p := path.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case e.IsDir():
				listed.below = append(listed.below, p)
			case e.Type().IsRegular():
				if f, ok := d.fresh(p, e); ok {
					list = append(list, f)
				}
			}
		}
		queue = append(queue, listed.below...)
	}
	list = append(list, d.grown(fsys, list)...)
	slices.SortFunc(list, func(x, y found) int { return cmp.Or(x.when.Compare(y.when), strings.Compare(x.path, y.path)) })
	return list, problems, nil
}

// fresh reports a file of records that was not read as it is.
func (d *recordReader) fresh(p string, e fs.DirEntry) (found, bool) {
	how := d.d.form(p)
	if how == noRecord {
		return found{}, false
	}
	info, err := e.Info()
	if err != nil {
		return found{}, false
	}
	f := found{path: p, form: how, size: info.Size(), when: info.ModTime()}
	if how == byLine {
		return f, true
	}
	if !d.opt.Between.holds(f.when) || d.kept[hashOf(p)] == stampOf(f.size, f.when) || f.when.UnixMilli() < d.since {
		return found{}, false
	}
	return f, true
}

// grown are the files of lines that are known already: a row that is appended does not change the folder.
func (d *recordReader) grown(fsys fs.FS, have []found) (list []found) {
	for p, t := range d.tails {
		if slices.ContainsFunc(have, func(f found) bool { return f.path == p }) {
			continue
		}
		info, err := fs.Stat(fsys, p)
		switch {
		case err != nil:
			delete(d.tails, p)
		case info.Size() != t.Offset:
			list = append(list, found{path: p, form: byLine, size: info.Size(), when: info.ModTime()})
		}
	}
	return list
}

// readWhole reads one file of one leg. It counts as read whatever is wrong with it, unless it may still be written.
func (d *recordReader) readWhole(fsys fs.FS, f found, give func(*row, origin), complain func(Problem)) int {
	stamp := func() { d.kept[hashOf(f.path)] = stampOf(f.size, f.when) }
	if f.size > maxRecordFile {
		stamp()
		complain(Problem{Path: f.path, Reason: fmt.Sprintf("the record is larger than %d KiB", maxRecordFile>>10), Advice: "the recording is kept with what its name says"})
		return 1
	}
	b, err := fs.ReadFile(fsys, f.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			complain(Problem{Path: f.path, Reason: "the record cannot be read: " + plain(err), Advice: "check its permissions"})
		}
		return 1
	}
	rows, err := d.d.whole(f.path, b)
	stamp()
	if err != nil {
		complain(Problem{Path: f.path, Reason: plainFault(err), Advice: "the recording is kept with what its name says"})
		return 1
	}
	when := f.when.UnixMilli()
	if d.newest = max(d.newest, when); d.newest-linger.Milliseconds() > d.since {
		d.since = d.newest - linger.Milliseconds()
	}
	for i := range rows {
		give(&rows[i], origin{path: f.path, when: max(when, 1)})
	}
	return 1
}

// readLines reads what a file of lines has more than before. One that was emptied or replaced is read from its start; rows that were read
// before replace themselves.
func (d *recordReader) readLines(fsys fs.FS, f found, give func(*row, origin), complain func(Problem)) (n int) {
	file, err := fsys.Open(f.path)
	if err != nil {
		complain(Problem{Path: f.path, Reason: "the log cannot be read: " + plain(err), Advice: "check its permissions"})
		return 1
	}
	defer file.Close()
	head := make([]byte, headBytes)
	got, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 1
	}
	t := d.tailOf(f, head[:got])
	src := &source{path: f.path}
	r := bufio.NewReaderSize(io.MultiReader(strings.NewReader(string(head[:got])), file), maxLine)
	if t.Offset > 0 { // the heading is read again
		if first, err := r.ReadString('\n'); err == nil {
			_, _ = d.d.line(src, strings.TrimRight(first, "\r\n"))
			if err := skipTo(file, r, t.Offset, int64(len(first))); err != nil {
				return 1
			}
		}
	}
	for n < maxRowsAtOnce || d.opt.DryRun {
		text, size, err := oneLine(r)
		if size == 0 || errors.Is(err, io.EOF) && !d.opt.DryRun {
			break
		}
		at := mark{t.Offset, t.Line}
		t.Offset += size
		t.Line++
		n++
		if err != nil && !errors.Is(err, io.EOF) {
			complain(Problem{Path: f.path, Line: t.Line, Reason: err.Error()})
			continue
		}
		if text == "" {
			continue
		}
		src.line = t.Line
		rows, err := d.d.line(src, text)
		if err != nil {
			complain(Problem{Path: f.path, Line: t.Line, Reason: plainFault(err), Advice: "the line was left out"})
		}
		for i := range rows {
			give(&rows[i], origin{path: f.path, at: at})
		}
	}
	return n
}

// skipTo goes to where reading stopped; done bytes are read already.
func skipTo(file fs.File, r *bufio.Reader, offset, done int64) error {
	if s, ok := file.(io.Seeker); ok {
		if _, err := s.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		r.Reset(file)
		return nil
	}
	_, err := io.CopyN(io.Discard, r, max(0, offset-done))
	return err
}

// tailOf finds how far a file was read: under this name, or under the one that it had before it was rotated.
func (d *recordReader) tailOf(f found, head []byte) *tail {
	sum := func(n int) uint64 {
		h := fnv.New64a()
		h.Write(head[:n])
		return h.Sum64()
	}
	if t := d.tails[f.path]; t != nil && t.Len <= len(head) && sum(t.Len) == t.Head && f.size >= t.Offset {
		t.Head, t.Len = sum(len(head)), len(head)
		return t
	}
	fresh := &tail{Head: sum(len(head)), Len: len(head)}
	for _, t := range d.tails {
		if t.Len == headBytes && t.Len <= len(head) && sum(t.Len) == t.Head && f.size >= t.Offset {
			fresh.Offset, fresh.Line = t.Offset, t.Line
		}
	}
	d.tails[f.path] = fresh
	return fresh
}

// oneLine reads a line with its size; of one that is too long, only the size.
func oneLine(r *bufio.Reader) (text string, size int64, err error) {
	b, err := r.ReadSlice('\n')
	size = int64(len(b))
	if !errors.Is(err, bufio.ErrBufferFull) {
		return strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff")), size, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		b, err = r.ReadSlice('\n')
		size += int64(len(b))
	}
	return "", size, fmt.Errorf("the line is longer than %d bytes", maxLine)
}

// Span is a stretch of time; the zero one is all of it.
type Span struct{ From, To time.Time }

func (s Span) holds(t time.Time) bool {
	return (s.From.IsZero() || !t.Before(s.From)) && (s.To.IsZero() || !t.After(s.To))
}
