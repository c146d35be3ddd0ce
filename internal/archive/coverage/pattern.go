package coverage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Pattern is how much usually comes from a source: counts by hour. It is pure:
// what is usual at an instant is asked with the instant.
type Pattern struct {
	Zone  *time.Location
	Hours map[int64]int64 // hours since 1970 (UTC) → what came
	First time.Time       // of what is known; zero: nothing ever came
	Last  time.Time       // of what came
}

// Weeks of the past that are looked at, and how sure a silence has to be. Where
// calls come by chance, a gap that held twelve calls in the poorest of several
// weeks comes by chance about once in a million: hundreds of gaps are tested each
// day. Of one known week alone more is asked.
const (
	weeksKnown  = 8
	enough      = 12
	enoughAlone = 25
	// plainly is the threshold while less than a week is known.
	plainly = 24 * time.Hour
)

// Usual is what came in the same stretch of the weeks before.
type Usual struct {
	Low, High int64 // over the weeks that are compared
	Weeks     int   // how many those are; a day on which nothing came at all is none (a holiday)
}

// within counts what came between two instants; hours are taken in part.
func (p Pattern) within(from, to time.Time) int64 {
	if !from.Before(to) {
		return 0
	}
	sum := 0.0
	for h := hourOf(from); h <= hourOf(to); h++ {
		n := p.Hours[h]
		if n == 0 {
			continue
		}
		start, end := time.Unix(h*3600, 0), time.Unix((h+1)*3600, 0)
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		sum += float64(n) * end.Sub(start).Hours()
	}
	return int64(sum)
}

// Compare gives what usually came between two instants, by the clocks of the
// source's zone, in the weeks before from.
func (p Pattern) Compare(from, to time.Time) Usual {
	var seen []int64
	empty := 0
	from, to = from.In(p.Zone), to.In(p.Zone)
	for w := 1; len(seen)+empty < weeksKnown && w <= 2*weeksKnown; w++ {
		a, b := from.AddDate(0, 0, -7*w), to.AddDate(0, 0, -7*w)
		if b.After(from) {
			continue // the silence itself is nothing to compare with
		}
		if a.Before(p.First) {
			break
		}
		if p.within(DayOf(a, p.Zone).Start(p.Zone), DayOf(b, p.Zone).End(p.Zone)) == 0 {
			empty++
			continue
		}
		seen = append(seen, p.within(a, b))
	}
	if len(seen) == 0 || empty > len(seen) {
		return Usual{Weeks: len(seen)} // mostly nothing comes at this time
	}
	return Usual{slices.Min(seen), slices.Max(seen), len(seen)}
}

// Silent reports whether it is odd that nothing has come since Last, and says
// why. closed are days on which nothing is expected.
func (p Pattern) Silent(at time.Time, closed func(Day) bool) (why string, silent bool) {
	if p.Last.IsZero() || !at.After(p.Last) {
		return "", false
	}
	from := p.Last
	for d := DayOf(p.Last, p.Zone); d <= DayOf(at, p.Zone); d = d.Add(1) {
		if !closed(d) {
			continue
		}
		if d == DayOf(at, p.Zone) {
			return "", false
		}
		from = d.End(p.Zone) // a closed day is no silence; what comes after it counts
	}
	if at.Sub(p.First) < 7*24*time.Hour {
		if quiet := at.Sub(from); quiet >= plainly {
			return fmt.Sprintf("nothing has come for %d hours; what is usual is not known before a week has passed", int(quiet.Hours())), true
		}
		return "", false
	}
	u := p.Compare(from, at)
	need := int64(enough)
	if u.Weeks == 1 {
		need = enoughAlone
	}
	if u.Weeks == 0 || u.Low < need {
		return "", false
	}
	local := at.In(p.Zone)
	if DayOf(from, p.Zone) != DayOf(at, p.Zone) {
		return fmt.Sprintf("usually %s recordings in the time since %s, now 0", between(u), from.In(p.Zone).Format("Monday 15:04")), true
	}
	return fmt.Sprintf("usually %s recordings between %s and %s on a %s, today 0", between(u), from.In(p.Zone).Format("15:04"), local.Format("15:04"), local.Weekday()), true
}

func between(u Usual) string {
	if u.Low == u.High {
		return fmt.Sprint(u.Low)
	}
	return fmt.Sprintf("%d–%d", u.Low, u.High)
}

// Next is when a silence that goes on would first be odd, to the minute, within
// the next hour; zero: not within it.
func (p Pattern) Next(at time.Time, closed func(Day) bool) time.Time {
	for m := 1; m <= 60; m++ {
		t := at.Add(time.Duration(m) * time.Minute)
		if _, silent := p.Silent(t, closed); silent {
			return t
		}
	}
	return time.Time{}
}

// Arrivals is the pattern of what comes from a source into the archive.
func (s *Service) Arrivals(ctx context.Context, p *place.Place, source id.Source, zone *time.Location) (Pattern, error) {
	pat := Pattern{Zone: zone, Hours: map[int64]int64{}}
	type hour struct {
		Hour  int64 `db:"hour"`
		Taken int64 `db:"taken"`
	}
	err := p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[hour](tx, `SELECT hour, taken FROM coverage_hours WHERE source = ? AND taken > 0 ORDER BY hour`, source)
		for _, r := range rows {
			pat.Hours[r.Hour] = r.Taken
			if pat.First.IsZero() {
				pat.First = time.Unix(r.Hour*3600, 0)
			}
		}
		if err != nil {
			return err
		}
		last, err := place.Row[*int64](tx, `SELECT last_captured_at FROM sources WHERE id = ?`, source)
		if err == nil && last != nil {
			pat.Last = instant(*last)
			if pat.First.IsZero() {
				pat.First = pat.Last
			}
		}
		return err
	})
	return pat, err
}
