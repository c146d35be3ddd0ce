package coverage

import (
	"strings"
	"time"

	"ringfence/internal/platform/place"
)

// quietFor is how long a log must be silent at least to be a gap.
const quietFor = 30 * time.Minute

// silence notes that a log said nothing for long, at a time when it usually does.
func (x *expecting) silence(from, to time.Time) error {
	if from.IsZero() || to.Sub(from) < quietFor {
		return nil
	}
	type hour struct {
		Hour  int64 `db:"hour"`
		Named int64 `db:"named"`
	}
	p := Pattern{Zone: x.zone, Hours: map[int64]int64{}, Last: from}
	rows, err := place.Rows[hour](x.tx, `SELECT hour, named FROM coverage_hours WHERE source = ? AND named > 0 ORDER BY hour`, x.source)
	for _, r := range rows {
		p.Hours[r.Hour] = r.Named
		if p.First.IsZero() {
			p.First = time.Unix(r.Hour*3600, 0)
		}
	}
	if err != nil {
		return err
	}
	if u := p.Compare(from, to); u.Weeks < 2 || u.Low < enough {
		return nil
	}
	return x.gaps([]Gap{{Kind: Silence, From: from, To: to, N: 1}})
}

// gaps notes what a log did not say, on the day on which it began.
func (x *expecting) gaps(all []Gap) error {
	for _, g := range all {
		if g.From.IsZero() {
			g.From = x.tx.At()
		}
		if g.To.Before(g.From) {
			g.To = g.From
		}
		if len(g.Log) > 40 || strings.ContainsAny(g.Log, "/\\") {
			g.Log = "" // a path may hold a name
		}
		from := millis(g.From)
		if g.Kind == Unreadable {
			from = int64(DayOf(g.From, x.zone)) // one row a day: there may be thousands of lines
		}
		if _, err := x.tx.Exec(`INSERT INTO coverage_gaps (source, day, kind, log, from_at, to_at, n) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, day, kind, log, from_at) DO UPDATE SET to_at = excluded.to_at,
				n = CASE WHEN excluded.kind = 'unreadable' THEN coverage_gaps.n + excluded.n ELSE excluded.n END`,
			x.source, int(DayOf(g.From, x.zone)), string(g.Kind), g.Log, from, millis(g.To), max(g.N, 1)); err != nil {
			return err
		}
	}
	return nil
}
