package blob

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// packs is what a folder knows of its packs, so that an object is found without
// listing its shard each time. It is a hint: another server may share the
// folder, so what it does not lead to is looked for on the disk.
type packs struct {
	mu     sync.Mutex
	spans  map[string][]span            // by shard
	inside map[string]map[string]packed // by the path of the pack

	deleting sync.Mutex // one deletion at a time counts what is left in a pack
}

// maxPacks bounds the memory for known packs, about 20 KB each.
const maxPacks = 512

func newPacks() *packs {
	return &packs{spans: map[string][]span{}, inside: map[string]map[string]packed{}}
}

// learn remembers a pack that was just written.
func (k *packs) learn(dir string, s span, entries []packed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.spans[dir]; ok { // else the shard is listed when it is asked for
		k.spans[dir] = append(known, s)
	}
	k.keep(filepath.Join(dir, s.file), byName(entries))
}

// keep needs the lock.
func (k *packs) keep(path string, inside map[string]packed) {
	if len(k.inside) >= maxPacks {
		clear(k.inside)
		clear(k.spans)
	}
	k.inside[path] = inside
}

func (k *packs) forget(dir, file string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.spans, dir)
	delete(k.inside, filepath.Join(dir, file))
}

// in lists the packs of a shard, from memory or, if fresh is wanted or nothing
// is known, from the disk.
func (k *packs) in(dir string, fresh bool) (list []span, remembered bool, err error) {
	k.mu.Lock()
	list, remembered = k.spans[dir]
	k.mu.Unlock()
	if remembered && !fresh {
		return list, true, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	list = []span{}
	for _, e := range entries {
		if s, ok := parseSpan(e.Name()); ok {
			list = append(list, s)
		}
	}
	k.mu.Lock()
	k.spans[dir] = list
	k.mu.Unlock()
	return list, false, nil
}

// find looks an object up in one pack.
func (k *packs) find(dir, file, last string) (packed, error) {
	path := filepath.Join(dir, file)
	k.mu.Lock()
	inside, ok := k.inside[path]
	k.mu.Unlock()
	if !ok {
		entries, err := readPack(path)
		if err != nil {
			return packed{}, err
		}
		inside = byName(entries)
		k.mu.Lock()
		k.keep(path, inside)
		k.mu.Unlock()
	}
	e, ok := inside[last]
	if !ok {
		return packed{}, fs.ErrNotExist
	}
	return e, nil
}

func readPack(path string) ([]packed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readDirectory(f, info.Size())
}

// byName is the live entries. Of two with one name the later was put last.
func byName(entries []packed) map[string]packed {
	m := make(map[string]packed, len(entries))
	for _, e := range entries {
		if !e.gone {
			m[e.name] = e
		}
	}
	return m
}

// openPacked opens an object that lies in a pack; fs.ErrNotExist if it is in none.
func (f *folder) openPacked(dir, last string) (*os.File, packed, error) {
	for fresh := false; ; fresh = true {
		list, remembered, err := f.packs.in(dir, fresh)
		if err != nil {
			return nil, packed{}, err
		}
		for _, s := range list {
			if !s.covers(last) {
				continue
			}
			e, err := f.packs.find(dir, s.file, last)
			if err == nil {
				var file *os.File
				if file, err = os.Open(filepath.Join(dir, s.file)); err == nil {
					return file, e, nil
				}
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, packed{}, err
			}
		}
		if !remembered {
			return nil, packed{}, fs.ErrNotExist
		}
	}
}

// unpack removes objects of one shard from the packs they lie in, but for the
// pack named except.
func (f *folder) unpack(dir, except string, lasts ...string) error {
	f.packs.deleting.Lock()
	defer f.packs.deleting.Unlock()
	list, _, err := f.packs.in(dir, true)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.file == except {
			continue
		}
		if err := f.unpackFrom(dir, s, lasts); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) unpackFrom(dir string, s span, lasts []string) error {
	wanted := map[string]bool{}
	for _, l := range lasts {
		if s.covers(l) {
			wanted[l] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	path := filepath.Join(dir, s.file)
	entries, err := readPack(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var out []packed
	left := 0
	for _, e := range entries {
		switch {
		case e.gone:
		case wanted[e.name]:
			out = append(out, e)
		default:
			left++
		}
	}
	if len(out) == 0 {
		return nil
	}
	defer f.packs.forget(dir, s.file)
	if left == 0 {
		return all(os.Remove(path), syncDir(dir))
	}
	return remove(path, out)
}

// remove takes objects out of a pack that keeps others. The bytes go first, and
// durably: a crash in between leaves an object that does not open, which a
// second deletion removes, and never bytes that nothing leads to.
func remove(path string, out []packed) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, e := range out {
		if err := erase(file, e.offset, e.size); err != nil {
			return err
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	for _, e := range out {
		if _, err := file.WriteAt([]byte{1}, e.flag); err != nil {
			return err
		}
	}
	return file.Sync()
}
