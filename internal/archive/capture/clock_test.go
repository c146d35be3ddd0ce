package capture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Calls around both changes of the clock, with the logs in the zone and in UTC: the repeated hour holds calls of both its passages.
func TestRepeatedAndSkippedHour(t *testing.T) {
	zone := london(t)
	for _, night := range []struct {
		name string
		from time.Time
	}{
		{"autumn", time.Date(2024, 10, 26, 23, 20, 0, 0, time.UTC)}, // 00:20 BST; 02:00 BST becomes 01:00 GMT at 01:00 UTC
		{"spring", time.Date(2024, 3, 31, 0, 20, 0, 0, time.UTC)},   // 01:00 GMT becomes 02:00 BST at 01:00 UTC
	} {
		for _, utc := range []bool{false, true} {
			for _, missing := range []string{"", "cel-custom", "cdr-csv", "queue_log"} {
				t.Run(fmt.Sprintf("%s, CDR in UTC %v, without %s", night.name, utc, missing), func(t *testing.T) {
					p := newPBX(night.from)
					p.zone, p.cdrUTC = zone, utc
					want := map[string]time.Time{}
					for p.at.Before(night.from.Add(3 * time.Hour)) {
						in := p.queued("care", "01614960152", "01614960516", "204", "Fatima Noor", 5*time.Second, 12*time.Minute)
						want[in.uid] = in.born
						p.wait(7 * time.Minute)
					}
					dir := t.TempDir()
					p.write(t, dir)
					if missing != "" {
						remove(t, filepath.Join(dir, missing))
					}
					var problems []Problem
					lines := dryRun(t, Options{Folder: t.TempDir(), Logs: dir, Zone: zone, Report: func(p Problem) { problems = append(problems, p) }})
					if len(lines) != len(want) || len(problems) != 0 {
						t.Fatalf("%d calls, want %d; %+v", len(lines), len(want), problems)
					}
					for uid, start := range want {
						l := of(t, lines, uid)
						if l.StartedAt.Sub(start).Abs() > time.Second || l.EndedAt.Sub(start.Add(12*time.Minute+5*time.Second)).Abs() > 2*time.Second {
							t.Errorf("%s: from %v to %v, want from %v", uid, l.StartedAt, l.EndedAt, start)
						}
					}
				})
			}
		}
	}
}

func TestRepeatedAndSkippedHourInNames(t *testing.T) {
	zone := london(t)
	dir := t.TempDir()
	want := map[string]time.Time{}
	add := func(at time.Time, withID bool) {
		name := "q-care-01614960152-" + at.In(zone).Format("20060102-150405")
		if withID {
			name += fmt.Sprintf("-%d.%d", at.Unix(), len(want))
		}
		put(t, dir, name+".wav", wav(1, 1))
		want[name+".wav"] = at
	}
	for m := range 12 { // 00:00 to 02:45 UTC; the uniqueid tells the passages of the repeated hour apart
		add(time.Date(2024, 10, 27, 0, 15*m, 30, 0, time.UTC), true)
		add(time.Date(2024, 3, 31, 0, 15*m, 30, 0, time.UTC), true)
	}
	add(time.Date(2024, 10, 27, 0, 15, 0, 0, time.UTC), false) // a name alone means the first passage
	for _, profile := range []string{"asterisk", "generic"} {
		lines := dryRun(t, Options{Profile: profile, Folder: dir, Zone: zone})
		if len(lines) != len(want) {
			t.Fatalf("%s: %d calls, want %d", profile, len(lines), len(want))
		}
		for _, l := range lines {
			if at := want[l.Recordings[0].File]; !l.StartedAt.Equal(at.Truncate(time.Second)) {
				t.Errorf("%s: %s began at %v, want %v", profile, l.Recordings[0].File, l.StartedAt, at)
			}
		}
	}
	skipped := t.TempDir() // a clock that was not set forward writes an hour that the zone does not have
	put(t, skipped, "q-care-01614960152-20240331-013000.wav", wav(1, 1))
	l := dryRun(t, Options{Folder: skipped, Zone: zone})[0]
	if !l.StartedAt.Equal(time.Date(2024, 3, 31, 1, 30, 0, 0, time.UTC)) {
		t.Errorf("the skipped hour: %v", l.StartedAt)
	}
}

func TestClocksAnHourOffAreToldAndNotBelieved(t *testing.T) {
	p := newPBX(time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC))
	p.zone = time.FixedZone("set wrongly", 3600)
	in := p.direct("01614960152", "01614960516", "209", "Aisha Khan", 60)
	dir := t.TempDir()
	p.write(t, dir)
	var problems []Problem
	lines := dryRun(t, Options{Folder: t.TempDir(), Logs: dir, Zone: london(t), Report: func(p Problem) { problems = append(problems, p) }})
	if !lines[0].StartedAt.Equal(in.born) || lines[0].EndedAt.Sub(in.born) != 62*time.Second {
		t.Errorf("from %v to %v, want %v", lines[0].StartedAt, lines[0].EndedAt, in.born)
	}
	told := 0
	for _, p := range problems {
		if strings.Contains(p.Reason, "1h0m0s from UTC") && strings.Contains(p.Advice, "time zone") {
			told++
		}
	}
	if told != 2 { // by CEL and by CDR, once each
		t.Errorf("problems %+v", problems)
	}
}

func TestAClockAheadOfOursIsTold(t *testing.T) {
	p := newPBX(time.Now().Add(time.Hour).Truncate(time.Second))
	p.direct("01614960152", "01614960516", "209", "Aisha Khan", 60)
	dir := t.TempDir()
	p.write(t, dir)
	var problems []Problem
	dryRun(t, Options{Folder: t.TempDir(), Logs: dir, Report: func(p Problem) { problems = append(problems, p) }})
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "ahead of this machine's clock by 1h") {
		t.Errorf("problems %+v", problems)
	}
}
