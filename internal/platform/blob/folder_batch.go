package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxOpen bounds the files that a batch keeps open; beyond it, files are synced
// as they come. A descriptor is kept because an error of writing back is
// reported to those who had the file open (fsync(2), since Linux 4.13).
const maxOpen = 256

// folderBatch writes files into tempDir and gives them their names at Commit.
// On ext4 and XFS the first fsync of a batch writes the journal for all of its
// files; the others then find little to do.
type folderBatch struct {
	f       *folder
	pending []pendingFile
}

type pendingFile struct {
	name, temp string
	file       *os.File // nil once synced and closed
}

func (f *folder) Batch() Batch { return &folderBatch{f: f} }

func (b *folderBatch) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if err := check(name); err != nil {
		return 0, err
	}
	temp := filepath.Join(b.f.dir, tempDir, strings.ToLower(rand.Text()))
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, b.f.explain(err)
	}
	b.pending = append(b.pending, pendingFile{name, temp, file})
	n, err := b.write(ctx, file, r)
	if err == nil && len(b.pending) > maxOpen {
		err = b.f.explain(b.pending[len(b.pending)-1].finish())
	}
	if err != nil {
		b.drop(len(b.pending) - 1)
		return 0, err
	}
	return n, nil
}

// write copies r into the file. A failure of r is the caller's own and is
// returned as it is.
func (b *folderBatch) write(ctx context.Context, file *os.File, r io.Reader) (int64, error) {
	w := &fileWriter{ctx: ctx, file: file}
	n, err := io.Copy(w, r)
	if w.err != nil {
		return n, b.f.explain(w.err)
	}
	if err != nil {
		return n, err
	}
	startWriteback(file)
	return n, nil
}

// fileWriter tells failures of the file from those of the reader, and hides the
// file's own ReadFrom, whose buffer is smaller than a segment.
type fileWriter struct {
	ctx  context.Context
	file *os.File
	err  error
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.file.Write(p)
	w.err = err
	return n, err
}

// finish makes the content of a file durable.
func (p *pendingFile) finish() error {
	if p.file == nil {
		return nil
	}
	err := all(p.file.Sync(), p.file.Close())
	p.file = nil
	return err
}

func (b *folderBatch) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range b.pending {
		if err := b.pending[i].finish(); err != nil {
			return b.f.explain(err)
		}
	}
	dirs := map[string]bool{}
	for len(b.pending) > 0 {
		p := b.pending[0]
		path := b.f.path(p.name)
		if err := b.f.place(p.temp, path); err != nil {
			return err
		}
		dirs[filepath.Dir(path)] = true
		b.pending = b.pending[1:]
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return b.f.explain(err)
		}
	}
	return nil
}

// place gives a finished file its name, making the folder for it if needed.
func (f *folder) place(temp, path string) error {
	dir := filepath.Dir(path)
	if err := f.mkdir(dir); err != nil {
		return err
	}
	err := os.Rename(temp, path)
	if errors.Is(err, fs.ErrNotExist) {
		// The folder was known but has gone, for example with a customer: once more.
		f.mu.Lock()
		clear(f.made)
		f.mu.Unlock()
		if err := f.mkdir(dir); err != nil {
			return err
		}
		err = os.Rename(temp, path)
	}
	return f.explain(err)
}

// mkdir makes a sub-folder and those above it, durably, but never the bucket's
// own folder: if that has gone, its disk has.
func (f *folder) mkdir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made[dir] {
		return nil
	}
	if err := f.present(); err != nil {
		return err
	}
	rel, err := filepath.Rel(f.dir, dir)
	if err != nil {
		return err
	}
	at := f.dir
	for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
		above := at
		at = filepath.Join(at, part)
		if f.made[at] {
			continue
		}
		if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return f.explain(err)
		}
		// Also if it was there: whoever made it may have crashed before this.
		if err := syncDir(above); err != nil {
			return f.explain(err)
		}
		if len(f.made) > maxMade {
			clear(f.made)
		}
		f.made[at] = true
	}
	return nil
}

// maxMade bounds the memory for known folders; forgetting them costs an fsync.
const maxMade = 10_000

func (b *folderBatch) Discard() {
	for len(b.pending) > 0 {
		b.drop(len(b.pending) - 1)
	}
}

// drop removes one file of the batch.
func (b *folderBatch) drop(i int) {
	p := b.pending[i]
	if p.file != nil {
		p.file.Close()
	}
	os.Remove(p.temp)
	b.pending = append(b.pending[:i], b.pending[i+1:]...)
}
