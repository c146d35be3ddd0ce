package departure

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Box takes the files of a bundle, one after the other; Sums are of those that
// have ended.
type Box interface {
	File(name string) (io.Writer, error)
	Sums() []File
	Progress(ctx context.Context, done, total int64) error
}

// Source is what a bundle is made from.
type Source struct {
	Place   *place.Place
	Keys    *keyring.Keyring
	Objects blob.Bucket
	Name    string // of the customer
	Program string
	To      []byte // the receiving installation's key
	Sign    func(ctx context.Context, text []byte) ([]byte, error)
	// Leave names objects that are not the customer's archive: exports, among them
	// the bundle itself. nil: there are none.
	Leave func(tx *place.Tx) ([]id.Object, error)
}

// Estimate is about how many bytes a bundle will have: the objects as they are,
// and as much again for the rows as they take sealed.
func Estimate(ctx context.Context, s Source) (n int64, err error) {
	err = s.Objects.List(ctx, blob.Prefix(s.Place.Customer()), func(_ string, size int64) error {
		n += size + 600
		return nil
	})
	return n + 1<<20, err
}

// Write writes the bundle of a customer. Rows are read in one snapshot, then
// objects, then keys: a recording that is destroyed meanwhile is destroyed in the
// bundle as well. The caller has put into the journal that it happens.
func Write(ctx context.Context, s Source, box Box) error {
	if err := pending(ctx, s.Place); err != nil {
		return err
	}
	m := Manifest{What: whatItIs, Version: Version, Customer: s.Place.Customer().String(), Name: s.Name, Program: s.Program, Engine: s.Place.Dialect().String(), Receiver: Fingerprint(s.To)}
	if err := search.Compact(ctx, s.Place); err != nil { // what was deleted is not read back
		return err
	}
	st, err := writeTables(ctx, s.Place, box)
	if err != nil {
		return err
	}
	m.At, m.Migrations, m.Rows, m.Position, m.Journal = st.At.UTC().Truncate(time.Second), st.Migrations, st.Rows, st.Position, st.Journal
	if m.Words, err = writeWords(ctx, s.Place, box); err != nil {
		return err
	}
	if m.Objects, m.ObjectBytes, err = writeObjects(ctx, s, box); err != nil {
		return err
	}
	w, err := box.File(fileKeys)
	if err == nil {
		err = s.Keys.Hand(ctx, s.Place.Customer(), s.To, w)
	}
	if err != nil {
		return err
	}
	m.Files = box.Sums()
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	signature, err := s.Sign(ctx, text)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		body []byte
	}{{fileSignature, signature}, {fileManifest, text}} {
		w, err := box.File(f.name)
		if err == nil {
			_, err = w.Write(f.body)
		}
		if err != nil {
			return err
		}
	}
	box.Sums() // ends the last file
	return nil
}

// pending refuses while a destruction is under way, of which half would be carried,
// and once it is final that the customer leaves.
func pending(ctx context.Context, p *place.Place) error {
	leaves := 0
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		leaves, err = place.Row[int](tx, `SELECT count(*) FROM parting`)
		return err
	})
	if err == nil && leaves > 0 {
		err = fault.New(fault.Conflict, "the customer leaves: nothing is handed over any more")
	}
	if err != nil {
		return err
	}
	left, err := p.Pending(ctx, "recording.destroy")
	if err == nil && len(left) > 0 {
		err = fault.New(fault.Conflict, "recordings are being destroyed at this moment; try again when that has ended").After(time.Minute)
	}
	return err
}

func writeTables(ctx context.Context, p *place.Place, box Box) (place.Statement, error) {
	var enc *json.Encoder
	var now place.Carried
	var out *bufio.Writer
	rows := map[string]int64{}
	st, err := p.Carry(ctx, func(t string) bool { return stays[t] || t == search.Index }, func(t place.Carried) error {
		if out != nil {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		w, err := box.File(tables + t.Table + ".jsonl")
		if err != nil {
			return err
		}
		out = bufio.NewWriterSize(w, 64<<10)
		enc, now, rows[t.Table] = json.NewEncoder(out), t, 0
		enc.SetEscapeHTML(false)
		return enc.Encode(t.Columns)
	}, func(row []any) error {
		if !goes(now, row) {
			return nil
		}
		rows[now.Table]++
		return enc.Encode(encode(row))
	})
	if err == nil && out != nil {
		err = out.Flush()
	}
	st.Rows = rows
	return st, err
}

// encode writes a row as JSON: text as a string, numbers as they are, bytes as
// {"b": base64}, fractions as {"f": number}.
func encode(row []any) []any {
	out := make([]any, len(row))
	for i, v := range row {
		switch v := v.(type) {
		case []byte:
			out[i] = map[string][]byte{"b": append([]byte{}, v...)} // SQLite gives no bytes at all as nil, which is null
		case float64:
			out[i] = map[string]float64{"f": v}
		case bool:
			out[i] = 0
			if v {
				out[i] = 1
			}
		default:
			out[i] = v
		}
	}
	return out
}

type words struct {
	N      int64   `json:"n"`
	Tokens []int64 `json:"t"`
}

func writeWords(ctx context.Context, p *place.Place, box Box) (n int64, err error) {
	w, err := box.File(fileWords)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	err = p.View(ctx, func(tx *place.Tx) error {
		return search.Tokens(tx, func(row int64, tokens []int64) error {
			n++
			return enc.Encode(words{row, tokens})
		})
	})
	if err == nil {
		err = out.Flush()
	}
	return n, err
}

// writeObjects writes all objects but those of exports.
func writeObjects(ctx context.Context, s Source, box Box) (n, bytes int64, err error) {
	exports, err := exported(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	type object struct {
		name string
		size int64
	}
	var all []object
	var total int64
	prefix := blob.Prefix(s.Place.Customer())
	err = s.Objects.List(ctx, prefix, func(name string, size int64) error {
		if !exports[name] {
			all, total = append(all, object{name, size}), total+size
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	w, err := box.File(fileObjects)
	if err != nil {
		return 0, 0, err
	}
	inner := zip.NewWriter(w)
	for _, o := range all {
		size, err := writeObject(ctx, s.Objects, o.name, strings.TrimPrefix(o.name, prefix), inner)
		if fault.Is(err, fault.NotFound) {
			continue // destroyed since it was listed
		}
		if err != nil {
			return n, bytes, err
		}
		n, bytes = n+1, bytes+size
		if err := box.Progress(ctx, bytes, total); err != nil {
			return n, bytes, err
		}
	}
	return n, bytes, inner.Close()
}

func writeObject(ctx context.Context, b blob.Bucket, name, as string, to *zip.Writer) (int64, error) {
	o, err := b.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	defer o.Close()
	w, err := to.CreateHeader(&zip.FileHeader{Name: as, Method: zip.Store})
	if err != nil {
		return 0, err
	}
	return io.Copy(w, io.NewSectionReader(o, 0, o.Size()))
}

// exported names the objects that are left.
func exported(ctx context.Context, s Source) (map[string]bool, error) {
	out := map[string]bool{}
	if s.Leave == nil {
		return out, nil
	}
	err := s.Place.View(ctx, func(tx *place.Tx) error {
		all, err := s.Leave(tx)
		for _, o := range all {
			out[blob.Name(s.Place.Customer(), o)] = true
		}
		return err
	})
	return out, err
}
