package bulk

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// file is one file of an import.
type file struct {
	n        int64
	path     string
	part     string
	size     int64
	modified int64
	verdict  Outcome
	reason   string
	millis   int64
}

// finding is what is to be written of a file.
type finding struct {
	n      int64
	what   Outcome
	reason string
	call   []byte
	sketch []byte
	millis int64
}

// pending gives some files that have no verdict (or no outcome) yet, of whole groups where the batch allows it, so that the forms of one
// recording are read together.
func (s *Service) pending(tx *place.Tx, i id.Import, column string) (out []file, err error) {
	type fileRowOf struct {
		N        int64  `db:"n"`
		Path     []byte `db:"path"`
		Part     []byte `db:"part"`
		Size     int64  `db:"size"`
		Modified int64  `db:"modified_at"`
		Verdict  string `db:"verdict"`
		Reason   string `db:"reason"`
		Millis   int64  `db:"millis"`
	}
	rows, err := place.Rows[fileRowOf](tx, `SELECT n, path, part, size, modified_at, verdict, reason, millis FROM import_files
		WHERE import = ? AND `+column+` = '' ORDER BY day, part, n LIMIT ?`, i, s.o.Batch)
	if err != nil {
		return nil, err
	}
	if len(rows) == s.o.Batch {
		last := string(rows[len(rows)-1].Part)
		if whole := slices.IndexFunc(rows, func(r fileRowOf) bool { return string(r.Part) == last }); whole > 0 {
			rows = rows[:whole]
		}
	}
	for _, r := range rows {
		plain, err := tx.Unseal(place.FieldImportFile, fileRow(i, r.N), r.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, file{n: r.N, path: string(plain), part: string(r.Part), size: r.Size, modified: r.Modified, verdict: Outcome(r.Verdict), reason: r.Reason, millis: r.Millis})
	}
	return out, nil
}

// source is what an import reads.
type source struct {
	draft Draft
	files fs.FS
	lists []string
	zone  *time.Location
	close func()
}

// open opens the files of an import.
func (s *Service) open(ctx context.Context, p *place.Place, r row) (src source, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if src.draft, err = r.draft(tx); err == nil && r.Listed != 0 {
			src.lists, err = dirsOf(tx, r.ID, true, maxLists)
		}
		return err
	})
	if err != nil {
		return src, err
	}
	if src.zone, err = time.LoadLocation(src.draft.TimeZone); err != nil {
		return src, fault.Wrap(err, fault.Invalid, "the time zone %s is not known to this server", src.draft.TimeZone)
	}
	if src.draft.Drop != "" {
		of, err := id.Parse[id.Source](src.draft.Drop)
		if err != nil || s.o.Drop == nil {
			return src, fault.New(fault.Unavailable, "this server has no place for files that were pushed to it")
		}
		drop, err := s.o.Drop(ctx, p, of)
		if err != nil {
			return src, err
		}
		src.files, src.close = drop.FS(), func() {}
		return src, nil
	}
	if _, trusted := s.trusted.Load(r.ID); !trusted {
		if err := s.o.Given.Check(p.Customer(), src.draft.Folder, src.draft.Logs); err != nil {
			return src, err
		}
	}
	files, end, err := capture.OpenFolder(src.draft.Folder)
	if err != nil {
		return src, folderFault(err)
	}
	src.files, src.close = files, func() { _ = end() } // opened for reading only
	return src, nil
}

func folderFault(err error) error {
	return fault.Wrap(err, fault.Unavailable, "the folder of the recordings cannot be read: is the disk there, and may the server read it?")
}

// options are those of the profile.
func (src source) options(files []file) capture.Options {
	d := src.draft
	o := capture.Options{
		Profile: d.Profile, Folder: d.Folder, Files: src.files, Logs: d.Logs, Zone: src.zone, Country: d.Country, Pattern: d.Pattern, Columns: d.Columns,
		Sound: sound.Hint{Codec: sound.Codec(d.Raw.Codec), Rate: d.Raw.Rate, Channels: d.Raw.Channels},
	}
	if len(files) > 0 { // a record is written within days of its recording
		first, last := files[0].modified, files[0].modified
		for _, f := range files {
			first, last = min(first, f.modified), max(last, f.modified)
		}
		o.Between = capture.Span{From: time.UnixMilli(first).Add(-3 * 24 * time.Hour), To: time.UnixMilli(last).Add(3 * 24 * time.Hour)}
	}
	return o
}

// standing tells files that are as they were listed from those that are gone or different.
func (src source) standing(files []file) (there []file, gone []finding, err error) {
	for _, f := range files {
		info, err := fs.Lstat(src.files, f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			gone = append(gone, finding{n: f.n, what: Vanished, reason: "the file is no longer there"})
		case err != nil:
			gone = append(gone, finding{n: f.n, what: Unreadable, reason: "the file cannot be looked at: check its permissions"})
		case !info.Mode().IsRegular() || info.Size() != f.size || info.ModTime().UnixMilli() != f.modified:
			gone = append(gone, finding{n: f.n, what: Changed, reason: "the file is not what was listed: it may still be written"})
		default:
			there = append(there, f)
		}
	}
	if len(gone) > 0 { // of one file, or because the disk is gone?
		if _, err := fs.Stat(src.files, "."); err != nil {
			return nil, nil, folderFault(err)
		}
	}
	return there, gone, nil
}

// read has the profile read some files.
func (s *Service) read(ctx context.Context, src source, files []file) (capture.Batch, error) {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.path
	}
	return capture.ReadChunk(ctx, src.options(files), paths, src.lists, s.o.Now())
}
