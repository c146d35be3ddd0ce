package monitor

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// longestSnooze bounds how long an alert can be put aside: whoever wants to hear
// nothing of it any more should mend what it is about.
const longestSnooze = 30 * 24 * time.Hour

// Acknowledge says that somebody deals with an alert: nobody is told further.
// It is a fault.Conflict if the alert has ended.
func (s *Service) Acknowledge(ctx context.Context, w Where, who actor.Actor, i id.Alert, note string) error {
	return s.act(ctx, w, who, i, func(tx *place.Tx, a Alert) error {
		tx.Record(place.Event{Code: "alert.acknowledged", Subject: i.String(), Facts: map[string]string{"kind": string(a.Kind)}})
		if _, err := tx.Exec(`UPDATE alerts SET acked_at = ?, acked_by = ?, snoozed_until = 0 WHERE id = ?`, millis(tx.At()), who.ID, i); err != nil {
			return err
		}
		return s.history(tx, i, "acknowledged", who.ID, "", note)
	})
}

// Snooze puts an alert aside until a time; if it is still open then, those
// concerned are told again.
func (s *Service) Snooze(ctx context.Context, w Where, who actor.Actor, i id.Alert, until time.Time, note string) error {
	now := s.o.Now()
	if !until.After(now) || until.After(now.Add(longestSnooze)) {
		return fault.Field("until", "must be in the future, and at most 30 days away")
	}
	return s.act(ctx, w, who, i, func(tx *place.Tx, a Alert) error {
		tx.Record(place.Event{Code: "alert.snoozed", Subject: i.String(), Facts: map[string]string{"kind": string(a.Kind), "until": until.UTC().Format(time.RFC3339)}})
		if _, err := tx.Exec(`UPDATE alerts SET snoozed_until = ?, acked_at = 0, acked_by = '' WHERE id = ?`, millis(until), i); err != nil {
			return err
		}
		return s.history(tx, i, "snoozed", who.ID, until.UTC().Format(time.RFC3339), note)
	})
}

// Assign makes somebody the owner of an alert; the zero person is nobody.
func (s *Service) Assign(ctx context.Context, w Where, who actor.Actor, i id.Alert, owner id.Person) error {
	text := ""
	if !owner.IsZero() {
		text = owner.String()
	}
	return s.act(ctx, w, who, i, func(tx *place.Tx, a Alert) error {
		tx.Record(place.Event{Code: "alert.assigned", Subject: i.String(), Facts: map[string]string{"kind": string(a.Kind), "owner": text}})
		if _, err := tx.Exec(`UPDATE alerts SET owner = ? WHERE id = ?`, text, i); err != nil {
			return err
		}
		return s.history(tx, i, "assigned", who.ID, text, "")
	})
}

// act does something to an open alert.
func (s *Service) act(ctx context.Context, w Where, who actor.Actor, i id.Alert, fn func(*place.Tx, Alert) error) error {
	return w.Place.Change(ctx, who, func(tx *place.Tx) error {
		a, err := s.one(tx, w, i)
		if err != nil {
			return err
		}
		if !a.Open() {
			return fault.New(fault.Conflict, "this alert has ended by itself")
		}
		if err := fn(tx, a); err != nil {
			return err
		}
		s.changed(tx, w, i)
		return nil
	})
}

// Settings are whose an alert is by default, and when silence is meant.
type Settings struct {
	Owners     map[Kind]id.Person // "" is for kinds that are not named
	ClosedDays []string           // "2026-12-25": no source is expected to send anything
}

// maxClosed bounds the closed days: two years of every holiday.
const maxClosed = 200

var dayForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// check finds every fault of the settings.
func (set *Settings) check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the settings are not valid"}
	for k := range set.Owners {
		if _, ok := RuleOf(k); !ok && k != "" {
			bad.Details = append(bad.Details, fault.Detail{Path: "owners." + string(k), Text: "there is no such kind of alert"})
		}
	}
	slices.Sort(set.ClosedDays)
	set.ClosedDays = slices.Compact(set.ClosedDays)
	if len(set.ClosedDays) > maxClosed {
		bad.Details = append(bad.Details, fault.Detail{Path: "closed_days", Text: "at most 200 days"})
	}
	for _, d := range set.ClosedDays {
		if _, err := time.Parse(time.DateOnly, d); err != nil || !dayForm.MatchString(d) {
			bad.Details = append(bad.Details, fault.Detail{Path: "closed_days", Text: d + " is no day such as 2026-12-25"})
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

type settings struct {
	owners map[string]string
	closed []string
	mailed int64 // the last mail to the administrators
}

func (set settings) owner(k Kind) string {
	if o := set.owners[string(k)]; o != "" {
		return o
	}
	return set.owners[""]
}

func readSettings(tx *place.Tx, n id.Node) (settings, error) {
	type row struct {
		Owners string `db:"owners"`
		Closed string `db:"closed_days"`
		Mailed int64  `db:"admins_mailed_at"`
	}
	set := settings{owners: map[string]string{}}
	r, err := place.Row[row](tx, `SELECT owners, closed_days, admins_mailed_at FROM alert_settings WHERE node = ?`, n)
	if fault.Is(err, fault.NotFound) {
		return set, nil
	}
	if err != nil {
		return set, err
	}
	set.closed, set.mailed = strings.Fields(r.Closed), r.Mailed
	return set, json.Unmarshal([]byte(r.Owners), &set.owners)
}

// Settings are a node's; without any, alerts belong to its administrators.
func (s *Service) Settings(ctx context.Context, w Where) (out Settings, err error) {
	out.Owners = map[Kind]id.Person{}
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		set, err := readSettings(tx, w.Node)
		for k, text := range set.owners {
			if p, err := id.Parse[id.Person](text); err == nil {
				out.Owners[Kind(k)] = p
			}
		}
		out.ClosedDays = set.closed
		return err
	})
	return out, err
}

// SetSettings replaces them.
func (s *Service) SetSettings(ctx context.Context, w Where, who actor.Actor, set Settings) error {
	if err := set.check(); err != nil {
		return err
	}
	owners := map[string]string{}
	for k, p := range set.Owners {
		if !p.IsZero() {
			owners[string(k)] = p.String()
		}
	}
	text, err := json.Marshal(owners)
	if err != nil {
		return err
	}
	return w.Place.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "alert-settings.set", Facts: map[string]string{"owners": string(text), "closed_days": strings.Join(set.ClosedDays, " ")}})
		tx.Notify("alerts")
		_, err := tx.Exec(`INSERT INTO alert_settings (node, owners, closed_days, admins_mailed_at) VALUES (?, ?, ?, 0)
			ON CONFLICT (node) DO UPDATE SET owners = excluded.owners, closed_days = excluded.closed_days`, w.Node, string(text), strings.Join(set.ClosedDays, " "))
		return err
	})
}

// ClosedOn reports whether a local day, "2026-12-25", is one on which nothing is
// expected.
func (set Settings) ClosedOn(day string) bool { return slices.Contains(set.ClosedDays, day) }
