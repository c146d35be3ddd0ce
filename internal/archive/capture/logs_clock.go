package capture

import (
	"strconv"
	"strings"
	"time"
)

// uniqueID is the parts of Asterisk's name of a channel: `[system-]seconds.number`. The seconds are UTC, which makes it the one thing in
// a CDR or CEL row that tells the time zone of the others.
type uniqueID struct {
	system string
	epoch  int64
	number int64
}

// parseUniqueID takes a uniqueid apart. The system's name may hold anything, dashes too.
func parseUniqueID(s string) (u uniqueID, ok bool) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 || len(s)-dot > 12 {
		return u, false
	}
	from := dot
	for from > 0 && s[from-1] >= '0' && s[from-1] <= '9' {
		from--
	}
	if dot-from < 9 || dot-from > 11 || from > 0 && s[from-1] != '-' {
		return u, false
	}
	var err1, err2 error
	u.epoch, err1 = strconv.ParseInt(s[from:dot], 10, 64)
	u.number, err2 = strconv.ParseInt(s[dot+1:], 10, 64)
	if from > 0 {
		u.system = s[:from-1]
	}
	return u, err1 == nil && err2 == nil && u.number >= 0
}

// before orders channels by their birth.
func (u uniqueID) before(v uniqueID) bool {
	if u.epoch != v.epoch {
		return u.epoch < v.epoch
	}
	return u.number < v.number
}

// clock turns the wall times of one log into instants. It starts with the source's zone and learns from uniqueids what the log really
// uses: the zone, UTC (usegmtime in cdr.conf), or something else, of which it warns.
type clock struct {
	zone   *time.Location
	utc    bool  // the log is in UTC though the zone is not
	fixed  int64 // seconds by which the log differs from UTC, when neither holds
	strays bool  // fixed is in force
	floor  int64 // the latest instant so far, in ms: a log goes forward
	warned bool
}

// wallLayouts are the wall times of Asterisk's logs; fractions are read whatever their length.
const wallLayout = "2006-01-02 15:04:05"

// parseWall reads a wall time as if it were UTC, in ms. Seconds since 1970 (CEL without dateformat) are marked as absolute.
func parseWall(s string) (ms int64, absolute, ok bool) {
	if len(s) >= 19 && s[4] == '-' {
		t, err := time.Parse(wallLayout, s)
		return t.UnixMilli(), false, err == nil
	}
	secs, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(secs, 10, 64)
	if err != nil || len(secs) < 9 || len(secs) > 11 {
		return 0, false, false
	}
	frac = (frac + "000")[:3]
	f, err := strconv.ParseInt(frac, 10, 64)
	return n*1000 + f, true, err == nil && f >= 0
}

// near is how far the first wall time of a channel may be from the second in its uniqueid.
const near = 3000

// learn compares the wall time at which a channel began with its uniqueid. It gives a warning when the log is in no zone that fits, once.
func (c *clock) learn(wall int64, born int64) string {
	if born == 0 {
		return ""
	}
	born *= 1000
	fits := func(t int64) bool { return t-born > -near && t-born < near+1000 }
	switch {
	case !c.strays && !c.utc && anyFits(c.local(wall), fits), c.utc && fits(wall), c.strays && fits(wall-c.fixed*1000):
		return ""
	case anyFits(c.local(wall), fits):
		c.utc, c.strays = false, false
		return ""
	case fits(wall):
		c.utc, c.strays = true, false
		return ""
	}
	off := (wall - born + 450_000) / 900_000 * 900
	if wall < born {
		off = -((born - wall + 450_000) / 900_000 * 900)
	}
	if !fits(wall-off*1000) || off < -14*3600 || off > 14*3600 {
		return "" // a channel that was first seen long after its birth proves nothing
	}
	c.fixed, c.strays, c.utc = off, true, false
	if c.warned {
		return ""
	}
	c.warned = true
	return "the clock of the log is " + (time.Duration(off) * time.Second).String() + " from UTC, which is not the source's time zone " + c.zone.String()
}

func anyFits(list []int64, fits func(int64) bool) bool {
	for _, t := range list {
		if fits(t) {
			return true
		}
	}
	return false
}

// local gives the instants at which clocks in the zone show a wall time: one, two in the hour that is repeated in autumn, and for the
// hour that is skipped in spring the instant that a clock which was not set forward means.
func (c *clock) local(wall int64) []int64 {
	at := time.UnixMilli(wall).UTC()
	first := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), c.zone)
	out := make([]int64, 0, 2)
	for _, d := range [...]time.Duration{-time.Hour, 0, time.Hour} {
		t := first.Add(d)
		if _, off := t.Zone(); t.UnixMilli()+int64(off)*1000 == wall {
			out = append(out, t.UnixMilli())
		}
	}
	if len(out) == 0 {
		return append(out, first.UnixMilli())
	}
	return out
}

// instant resolves a wall time: not before the given instants (0: unknown), and as early as that allows. after is the second at which the
// channel was born, or another time of the same row.
func (c *clock) instant(wall, after int64) int64 {
	var list []int64
	switch {
	case c.utc:
		return wall
	case c.strays:
		return wall - c.fixed*1000
	default:
		list = c.local(wall)
	}
	if len(list) == 1 {
		return list[0]
	}
	floor := after - near
	if after == 0 {
		floor = c.floor - 60_000
	}
	for _, t := range list {
		if t >= floor {
			return t
		}
	}
	return list[len(list)-1]
}

// seen moves the floor.
func (c *clock) seen(ms int64) { c.floor = max(c.floor, ms) }
