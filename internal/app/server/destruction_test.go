package server_test

import (
	"testing"
	"time"

	"ringfence/internal/app/server"
)

// A day on which the last backup from before a destruction was to go is believed
// only when it has gone: nights without a backup keep the older ones longer.
func TestUntilWhenABackupLasts(t *testing.T) {
	destroyed := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	until := destroyed.AddDate(0, 0, 30)
	for name, c := range map[string]struct {
		now, oldest time.Time
		some        bool
		later       bool
	}{
		"the day has not come":         {until.AddDate(0, 0, -1), destroyed.AddDate(0, 0, -3), true, false},
		"it has gone":                  {until, destroyed.Add(time.Second), true, false},
		"there is none at all":         {until, time.Time{}, false, false},
		"it is there still":            {until, destroyed.AddDate(0, 0, -3), true, true},
		"it was made in that second":   {until, destroyed, true, true},
		"nobody has looked yet":        {until, time.Time{}, true, true},
		"it is there weeks afterwards": {until.AddDate(0, 0, 40), destroyed.AddDate(0, 0, -3), true, true},
	} {
		got := server.ReallyUntil(until, destroyed, c.now, c.oldest, c.some)
		if got.After(c.now) != (c.later || c.now.Before(until)) {
			t.Errorf("%s: until %v at %v", name, got, c.now)
		}
	}
	if got := server.ReallyUntil(time.Time{}, destroyed, until, destroyed, true); !got.IsZero() {
		t.Error("no backups last until", got)
	}
}
