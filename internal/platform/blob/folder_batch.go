package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxOpen bounds the files that a batch keeps open; beyond it, files are synced
// as they come. A descriptor is kept because an error of writing back is
// reported to those who had the file open (fsync(2), since Linux 4.13).
const maxOpen = 256

// folderBatch writes files into tempDir and gives them their names at Commit:
// a pack for the small objects of each shard, a file for each other.
// On ext4 and XFS the first fsync of a batch writes the journal for all of its
// files; the others then find little to do.
type folderBatch struct {
	f       *folder
	pending []pendingFile
	packs   []*packing
	names   map[string]bool
	head    []byte // memory for the beginning of the object that is being put
}

type pendingFile struct {
	name, temp string
	file       *os.File // nil once synced and closed
}

func (f *folder) Batch() Batch { return &folderBatch{f: f, names: map[string]bool{}} }

func (b *folderBatch) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if err := check(name); err != nil {
		return 0, err
	}
	if b.names[name] {
		return 0, putTwice(name)
	}
	in := &intake{ctx: ctx, b: b, name: name, head: b.head[:0]}
	_, err := io.Copy(in, r)
	if b.head = in.head; in.err != nil {
		err = b.f.explain(in.err) // else the failure is r's own and is returned as it is
	}
	if err == nil {
		err = in.end()
	}
	if err != nil {
		in.drop()
		return 0, err
	}
	b.names[name] = true
	return in.size, nil
}

// intake takes one object in. It stays in memory until it has shown whether it
// goes into a pack or is large enough for a file of its own.
type intake struct {
	ctx  context.Context
	b    *folderBatch
	name string
	size int64
	head []byte
	file *pendingFile // once it is too large for a pack
	err  error        // of the folder
}

func (in *intake) Write(p []byte) (int, error) {
	if in.err = in.ctx.Err(); in.err != nil {
		return 0, in.err
	}
	if in.file == nil && len(in.head)+len(p) <= packMost {
		in.head = append(in.head, p...)
		in.size += int64(len(p))
		return len(p), nil
	}
	if in.file == nil {
		if in.err = in.spill(); in.err != nil {
			return 0, in.err
		}
	}
	n, err := in.file.file.Write(p)
	in.size += int64(n)
	in.err = err
	return n, err
}

// spill begins a file with what was held in memory.
func (in *intake) spill() error {
	temp, file, err := in.b.f.temp()
	if err != nil {
		return err
	}
	in.file = &pendingFile{in.name, temp, file}
	_, err = file.Write(in.head)
	return err
}

// end keeps what was taken in for the commit.
func (in *intake) end() error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	path := in.b.f.path(in.name)
	last := filepath.Base(path)
	if in.file == nil && len(last) <= packPart {
		return in.b.f.explain(in.b.pack(filepath.Dir(path), last, in.head))
	}
	if in.file == nil {
		if err := in.spill(); err != nil {
			return in.b.f.explain(err)
		}
	}
	startWriteback(in.file.file)
	if len(in.b.pending) >= maxOpen {
		if err := in.file.finish(); err != nil {
			return in.b.f.explain(err)
		}
	}
	in.b.pending = append(in.b.pending, *in.file)
	return nil
}

// drop removes a file that came to nothing.
func (in *intake) drop() {
	if in.file != nil {
		in.file.remove()
	}
}

// pack adds a small object to the pack of its shard.
func (b *folderBatch) pack(dir, last string, content []byte) error {
	for _, p := range slices.Backward(b.packs) {
		if p.dir == dir && p.at+int64(len(content)) <= packFull {
			return p.add(last, content)
		}
	}
	temp, file, err := b.f.temp()
	if err != nil {
		return err
	}
	p := &packing{dir: dir, temp: temp, file: file}
	b.packs = append(b.packs, p)
	return p.add(last, content)
}

func (f *folder) temp() (path string, file *os.File, err error) {
	path = filepath.Join(f.dir, tempDir, strings.ToLower(rand.Text()))
	file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return path, file, err
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

// remove drops a file that is not to become an object.
func (p *pendingFile) remove() {
	if p.file != nil {
		p.file.Close()
	}
	os.Remove(p.temp)
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
	for _, p := range b.packs {
		if err := p.finish(); err != nil {
			return b.f.explain(err)
		}
	}
	put := placed{}
	for len(b.pending) > 0 {
		p := b.pending[0]
		path := b.f.path(p.name)
		if err := b.f.place(p.temp, path); err != nil {
			return err
		}
		put.add(filepath.Dir(path), "", filepath.Base(path))
		b.pending = b.pending[1:]
	}
	for len(b.packs) > 0 {
		if err := b.commitPack(put); err != nil {
			return err
		}
		b.packs = b.packs[1:]
	}
	return b.f.explain(put.settle(b.f))
}

// commitPack gives the first pack its name.
func (b *folderBatch) commitPack(put placed) error {
	p := b.packs[0]
	if len(p.entries) == 0 { // what was to go into it failed
		return b.f.explain(os.Remove(p.temp))
	}
	path, s := p.target()
	if err := b.f.place(p.temp, path); err != nil {
		return err
	}
	for _, e := range p.entries {
		put.add(p.dir, s.file, e.name)
	}
	if s.file != "" {
		b.f.packs.learn(p.dir, s, p.entries)
	}
	return nil
}

// placed is what a commit gave names, by shard and by the pack it lies in ("":
// a file of its own).
type placed map[string]map[string][]string

func (p placed) add(dir, pack, last string) {
	if p[dir] == nil {
		p[dir] = map[string][]string{}
	}
	p[dir][pack] = append(p[dir][pack], last)
}

// settle makes the names durable and removes what they replaced.
func (p placed) settle(f *folder) error {
	for dir, packs := range p {
		if err := syncDir(dir); err != nil {
			return err
		}
		for pack, lasts := range packs {
			for _, last := range lasts {
				if pack == "" {
					break // the rename has replaced it
				}
				if err := os.Remove(filepath.Join(dir, last)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
			if err := f.unpack(dir, pack, lasts...); err != nil {
				return err
			}
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
	for _, p := range b.packs {
		(&pendingFile{temp: p.temp, file: p.file}).remove()
	}
	for i := range b.pending {
		b.pending[i].remove()
	}
	b.packs, b.pending = nil, nil
}
