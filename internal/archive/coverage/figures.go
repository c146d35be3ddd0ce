package coverage

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Figures are the expectations of one day of one source, counted.
type Figures struct {
	Source    id.Source
	Day       Day
	Named     int64 // calls that the logs name: captured, excused, missing, erased and waiting
	Captured  int64
	Excused   int64
	Missing   int64
	Erased    int64
	Unnamed   int64
	Waiting   int64
	Elsewhere int64               // of the captured: by another source
	By        map[id.Excuse]int64 // of the excused; the zero id: single calls, by a person
}

// Rate is how much of what should be there is: 1 where nothing should.
func (f Figures) Rate() float64 {
	should := f.Captured + f.Erased + f.Missing
	if should == 0 {
		return 1
	}
	return float64(f.Captured+f.Erased) / float64(should)
}

type counted struct {
	Source    id.Source `db:"source"`
	Day       int       `db:"day"`
	State     string    `db:"state"`
	Excuse    []byte    `db:"excuse"`
	N         int64     `db:"n"`
	Elsewhere int64     `db:"elsewhere"`
}

// Days counts the days from one to another, both included, in their order.
func (s *Service) Days(ctx context.Context, p *place.Place, from, to Day) (all []Figures, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = figures(tx, from, to)
		return err
	})
	return all, err
}

func figures(tx *place.Tx, from, to Day) (all []Figures, err error) {
	rows, err := place.Rows[counted](tx, `SELECT source, day, state, excuse, n, elsewhere FROM coverage_base WHERE day BETWEEN ? AND ?
		UNION ALL SELECT source, day, state, excuse, count(*) AS n,
			sum(CASE WHEN state = 'captured' AND by_source IS NOT NULL THEN 1 ELSE 0 END) AS elsewhere FROM expectations WHERE day BETWEEN ? AND ? AND (named = 1 OR state = 'unnamed')
			GROUP BY source, day, state, excuse
		ORDER BY day, source, state`, int(from), int(to), int(from), int(to))
	for _, r := range rows {
		if n := len(all); n == 0 || all[n-1].Source != r.Source || all[n-1].Day != Day(r.Day) {
			all = append(all, Figures{Source: r.Source, Day: Day(r.Day), By: map[id.Excuse]int64{}})
		}
		all[len(all)-1].add(r)
	}
	return all, err
}

func (f *Figures) add(r counted) {
	if State(r.State) != Unnamed {
		f.Named += r.N
	}
	switch State(r.State) {
	case Captured:
		f.Captured += r.N
		f.Elsewhere += r.Elsewhere
	case Excused:
		f.Excused += r.N
		var by id.Excuse
		copy(by[:], r.Excuse)
		f.By[by] += r.N
	case Missing:
		f.Missing += r.N
	case Erased:
		f.Erased += r.N
	case Unnamed:
		f.Unnamed += r.N
	case Waiting:
		f.Waiting += r.N
	}
}

// Filter chooses expectations.
type Filter struct {
	State    State // "": missing and unnamed
	Source   id.Source
	From, To Day // zero: open
}

// Page is some expectations, and where the list goes on.
type Page struct {
	Items []Expectation
	Next  id.Expectation // zero: it ends here
}

// List gives expectations, those that were told last first. open says that what
// is known of the calls is opened.
func (s *Service) List(ctx context.Context, p *place.Place, f Filter, after id.Expectation, limit int, open bool) (page Page, err error) {
	if f.To == 0 {
		f.To = 99991231
	}
	states := []string{string(f.State)}
	if f.State == "" {
		states = []string{string(Missing), string(Unnamed)}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, columns+` WHERE state IN (?) AND day BETWEEN ? AND ? AND (source = ? OR ? = 1) AND (id < ? OR ? = 1) ORDER BY id DESC LIMIT ?`,
			place.List(states), int(f.From), int(f.To), f.Source, f.Source.IsZero(), after, after.IsZero(), limit+1)
		if err != nil {
			return err
		}
		for i, r := range rows {
			if i == limit {
				page.Next = page.Items[i-1].ID
				break
			}
			e := r.expectation()
			if open {
				if e.Call, err = r.call(tx); err != nil {
					return err
				}
			}
			page.Items = append(page.Items, e)
		}
		return nil
	})
	return page, err
}

// Read gives one expectation with what is known of its call.
func (s *Service) Read(ctx context.Context, p *place.Place, i id.Expectation) (e Expectation, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, columns+` WHERE id = ?`, i)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), "there is no such call, or it ended well and only its figures are kept")
		}
		e = r.expectation()
		e.Call, err = r.call(tx)
		return err
	})
	return e, err
}

// GapOf is a gap of one source's logs on one day.
type GapOf struct {
	Source id.Source
	Day    Day
	Gap
}

// Gaps lists what the logs did not say between two days.
func (s *Service) Gaps(ctx context.Context, p *place.Place, from, to Day) (all []GapOf, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = gapsIn(tx, from, to)
		return err
	})
	return all, err
}

func gapsIn(tx *place.Tx, from, to Day) (all []GapOf, err error) {
	type gapRow struct {
		Source id.Source `db:"source"`
		Day    int       `db:"day"`
		Kind   string    `db:"kind"`
		Log    string    `db:"log"`
		From   int64     `db:"from_at"`
		To     int64     `db:"to_at"`
		N      int64     `db:"n"`
	}
	rows, err := place.Rows[gapRow](tx, `SELECT source, day, kind, log, from_at, to_at, n FROM coverage_gaps WHERE day BETWEEN ? AND ? ORDER BY day, source, from_at LIMIT 5000`, int(from), int(to))
	zones := zonesOf(tx)
	for _, r := range rows {
		g := GapOf{r.Source, Day(r.Day), Gap{Kind: GapKind(r.Kind), Log: r.Log, From: instant(r.From), To: instant(r.To), N: r.N}}
		if g.Kind == Unreadable {
			zone, err := zones(r.Source)
			if err != nil {
				return nil, err
			}
			g.From = g.Day.Start(zone).UTC()
		}
		all = append(all, g)
	}
	return all, err
}

// Overview is how a place's coverage is, in figures without content.
type Overview struct {
	Missing int64 `db:"missing"` // of the last seven days
	Unnamed int64 `db:"unnamed"`
	Waiting int64 `db:"waiting"`
}

// Overview counts what is odd now.
func (s *Service) Overview(ctx context.Context, p *place.Place) (o Overview, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		o, err = place.Row[Overview](tx, `SELECT
			coalesce(sum(CASE WHEN state = 'missing' THEN 1 ELSE 0 END), 0) AS missing,
			coalesce(sum(CASE WHEN state = 'unnamed' THEN 1 ELSE 0 END), 0) AS unnamed,
			coalesce(sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), 0) AS waiting
			FROM expectations WHERE day >= ? AND state IN ('missing', 'unnamed', 'waiting')`, int(DayOf(s.o.Now(), time.UTC).Add(-overdueFor)))
		return err
	})
	return o, err
}
