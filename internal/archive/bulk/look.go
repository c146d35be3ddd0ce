package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"io"
	"io/fs"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// sizes remembers which sizes of sound the archive holds, in two MiB whatever their number. A size that it takes for known by mistake
// costs one hash of a file.
type sizes struct{ bits []uint64 }

func (z *sizes) at(n int64) (word int, bit uint64) {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
	v := h.Sum64() % uint64(len(z.bits)*64)
	return int(v / 64), 1 << (v % 64)
}

func (z *sizes) add(n int64) { w, b := z.at(n); z.bits[w] |= b }

func (z *sizes) has(n int64) bool { w, b := z.at(n); return z.bits[w]&b != 0 }

// sizesOf reads them once for a stretch of looking.
func (s *Service) sizesOf(ctx context.Context, p *place.Place) (*sizes, error) {
	z := &sizes{bits: make([]uint64, 1<<18)}
	return z, p.View(ctx, func(tx *place.Tx) error { return s.o.Recordings.SoundSizes(tx, z.add) })
}

// look finds out what would become of some more files; false when all are known.
func (s *Service) look(ctx context.Context, p *place.Place, r row, src source, known *sizes) (bool, error) {
	var files []file
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		files, err = s.pending(tx, r.ID, "verdict")
		return err
	}); err != nil || len(files) == 0 {
		return false, err
	}
	s.o.Step("look")
	there, found, err := src.standing(files)
	if err != nil {
		return true, err
	}
	batch, err := s.read(ctx, src, there)
	if err != nil {
		return true, err
	}
	retention, err := s.o.Recordings.Retention(ctx, p)
	if err != nil {
		return true, err
	}
	more, err := s.judge(ctx, p, r.ID, src, there, batch.Calls, retention, known)
	if err != nil {
		return true, err
	}
	s.o.Step("looked")
	return true, s.write(ctx, p, r.ID, "verdict", append(found, more...))
}

// judge says of each file what would become of it.
func (s *Service) judge(ctx context.Context, p *place.Place, i id.Import, src source, files []file, calls []capture.Call, keep recording.Retention, known *sizes) ([]finding, error) {
	byPath := map[string]finding{}
	forms := map[string]int{} // files of one recording
	groups := map[string]string{}
	for _, c := range calls {
		for _, f := range c.Files {
			forms[f.Group]++
			groups[f.Path] = f.Group
			one := finding{what: New, call: []byte(c.ID), millis: int64(f.Sound.Seconds * 1000)}
			switch {
			case f.State == capture.Empty || f.State == capture.Unreadable:
				one.what, one.reason, one.call = Unreadable, f.Reason, nil
			case s.expired(c, keep):
				one.what, one.reason = Expired, "the call is older than recordings are kept"
			}
			byPath[f.Path] = one
		}
	}
	here := map[string][]file{}
	out := make([]finding, 0, len(files))
	for _, f := range files {
		one, ok := byPath[f.path]
		if !ok {
			one = finding{what: Unreadable, reason: "the profile makes nothing of this file"}
		}
		one.n = f.n
		if one.what == New && forms[groups[f.path]] == 1 { // sides of equal length may be equal silence
			if err := s.compare(ctx, p, i, src, f, &one, known, here); err != nil {
				return nil, err
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// expired reports a call that retention would destroy at once.
func (s *Service) expired(c capture.Call, keep recording.Retention) bool {
	if keep.Days == 0 || c.StartedAt.IsZero() {
		return false
	}
	return !c.StartedAt.AddDate(0, 0, keep.Days).After(s.o.Now())
}

// compare looks whether a file's bytes are archived, or stand in this import twice. A file is read whole only when one of its size is
// archived, or another of this import begins and ends alike.
func (s *Service) compare(ctx context.Context, p *place.Place, i id.Import, src source, f file, one *finding, known *sizes, here map[string][]file) error {
	ends, err := sketch(src.files, f)
	if err != nil {
		one.what, one.reason, one.call = Unreadable, "the file cannot be read: check its permissions", nil
		return nil
	}
	var twins []file
	err = p.View(ctx, func(tx *place.Tx) error {
		if one.sketch, err = tx.Blind(place.FieldImportSketch, string(ends[:])); err != nil {
			return err
		}
		twins, err = twinsOf(tx, i, one.sketch, f.n)
		return err
	})
	twins = append(twins, here[string(one.sketch)]...)
	if here[string(one.sketch)] = append(here[string(one.sketch)], f); err != nil || len(twins) == 0 && !known.has(f.size) {
		return err
	}
	sum, err := digest(ctx, src.files, f)
	if err != nil {
		return err
	}
	for _, twin := range twins {
		if other, err := digest(ctx, src.files, twin); err == nil && other == sum {
			one.what, one.reason = Duplicate, "another file of this import is the same"
			return nil
		}
	}
	return p.View(ctx, func(tx *place.Tx) error {
		held, erased, err := s.o.Recordings.Holds(tx, sum)
		switch {
		case erased:
			one.what, one.reason = Duplicate, "this recording was destroyed in the archive; it is not taken in again"
		case held:
			one.what, one.reason = Duplicate, "this recording is archived already"
		}
		return err
	})
}

// twinsOf are new files of the import that begin and end as another does, a few of them.
func twinsOf(tx *place.Tx, i id.Import, sketch []byte, n int64) (out []file, err error) {
	type twin struct {
		N    int64  `db:"n"`
		Path []byte `db:"path"`
	}
	rows, err := place.Rows[twin](tx, `SELECT n, path FROM import_files WHERE import = ? AND sketch = ? AND verdict = 'new' AND n <> ? ORDER BY n LIMIT 3`, i, sketch, n)
	for _, r := range rows {
		plain, err := tx.Unseal(place.FieldImportFile, fileRow(i, r.N), r.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, file{n: r.N, path: string(plain)})
	}
	return out, err
}

// sketch is a hash of a file's two ends and its size.
func sketch(files fs.FS, f file) (sum [32]byte, err error) {
	const end = 8 << 10
	file, err := files.Open(f.path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	h := sha256.New()
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(f.size))
	h.Write(size[:])
	if _, err := io.CopyN(h, file, min(end, f.size)); err != nil {
		return sum, err
	}
	if at, ok := file.(io.ReaderAt); ok && f.size > end {
		tail := make([]byte, min(end, f.size-end))
		if _, err := at.ReadAt(tail, f.size-int64(len(tail))); err != nil {
			return sum, err
		}
		h.Write(tail)
	}
	return [32]byte(h.Sum(nil)), nil
}

// digest is the SHA-256 of a file, as the archive knows it.
func digest(ctx context.Context, files fs.FS, f file) (sum [32]byte, err error) {
	file, err := files.Open(f.path)
	if err != nil {
		return sum, fault.Wrap(err, fault.Unavailable, "a file of the import cannot be read")
	}
	defer file.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		n, err := file.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return [32]byte(h.Sum(nil)), nil
		}
		if err != nil {
			return sum, fault.Wrap(err, fault.Unavailable, "a file of the import cannot be read")
		}
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
	}
}

// write notes what was found out of some files.
func (s *Service) write(ctx context.Context, p *place.Place, i id.Import, column string, found []finding) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		for _, f := range found {
			var call []byte
			if len(f.call) > 0 {
				var err error
				if call, err = tx.Blind(place.FieldImportCall, string(f.call)); err != nil {
					return err
				}
			}
			if column == "verdict" {
				if _, err := tx.Exec(`UPDATE import_files SET verdict = ?, reason = ?, call = ?, sketch = ?, millis = ? WHERE import = ? AND n = ?`,
					string(f.what), f.reason, call, f.sketch, f.millis, i, f.n); err != nil {
					return err
				}
				continue
			}
			if _, err := tx.Exec(`UPDATE import_files SET outcome = ?, reason = ? WHERE import = ? AND n = ?`, string(f.what), f.reason, i, f.n); err != nil {
				return err
			}
		}
		tx.Notify(Topic)
		return nil
	})
}
