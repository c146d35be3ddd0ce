package bulk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"ringfence/internal/archive/capture"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// maxLists bounds the lists beside the sound that are read with each batch.
const maxLists = 100

// entry is one thing found in a folder.
type entry struct {
	path string
	info fs.FileInfo
	dir  bool
	list bool
}

// list lists one folder more; false when there is none left. A folder is read in pieces, so that one of half a million files costs no
// memory; after a crash it is read again, and files that are known stay what they are.
func (s *Service) list(ctx context.Context, p *place.Place, r row, files fs.FS) (bool, error) {
	var dirs []string
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		dirs, err = dirsOf(tx, r.ID, false, 1)
		return err
	}); err != nil {
		return false, err
	}
	if len(dirs) == 0 {
		return false, p.Keep(ctx, func(tx *place.Tx) error {
			tx.Notify(Topic)
			_, err := tx.Exec(`UPDATE imports SET listed = 1 WHERE id = ?`, r.ID)
			return err
		})
	}
	s.o.Step("list")
	dir := dirs[0]
	others, err := s.listDir(ctx, p, r.ID, files, dir)
	if err != nil {
		return true, err
	}
	return true, p.Keep(ctx, func(tx *place.Tx) error {
		token, err := tx.Blind(place.FieldImportFile, dir)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE import_dirs SET done = 1 WHERE import = ? AND token = ? AND done = 0`, r.ID, token)
		if err != nil || n == 0 {
			return err
		}
		tx.Notify(Topic)
		_, err = tx.Exec(`UPDATE imports SET others = others + ? WHERE id = ?`, others, r.ID)
		return err
	})
}

func (s *Service) listDir(ctx context.Context, p *place.Place, i id.Import, files fs.FS, dir string) (others int64, err error) {
	file, err := files.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && dir != "." {
			return 0, nil
		}
		return 0, folderFault(err)
	}
	defer file.Close()
	reader, ok := file.(fs.ReadDirFile)
	if !ok {
		return 0, folderFault(errors.New("it is no folder"))
	}
	for {
		entries, err := reader.ReadDir(s.o.Batch)
		var found []entry
		for _, e := range entries {
			one := entry{path: path.Join(dir, e.Name()), dir: e.IsDir(), list: strings.EqualFold(path.Ext(e.Name()), ".csv")}
			switch {
			case strings.HasPrefix(e.Name(), "."):
				continue
			case one.dir:
			case !e.Type().IsRegular() || !capture.IsSound(e.Name()) && !one.list:
				others++
				continue
			}
			if one.info, _ = e.Info(); one.info == nil {
				continue // it has just gone
			}
			found = append(found, one)
		}
		if err := p.Keep(ctx, func(tx *place.Tx) error { return addFound(tx, i, found) }); err != nil {
			return others, err
		}
		s.o.Step("listed some")
		if errors.Is(err, io.EOF) || err == nil && len(entries) == 0 {
			return others, nil
		}
		if err != nil {
			return others, folderFault(err)
		}
		if ctx.Err() != nil {
			return others, ctx.Err()
		}
	}
}

// addFound writes rows for what was found, each once.
func addFound(tx *place.Tx, i id.Import, found []entry) error {
	next, err := place.Row[int64](tx, `SELECT next FROM imports WHERE id = ?`, i)
	if err != nil {
		return err
	}
	for _, e := range found {
		if e.dir {
			if err := addDir(tx, i, e.path, false); err != nil {
				return err
			}
			continue
		}
		if e.list {
			lists, err := place.Row[int64](tx, `SELECT count(*) FROM import_dirs WHERE import = ? AND list = 1`, i)
			if err == nil && lists < maxLists {
				err = addDir(tx, i, e.path, true)
			}
			if err != nil {
				return err
			}
			continue
		}
		token, err := tx.Blind(place.FieldImportFile, e.path)
		if err != nil {
			return err
		}
		part, err := tx.Blind(place.FieldImportGroup, capture.GroupOf(e.path))
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldImportFile, fileRow(i, next), []byte(e.path))
		if err != nil {
			return err
		}
		// By day, so that files of one time are read with the logs of that time.
		n, err := tx.Exec(`INSERT INTO import_files (import, n, token, part, day, size, modified_at, path, verdict, outcome, reason, millis)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', '', '', 0) ON CONFLICT (import, token) DO NOTHING`,
			i, next, token, part, e.info.ModTime().UnixMilli()/86_400_000, e.info.Size(), e.info.ModTime().UnixMilli(), sealed)
		if err != nil {
			return err
		}
		next += n
	}
	_, err = tx.Exec(`UPDATE imports SET next = ? WHERE id = ?`, next, i)
	return err
}
