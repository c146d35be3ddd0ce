package server

import (
	"testing"
	"time"
)

func TestNextNight(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ now, want string }{
		{"2026-11-22T01:00:00Z", "2026-11-22T02:30:00Z"},
		{"2026-11-22T02:30:00Z", "2026-11-23T02:30:00Z"},
		{"2026-12-31T12:00:00Z", "2027-01-01T02:30:00Z"},
		{"2026-06-01T12:00:00Z", "2026-06-02T01:30:00Z"}, // summer time
	} {
		if got := nextAt(at(c.now).In(london), 2, 30); !got.Equal(at(c.want)) {
			t.Errorf("after %s: %s, want %s", c.now, got.UTC().Format(time.RFC3339), c.want)
		}
	}
	// 29 March 2026 has no 01:30 in London, 25 October has two: once each.
	for _, day := range []string{"2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"} {
		first := nextAt(at(day).In(london), 1, 30)
		if second := nextAt(first, 1, 30); second.Sub(first) < 22*time.Hour {
			t.Errorf("after %s: twice in one night, %s and %s", day, first, second)
		}
	}
}
