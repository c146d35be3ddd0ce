package capture

import (
	"context"
	"errors"
	"hash/fnv"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/disk"
)

// soundFile is one file in the folder, as it was last seen.
type soundFile struct {
	path     string
	name     fileName
	size     int64
	modified time.Time
	since    time.Time // when this size was first seen
	sound    sound.Probed
	problem  string    // why it cannot be read
	locked   time.Time // since when another program has kept us out; zero: none does
	owner    string    // the call that it was given with
	settled  bool      // it will not be looked at again unless its folder changes
}

// folder watches a tree of sound files. A poll lists only folders that changed and looks only at files that may still grow.
type folder struct {
	opt   Options
	dirs  map[string]*subfolder
	files map[string]*soundFile
	byUID map[string][]*soundFile
	bases map[string][]*soundFile
	// kept are files that are captured, by a hash of their path with one of size and time: a source may hold half a million.
	kept map[uint64]uint64
	// beside is told of every other file in a folder that is listed; nil: nobody wants to know.
	beside func(root fs.FS, p string) []Problem
}

// subfolder is what the last listing of a folder found.
type subfolder struct {
	changed time.Time // its time then; zero when it must be listed again
	below   []string
}

func newFolder(opt Options) *folder {
	return &folder{opt: opt, dirs: map[string]*subfolder{}, files: map[string]*soundFile{}, byUID: map[string][]*soundFile{}, bases: map[string][]*soundFile{}, kept: map[uint64]uint64{}}
}

// recorded are the endings of files that Asterisk or others write sound to. Others in the folder are no problem and no recording.
var recorded = map[string]bool{
	".wav": true, ".wav49": true, ".gsm": true, ".mp3": true, ".ogg": true, ".opus": true, ".oga": true, ".raw": true, ".ulaw": true, ".ul": true,
	".mu": true, ".ulw": true, ".mulaw": true, ".pcm": true, ".alaw": true, ".al": true, ".alw": true, ".sln": true, ".sln12": true, ".sln16": true, ".sln24": true,
	".sln32": true, ".sln44": true, ".sln48": true, ".sln96": true, ".sln192": true,
}

// racy is how young a folder's or file's time must be for a change within the same tick to go unseen.
const racy = 3 * time.Second

// scan looks for new and changed files and gives those.
func (d *folder) scan(ctx context.Context, now time.Time) (changed []*soundFile, problems []Problem, err error) {
	root, end, err := d.opt.files()
	if err != nil {
		return nil, nil, err
	}
	defer end()
	w := walk{d: d, root: root, now: now, seen: map[string]bool{}}
	for _, f := range d.files {
		if !f.settled {
			w.seen[f.path] = true
			w.look(f)
		}
	}
	queue := []string{"."}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return w.changed, w.problems, err
		}
		below := w.enter(queue[0])
		queue = append(queue[1:], below...)
	}
	return w.changed, w.problems, nil
}

// walk is one passage through the folder.
type walk struct {
	d        *folder
	root     fs.FS
	now      time.Time
	seen     map[string]bool
	changed  []*soundFile
	problems []Problem
}

func (w *walk) look(f *soundFile) {
	changed, problems := w.d.look(w.root, f, w.now)
	if changed {
		w.changed = append(w.changed, f)
	}
	w.problems = append(w.problems, problems...)
}

// enter lists a folder if it has changed since it was last listed, and gives the folders in it.
func (w *walk) enter(dir string) []string {
	d := w.d
	unreadable := func(err error) []string {
		delete(d.dirs, dir)
		if !errors.Is(err, fs.ErrNotExist) {
			w.problems = append(w.problems, Problem{Path: dir, Reason: "the folder cannot be read: " + plain(err), Advice: "check its permissions"})
		}
		return nil
	}
	info, err := fs.Stat(w.root, dir)
	if err != nil {
		return unreadable(err)
	}
	if last := d.dirs[dir]; last != nil && last.changed.Equal(info.ModTime()) {
		return last.below
	}
	entries, err := fs.ReadDir(w.root, dir)
	if err != nil {
		return unreadable(err)
	}
	listed := &subfolder{}
	if w.now.Sub(info.ModTime()) > racy {
		listed.changed = info.ModTime()
	}
	d.dirs[dir] = listed
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && !strings.HasPrefix(e.Name(), "."):
			listed.below = append(listed.below, p)
		case e.Type()&fs.ModeSymlink != 0 && (d.wanted(p) || path.Ext(p) == "" && !strings.HasPrefix(e.Name(), ".")):
			w.problems = append(w.problems, Problem{Path: p, Reason: "it is a link, and links are not followed", Advice: "add the folder that it leads to as a source of its own"})
		case w.seen[p] || !e.Type().IsRegular():
		case d.wanted(p):
			if info, err := e.Info(); err == nil && d.kept[hashOf(p)] == stampOf(info.Size(), info.ModTime()) {
				continue
			}
			f := d.files[p]
			if f == nil {
				f = &soundFile{path: p, name: parseFileName(p), size: -1}
				d.add(f)
			}
			w.look(f)
		case d.beside != nil:
			w.problems = append(w.problems, d.beside(w.root, p)...)
		}
	}
	return listed.below
}

// wanted leaves out what no recorder writes, hidden files and those of copies that are under way.
func (d *folder) wanted(p string) bool {
	base := path.Base(p)
	if strings.HasPrefix(base, ".") {
		return false
	}
	return recorded[strings.ToLower(path.Ext(base))] || d.opt.Sound.Codec != "" && path.Ext(base) == ""
}

func (d *folder) add(f *soundFile) {
	d.files[f.path] = f
	if f.name.uid != "" {
		d.byUID[f.name.uid] = append(d.byUID[f.name.uid], f)
	}
	base := path.Base(f.name.group)
	d.bases[base] = append(d.bases[base], f)
}

func (d *folder) forget(f *soundFile) {
	delete(d.files, f.path)
	for m, k := range map[*map[string][]*soundFile]string{&d.byUID: f.name.uid, &d.bases: path.Base(f.name.group)} {
		list := (*m)[k]
		for i, g := range list {
			if g == f {
				list = append(list[:i:i], list[i+1:]...)
			}
		}
		if len(list) == 0 {
			delete(*m, k)
		} else {
			(*m)[k] = list
		}
	}
}

// retire remembers no more of a file than that it needs no second look unless it changes.
func (d *folder) retire(f *soundFile) {
	d.forget(f)
	d.kept[hashOf(f.path)] = stampOf(f.size, f.modified)
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func stampOf(size int64, modified time.Time) uint64 {
	return hashOf(strconv.FormatInt(size, 10) + modified.UTC().Format(time.RFC3339Nano))
}

// look reads a file's size and header again. It reports whether anything changed.
func (d *folder) look(root fs.FS, f *soundFile, now time.Time) (bool, []Problem) {
	info, err := fs.Lstat(root, f.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			d.forget(f)
			return f.owner != "", nil
		}
		return d.broken(f, "it cannot be looked at: "+plain(err), "check its permissions")
	}
	if !info.Mode().IsRegular() {
		return d.broken(f, "it is no ordinary file", "")
	}
	if info.Size() == f.size && info.ModTime().Equal(f.modified) {
		return false, nil
	}
	f.size, f.modified, f.since, f.settled = info.Size(), info.ModTime(), now, false
	if d.opt.Known != nil && d.opt.Known(f.path, f.size) {
		d.retire(f)
		return false, nil
	}
	file, err := openSound(root, f.path)
	if disk.Busy(err) {
		return d.waits(f, now)
	}
	if err != nil {
		f.size = -1 // to be tried again
		return d.broken(f, "it cannot be opened: "+plain(err), "check its permissions")
	}
	defer file.Close()
	was := f.locked
	f.problem, f.locked = "", time.Time{}
	f.sound, err = sound.Probe(file, f.size, path.Base(f.path), d.opt.Sound)
	if disk.Busy(err) { // the part that is being written is locked
		f.locked = was
		return d.waits(f, now)
	}
	if err != nil {
		return d.broken(f, plainFault(err), "listen to it elsewhere or remove it from the folder")
	}
	return true, nil
}

// lockedFor is how long another program may keep a file to itself before that
// needs attention: recorders on Windows do, for as long as a call lasts.
const lockedFor = 4 * time.Hour

const heldText = "another program keeps it to itself"

// waits leaves a file that another program keeps to itself for the next look.
func (d *folder) waits(f *soundFile, now time.Time) (bool, []Problem) {
	first := f.locked.IsZero()
	if first {
		f.locked = now
	}
	f.size, f.sound = -1, sound.Probed{}
	if now.Sub(f.locked) >= lockedFor {
		return d.broken(f, "another program has kept it to itself for hours", "end what holds the file open; it is tried again at each look")
	}
	f.problem = ""
	return first, nil
}

// broken notes why a file cannot be read, once.
func (d *folder) broken(f *soundFile, reason, advice string) (bool, []Problem) {
	if f.problem == reason {
		return false, nil
	}
	f.problem, f.sound = reason, sound.Probed{}
	return true, []Problem{{Path: f.path, Reason: reason, Advice: advice}}
}
