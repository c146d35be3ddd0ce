package sftp

import (
	"path"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/fault"
)

var (
	errWriteOnly   = fault.New(fault.Denied, "what was sent here cannot be read back")
	errUnsupported = fault.New(fault.Invalid, "this server takes files and does nothing else")
)

// do is the table of requests.
func (s *serve) do(kind byte, id uint32, r *reader) {
	switch kind {
	case typeOpen:
		s.open(id, nameOf(r.text()), r.uint32(), r.attrs())
	case typeWrite:
		text, offset := r.text(), r.uint64()
		if data := r.take(r.uint32()); !r.bad {
			s.write(id, text, offset, data)
		}
	case typeClose:
		s.close(id, r.text())
	case typeRead:
		s.done(id, errWriteOnly)
	case typeStat, typeLstat:
		s.stat(id, nameOf(r.text()))
	case typeFstat:
		s.fstat(id, r.text())
	case typeSetstat:
		s.setstat(id, nameOf(r.text()), r.attrs())
	case typeFsetstat:
		s.fsetstat(id, r.text(), r.attrs())
	case typeOpendir:
		s.opendir(id, nameOf(r.text()))
	case typeReaddir:
		s.readdir(id, r.text())
	case typeRemove:
		s.done(id, s.one.drop.Remove(nameOf(r.text()), nil))
	case typeMkdir:
		s.mkdir(id, nameOf(r.text()))
	case typeRmdir:
		s.done(id, s.one.drop.Rmdir(nameOf(r.text())))
	case typeRealpath:
		s.realpath(id, nameOf(r.text()))
	case typeRename:
		s.done(id, s.one.drop.Rename(nameOf(r.text()), nameOf(r.text()), false))
	case typeExtended:
		s.extended(id, r)
	default:
		s.status(id, errUnsupported, codeUnsupported)
	}
}

// open begins a file. Where its first byte goes is known only when it comes: a
// client that goes on with an upload opens without flagTrunc and writes further on.
func (s *serve) open(id uint32, name string, flags uint32, a attrs) {
	err := s.mayOpen(name, flags)
	if err != nil {
		s.done(id, err)
		return
	}
	h := &handle{name: name, create: flags&flagCreate != 0, toEnd: flags&flagAppend != 0, time: sane(a.modified, s.one.s.opt.Now())}
	if flags&flagTrunc != 0 {
		if h.w, err = s.one.drop.Create(name); err != nil {
			s.done(id, err)
			return
		}
	}
	s.opened(id, h)
}

func (s *serve) mayOpen(name string, flags uint32) error {
	if flags&flagWrite == 0 {
		return errWriteOnly
	}
	if len(s.handles) >= maxHandles {
		return fault.New(fault.Limited, "%d files are open in this session; close one first", maxHandles)
	}
	if err := intake.Valid(name); err != nil {
		return err
	}
	w, err := s.one.drop.Look(name)
	switch {
	case err == nil && w.IsDir():
		return fault.New(fault.Conflict, "there is a folder of that name")
	case err == nil && flags&flagExcl != 0:
		return fault.New(fault.Conflict, "there is a file of that name already")
	case err != nil && flags&flagCreate == 0:
		return err
	}
	return nil
}

func (s *serve) write(id uint32, text string, offset uint64, data []byte) {
	h, err := s.handle(text)
	if err == nil && h.isDir {
		err = errUnsupported
	}
	if err == nil {
		err = h.failed
	}
	if err != nil {
		s.done(id, err)
		return
	}
	if h.w == nil {
		h.w, err = s.resume(h, int64(min(offset, 1<<62)))
	}
	if err == nil && !h.toEnd && int64(offset) != h.w.Size() {
		err = fault.New(fault.Invalid, "files are taken from front to back: the next byte is %d, not %d", h.w.Size(), offset)
	}
	if err == nil {
		_, err = h.w.Write(data)
		s.one.bytes.Add(int64(len(data)))
		s.one.s.bytes.Add(int64(len(data)))
	}
	h.failed = err
	s.done(id, err)
}

// resume goes on with a file, or begins one.
func (s *serve) resume(h *handle, offset int64) (*intake.Writer, error) {
	if h.toEnd {
		w, err := s.one.drop.Look(h.name)
		if err != nil {
			return s.one.drop.Create(h.name)
		}
		offset = w.Size()
	}
	return s.one.drop.Resume(h.name, offset)
}

// close ends a handle. Only when the file is durable is it said to be closed.
func (s *serve) close(id uint32, text string) {
	h, err := s.handle(text)
	if err != nil {
		s.done(id, err)
		return
	}
	delete(s.handles, text)
	if h.isDir {
		s.done(id, nil)
		return
	}
	if h.failed != nil {
		if h.w != nil {
			_ = h.w.Abort() // what is left is removed when the drop is opened next
		}
		s.done(id, h.failed)
		return
	}
	if h.w == nil {
		if _, err := s.one.drop.Look(h.name); err == nil || !h.create {
			s.done(id, nil) // opened and left as it was
			return
		}
		if h.w, err = s.one.drop.Create(h.name); err != nil {
			s.done(id, err)
			return
		}
	}
	if !h.time.IsZero() {
		h.w.SetTime(h.time)
	}
	if err = h.w.Close(); err == nil {
		s.one.files.Add(1)
		s.one.s.files.Add(1)
	}
	s.done(id, err)
}

// sane is a time that a file may have had elsewhere. What a clock that was never
// set says is left out: the time of arrival is better.
func sane(at, now time.Time) time.Time {
	if at.Year() < 1995 || at.After(now.Add(24*time.Hour)) {
		return time.Time{}
	}
	return at
}

func (s *serve) stat(id uint32, name string) {
	w, err := s.one.drop.Look(name)
	if err != nil {
		s.done(id, err)
		return
	}
	from := len(s.out)
	p := begin(s.out, typeAttrs)
	p.uint32(id)
	putAttrs(&p, w)
	s.out = p.end(from)
}

func putAttrs(p *packet, w intake.Waiting) {
	mode := uint32(0o100600)
	if w.IsDir() {
		mode = 0o040700
	}
	p.uint32(attrSize | attrMode | attrTimes)
	p.uint64(uint64(w.Size()))
	p.uint32(mode)
	at := uint32(w.ModTime().Unix())
	p.uint32(at)
	p.uint32(at)
}

func (s *serve) fstat(id uint32, text string) {
	h, err := s.handle(text)
	if err != nil {
		s.done(id, err)
		return
	}
	if h.w == nil {
		s.stat(id, h.name)
		return
	}
	from := len(s.out)
	p := begin(s.out, typeAttrs)
	p.uint32(id)
	p.uint32(attrSize | attrMode)
	p.uint64(uint64(h.w.Size()))
	p.uint32(0o100600)
	s.out = p.end(from)
}

// setstat heeds times. Owners and rights mean nothing here, and to refuse them
// would make clients give up that set them out of habit.
func (s *serve) setstat(id uint32, name string, a attrs) {
	w, err := s.one.drop.Look(name)
	switch at := sane(a.modified, s.one.s.opt.Now()); {
	case err != nil:
	case a.size >= 0 && a.size != w.Size():
		err = fault.New(fault.Invalid, "files are taken from front to back; send it again from its start")
	case !at.IsZero() && !w.IsDir() && !w.Cut:
		err = s.one.drop.SetTime(name, at)
	}
	s.done(id, err)
}

func (s *serve) fsetstat(id uint32, text string, a attrs) {
	h, err := s.handle(text)
	switch {
	case err != nil:
	case a.size == 0 && h.w == nil && !h.isDir:
		h.w, err = s.one.drop.Create(h.name)
	case a.size >= 0 && (h.w == nil || a.size != h.w.Size()):
		err = fault.New(fault.Invalid, "files are taken from front to back; send it again from its start")
	}
	if at := sane(a.modified, s.one.s.opt.Now()); err == nil && !at.IsZero() {
		h.time = at
	}
	s.done(id, err)
}

func (s *serve) mkdir(id uint32, name string) {
	if _, err := s.one.drop.Look(name); err == nil {
		s.done(id, fault.New(fault.Conflict, "there is something of that name already"))
		return
	}
	s.done(id, s.one.drop.Mkdir(name))
}

func (s *serve) opendir(id uint32, name string) {
	entries, err := s.one.drop.List(name)
	if err == nil && len(s.handles) >= maxHandles {
		err = fault.New(fault.Limited, "%d files are open in this session; close one first", maxHandles)
	}
	if err != nil {
		s.done(id, err)
		return
	}
	s.opened(id, &handle{name: name, isDir: true, entries: entries})
}

const namesAtOnce = 100

func (s *serve) readdir(id uint32, text string) {
	h, err := s.handle(text)
	if err == nil && !h.isDir {
		err = errUnsupported
	}
	if err != nil {
		s.done(id, err)
		return
	}
	if len(h.entries) == 0 {
		s.status(id, nil, codeEOF)
		return
	}
	some := h.entries[:min(namesAtOnce, len(h.entries))]
	h.entries = h.entries[len(some):]
	from := len(s.out)
	p := begin(s.out, typeName)
	p.uint32(id)
	p.uint32(uint32(len(some)))
	for _, w := range some {
		p.text(w.Name())
		p.text(longName(w))
		putAttrs(&p, w)
	}
	s.out = p.end(from)
}

// longName is a line as ls -l writes it; clients show it, and some read it.
func longName(w intake.Waiting) string {
	mode := "-rw-------"
	if w.IsDir() {
		mode = "drwx------"
	}
	return mode + "    1 ringfence ringfence " + padded(w.Size()) + " " + w.ModTime().UTC().Format("Jan _2 15:04") + " " + w.Name()
}

func (s *serve) realpath(id uint32, name string) {
	from := len(s.out)
	p := begin(s.out, typeName)
	p.uint32(id)
	p.uint32(1)
	full := path.Join("/", name)
	p.text(full)
	p.text(full)
	p.uint32(0)
	s.out = p.end(from)
}

// extended are requests beyond version 3.
func (s *serve) extended(id uint32, r *reader) {
	switch r.text() {
	case "posix-rename@openssh.com":
		s.done(id, s.one.drop.Rename(nameOf(r.text()), nameOf(r.text()), true))
	case "limits@openssh.com":
		from := len(s.out)
		p := begin(s.out, typeReply)
		p.uint32(id)
		p.uint64(maxPacket)
		p.uint64(maxWrite) // of a read: none is answered
		p.uint64(maxWrite)
		p.uint64(maxHandles)
		s.out = p.end(from)
	default:
		s.status(id, errUnsupported, codeUnsupported)
	}
}
