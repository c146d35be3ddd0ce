package intake

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ringfence/internal/platform/sealed"
)

// FS is what waits, for those who take it: whole files only. Files are
// io.ReaderAt and io.Seeker; folders have a time that grows with each change.
func (d *Drop) FS() fs.FS { return view{d} }

type view struct{ d *Drop }

// info is a file or folder as it was when it was asked for.
type info struct {
	name     string
	number   uint64
	size     int64
	modified time.Time
	dir      bool
}

func (i info) Name() string               { return i.name }
func (i info) Size() int64                { return i.size }
func (i info) ModTime() time.Time         { return i.modified }
func (i info) IsDir() bool                { return i.dir }
func (i info) Type() fs.FileMode          { return i.Mode().Type() }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) Sys() any                   { return i }

// Number tells a file from another that has, or had, the same name.
func (i info) Number() uint64 { return i.number }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

func (d *Drop) info(name string, f *file) info {
	return info{name: path.Base(name), number: f.number, size: f.size, modified: f.modified}
}

// Stat implements fs.StatFS.
func (v view) Stat(name string) (fs.FileInfo, error) {
	v.d.mu.Lock()
	defer v.d.mu.Unlock()
	if f := v.d.files[name]; f != nil {
		return v.d.info(name, f), nil
	}
	if f := v.d.dirs[name]; f != nil {
		return info{name: path.Base(name), modified: f.modified, dir: true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// Lstat implements fs.ReadLinkFS: there are no links here.
func (v view) Lstat(name string) (fs.FileInfo, error) { return v.Stat(name) }

// ReadLink implements fs.ReadLinkFS.
func (v view) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFS.
func (v view) ReadDir(name string) ([]fs.DirEntry, error) {
	v.d.mu.Lock()
	defer v.d.mu.Unlock()
	f := v.d.dirs[name]
	if f == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	out := make([]fs.DirEntry, 0, len(f.names))
	for base, isDir := range f.names {
		p := path.Join(name, base)
		if isDir {
			out = append(out, info{name: base, modified: v.d.dirs[p].modified, dir: true})
		} else if g := v.d.files[p]; g != nil {
			out = append(out, v.d.info(p, g))
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return out, nil
}

// Open implements fs.FS.
func (v view) Open(name string) (fs.File, error) {
	about, err := v.Stat(name)
	if err != nil {
		return nil, err
	}
	if about.IsDir() {
		entries, err := v.ReadDir(name)
		return &openFolder{info: about.(info), entries: entries}, err
	}
	v.d.mu.Lock()
	defer v.d.mu.Unlock()
	f := v.d.files[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	o, err := v.d.openLocked(name, f)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// openLocked opens the parts of a file: they may lose their names after that.
func (d *Drop) openLocked(name string, f *file) (*opened, error) {
	o := &opened{info: d.info(name, f)}
	for _, p := range f.parts {
		on, err := os.Open(filepath.Join(d.dir, p.ID))
		if err != nil {
			return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: err}, o.Close())
		}
		o.parts = append(o.parts, openPart{d: d, f: on, part: p})
	}
	return o, nil
}

// Waiting is a file that the one who brought it may still see.
type Waiting struct {
	fs.FileInfo
	Cut bool // the upload ended before its end and may go on
}

// Look gives a file or folder for who brought it: what was cut is seen before
// what is whole, because it is the newer.
func (d *Drop) Look(name string) (Waiting, error) {
	d.mu.Lock()
	f := d.cut[name]
	d.mu.Unlock()
	if f != nil {
		return Waiting{d.info(name, f), true}, nil
	}
	about, err := d.FS().(view).Stat(name)
	if err != nil {
		return Waiting{}, errNone
	}
	return Waiting{about, false}, nil
}

// List gives a folder for who brought what is in it.
func (d *Drop) List(name string) ([]Waiting, error) {
	entries, err := d.FS().(view).ReadDir(name)
	if err != nil {
		return nil, errNone
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Waiting
	for _, e := range entries {
		if d.cut[path.Join(name, e.Name())] == nil {
			about, _ := e.Info() // it is info itself
			out = append(out, Waiting{about, false})
		}
	}
	for n, f := range d.cut {
		if path.Dir(n) == name {
			out = append(out, Waiting{d.info(n, f), true})
		}
	}
	return out, nil
}

// opened is a file that is read. Each part opens at its first byte.
type opened struct {
	info
	parts []openPart
	at    int64
}

type openPart struct {
	d    *Drop
	f    *os.File
	part part
	once sync.Mutex
	r    *sealed.ReaderAt
}

func (o *opened) Stat() (fs.FileInfo, error) { return o.info, nil }

// Close implements fs.File.
func (o *opened) Close() (err error) {
	for i := range o.parts {
		err = errors.Join(err, o.parts[i].f.Close())
	}
	return err
}

// Read implements io.Reader.
func (o *opened) Read(p []byte) (int, error) {
	n, err := o.ReadAt(p, o.at)
	o.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (o *opened) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	o.at = offset
	return offset, nil
}

// ReadAt implements io.ReaderAt.
func (o *opened) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	for i := range o.parts {
		size := o.parts[i].part.Size
		if off >= size {
			off -= size
			continue
		}
		for n < len(p) && off < size {
			m, err := o.parts[i].readAt(p[n:min(len(p), n+int(min(size-off, int64(len(p)))))], off)
			n, off = n+m, off+int64(m)
			if err != nil && !(errors.Is(err, io.EOF) && off >= size) {
				return n, err
			}
		}
		off = 0
		if n == len(p) {
			return n, nil
		}
	}
	return n, io.EOF
}

func (p *openPart) readAt(b []byte, off int64) (int, error) {
	p.once.Lock()
	if p.r == nil {
		about, err := p.f.Stat()
		if err == nil {
			p.r, err = sealed.NewReaderAt(p.f, about.Size(), p.d.parts, p.d.partAAD(p.part.ID))
		}
		if err != nil {
			p.once.Unlock()
			return 0, err
		}
	}
	p.once.Unlock()
	return p.r.ReadAt(b, off)
}

// openFolder is a folder that is read.
type openFolder struct {
	info
	entries []fs.DirEntry
}

func (o *openFolder) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openFolder) Close() error               { return nil }

// Read implements fs.File.
func (o *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (o *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		out := o.entries
		o.entries = nil
		return out, nil
	}
	if len(o.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(o.entries))
	out := o.entries[:n]
	o.entries = o.entries[n:]
	return out, nil
}

// Named is a file with its whole name.
type Named struct {
	Waiting
	Path string
}

// Latest gives the files that came last, whole and cut, at most n.
func (d *Drop) Latest(n int) (all []Named) {
	type one struct {
		name  string
		f     *file
		isCut bool
	}
	d.mu.Lock()
	var some []one
	for isCut, m := range map[bool]map[string]*file{false: d.files, true: d.cut} {
		for name, f := range m {
			some = append(some, one{name, f, isCut})
		}
	}
	d.mu.Unlock()
	slices.SortFunc(some, func(a, b one) int { return cmp.Or(b.f.since.Compare(a.f.since), cmp.Compare(a.name, b.name)) })
	for _, o := range some[:min(n, len(some))] {
		all = append(all, Named{Waiting{d.info(o.name, o.f), o.isCut}, o.name})
	}
	return all
}

// Brought writes the first n bytes of what has come of a file.
func (d *Drop) Brought(name string, n int64, to io.Writer) error {
	d.mu.Lock()
	f := d.cut[name]
	if f == nil {
		f = d.files[name]
	}
	var o *opened
	err := error(errNone)
	if f != nil {
		o, err = d.openLocked(name, f)
	}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	defer o.Close()
	_, err = io.CopyN(to, o, n)
	return err
}
