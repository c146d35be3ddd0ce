package blob

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// List walks only the folders that the prefix leads to.
func (f *folder) List(ctx context.Context, prefix string, fn func(name string, size int64) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	if err := f.present(); err != nil {
		return err
	}
	return f.walk(ctx, "", prefix, fn)
}

// walk lists the objects below one part of a name ("" or "a/b/").
func (f *folder) walk(ctx context.Context, base, prefix string, fn func(string, int64) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(f.dir, filepath.FromSlash(base)))
	if errors.Is(err, fs.ErrNotExist) && base != "" {
		return nil
	}
	if err != nil {
		return f.explain(err)
	}
	var found []listed
	for _, e := range entries {
		shard, isShard := strings.CutSuffix(e.Name(), shardMark)
		switch {
		case !e.IsDir() || e.Name() == tempDir:
		case isShard && overlaps(base+shard, prefix):
			found = append(found, listed{name: base + shard, shard: e.Name()})
		case !isShard && plain(e.Name()) && overlaps(base+e.Name()+"/", prefix):
			found = append(found, listed{name: base + e.Name() + "/", part: true})
		}
	}
	for group := range groups(found) {
		if err := f.emit(ctx, base, prefix, group, fn); err != nil {
			return err
		}
	}
	return nil
}

// groups sorts shards and parts and yields them so that the names in one group
// all come before those in the next. A group has more than one member only if
// parts of names begin with the name of a shard; one shard at a time is in memory.
func groups(found []listed) iter.Seq[[]listed] {
	byName := func(a, b listed) int { return strings.Compare(a.name, b.name) }
	slices.SortFunc(found, byName)
	return func(yield func([]listed) bool) {
		for len(found) > 0 {
			n := 1
			for n < len(found) && found[0].shard != "" && strings.HasPrefix(found[n].name, found[0].name) {
				n++
			}
			if !yield(found[:n]) {
				return
			}
			found = found[n:]
		}
	}
}

// emit lists the objects of one group in order.
func (f *folder) emit(ctx context.Context, base, prefix string, group []listed, fn func(string, int64) error) error {
	var members []listed
	for _, l := range group {
		if l.part {
			members = append(members, l)
			continue
		}
		files, err := f.shard(base, l.shard, prefix)
		if err != nil {
			return err
		}
		members = append(members, files...)
	}
	slices.SortFunc(members, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	for _, l := range members {
		var err error
		if l.part {
			err = f.walk(ctx, l.name, prefix, fn)
		} else {
			err = fn(l.name, l.size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listed is an object, a part of names or, before it is read, a shard.
type listed struct {
	name  string
	size  int64
	part  bool
	shard string // its folder's name
}

// shard lists the files of one shard.
func (f *folder) shard(base, shard, prefix string) ([]listed, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, filepath.FromSlash(base), shard))
	if err != nil {
		return nil, f.explain(err)
	}
	var found []listed
	for _, e := range entries {
		if s, ok := parseSpan(e.Name()); ok {
			inside, err := f.packedIn(base, shard, s, prefix)
			if err != nil {
				return nil, err
			}
			found = append(found, inside...)
			continue
		}
		name := base + e.Name()
		if !e.Type().IsRegular() || !strings.HasPrefix(name, prefix) || f.path(name) != filepath.Join(f.dir, filepath.FromSlash(base), shard, e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, f.explain(err)
		}
		found = append(found, listed{name: name, size: info.Size()})
	}
	return unique(found), nil
}

// packedIn lists the objects in one pack.
func (f *folder) packedIn(base, shard string, s span, prefix string) (found []listed, err error) {
	if last, ok := strings.CutPrefix(prefix, base); ok && (last > s.last || !strings.HasPrefix(s.first, last) && last < s.first) {
		return nil, nil // no name in it begins so
	}
	entries, err := readPack(filepath.Join(f.dir, filepath.FromSlash(base), shard, s.file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // its last object was deleted meanwhile
	}
	if err != nil {
		return nil, f.explain(err)
	}
	for last, e := range byName(entries) {
		if name := base + last; strings.HasPrefix(name, prefix) {
			found = append(found, listed{name: name, size: e.size})
		}
	}
	return found, nil
}

// unique drops the second of two objects with one name: a crash while an object
// was replaced may have left both.
func unique(found []listed) []listed {
	slices.SortStableFunc(found, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(found, func(a, b listed) bool { return a.name == b.name })
}

// overlaps reports whether names that begin with a may begin with b.
func overlaps(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
