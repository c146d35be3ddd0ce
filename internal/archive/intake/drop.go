package intake

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/sealed"
)

// Drop is the room of one source. It is safe for use by several goroutines.
type Drop struct {
	opt      *Options
	dir      string
	customer id.Customer
	source   id.Source
	parts    secret.Key
	bind     []byte

	mu       sync.Mutex
	index    index
	records  int
	files    map[string]*file // whole
	cut      map[string]*file // an upload ended before its end; it may go on
	dirs     map[string]*folder
	writers  map[string]*Writer // the latest of each name
	uses     map[string]int     // of parts, by files
	orphans  []string           // parts that no file uses any more
	bytes    int64              // that wait, whole and cut
	arriving int64              // bytes of uploads under way
	checked  int64              // bytes written since the disk was looked at
	broken   error              // the disk failed: nothing may be said to be durable before all is written anew
	since    time.Time          // of the first failure
	mending  time.Time          // when that is tried next
	shut     bool
	syncs    syncs
}

// file is what waits under a name.
type file struct {
	number   uint64
	parts    []part
	size     int64
	modified time.Time
	since    time.Time // in this state
}

// folder is a folder of a drop. Its time grows with each change of what is in it.
type folder struct {
	modified time.Time
	names    map[string]bool // true: a folder
}

func openDrop(o *Options, dir string, c id.Customer, source id.Source, key secret.Key) (*Drop, error) {
	sub := func(what string) (secret.Key, error) {
		b, err := hkdf.Key(sha256.New, key.Reveal(), nil, "ringfence drop "+what+" 1", 32)
		if err != nil {
			return secret.Key{}, err
		}
		return secret.KeyFrom(b)
	}
	names, err := sub("index")
	if err != nil {
		return nil, err
	}
	bytes, err := sub("parts")
	if err != nil {
		return nil, err
	}
	bind := append(c[:], source[:]...)
	d := &Drop{
		opt: o, dir: dir, customer: c, source: source, parts: bytes, bind: bind,
		index: index{dir: dir, box: sealed.NewBox(names), bind: bind},
		files: map[string]*file{}, cut: map[string]*file{}, dirs: map[string]*folder{}, writers: map[string]*Writer{}, uses: map[string]int{},
	}
	d.syncs.init(d.flush)
	d.dirs["."] = &folder{modified: o.Now(), names: map[string]bool{}}
	if err := d.index.open(func(r record) { d.records++; d.apply(r) }); err != nil {
		return nil, diskFault(err)
	}
	d.orphans = nil
	return d, d.clear()
}

// clear removes bytes that no record names: of uploads that a crash ended, and
// of files that were taken out just before one.
func (d *Drop) clear() error {
	named := map[string]bool{keyName: true, indexName: true}
	for p := range d.uses {
		named[p] = true
	}
	entries, err := os.ReadDir(d.dir)
	written := map[string]time.Time{}
	for _, e := range entries {
		if info, ierr := e.Info(); ierr == nil {
			written[e.Name()] = info.ModTime().UTC()
		}
		if !named[e.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(d.dir, e.Name())))
		}
	}
	// What waits has waited since before this start: a server that is started each
	// night would keep all for ever.
	for _, m := range []map[string]*file{d.files, d.cut} {
		for _, f := range m {
			if n := len(f.parts); n > 0 && written[f.parts[n-1].ID].Before(f.since) {
				f.since = written[f.parts[n-1].ID]
			}
		}
	}
	return diskFault(err)
}

// apply does to the names what a record says.
func (d *Drop) apply(r record) {
	name, at := string(r.Name), time.UnixMilli(r.Time).UTC()
	switch r.Op {
	case "put", "cut":
		f := &file{number: r.ID, parts: r.Part, modified: at, since: d.opt.Now()}
		for _, p := range r.Part {
			f.size += p.Size
		}
		if r.Op == "cut" { // a whole one of that name stays until this one is whole
			d.set(d.cut, name, f)
			return
		}
		d.set(d.files, name, f)
		d.set(d.cut, name, nil)
		d.link(name, false)
	case "del":
		d.set(d.files, name, nil)
		d.unlink(name)
	case "uncut":
		d.set(d.cut, name, nil)
	case "mv":
		d.set(d.files, string(r.To), d.files[name])
		d.set(d.files, name, nil)
		d.unlink(name)
		d.link(string(r.To), false)
	case "mkdir":
		d.link(name, true)
	case "rmdir":
		delete(d.dirs, name)
		d.unlink(name)
	}
}

// set changes what stands under a name and counts bytes and uses of parts: one
// upload that goes on with another shares them.
func (d *Drop) set(m map[string]*file, name string, f *file) {
	old := m[name]
	if f != nil {
		m[name] = f
		d.bytes += f.size
		for _, p := range f.parts {
			d.uses[p.ID]++
		}
	} else {
		delete(m, name)
	}
	if old == nil {
		return
	}
	d.bytes -= old.size
	for _, p := range old.parts {
		if d.uses[p.ID]--; d.uses[p.ID] == 0 {
			delete(d.uses, p.ID)
			d.orphans = append(d.orphans, p.ID)
		}
	}
}

// link makes a name known in its folder, and its folders in theirs.
func (d *Drop) link(name string, isDir bool) {
	if isDir && d.dirs[name] == nil {
		d.dirs[name] = &folder{modified: d.opt.Now(), names: map[string]bool{}}
	}
	for name != "." {
		parent := path.Dir(name)
		up := d.dirs[parent]
		fresh := up == nil
		if fresh {
			up = &folder{modified: d.opt.Now(), names: map[string]bool{}}
			d.dirs[parent] = up
		}
		up.names[path.Base(name)] = isDir
		up.touch(d.opt.Now())
		if !fresh {
			return
		}
		name, isDir = parent, true
	}
}

func (d *Drop) unlink(name string) {
	if up := d.dirs[path.Dir(name)]; up != nil {
		delete(up.names, path.Base(name))
		up.touch(d.opt.Now())
	}
}

func (f *folder) touch(at time.Time) {
	if !at.After(f.modified) {
		at = f.modified.Add(1)
	}
	f.modified = at
}

// act writes a record and does what it says; it is durable after d.syncs.wait.
func (d *Drop) act(r record) error {
	if err := d.usable(); err != nil {
		return err
	}
	d.opt.Step("record")
	if err := d.index.add(r); err != nil {
		return diskFault(err)
	}
	d.records++
	d.apply(r)
	if live := len(d.files) + len(d.cut) + len(d.dirs); d.records > d.opt.compact && d.records > 4*live {
		return d.anew()
	}
	return nil
}

// anew compacts the index. Where that fails it goes on with the old one.
func (d *Drop) anew() error {
	err := d.compact()
	if err == nil {
		return nil
	}
	d.opt.Log.Warn("the list of a drop could not be written anew", "source", d.source, "error", err)
	if !d.index.inPlace() { // what is added now would be in a file without a name
		d.fail(diskFault(err))
		return d.broken
	}
	return nil
}

func (d *Drop) usable() error {
	if d.shut {
		return fault.New(fault.Unavailable, "this source is closed; try again")
	}
	d.mend()
	return d.broken
}

// compact writes the index anew. It holds no more then than what waits.
func (d *Drop) compact() error {
	var now []record
	for name := range d.dirs {
		if name != "." {
			now = append(now, record{Op: "mkdir", Name: []byte(name)})
		}
	}
	for op, m := range map[string]map[string]*file{"put": d.files, "cut": d.cut} {
		for name, f := range m {
			now = append(now, record{Op: op, Name: []byte(name), ID: f.number, Part: f.parts, Time: f.modified.UnixMilli()})
		}
	}
	if err := d.index.renew(now); err != nil {
		return err
	}
	d.records = len(now)
	return nil
}

// do changes something and returns when that is durable. Bytes that no record
// names any more go after that; what cannot be removed is when the drop is
// opened next.
func (d *Drop) do(change func() error) error {
	d.mu.Lock()
	err := d.usable()
	if err == nil {
		err = change()
	}
	gone := d.orphans
	d.orphans = nil
	d.mu.Unlock()
	if err != nil && len(gone) == 0 {
		return err
	}
	if werr := d.syncs.wait(); werr != nil {
		d.mu.Lock()
		d.orphans = append(d.orphans, gone...) // they may still be named on disk
		d.mu.Unlock()
		return werr
	}
	d.opt.Step("durable")
	for _, p := range gone {
		_ = os.Remove(filepath.Join(d.dir, p))
	}
	return err
}

// Usage is how many files wait, whole or cut, and their bytes.
func (d *Drop) Usage() (files int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.files) + len(d.cut), d.bytes
}

// Ages of what waits for nobody.
const (
	cutFor    = 24 * time.Hour      // an upload that was cut may go on so long; then it is taken as it is
	besideFor = 30 * 24 * time.Hour // logs and lists stay so long after they were last written
)

// beside are the endings of files that are no sound.
var beside = map[string]bool{".csv": true, ".json": true, ".xml": true, ".txt": true, ".log": true, ".gz": true, ".tmp": true, ".part": true, ".filepart": true}

// Sweep hands over what was cut long ago, and takes out what nobody takes. Names
// that wait no more are forgotten: the list is written anew without them.
func (d *Drop) Sweep(now time.Time) error {
	return d.do(func() error {
		for name, f := range maps.Clone(d.cut) {
			if now.Sub(f.since) < cutFor {
				continue
			}
			if err := d.act(record{Op: "put", Name: []byte(name), ID: f.number, Part: f.parts, Time: f.modified.UnixMilli()}); err != nil {
				return err
			}
		}
		for name, f := range maps.Clone(d.files) {
			if !beside[strings.ToLower(path.Ext(name))] {
				continue
			}
			r := record{Op: "del", Name: []byte(name)}
			if f.modified.After(now) { // by the sender's clock, which must not keep it here for ever
				r = record{Op: "put", Name: []byte(name), ID: f.number, Part: f.parts, Time: now.UnixMilli()}
			} else if now.Sub(f.modified) < besideFor || now.Sub(f.since) < cutFor {
				continue
			}
			if err := d.act(r); err != nil {
				return err
			}
		}
		if d.records <= len(d.files)+len(d.cut)+len(d.dirs)-1 {
			return nil
		}
		return d.anew()
	})
}

var (
	errNone = fault.New(fault.NotFound, "there is no such file")
	errMany = fault.New(fault.TooLarge, "too many files wait for this source already; they are taken as soon as it captures")
)

func (d *Drop) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	if d.index.f != nil {
		_ = d.index.f.Close() // all that counts is synced
	}
}

func newNumber() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
