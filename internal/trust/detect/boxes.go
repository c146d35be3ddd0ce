package detect

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/trust/monitor"
)

// A collector says every minute how it stands. One that is run now and then, as
// by a timer, has a rhythm of its own: it is offline when that is exceeded by half.
const (
	offlineAfter = 5 * time.Minute
	clockMayBe   = 2 * time.Second
	answersIn    = 7 * 24 * time.Hour // of a box that was asked to remove what was destroyed
)

// boxes is collectors that are offline, or whose clocks are wrong.
func (d Parts) boxes(ctx context.Context, w monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	devices, err := d.Collect.Devices(ctx, w.Place)
	if err != nil {
		return nil, again, err
	}
	for _, b := range devices {
		if b.EnrolledAt.IsZero() || !b.RevokedAt.IsZero() {
			continue
		}
		seen := b.SeenAt
		if seen.IsZero() {
			seen = b.EnrolledAt
		}
		usual, err := d.Monitor.Rhythm(ctx, w, b.ID.String(), seen)
		if err != nil {
			return nil, again, err
		}
		limit := max(offlineAfter, usual+usual/2)
		if late := at.Sub(seen); late >= limit {
			all = append(all, monitor.Condition{Kind: monitor.CollectorOffline, Subject: b.ID.String(), Since: seen, Facts: map[string]string{
				"device": b.ID.String(), "waiting": strconv.Itoa(b.Waiting), "text": "a collector has not been heard of since " + seen.UTC().Format("2 January 15:04 MST") + ", and usually is every " + every(usual),
			}})
		} else if due := seen.Add(limit); again.IsZero() || due.Before(again) {
			again = due
		}
		if share := spoolShare(b); share >= nearly {
			all = append(all, monitor.Condition{Kind: monitor.SpoolFilling, Subject: b.ID.String(), Urgent: share >= almost, Facts: map[string]string{
				"device": b.ID.String(), "percent": percent(share), "text": fmt.Sprintf("at least %s %% of what a collector's box can hold are waiting there", percent(share)),
			}})
		}
		if u := b.Unanswered; u.Recordings > 0 {
			if due := u.Since.Add(answersIn); !at.Before(due) {
				all = append(all, monitor.Condition{Kind: monitor.RemovalUnanswered, Subject: b.ID.String(), Since: u.Since, Facts: map[string]string{
					"device": b.ID.String(), "text": "A collector was asked to remove what it has of destroyed recordings, and has not answered since " + u.Since.UTC().Format("2 January"),
				}})
			} else if again.IsZero() || due.Before(again) {
				again = due
			}
		}
		if b.Clock != nil && (*b.Clock > clockMayBe || *b.Clock < -clockMayBe) && at.Sub(seen) < time.Hour {
			all = append(all, monitor.Condition{Kind: monitor.ClockOff, Subject: b.ID.String(), Facts: map[string]string{
				"device": b.ID.String(), "text": fmt.Sprintf("the clock of a collector's box is %s", off(*b.Clock)),
			}})
		}
	}
	return all, again, nil
}

// spoolShare is how full a box's spool is; 0 where it never said how much it may
// hold.
func spoolShare(b collect.Device) float64 {
	if b.SpoolRoom == 0 {
		return 0
	}
	return float64(b.Spooled) / float64(b.SpoolRoom)
}

func every(usual time.Duration) string {
	if usual < 2*time.Minute {
		return "minute"
	}
	if usual < 2*time.Hour {
		return fmt.Sprintf("%d minutes", int(usual.Minutes()))
	}
	return fmt.Sprintf("%d hours", int(usual.Hours()))
}

// off says by how much, in steps: each measurement differs a little.
func off(by time.Duration) string {
	ahead := "behind"
	if by > 0 {
		ahead = "ahead"
	} else {
		by = -by
	}
	switch {
	case by < 10*time.Second:
		return "more than 2 seconds " + ahead
	case by < time.Minute:
		return "more than 10 seconds " + ahead
	case by < 5*time.Minute:
		return "more than a minute " + ahead
	default:
		return "more than 5 minutes " + ahead + ": it is refused"
	}
}
