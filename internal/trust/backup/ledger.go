package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Ledger keeps the log of places in a folder: on another disk than the data,
// what was acknowledged survives the loss of either. A file holds the entries
// of one place and branch from a number on; each entry is sealed by itself, with
// place, branch and number bound, so that none can be altered, moved or doubled
// without being noticed. It is what package place calls a Log.
type Ledger struct {
	dir string
	box *sealed.Box

	mu    sync.Mutex
	files map[id.Customer]*logFile
	clock uint64
}

var _ place.Log = (*Ledger)(nil)

// ledgerMark stands in a folder that was made for a log. Without it an empty
// mount point would be taken for a new disk, and what is acknowledged would lie
// on one disk only.
const ledgerMark = ".ringfence-log"

const (
	maxLogFile  = 8 << 20 // then a new file is begun
	maxOpenLogs = 128
	maxEntry    = 256 << 20
)

type logFile struct {
	f    *os.File
	size int64
	last place.Mark
	used uint64
}

// OpenLedger opens the folder of a log. Begin makes it; otherwise one that was
// never begun is a disk that is not mounted.
func OpenLedger(dir string, k Key, begin bool) (*Ledger, error) {
	l := &Ledger{dir: dir, box: sealed.NewBox(k.derive("log")), files: map[id.Customer]*logFile{}}
	mark := filepath.Join(dir, ledgerMark)
	_, err := os.Stat(mark)
	switch {
	case err == nil:
		return l, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the backup's log %s cannot be read", dir)
	case !begin:
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the backup's log %s is missing or not mounted: bring it back; "+
			"if its disk is lost, run `ringfence backup log --begin`, and make a backup at once", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the backup's log %s cannot be made", dir)
	}
	err = errors.Join(os.WriteFile(mark, []byte("Ringfence keeps the log of what is written in this folder.\n"), 0o600), syncDir(dir))
	return l, fault.Wrap(err, fault.Unavailable, "the folder of the backup's log %s cannot be written", dir)
}

// Close closes the files.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for c, f := range l.files {
		errs = append(errs, f.f.Close())
		delete(l.files, c)
	}
	return errors.Join(errs...)
}

// placeName is the folder of a place.
func placeName(c id.Customer) string {
	if c.IsZero() {
		return "registry"
	}
	_, body, _ := strings.Cut(c.String(), "_")
	return body
}

func placeFrom(name string) (id.Customer, bool) {
	if name == "registry" {
		return id.Customer{}, true
	}
	c, err := id.Parse[id.Customer]("org_" + name)
	return c, err == nil
}

// segment names a part of a log: its branch and first number.
type segment struct {
	branch [16]byte
	first  int64
}

func (s segment) name() string { return fmt.Sprintf("%x-%016x", s.branch, uint64(s.first)) }

func segmentFrom(name string) (s segment, ok bool) {
	b, n, found := strings.Cut(strings.TrimSuffix(name, ".log"), "-")
	raw, err := hex.DecodeString(b)
	if !found || err != nil || len(raw) != 16 || len(n) != 16 {
		return s, false
	}
	copy(s.branch[:], raw)
	_, err = fmt.Sscanf(n, "%016x", &s.first)
	return s, err == nil
}

// segmentOf reads the name of a file of the log.
func segmentOf(path string) segment {
	_, rest, _ := strings.Cut(filepath.Base(path), ".")
	s, _ := segmentFrom(rest)
	return s
}

// Last implements place.Log.
func (l *Ledger) Last(c id.Customer) (place.Mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.file(c)
	if err != nil || f == nil {
		return place.Mark{}, err
	}
	return f.last, nil
}

// Append implements place.Log.
func (l *Ledger) Append(c id.Customer, e place.Entry) error {
	text, err := l.seal(c, e)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.file(c)
	if err != nil {
		return err
	}
	if f == nil || f.last.Branch != e.Branch || f.size >= maxLogFile {
		if f, err = l.begin(c, segment{e.Branch, e.Seq}); err != nil {
			return err
		}
	}
	_, err = f.f.WriteAt(text, f.size)
	if err == nil {
		err = f.f.Sync()
	}
	if err != nil {
		// What is half there is cut off: the next entry must follow the last whole one.
		return errors.Join(err, f.f.Truncate(f.size))
	}
	f.size += int64(len(text))
	f.last = e.Mark
	return nil
}

// file is the newest file of a place, or nil. The caller holds l.mu.
func (l *Ledger) file(c id.Customer) (*logFile, error) {
	l.clock++
	if f := l.files[c]; f != nil {
		f.used = l.clock
		return f, nil
	}
	names, err := l.names(c)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	// The newest is the one that was written last: names order within a branch only.
	path := names[len(names)-1]
	file, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	seg := segmentOf(path)
	f := &logFile{f: file}
	for r, err := range records(file, seg) {
		if err != nil {
			file.Close()
			return nil, err
		}
		f.last, f.size = r.mark, r.end
	}
	// A torn entry at the end was never acknowledged.
	if err := file.Truncate(f.size); err != nil {
		file.Close()
		return nil, err
	}
	if f.last.IsZero() {
		f.last = place.Mark{Branch: seg.branch, Seq: seg.first - 1}
	}
	return f, l.keep(c, f)
}

// keep holds a file open, and closes the one that was unused for longest.
func (l *Ledger) keep(c id.Customer, f *logFile) error {
	f.used = l.clock
	l.files[c] = f
	if len(l.files) <= maxOpenLogs {
		return nil
	}
	oldest, at := c, l.clock+1
	for o, g := range l.files {
		if g.used < at {
			oldest, at = o, g.used
		}
	}
	err := l.files[oldest].f.Close()
	delete(l.files, oldest)
	return err
}

// names are the files of a place in the order in which they were begun.
func (l *Ledger) names(c id.Customer) ([]string, error) {
	dir := filepath.Join(l.dir, placeName(c))
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type named struct {
		path string
		n    string
	}
	var all []named
	for _, e := range entries {
		n, rest, ok := strings.Cut(e.Name(), ".")
		if _, is := segmentFrom(rest); ok && is {
			all = append(all, named{filepath.Join(dir, e.Name()), n})
		}
	}
	slices.SortFunc(all, func(a, b named) int { return strings.Compare(a.n, b.n) })
	var paths []string
	for _, a := range all {
		paths = append(paths, a.path)
	}
	return paths, nil
}

// begin makes a new file of a place: <running number>.<branch>-<first>.log.
func (l *Ledger) begin(c id.Customer, s segment) (*logFile, error) {
	dir := filepath.Join(l.dir, placeName(c))
	if _, err := os.Stat(filepath.Join(l.dir, ledgerMark)); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the backup's log %s is missing or not mounted", l.dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	names, err := l.names(c)
	if err != nil {
		return nil, err
	}
	next := 1
	if len(names) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(names[len(names)-1]), "%08d.", &next); err != nil {
			return nil, err
		}
		next++
	}
	path := filepath.Join(dir, fmt.Sprintf("%08d.%s.log", next, s.name()))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(file.Sync(), syncDir(dir), syncDir(l.dir)); err != nil {
		file.Close()
		return nil, err
	}
	if old := l.files[c]; old != nil {
		old.f.Close()
		delete(l.files, c)
	}
	f := &logFile{f: file, last: place.Mark{Branch: s.branch, Seq: s.first - 1}}
	return f, l.keep(c, f)
}

// Forget implements place.Log.
func (l *Ledger) Forget(c id.Customer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.files[c]; f != nil {
		f.f.Close()
		delete(l.files, c)
	}
	return errors.Join(os.RemoveAll(filepath.Join(l.dir, placeName(c))), syncDir(l.dir))
}

// Places lists whose logs there are.
func (l *Ledger) Places() (all []id.Customer, err error) {
	entries, err := os.ReadDir(l.dir)
	for _, e := range entries {
		if c, ok := placeFrom(e.Name()); ok && e.IsDir() {
			all = append(all, c)
		}
	}
	return all, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
