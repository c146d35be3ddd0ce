package departure

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"time"
)

// ZipBox writes a bundle as a file: for the command line, which has no server to
// make an export.
type ZipBox struct {
	zip  *zip.Writer
	at   time.Time
	sums []File
	name string
	n    int64
	sum  hash.Hash
	told func(done, total int64)
}

// NewZipBox begins a zip. told is given how far it has come; nil: nobody is.
func NewZipBox(w io.Writer, at time.Time, told func(done, total int64)) *ZipBox {
	return &ZipBox{zip: zip.NewWriter(w), at: at, told: told}
}

// File implements Box.
func (b *ZipBox) File(name string) (io.Writer, error) {
	b.end()
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.at}
	if name == fileObjects {
		h.Method = zip.Store
	}
	w, err := b.zip.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	b.name, b.n, b.sum = name, 0, sha256.New()
	return &boxFile{b, w}, nil
}

type boxFile struct {
	b *ZipBox
	w io.Writer
}

func (f *boxFile) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.b.n += int64(n)
	f.b.sum.Write(p[:n])
	return n, err
}

func (b *ZipBox) end() {
	if b.name != "" {
		b.sums = append(b.sums, File{b.name, b.n, hex.EncodeToString(b.sum.Sum(nil))})
		b.name = ""
	}
}

// Sums implements Box.
func (b *ZipBox) Sums() []File {
	b.end()
	return b.sums
}

// Progress implements Box.
func (b *ZipBox) Progress(ctx context.Context, done, total int64) error {
	if b.told != nil {
		b.told(done, total)
	}
	return ctx.Err()
}

// Close ends the zip.
func (b *ZipBox) Close() error { return b.zip.Close() }
