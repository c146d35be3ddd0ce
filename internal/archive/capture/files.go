package capture

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
)

// Drop is where files of a source lie that no folder of this machine holds: what was pushed to the server or fetched from elsewhere. A file
// is in it once it is whole and durable.
type Drop interface {
	// FS gives files that are io.ReaderAt besides, and folders whose time changes with what is in them.
	FS() fs.FS
	// Remove takes a file out, if it still is the one that was looked at.
	Remove(path string, was fs.FileInfo) error
}

// files opens the recordings of a source; close ends that.
func (o Options) files() (f fs.FS, close func() error, err error) {
	if o.Files != nil {
		return o.Files, func() error { return nil }, nil
	}
	root, err := os.OpenRoot(o.Folder)
	if err != nil {
		return nil, nil, err
	}
	return rootFS{root}, root.Close, nil
}

// logFiles opens the logs beside them; nil when there are none. A link in a folder of logs is followed: distributions make them.
func (o Options) logFiles() fs.FS {
	switch {
	case o.LogFiles != nil:
		return o.LogFiles
	case o.Logs != "":
		return os.DirFS(o.Logs)
	}
	return nil
}

// hasLogs reports whether the source has a place for logs.
func (o Options) hasLogs() bool { return o.LogFiles != nil || o.Logs != "" }

// rootFS is a folder of this machine. Unlike os.Root.FS it opens names of any bytes: a telephone system writes what it was given. What
// leads out of the folder, by a link or `../`, does not open.
type rootFS struct{ *os.Root }

// Open implements fs.FS.
func (r rootFS) Open(name string) (fs.File, error) {
	f, err := r.Root.Open(name)
	if err != nil {
		return nil, err // not f: a nil *os.File would be a file
	}
	return f, nil
}

// ReadLink makes Lstat known to package fs.
func (r rootFS) ReadLink(name string) (string, error) { return r.Readlink(name) }

// ReadDir implements fs.ReadDirFS.
func (r rootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	d, err := r.Root.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.ReadDir(-1)
	slices.SortFunc(all, func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	return all, err
}

// soundReader is what a file of sound has to be.
type soundReader interface {
	fs.File
	io.ReaderAt
}

var errNoReaderAt = errors.New("it cannot be read at any place")

// openSound opens a file for the reading of its header.
func openSound(files fs.FS, path string) (soundReader, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	if s, ok := f.(soundReader); ok {
		return s, nil
	}
	return nil, errors.Join(errNoReaderAt, f.Close())
}

// numbered is the identity that a file has besides its name, where it is no file of this machine.
type numbered interface{ Number() uint64 }

// numberOf tells a file from another under the same name, and finds it again under another.
func numberOf(info fs.FileInfo) (inode, device uint64) {
	if n, ok := info.Sys().(numbered); ok {
		return n.Number(), 0
	}
	return onDisk(info)
}

// errNoDrop is the fault of a source whose files this server has no place for.
var errNoDrop = fault.New(fault.Unavailable, "this server has no place for the files of such a source")

// Nothing says of a file that has not one byte, though its kind begins with a header, that it needs attention: a recorder writes the
// header at once, so that a disk was full or a copy failed. A header alone is a call in which nobody spoke.
func Nothing(f File) (Problem, bool) {
	if f.State != Empty || f.Size != 0 || f.Sound.Header != sound.Open {
		return Problem{}, false
	}
	return Problem{Path: f.Path, Reason: "the file holds not one byte", Advice: "look whether a disk was full when it was written; remove it from the folder once that is known"}, true
}
