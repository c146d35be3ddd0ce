package recording

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Condition gives an SQL condition on a row r of recordings, such as rules of
// other packages are.
type Condition func(tx *place.Tx) (text string, args []any, err error)

// Pick gives the row numbers of what fits a filter, in their order. among, unless
// nil, bounds it to some.
func (s *Service) Pick(tx *place.Tx, f Filter, among []int64) ([]int64, error) {
	if among != nil && len(among) == 0 {
		return nil, nil
	}
	w, err := f.compile(tx, Newest)
	if err != nil || w.impossible {
		return nil, err
	}
	if among != nil {
		w.and(`r.n IN (?)`, place.List(among))
	}
	text, args, table := `SELECT r.n FROM `, w.args, "recordings r"
	switch {
	case w.walk:
		table = "parties p CROSS JOIN recordings r"
	case w.hits != "":
		text = `WITH hits AS MATERIALIZED (` + w.hits + `) SELECT r.n FROM `
		args = append(append([]any(nil), w.hitArgs...), w.args...)
		table, w.text = "hits CROSS JOIN recordings r", ` AND r.n = hits.n`+w.text
	}
	return place.Rows[int64](tx, text+table+` WHERE 1 = 1`+w.text+` ORDER BY r.n`, args...)
}

// RowsOf reads the rows of recordings by their numbers.
func (s *Service) RowsOf(tx *place.Tx, ns []int64) ([]Row, error) {
	return place.Rows[Row](tx, `SELECT `+columns+` FROM recordings r WHERE r.n IN (?) ORDER BY r.n`, place.List(ns))
}

// Due gives up to some hundred recordings beyond a row number that a condition
// finds and that are neither held nor restricted at a person's request.
func (s *Service) Due(ctx context.Context, p *place.Place, when Condition, beyond int64, limit int) (out []Found, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		text, args, err := when(tx)
		if err != nil {
			return err
		}
		out, err = place.Rows[Found](tx, `SELECT r.n, r.id FROM recordings r WHERE r.n > ? AND `+text+
			` AND NOT EXISTS (SELECT 1 FROM recording_holds x WHERE x.n = r.n) AND NOT EXISTS (SELECT 1 FROM recording_restrictions x WHERE x.n = r.n) ORDER BY r.n LIMIT ?`,
			append(append([]any{beyond}, args...), limit)...)
		return err
	})
	return out, err
}

// Found names a recording.
type Found struct {
	N  int64        `db:"n"`
	ID id.Recording `db:"id"`
}
