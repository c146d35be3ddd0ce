package intake

import (
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringfence/internal/base/fault"
)

// What a sender may do to names.

// Rename gives a whole file another name. With replace, a whole file there gives
// way; else it is a fault.Conflict.
func (d *Drop) Rename(from, to string, replace bool) error {
	if err := Valid(to); err != nil {
		return err
	}
	return d.do(func() error {
		switch {
		case d.files[from] == nil && d.dirs[from] != nil:
			return fault.New(fault.Invalid, "folders keep their names here; make another one")
		case d.files[from] == nil && d.cut[from] != nil:
			return fault.New(fault.Conflict, "this file is not whole yet")
		case d.files[from] == nil:
			return errNone
		case from == to:
			return nil
		case d.dirs[to] != nil, d.files[to] != nil && !replace:
			return fault.New(fault.Conflict, "there is something of that name already")
		}
		if err := d.vacant(to); err != nil {
			return err
		}
		return d.act(record{Op: "mv", Name: []byte(from), To: []byte(to)})
	})
}

// Remove takes a whole file out; with was, only if it still is the file that was
// looked at. An upload that was cut goes only when nothing whole is there.
func (d *Drop) Remove(name string, was fs.FileInfo) error {
	return d.do(func() error {
		f := d.files[name]
		switch {
		case was != nil && (f == nil || !same(f, was)):
			return nil
		case f == nil && d.cut[name] != nil:
			return d.act(record{Op: "uncut", Name: []byte(name)})
		case f == nil:
			return errNone
		}
		return d.act(record{Op: "del", Name: []byte(name)})
	})
}

func same(f *file, was fs.FileInfo) bool {
	n, ok := was.Sys().(interface{ Number() uint64 })
	return ok && n.Number() == f.number && was.Size() == f.size
}

// SetTime gives a whole file the time that it had where it came from.
func (d *Drop) SetTime(name string, at time.Time) error {
	return d.do(func() error {
		f := d.files[name]
		if f == nil {
			return errNone
		}
		return d.act(record{Op: "put", Name: []byte(name), ID: f.number, Part: f.parts, Time: at.UnixMilli()})
	})
}

// Mkdir makes a folder and those above it; one that is there is no fault.
func (d *Drop) Mkdir(name string) error {
	if err := Valid(name); err != nil {
		return err
	}
	return d.do(func() error {
		switch {
		case d.dirs[name] != nil:
			return nil
		case d.files[name] != nil:
			return fault.New(fault.Conflict, "there is a file of that name")
		case len(d.dirs) >= d.opt.Files:
			return errMany
		}
		if err := d.vacant(name); err != nil {
			return err
		}
		return d.act(record{Op: "mkdir", Name: []byte(name)})
	})
}

// vacant refuses a name below something that is a file.
func (d *Drop) vacant(name string) error {
	for up := path.Dir(name); up != "."; up = path.Dir(up) {
		if d.files[up] != nil {
			return fault.New(fault.Conflict, "%s is a file, not a folder", path.Base(up))
		}
	}
	return nil
}

// Rmdir removes an empty folder.
func (d *Drop) Rmdir(name string) error {
	return d.do(func() error {
		switch f := d.dirs[name]; {
		case f == nil || name == ".":
			return errNone
		case len(f.names) > 0:
			return fault.New(fault.Conflict, "the folder is not empty")
		}
		return d.act(record{Op: "rmdir", Name: []byte(name)})
	})
}

// Valid refuses names that are none: what leads out, what hides, what is too long.
func Valid(name string) error {
	switch {
	case name == "." || !fs.ValidPath(name) || strings.Contains(name, `\`):
		return fault.Field("name", "a name is made of folders and a file, without . or .. among them")
	case len(name) > 1000 || strings.Count(name, "/") > 15:
		return fault.Field("name", "a name has at most 1,000 bytes and 16 parts")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fault.Field("name", "a name is UTF-8 without control characters")
	}
	for one := range strings.SplitSeq(name, "/") {
		if len(one) > 255 {
			return fault.Field("name", "each part of a name has at most 255 bytes")
		}
	}
	return nil
}
