package intake

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/sealed"
)

// Writer brings one file into a drop, from front to back. Exactly one of Close,
// Cut and Abort ends it. It serves one goroutine.
type Writer struct {
	d        *Drop
	name     string
	prior    []part // what an earlier upload brought
	base     int64
	id       string
	f        *os.File
	seal     *sealed.Writer
	size     int64 // of this part
	modified time.Time
	ended    bool
}

// Create begins a file; one of that name that waits gives way when this one is
// closed, and an upload under way to the same name ends as if it had been cut.
func (d *Drop) Create(name string) (*Writer, error) { return d.begin(name, nil, 0) }

// Resume goes on with a file at an offset, with what an upload that was cut, or
// one that was whole, has brought up to there. It is fault.NotFound when nothing
// of that name waits, and fault.Conflict, naming the right offset, when less does.
func (d *Drop) Resume(name string, offset int64) (*Writer, error) {
	d.mu.Lock()
	f := d.cut[name]
	if f == nil {
		f = d.files[name]
	}
	var prior []part
	err := errNone
	if f != nil {
		prior, err = upTo(f.parts, offset)
	}
	d.mu.Unlock()
	switch {
	case f == nil && offset == 0:
		return d.Create(name)
	case f == nil:
		return nil, errNone
	case err != nil:
		return nil, fault.New(fault.Conflict, "%d bytes of this file are here; go on from there", f.size)
	}
	return d.begin(name, prior, offset)
}

// upTo are the parts that make the first bytes of a file.
func upTo(parts []part, offset int64) (out []part, err *fault.Error) {
	for _, p := range parts {
		if offset == 0 {
			break
		}
		p.Size = min(p.Size, offset)
		offset -= p.Size
		out = append(out, p)
	}
	if offset > 0 {
		return nil, errNone
	}
	return out, nil
}

// maxParts bounds how often an upload may be cut: each time costs an open file
// when it is read.
const maxParts = 200

func (d *Drop) begin(name string, prior []part, base int64) (*Writer, error) {
	if err := Valid(name); err != nil {
		return nil, err
	}
	if len(prior) >= maxParts {
		return nil, fault.New(fault.TooLarge, "this upload was cut %d times; send the file again from its start", maxParts)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.usable(); err != nil {
		return nil, err
	}
	if d.dirs[name] != nil {
		return nil, fault.New(fault.Conflict, "there is a folder of that name")
	}
	if err := d.vacant(name); err != nil {
		return nil, err
	}
	if len(d.files)+len(d.cut)+len(d.writers) >= d.opt.Files && d.files[name] == nil && d.cut[name] == nil {
		return nil, errMany
	}
	if err := d.room(0); err != nil {
		return nil, err
	}
	var b [16]byte
	rand.Read(b[:])
	w := &Writer{d: d, name: name, prior: slices.Clone(prior), base: base, id: hex.EncodeToString(b[:])}
	d.opt.Step("create")
	f, err := os.OpenFile(filepath.Join(d.dir, w.id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, diskFault(err)
	}
	if w.seal, err = sealed.NewWriter(f, d.parts, d.partAAD(w.id)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w.f = f
	d.writers[name] = w
	return w, nil
}

func (d *Drop) partAAD(id string) []byte {
	return append(append([]byte("ringfence drop part 1\x00"), d.bind...), id...)
}

// lookEvery is how many bytes arrive between two looks at the disk's free space.
const lookEvery = 8 << 20

// room refuses n more bytes where they would be too many for the drop or the
// disk. The disk must stay usable for what the server itself writes.
func (d *Drop) room(n int64) error {
	if d.bytes+d.arriving+n > d.opt.Bytes {
		return fault.New(fault.TooLarge, "%d MiB wait for this source, which is all there is room for; they are taken as soon as it captures", d.opt.Bytes>>20)
	}
	d.checked -= n
	if d.opt.Spare < 0 || d.checked > 0 {
		return nil
	}
	free, err := d.opt.free(d.dir)
	if err != nil {
		return diskFault(err)
	}
	if free < d.opt.Spare {
		return fault.New(fault.Unavailable, "the disk of the server is almost full; send the file again later")
	}
	d.checked = min(lookEvery, free-d.opt.Spare)
	return nil
}

// Write seals bytes. After a fault the file cannot be closed any more.
func (w *Writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, os.ErrClosed
	}
	w.d.mu.Lock()
	err := w.d.room(int64(len(p)))
	if err == nil {
		w.d.arriving += int64(len(p))
	}
	w.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := w.seal.Write(p)
	w.size += int64(n)
	if n < len(p) {
		w.d.mu.Lock()
		w.d.arriving -= int64(len(p) - n)
		w.d.mu.Unlock()
	}
	return n, diskFault(err)
}

// Size is how many bytes the file has so far, those of earlier uploads included.
func (w *Writer) Size() int64 { return w.base + w.size }

// SetTime gives the file the time that it had where it came from. Without it,
// it is the time of its arrival.
func (w *Writer) SetTime(t time.Time) { w.modified = t }

// Close makes the file whole. On return of nil it is durable, and there.
func (w *Writer) Close() error { return w.finish("put") }

// Cut keeps what has come, to be resumed: nobody sees it as a file until then,
// or until a day has passed.
func (w *Writer) Cut() error {
	if w.Size() == 0 {
		return w.Abort()
	}
	return w.finish("cut")
}

// Abort throws away what this upload has brought. After Close or Cut it does nothing.
func (w *Writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	w.seal.Abandon()
	err := errors.Join(w.f.Close(), os.Remove(w.f.Name()))
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	w.leave()
	return diskFault(err)
}

// leave takes an upload out of what is under way.
func (w *Writer) leave() {
	w.d.arriving -= w.size
	if w.d.writers[w.name] == w {
		delete(w.d.writers, w.name)
	}
}

func (w *Writer) finish(op string) error {
	if w.ended {
		return os.ErrClosed
	}
	d := w.d
	d.opt.Step("close")
	err := w.seal.Close()
	if err == nil {
		d.opt.Step("bytes")
		err = w.f.Sync()
	}
	err = errors.Join(err, w.f.Close())
	w.ended = true
	d.mu.Lock()
	latest := d.writers[w.name] == w
	w.leave()
	d.mu.Unlock()
	if err == nil {
		err = d.do(func() error {
			if !latest {
				return fault.New(fault.Conflict, "this file was sent anew while it was being sent; the newer one counts")
			}
			return d.act(w.record(op))
		})
	}
	if !d.names(w.id) {
		_ = os.Remove(w.f.Name()) // else it is removed when the drop is opened next
	}
	return diskFault(err)
}

// record is what has come.
func (w *Writer) record(op string) record {
	parts := w.prior
	if w.size > 0 || len(parts) == 0 {
		parts = append(parts, part{ID: w.id, Size: w.size})
	}
	at := w.modified
	if at.IsZero() {
		at = w.d.opt.Now()
	}
	return record{Op: op, Name: []byte(w.name), ID: newNumber(), Part: parts, Time: at.UnixMilli()}
}
