package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"path"
	"strings"
	"unicode/utf8"
)

// The sizes of the parts of a zip that do not depend on what is in it.
const (
	localSize   = 30
	afterSize   = 16
	centralSize = 46
	endSize     = 22
	maxFiles    = 60_000
)

// MaxSize is what a file can have: beyond it a zip needs a form of its own.
const MaxSize = math.MaxUint32 - 1

// errTooLarge refuses what no longer fits the form.
var errTooLarge = errors.New("the file would have more than 4 GB; take less at once")

// entry is one file within the zip.
type entry struct {
	name   string
	crc    uint32
	size   uint32
	offset uint32
}

// local is what stands before a file's bytes: flags 3 (sizes come after) and 11
// (UTF-8), nothing compressed, 1 January 1980.
func (e entry) local() []byte {
	b := make([]byte, localSize, localSize+len(e.name))
	binary.LittleEndian.PutUint32(b, 0x04034b50)
	binary.LittleEndian.PutUint16(b[4:], 20)
	binary.LittleEndian.PutUint16(b[6:], 0x0808)
	binary.LittleEndian.PutUint16(b[12:], 0x0021)
	binary.LittleEndian.PutUint16(b[26:], uint16(len(e.name)))
	return append(b, e.name...)
}

// after is what stands behind a file's bytes.
func (e entry) after() []byte {
	b := make([]byte, afterSize)
	binary.LittleEndian.PutUint32(b, 0x08074b50)
	binary.LittleEndian.PutUint32(b[4:], e.crc)
	binary.LittleEndian.PutUint32(b[8:], e.size)
	binary.LittleEndian.PutUint32(b[12:], e.size)
	return b
}

// central is a file's line in the directory.
func (e entry) central() []byte {
	b := make([]byte, centralSize, centralSize+len(e.name))
	binary.LittleEndian.PutUint32(b, 0x02014b50)
	binary.LittleEndian.PutUint16(b[4:], 20)
	binary.LittleEndian.PutUint16(b[6:], 20)
	binary.LittleEndian.PutUint16(b[8:], 0x0808)
	binary.LittleEndian.PutUint16(b[14:], 0x0021)
	binary.LittleEndian.PutUint32(b[16:], e.crc)
	binary.LittleEndian.PutUint32(b[20:], e.size)
	binary.LittleEndian.PutUint32(b[24:], e.size)
	binary.LittleEndian.PutUint16(b[28:], uint16(len(e.name)))
	binary.LittleEndian.PutUint32(b[42:], e.offset)
	return append(b, e.name...)
}

func endOf(n int, offset, size uint32) []byte {
	b := make([]byte, endSize)
	binary.LittleEndian.PutUint32(b, 0x06054b50)
	binary.LittleEndian.PutUint16(b[8:], uint16(n))
	binary.LittleEndian.PutUint16(b[10:], uint16(n))
	binary.LittleEndian.PutUint32(b[12:], size)
	binary.LittleEndian.PutUint32(b[16:], offset)
	return b
}

// goodName is a name that leads nowhere but below the folder it is unpacked in.
func goodName(name string) bool {
	return name != "" && len(name) <= 200 && utf8.ValidString(name) && path.Clean(name) == name && !path.IsAbs(name) &&
		!strings.HasPrefix(name, "..") && !strings.ContainsAny(name, "\\:\x00")
}

// Writer writes a file in its one form. It serves one goroutine.
type Writer struct {
	w       io.Writer
	n       int64
	entries []entry
	files   []File
	sum     hash.Hash
	crc     hash.Hash32
	open    bool
	err     error
}

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

func (w *Writer) put(b []byte) error {
	if w.err == nil && w.n+int64(len(b)) > MaxSize {
		w.err = errTooLarge
	}
	if w.err == nil {
		var n int
		n, w.err = w.w.Write(b)
		w.n += int64(n)
	}
	return w.err
}

// Create begins the next file within; the one before has ended.
func (w *Writer) Create(name string) (io.Writer, error) {
	if err := w.end(); err != nil {
		return nil, err
	}
	if !goodName(name) || len(w.entries) >= maxFiles {
		return nil, fmt.Errorf("%q cannot be the name of a file, or there are too many", name)
	}
	w.entries = append(w.entries, entry{name: name, offset: uint32(w.n)})
	w.sum, w.crc, w.open = sha256.New(), crc32.NewIEEE(), true
	w.files = append(w.files, File{Name: name})
	return w, w.put(entry{name: name}.local())
}

// Write adds to the file that was created last.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.put(p); err != nil {
		return 0, err
	}
	w.sum.Write(p)
	w.crc.Write(p)
	w.files[len(w.files)-1].Size += int64(len(p))
	return len(p), nil
}

// Add writes a whole file.
func (w *Writer) Add(name string, content []byte) error {
	to, err := w.Create(name)
	if err == nil {
		_, err = to.Write(content)
	}
	return err
}

func (w *Writer) end() error {
	if !w.open {
		return w.err
	}
	w.open = false
	f, e := &w.files[len(w.files)-1], &w.entries[len(w.entries)-1]
	f.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	e.crc, e.size = w.crc.Sum32(), uint32(f.Size)
	return w.put(e.after())
}

// Close writes the manifest over all files, its signature, and the directory.
func (w *Writer) Close(m Manifest, sign func(text string) (string, error)) error {
	if err := w.end(); err != nil {
		return err
	}
	m.Files = append([]File{}, w.files...)
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	signed, err := sign(SignatureText(m.Origin, m.Format, m.ID, text))
	if err == nil {
		err = errors.Join(w.Add(ManifestName, text), w.Add(SignatureName, []byte(signed)), w.end())
	}
	return errors.Join(err, w.directory())
}

func (w *Writer) directory() error {
	at := w.n
	for _, e := range w.entries {
		if err := w.put(e.central()); err != nil {
			return err
		}
	}
	return w.put(endOf(len(w.entries), uint32(at), uint32(w.n-at)))
}

// bundle is a file that was read and found to be in its one form.
type bundle struct {
	r       io.ReaderAt
	entries []entry
	sums    map[string]File
}

// openBundle reads the directory and compares every byte outside the files'
// contents with what it has to be; contents are hashed, and held against their
// checksum.
func openBundle(r io.ReaderAt, size int64) (*bundle, error) {
	if size < endSize || size > MaxSize {
		return nil, errors.New("it is no zip of the form that Ringfence writes")
	}
	end := make([]byte, endSize)
	if _, err := r.ReadAt(end, size-endSize); err != nil {
		return nil, err
	}
	n, offset := int(binary.LittleEndian.Uint16(end[8:])), int64(binary.LittleEndian.Uint32(end[16:]))
	if offset > size-endSize || !bytes.Equal(end, endOf(n, uint32(offset), uint32(size-endSize-offset))) {
		return nil, errors.New("its end is not as Ringfence writes it: it was cut, lengthened or altered")
	}
	directory := make([]byte, size-endSize-offset)
	if _, err := r.ReadAt(directory, offset); err != nil && err != io.EOF {
		return nil, err
	}
	b := &bundle{r: r, sums: map[string]File{}}
	for i := range n {
		e, rest, err := readCentral(directory)
		if err != nil {
			return nil, fmt.Errorf("line %d of its directory: %w", i+1, err)
		}
		if _, twice := b.sums[e.name]; twice {
			return nil, fmt.Errorf("the file %q stands in it twice", e.name)
		}
		b.sums[e.name] = File{}
		b.entries, directory = append(b.entries, e), rest
	}
	if len(directory) > 0 {
		return nil, errors.New("its directory is longer than it says")
	}
	return b, b.contents(offset)
}

func readCentral(b []byte) (e entry, rest []byte, err error) {
	if len(b) < centralSize {
		return e, nil, errors.New("it is cut")
	}
	n := centralSize + int(binary.LittleEndian.Uint16(b[28:]))
	if len(b) < n {
		return e, nil, errors.New("it is cut")
	}
	e = entry{string(b[centralSize:n]), binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:]), binary.LittleEndian.Uint32(b[42:])}
	if !goodName(e.name) || !bytes.Equal(b[:n], e.central()) {
		return e, nil, fmt.Errorf("%q is not as Ringfence writes it", e.name)
	}
	return e, b[n:], nil
}

// contents walks the files: one after another, without a gap, up to the directory.
func (b *bundle) contents(end int64) error {
	at := int64(0)
	for _, e := range b.entries {
		head := e.local()
		if int64(e.offset) != at || at+int64(len(head))+int64(e.size)+afterSize > end {
			return fmt.Errorf("%q does not lie where it has to", e.name)
		}
		sum, crc := sha256.New(), crc32.NewIEEE()
		_, err := io.Copy(io.MultiWriter(sum, crc), io.NewSectionReader(b.r, at+int64(len(head)), int64(e.size)))
		if err != nil {
			return err
		}
		after := at + int64(len(head)) + int64(e.size)
		if crc.Sum32() != e.crc || !b.is(at, head) || !b.is(after, e.after()) {
			return fmt.Errorf("%q is damaged", e.name)
		}
		b.sums[e.name] = File{e.name, int64(e.size), hex.EncodeToString(sum.Sum(nil))}
		at = after + afterSize
	}
	if at != end {
		return errors.New("there is something between its files and its directory")
	}
	return nil
}

func (b *bundle) is(at int64, want []byte) bool {
	got := make([]byte, len(want))
	_, err := b.r.ReadAt(got, at)
	return (err == nil || err == io.EOF) && bytes.Equal(got, want)
}

// open gives one file's bytes; nil, if there is none of this name.
func (b *bundle) open(name string) *io.SectionReader {
	for _, e := range b.entries {
		if e.name == name {
			return io.NewSectionReader(b.r, int64(e.offset)+int64(len(e.local())), int64(e.size))
		}
	}
	return nil
}

// read gives a file that is small.
func (b *bundle) read(name string) ([]byte, error) {
	r := b.open(name)
	if r == nil {
		return nil, fmt.Errorf("there is no %s", name)
	}
	if r.Size() > 64<<20 {
		return nil, fmt.Errorf("%s is too large", name)
	}
	return io.ReadAll(r)
}
