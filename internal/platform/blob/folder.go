package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ringfence/internal/base/fault"
)

const (
	// marker stands in a folder that is a bucket. Without it, a disk that is not
	// mounted would look like an empty bucket: writes would go to the mount
	// point and every recording would seem lost.
	marker = ".ringfence-objects"

	// tempDir holds files that are being written. They become objects by rename.
	tempDir = ".incomplete"

	// shardLen characters of the last part of a name make its sub-folder. The
	// text form of an id begins with its time: five characters stand for 2.3
	// hours, so folders stay small and what is written together lies together.
	shardLen = 5

	// abandonedAfter is when a file that is being written was left by a crash.
	abandonedAfter = 48 * time.Hour
)

// folder keeps objects as files: a/b/object → a/b/objec.d/object. The small ones
// of a batch share a file, a pack, in that place.
type folder struct {
	dir   string
	packs *packs

	mu   sync.Mutex
	made map[string]bool // sub-folders known to be there and durable
}

// OpenFolder opens a folder as a bucket. A folder that does not exist or is
// empty is made one; any other without the marker is refused, since objects do
// not mix with other files.
func OpenFolder(dir string) (Bucket, error) { return openFolder(dir, true) }

func openFolder(dir string, create bool) (Bucket, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, packs: newPacks(), made: map[string]bool{}}
	switch _, err := os.Stat(filepath.Join(dir, marker)); {
	case err == nil:
		f.sweep(time.Now().Add(-abandonedAfter))
		return f, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, f.explain(err)
	case !create:
		return nil, fault.Wrap(err, fault.Unavailable, "the folder for objects %s has gone or is not mounted (its file %s is missing): bring it back; "+
			"if it is to be a new one, run `ringfence init --new-folders`", f.dir, marker)
	}
	return f, f.create()
}

// create makes an empty folder a bucket.
func (f *folder) create() error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return f.explain(err)
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return f.explain(err)
	}
	for _, e := range entries {
		if e.Name() != tempDir && e.Name() != "lost+found" {
			return fault.New(fault.Unavailable, "the folder %s holds other files (%s) and is not marked as one for objects: "+
				"name an empty folder, or put back its file %s if objects were kept there", f.dir, e.Name(), marker)
		}
	}
	if err := os.Mkdir(filepath.Join(f.dir, tempDir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return f.explain(err)
	}
	const text = "Ringfence keeps sealed recordings in this folder. Without this file it refuses to use it.\n"
	m, err := os.OpenFile(filepath.Join(f.dir, marker), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return f.explain(err)
	}
	_, err = m.WriteString(text)
	if err = all(err, m.Sync(), m.Close()); err != nil {
		return f.explain(err)
	}
	return f.explain(all(syncDir(f.dir), syncDir(filepath.Dir(f.dir))))
}

// sweep removes files that a crash left half-written. Files younger than the
// limit may belong to another process that is at work.
func (f *folder) sweep(before time.Time) {
	entries, err := os.ReadDir(filepath.Join(f.dir, tempDir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			os.Remove(filepath.Join(f.dir, tempDir, e.Name()))
		}
	}
}

// path is where an object lies.
func (f *folder) path(name string) string {
	dir, last := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, last = name[:i], name[i+1:]
	}
	return filepath.Join(f.dir, filepath.FromSlash(dir), last[:min(len(last), shardLen)]+shardMark, last)
}

// shardMark ends the names of shards. No part of an object's name may hold a
// dot, so a shard is never taken for a part of a name.
const shardMark = ".d"

func (f *folder) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	b := f.Batch()
	defer b.Discard()
	n, err := b.Put(ctx, name, r)
	if err != nil {
		return 0, err
	}
	return n, b.Commit(ctx)
}

func (f *folder) Open(ctx context.Context, name string) (Object, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	path := f.path(name)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		var e packed
		if file, e, err = f.openPacked(filepath.Dir(path), filepath.Base(path)); err == nil {
			return &folderObject{f, ctx, file, io.NewSectionReader(file, e.offset, e.size)}, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.present(); err != nil {
			return nil, err
		}
		return nil, notFound(name)
	}
	if err != nil {
		return nil, f.explain(err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, f.explain(err)
	}
	return &folderObject{f, ctx, file, io.NewSectionReader(file, 0, info.Size())}, nil
}

// folderObject is an open file, or the part of it that is the object.
type folderObject struct {
	f    *folder
	ctx  context.Context // of Open, as Bucket.Open says
	file *os.File
	part *io.SectionReader
}

func (o *folderObject) Size() int64  { return o.part.Size() }
func (o *folderObject) Close() error { return o.file.Close() }

func (o *folderObject) ReadAt(p []byte, off int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.part.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = o.f.explain(err)
	}
	return n, err
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := check(name); err != nil {
		return err
	}
	dir, last := filepath.Split(f.path(name))
	dir = filepath.Clean(dir)
	switch err := os.Remove(filepath.Join(dir, last)); {
	case err == nil:
		if err := syncDir(dir); err != nil {
			return f.explain(err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return f.explain(err)
	}
	// In a pack too: a crash while it was put again may have left both.
	if err := f.unpack(dir, "", last); err != nil {
		return f.explain(err)
	}
	return f.present()
}

func (f *folder) Close() error { return nil }

// present says whether the bucket is there at all: a name that is not found in
// a bucket that is gone says nothing about the object.
func (f *folder) present() error {
	_, err := os.Stat(filepath.Join(f.dir, marker))
	return f.explain(err)
}

// explain gives a failure of the file system a text that says what to do.
func (f *folder) explain(err error) error {
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal:
		return err
	case errors.Is(err, errPack):
		return fault.Wrap(err, fault.Unavailable, "a file in the folder for objects %s is damaged: check its disk, and bring the file back from a backup or the second store", f.dir)
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.Unavailable, "the folder for objects %s has gone or is not mounted: bring it back and try again; nothing is lost until then", f.dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.Unavailable, "the disk that holds %s is full: free space or enlarge it; what was not stored yet is kept at its source", f.dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.Wrap(err, fault.Unavailable, "the folder for objects %s may not be used by this program: make it writable for its user", f.dir)
	}
	return fault.Wrap(err, fault.Unavailable, "the folder for objects %s does not work: look at its disk", f.dir)
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return all(d.Sync(), d.Close())
}
