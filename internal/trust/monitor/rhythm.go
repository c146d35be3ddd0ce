package monitor

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// What is learnt of pauses: those of the last days that are longer than a few
// minutes, at most so many.
const (
	pausesOf   = 8 * 24 * time.Hour
	pausesKept = 40
	shortPause = 5 * time.Minute
)

// pause is a time between two signs of life.
type pause struct {
	At   int64 `json:"at"`
	Long int64 `json:"long"` // milliseconds
}

// Rhythm learns how often something shows a sign of life, and gives the longest
// usual time between two signs. seen is the last one. Usual is what happened at
// least twice in the last days: a box that works at night only is not called
// away each day, and one outage does not make the next one usual.
func (s *Service) Rhythm(ctx context.Context, w Where, subject string, seen time.Time) (usual time.Duration, err error) {
	type row struct {
		Seen   int64  `db:"seen_at"`
		Pauses string `db:"pauses"`
	}
	old := row{Pauses: "[]"}
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT seen_at, pauses FROM alert_rhythms WHERE subject = ?`, subject)
		if err == nil {
			old = r
		} else if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	var all []pause
	if err == nil {
		err = json.Unmarshal([]byte(old.Pauses), &all)
	}
	if err != nil || old.Seen == millis(seen) {
		return twice(all), err
	}
	if long := seen.Sub(instant(old.Seen)); old.Seen != 0 && long > shortPause {
		all = append(all, pause{millis(seen), long.Milliseconds()})
	}
	oldest := millis(seen.Add(-pausesOf))
	all = slices.DeleteFunc(all, func(p pause) bool { return p.At < oldest })
	all = all[max(0, len(all)-pausesKept):]
	text, err := json.Marshal(all)
	if err != nil {
		return 0, err
	}
	return twice(all), w.Place.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO alert_rhythms (subject, seen_at, pauses) VALUES (?, ?, ?) ON CONFLICT (subject) DO UPDATE SET seen_at = excluded.seen_at, pauses = excluded.pauses`,
			subject, millis(seen), string(text))
		return err
	})
}

// twice is the longest pause that happened at least twice.
func twice(all []pause) time.Duration {
	if len(all) < 2 {
		return 0
	}
	var long []int64
	for _, p := range all {
		long = append(long, p.Long)
	}
	slices.Sort(long)
	return time.Duration(long[len(long)-2]) * time.Millisecond
}

// Said is the sentence with which an open alert is told; "" if there is none.
func (s *Service) Said(ctx context.Context, w Where, k Kind, subject string) (text string) {
	err := w.Place.View(ctx, func(tx *place.Tx) error {
		r, err := standing(tx, w.Node, k, subject)
		if err != nil {
			return err
		}
		a, err := r.alert()
		text = a.Facts["text"]
		return err
	})
	if err != nil {
		return ""
	}
	return text
}
