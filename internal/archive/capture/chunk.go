package capture

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
)

// OpenFolder opens a folder of this machine as profiles read it: nothing that leads out of it opens.
func OpenFolder(dir string) (files fs.FS, end func() error, err error) {
	return Options{Folder: dir}.files()
}

// IsSound reports whether a file's name is one that recorders give to sound.
func IsSound(name string) bool {
	base := path.Base(name)
	return !strings.HasPrefix(base, ".") && recorded[strings.ToLower(path.Ext(base))]
}

// GroupOf is what files of one recording have in common by their names: sides and mix of one call lie in one group.
func GroupOf(p string) string { return parseFileName(p).group }

// oldEnough is for how long a file must not have changed for its writer to be gone: imports are of old files.
const oldEnough = 10 * time.Minute

// ReadChunk reads some of a source's files once, with all that its logs, and lists beside the files, say of them. What it takes in memory
// depends on how many files are asked for, not on how many the source holds. Lists are CSVs that may name the files.
func ReadChunk(ctx context.Context, opt Options, files, lists []string, now time.Time) (Batch, error) {
	all, end, err := opt.files()
	if err != nil {
		return Batch{}, err
	}
	defer end()
	opt.Files, opt.DryRun = newSubset(all, files, lists), true
	p, err := New(opt)
	if err != nil {
		return Batch{}, err
	}
	if g, ok := p.(*generic); ok {
		g.beside.columns, g.beside.only = opt.Columns, onlyOf(files)
	}
	b, err := p.Poll(ctx, now)
	if err != nil {
		return b, err
	}
	b.Calls = lastOfEach(b.Calls)
	b.Calls = slices.DeleteFunc(b.Calls, func(c Call) bool { return len(c.Files) == 0 })
	for i := range b.Calls {
		for j := range b.Calls[i].Files {
			f := &b.Calls[i].Files[j]
			switch {
			case f.State != Partial || now.Sub(f.ModifiedAt) < oldEnough:
			case f.Sound.Empty():
				f.State, f.Reason = Empty, "the file holds no sound"
			case f.Sound.Header == sound.Agrees || f.Sound.Header == sound.Short || f.Sound.Header == sound.Absent:
				f.State, f.Reason = Complete, ""
			default:
				f.State, f.Reason = Truncated, "the file was not closed"
			}
		}
	}
	return b, nil
}

// onlyOf are the keys by which a list may mean one of some files.
func onlyOf(files []string) map[string]bool {
	only := map[string]bool{}
	for _, p := range files {
		only[p], only[strings.TrimSuffix(p, path.Ext(p))] = true, true
	}
	return only
}

// subset shows some files of a file system and what may lie beside them, as if there were no others.
type subset struct {
	fs.FS
	dirs map[string][]string // folder → names in it
}

func newSubset(all fs.FS, files, lists []string) *subset {
	s := &subset{FS: all, dirs: map[string][]string{".": nil}}
	for _, p := range files {
		s.show(p)
		for _, beside := range []string{strings.TrimSuffix(p, path.Ext(p)) + ".json", p + ".json"} {
			if info, err := fs.Stat(all, beside); err == nil && info.Mode().IsRegular() {
				s.show(beside)
			}
		}
	}
	for _, p := range lists {
		s.show(p)
	}
	return s
}

// show adds a file and the folders that lead to it.
func (s *subset) show(p string) {
	for p != "." {
		dir, name := path.Dir(p), path.Base(p)
		if slices.Contains(s.dirs[dir], name) {
			return
		}
		s.dirs[dir] = append(s.dirs[dir], name)
		p = dir
	}
}

// ReadDir implements fs.ReadDirFS.
func (s *subset) ReadDir(dir string) ([]fs.DirEntry, error) {
	names, ok := s.dirs[dir]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	names = slices.Clone(names)
	slices.Sort(names)
	var out []fs.DirEntry
	for _, name := range names {
		if info, err := fs.Lstat(s.FS, path.Join(dir, name)); err == nil {
			out = append(out, fs.FileInfoToDirEntry(info))
		}
	}
	return out, nil
}

// Stat implements fs.StatFS.
func (s *subset) Stat(name string) (fs.FileInfo, error) { return fs.Stat(s.FS, name) }

// Lstat and ReadLink make Lstat known to package fs.
func (s *subset) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(s.FS, name) }

// ReadLink reads a link.
func (s *subset) ReadLink(name string) (string, error) { return fs.ReadLink(s.FS, name) }

var _ fs.ReadDirFS = (*subset)(nil)

// IsField reports whether a list may say this of a recording.
func IsField(name string) bool { return slices.Contains(fieldNames, name) }

// Fields are what lists may say of a recording, for people.
func Fields() string { return strings.Join(fieldNames, ", ") }

// fieldNames are the names by which a mapping of columns calls what a list says.
var fieldNames = []string{"file", "id", "started", "ended", "caller", "caller_name", "dialled", "extension", "agent", "queue", "direction", "side"}
