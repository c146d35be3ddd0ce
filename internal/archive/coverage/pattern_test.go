package coverage_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
)

// office is arrivals of an office: by the hour, Monday to Friday, with a quiet
// lunch, chance, and holidays.
func office(r *rand.Rand, zone *time.Location, from time.Time, days int, perHour float64, holiday func(time.Time) bool) (p coverage.Pattern, arrivals []time.Time) {
	p = coverage.Pattern{Zone: zone, Hours: map[int64]int64{}}
	for d := range days {
		day := from.In(zone).AddDate(0, 0, d)
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || holiday(day) {
			continue
		}
		busy := 0.6 + 0.8*r.Float64() // some days are busier
		for h := 8; h < 18; h++ {
			rate := perHour * busy
			if h == 12 {
				rate /= 3
			}
			start := time.Date(day.Year(), day.Month(), day.Day(), h, 0, 0, 0, zone)
			for at := r.ExpFloat64() / rate; at < 1; at += r.ExpFloat64() / rate {
				arrivals = append(arrivals, start.Add(time.Duration(at*float64(time.Hour))))
			}
		}
	}
	return p, arrivals
}

func never(coverage.Day) bool { return false }

// replay adds arrivals up to an instant.
func replay(p *coverage.Pattern, arrivals []time.Time, until time.Time) []time.Time {
	for len(arrivals) > 0 && !arrivals[0].After(until) {
		p.Hours[arrivals[0].Unix()/3600]++
		if p.First.IsZero() {
			p.First = arrivals[0].Truncate(time.Hour)
		}
		p.Last = arrivals[0]
		arrivals = arrivals[1:]
	}
	return arrivals
}

// TestFalseAlarms looks every five minutes at forty sources over ten weeks, and
// counts how often an ordinary week is called silent.
func TestFalseAlarms(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 9, 7, 0, 0, 0, 0, zone) // the end of summer time lies within
	alarms, weeks := 0, 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		p, arrivals := office(r, zone, from, 70, []float64{2, 10, 50, 200}[seed%4], func(d time.Time) bool { return d.Month() == 10 && d.Day() == 13 })
		was := false
		for at := from; at.Before(from.AddDate(0, 0, 70)); at = at.Add(5 * time.Minute) {
			arrivals = replay(&p, arrivals, at)
			if local := at.In(zone); local.Hour() < 7 || local.Hour() > 20 {
				continue // nothing is expected at night; the mornings after are looked at
			}
			_, silent := p.Silent(at, func(d coverage.Day) bool { return d.String() == "2026-10-13" })
			if silent && !was && at.Sub(p.First) > 14*24*time.Hour {
				alarms++
			}
			was = silent
		}
		weeks += 8
	}
	t.Logf("%d false alarms in %d weeks of sources", alarms, weeks)
	if alarms > weeks/50 {
		t.Errorf("%d false alarms in %d weeks", alarms, weeks)
	}
}

// TestSilenceIsFound stops a source on a Tuesday morning.
func TestSilenceIsFound(t *testing.T) {
	from := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		perHour float64
		weeks   int
		within  time.Duration
	}{{50, 8, time.Hour}, {50, 1, 90 * time.Minute}, {200, 4, 30 * time.Minute}, {10, 8, 4 * time.Hour}} {
		r := rand.New(rand.NewPCG(7, uint64(c.perHour)))
		p, arrivals := office(r, time.UTC, from, 7*c.weeks+2, c.perHour, func(time.Time) bool { return false })
		stop := from.AddDate(0, 0, 7*c.weeks+1).Add(9 * time.Hour)
		replay(&p, arrivals, stop)
		found, why := time.Duration(0), ""
		for d := time.Minute; d < 30*time.Hour && found == 0; d += time.Minute {
			if text, silent := p.Silent(stop.Add(d), never); silent {
				found, why = d, text
			}
		}
		if found == 0 || found > c.within {
			t.Errorf("%v an hour, %d weeks: found after %v", c.perHour, c.weeks, found)
		}
		if !strings.Contains(why, "Tuesday, today 0") {
			t.Errorf("told as %q", why)
		}
		if next := p.Next(stop.Add(found-30*time.Minute), never); found > 30*time.Minute && (next.Before(stop.Add(found-time.Minute)) || next.After(stop.Add(found+time.Minute))) {
			t.Errorf("to be looked at again at %v, odd from %v", next, stop.Add(found))
		}
	}
}

// In the first week a plain threshold holds, and a closed day is no silence.
func TestBeforeAPatternIsKnown(t *testing.T) {
	first := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	p := coverage.Pattern{Zone: time.UTC, Hours: map[int64]int64{first.Unix() / 3600: 5}, First: first, Last: first}
	if _, silent := p.Silent(first.Add(23*time.Hour), never); silent {
		t.Error("silent after 23 hours")
	}
	if _, silent := p.Silent(first.Add(25*time.Hour), never); !silent {
		t.Error("not silent after 25 hours")
	}
	if _, silent := p.Silent(first.Add(25*time.Hour), func(d coverage.Day) bool { return d.String() == "2026-11-24" }); silent {
		t.Error("silent on a closed day")
	}
	if _, silent := (coverage.Pattern{Zone: time.UTC}).Silent(first, never); silent {
		t.Error("a source that never sent anything is silent")
	}
}
