package bulk

import (
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Path is a file in the list of an import.
type Path struct {
	Import id.Import
	N      int64
	Path   string
}

// Paths gives files of all lists, in order, after one of them: what a search for
// a person looks through, as names of files often have numbers.
func Paths(tx *place.Tx, after Path, limit int) ([]Path, error) {
	type row struct {
		Import id.Import `db:"import"`
		N      int64     `db:"n"`
		Path   []byte    `db:"path"`
	}
	rows, err := place.Rows[row](tx, `SELECT import, n, path FROM import_files WHERE import > ? OR import = ? AND n > ? ORDER BY import, n LIMIT ?`,
		after.Import[:], after.Import[:], after.N, limit)
	out := make([]Path, 0, len(rows))
	for _, r := range rows {
		plain, err := tx.Unseal(place.FieldImportFile, fileRow(r.Import, r.N), r.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, Path{r.Import, r.N, string(plain)})
	}
	return out, err
}
