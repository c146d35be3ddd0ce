package coverage

import (
	"cmp"
	"fmt"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Day is a day of the calendar in a source's time zone: 20261122.
type Day int

// DayOf is the day of an instant in a zone.
func DayOf(at time.Time, zone *time.Location) Day {
	y, m, d := at.In(zone).Date()
	return Day(y*10000 + int(m)*100 + d)
}

// ParseDay reads "2026-11-22".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	return DayOf(t, time.UTC), nil
}

// String writes "2026-11-22".
func (d Day) String() string {
	return fmt.Sprintf("%04d-%02d-%02d", int(d)/10000, int(d)/100%100, int(d)%100)
}

// Start is the first instant of a day in a zone, and End that of the next one.
func (d Day) Start(zone *time.Location) time.Time {
	return time.Date(int(d)/10000, time.Month(int(d)/100%100), int(d)%100, 0, 0, 0, 0, zone)
}

// End is the first instant after a day in a zone.
func (d Day) End(zone *time.Location) time.Time {
	return time.Date(int(d)/10000, time.Month(int(d)/100%100), int(d)%100+1, 0, 0, 0, 0, zone)
}

// Add is the day some days later.
func (d Day) Add(days int) Day {
	return DayOf(d.Start(time.UTC).AddDate(0, 0, days), time.UTC)
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

// zonesOf reads the time zones of sources, each once.
func zonesOf(tx *place.Tx) func(id.Source) (*time.Location, error) {
	known := map[id.Source]*time.Location{}
	return func(s id.Source) (*time.Location, error) {
		if z := known[s]; z != nil {
			return z, nil
		}
		name, err := place.Row[string](tx, `SELECT time_zone FROM sources WHERE id = ?`, s)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		z, err := time.LoadLocation(cmp.Or(name, "UTC"))
		if err != nil {
			z = time.UTC
		}
		known[s] = z
		return z, nil
	}
}
