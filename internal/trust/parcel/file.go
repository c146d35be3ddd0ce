package parcel

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"path"
	"strings"

	"ringfence/internal/base/fault"
)

// File is one file of a parcel, as a manifest names it.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// file is the one that is being written.
type file struct {
	w    io.Writer
	name string
	n    int64
	sum  hash.Hash
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.n += int64(n)
	f.sum.Write(p[:n])
	return n, err
}

// packed are endings of files that grow no smaller by being compressed.
var packed = []string{".wav", ".ogg", ".opus", ".zip", ".gz", ".pdf", ".png"}

// File begins the next file; the one before has ended. The names are relative,
// with slashes, and each stands once: what unpacks a parcel must not be led out
// of its folder. Sound is stored as it is, all else compressed.
func (b *Box) File(name string) (io.Writer, error) {
	if err := b.end(); err != nil {
		return nil, err
	}
	if name == "" || path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, "..") || strings.Contains(name, `\`) {
		return nil, fault.New(fault.Internal, "%q is no name of a file in an export", name)
	}
	for _, f := range b.sums {
		if f.Name == name {
			return nil, fault.New(fault.Internal, "the file %q stands twice in an export", name)
		}
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.s.o.Now().UTC()}
	for _, e := range packed {
		if strings.HasSuffix(name, e) {
			h.Method = zip.Store
		}
	}
	w, err := b.zip.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	b.file = &file{w: w, name: name, sum: sha256.New()}
	return b.file, nil
}

// Add writes a whole file.
func (b *Box) Add(name string, content []byte) error {
	w, err := b.File(name)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// Files are those that have ended, in their order, and the one being written,
// which ends by this.
func (b *Box) Files() []File {
	_ = b.end() // it fails never: the sum is of what was written
	return b.sums
}

func (b *Box) end() error {
	if f := b.file; f != nil {
		b.sums = append(b.sums, File{f.name, f.n, hex.EncodeToString(f.sum.Sum(nil))})
		b.file = nil
	}
	return nil
}
