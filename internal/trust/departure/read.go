package departure

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
)

// Bundle is a bundle that was opened for reading.
type Bundle struct {
	Manifest
	Signed   paper.Signature // who wrote it: the caller compares it with the certificate that the other side gave
	ID       id.Customer
	file     io.ReaderAt
	archive  *zip.Reader
	manifest map[string]File
}

const maxManifest = 64 << 20

// Open reads the manifest of a bundle and checks its signature: fault.Invalid if
// the file is none, fault.Denied if the manifest was changed. Nothing else in it
// is believed before Check.
func Open(file io.ReaderAt, size int64) (*Bundle, error) {
	r, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "this is no bundle of a customer, or its end is missing")
	}
	b := &Bundle{file: file, archive: r, manifest: map[string]File{}}
	text, err := b.small(fileManifest)
	if err != nil {
		return nil, err
	}
	signature, err := b.small(fileSignature)
	if err != nil {
		return nil, err
	}
	if b.Signed, err = paper.VerifyText(text, signature); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &b.Manifest); err != nil || b.What != whatItIs {
		return nil, fault.New(fault.Invalid, "this is no bundle of a customer")
	}
	if b.Version != Version {
		return nil, fault.New(fault.Conflict, "the bundle is of version %d, which this program does not know", b.Version)
	}
	if b.ID, err = id.Parse[id.Customer](b.Customer); err != nil {
		return nil, fault.New(fault.Invalid, "the bundle names no customer")
	}
	for _, f := range b.Files {
		b.manifest[f.Name] = f
	}
	return b, nil
}

func (b *Bundle) small(name string) ([]byte, error) {
	f, err := b.archive.Open(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "this is no bundle of a customer, or its end is missing: it has no %s", name)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxManifest))
}

// Check reads the bundle to its end and holds every file against the manifest:
// nothing was changed, left out or added.
func (b *Bundle) Check(ctx context.Context) error {
	for _, f := range b.archive.File {
		if f.Name == fileManifest || f.Name == fileSignature {
			continue
		}
		if _, known := b.manifest[f.Name]; !known {
			return fault.New(fault.Denied, "the bundle holds %q, which its manifest does not name", f.Name)
		}
	}
	for _, want := range b.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.checkFile(want); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bundle) checkFile(want File) error {
	f, err := b.archive.Open(want.Name)
	if err != nil {
		return fault.Wrap(err, fault.Denied, "the bundle lacks %q, which its manifest names", want.Name)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil || n != want.Size || hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		return fault.Wrap(err, fault.Denied, "%q is not what the manifest says: the bundle was damaged or changed on its way", want.Name)
	}
	return nil
}

// Keys gives the customer's key store, for keyring.Receive.
func (b *Bundle) Keys() (io.ReadCloser, error) { return b.archive.Open(fileKeys) }

// Fill writes rows and words into a place that is being made.
func (b *Bundle) Fill(f *place.Filler) error {
	for _, one := range b.Files {
		name, is := strings.CutPrefix(one.Name, tables)
		if !is {
			continue
		}
		if err := b.fillTable(f, one.Name, strings.TrimSuffix(name, ".jsonl")); err != nil {
			return err
		}
	}
	return b.lines(fileWords, func(dec *json.Decoder) error {
		var w words
		if err := dec.Decode(&w); err != nil {
			return err
		}
		return search.PutTokens(f.Tx(), w.N, w.Tokens)
	})
}

func (b *Bundle) fillTable(f *place.Filler, file, table string) error {
	first := true
	return b.lines(file, func(dec *json.Decoder) error {
		if first {
			t := place.Carried{Table: table}
			if err := dec.Decode(&t.Columns); err != nil {
				return err
			}
			first = false
			return f.Table(t)
		}
		var raw []json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		row, err := decode(raw)
		if err != nil {
			return err
		}
		return f.Row(row)
	})
}

func (b *Bundle) lines(name string, each func(*json.Decoder) error) error {
	f, err := b.archive.Open(name)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the bundle has no %s", name)
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 64<<10))
	for {
		err := each(dec)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var errRow = fault.New(fault.Invalid, "a row of the bundle cannot be read")

// decode is the way back from encode.
func decode(raw []json.RawMessage) ([]any, error) {
	row := make([]any, len(raw))
	for i, r := range raw {
		r = bytes.TrimSpace(r)
		var err error
		switch {
		case len(r) == 0:
			return nil, errRow
		case r[0] == 'n':
		case r[0] == '"':
			var s string
			err = json.Unmarshal(r, &s)
			row[i] = s
		case r[0] == '{':
			row[i], err = decodeMarked(r)
		default:
			var n int64
			err = json.Unmarshal(r, &n)
			row[i] = n
		}
		if err != nil {
			return nil, errRow
		}
	}
	return row, nil
}

// decodeMarked reads bytes or a fraction. Bundles of earlier releases have null
// where there are no bytes.
func decodeMarked(r json.RawMessage) (any, error) {
	var v struct {
		B json.RawMessage `json:"b"`
		F *float64        `json:"f"`
	}
	if err := json.Unmarshal(r, &v); err != nil {
		return nil, err
	}
	switch {
	case v.B != nil:
		b := []byte{}
		err := json.Unmarshal(v.B, &b)
		return append([]byte{}, b...), err
	case v.F != nil:
		return *v.F, nil
	}
	return nil, errRow
}

// putAtOnce is how many objects become durable together.
const putAtOnce = 200

// PutObjects stores the objects; those that are there with their size stay.
func (b *Bundle) PutObjects(ctx context.Context, to blob.Bucket) (int64, error) {
	inner, err := b.objects()
	if err != nil {
		return 0, err
	}
	prefix := blob.Prefix(b.ID)
	there := map[string]int64{}
	err = to.List(ctx, prefix, func(name string, size int64) error {
		there[name] = size
		return nil
	})
	if err != nil {
		return 0, err
	}
	batch, held, done := to.Batch(), 0, int64(0)
	defer func() { batch.Discard() }()
	for _, f := range inner.File {
		done++
		name := prefix + f.Name
		if size, ok := there[name]; ok && size == int64(f.UncompressedSize64) {
			continue
		}
		if err := putObject(ctx, batch, name, f); err != nil {
			return done, err
		}
		if held++; held == putAtOnce {
			if err := batch.Commit(ctx); err != nil {
				return done, err
			}
			batch, held = to.Batch(), 0
		}
	}
	return done, batch.Commit(ctx)
}

func putObject(ctx context.Context, batch blob.Batch, name string, f *zip.File) error {
	if strings.ContainsAny(f.Name, "/\\.") { // an object's name is an id: nothing leads elsewhere
		return fault.New(fault.Invalid, "the bundle holds an object named %q", f.Name)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = batch.Put(ctx, name, r)
	return err
}

// objects opens the inner archive where it lies: it is stored, not compressed.
func (b *Bundle) objects() (*zip.Reader, error) {
	for _, f := range b.archive.File {
		if f.Name != fileObjects {
			continue
		}
		at, err := f.DataOffset()
		if err != nil || f.Method != zip.Store {
			return nil, fault.Wrap(err, fault.Invalid, "the objects of the bundle cannot be read where they lie")
		}
		r, err := zip.NewReader(io.NewSectionReader(b.file, at, int64(f.UncompressedSize64)), int64(f.UncompressedSize64))
		return r, fault.Wrap(err, fault.Invalid, "the objects of the bundle cannot be read")
	}
	return nil, fault.New(fault.Invalid, "the bundle has no objects")
}

// Compare holds what was made from a bundle against its manifest: rows of each
// table, and the journal by its hash.
func (b *Bundle) Compare(ctx context.Context, p *place.Place) error {
	st, err := p.Check(ctx, b.Position)
	if err != nil {
		return err
	}
	if st.Journal != b.Journal || st.Position != b.Position {
		return fault.New(fault.Internal, "the journal is not what the bundle says: %d entries, want %d", st.Position, b.Position)
	}
	for table, want := range b.Rows {
		if table != "events" && st.Rows[table] != want {
			return fault.New(fault.Internal, "%q has %d rows, the bundle says %d", table, st.Rows[table], want)
		}
	}
	return nil
}
