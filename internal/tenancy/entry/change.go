package entry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// errDry ends a transaction whose effect somebody only wanted to see.
var errDry = errors.New("dry run")

// Add makes a rule. With dry, everything is checked and nothing changes. What
// would shut the saver out, now or later, is fault.Conflict.
func (s *Service) Add(ctx context.Context, w Where, saver Saver, d Draft, dry bool) (r Rule, f Forecast, err error) {
	f, err = s.change(ctx, w, saver, dry, func(tx *place.Tx, before []Rule) ([]Rule, Surface, error) {
		if r, err = d.check(w, s.at(tx)); err != nil {
			return nil, "", err
		}
		if len(before) >= mostRules {
			return nil, "", fault.New(fault.TooLarge, "a list holds at most %d rules", mostRules)
		}
		r.ID, r.CreatedAt, r.Maker = id.At[id.Rule](tx.At()), tx.At(), tx.Who().ID
		record(tx, "entry.added", r)
		return append([]Rule{r}, before...), r.Surface, write(tx, w.Node, r)
	})
	return r, f, err
}

// Set changes a rule but for its surface.
func (s *Service) Set(ctx context.Context, w Where, saver Saver, which id.Rule, d Draft, dry bool) (r Rule, f Forecast, err error) {
	f, err = s.change(ctx, w, saver, dry, func(tx *place.Tx, before []Rule) ([]Rule, Surface, error) {
		i := slices.IndexFunc(before, func(r Rule) bool { return r.ID == which })
		if i < 0 {
			return nil, "", errNoRule
		}
		d.Surface = before[i].Surface
		if r, err = d.check(w, s.at(tx)); err != nil {
			return nil, "", err
		}
		r.ID, r.CreatedAt, r.Maker = which, before[i].CreatedAt, before[i].Maker
		after := slices.Clone(before)
		after[i] = r
		record(tx, "entry.changed", r)
		return after, r.Surface, write(tx, w.Node, r)
	})
	return r, f, err
}

// Remove takes a rule out, and says of which surface.
func (s *Service) Remove(ctx context.Context, w Where, saver Saver, which id.Rule, dry bool) (surface Surface, f Forecast, err error) {
	f, err = s.change(ctx, w, saver, dry, func(tx *place.Tx, before []Rule) ([]Rule, Surface, error) {
		i := slices.IndexFunc(before, func(r Rule) bool { return r.ID == which })
		if i < 0 {
			return nil, "", errNoRule
		}
		record(tx, "entry.removed", before[i])
		surface = before[i].Surface
		_, err := tx.Exec(`DELETE FROM entry_rules WHERE id = ?`, which)
		return slices.Delete(slices.Clone(before), i, i+1), surface, err
	})
	return surface, f, err
}

var errNoRule = fault.New(fault.NotFound, "no such rule")

// change runs one edit: rules before, rules after, and whether the saver stays
// in. What has run out counts neither before nor after.
func (s *Service) change(ctx context.Context, w Where, saver Saver, dry bool, edit func(*place.Tx, []Rule) ([]Rule, Surface, error)) (f Forecast, err error) {
	err = w.Place.Change(ctx, saver.Who, func(tx *place.Tx) error {
		before, err := rules(tx, w.Node)
		if err != nil {
			return err
		}
		at := s.at(tx)
		before = slices.DeleteFunc(before, func(r Rule) bool { return !r.live(at) })
		after, surface, err := edit(tx, before)
		if err != nil {
			return err
		}
		f = Foresee(after, surface, saver.From, at)
		if err := lockedOut(before, after, surface, saver, at); err != nil {
			return err
		}
		tx.Notify("access-rules")
		if err := store(tx, w.Node, after); err != nil {
			return err
		}
		if dry {
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return f, err
}

func lockedOut(before, after []Rule, s Surface, saver Saver, at time.Time) error {
	if saver.Free || s != Portal && s != Administration {
		return nil
	}
	when, out := LocksOut(before, after, s, saver.From, at)
	if !out {
		return nil
	}
	if when.Equal(at) {
		return fault.New(fault.Conflict, "this would lock you out: no rule of this surface covers your address, %s; add one that does first", saver.From)
	}
	return fault.New(fault.Conflict, "this would lock you out on %s, when the rule that covers your address, %s, runs out: give that rule no end, or a later one",
		when.Format("2 January 2006 at 15:04 UTC"), saver.From)
}

func write(tx *place.Tx, n id.Node, r Rule) error {
	text, err := json.Marshal(card{r.Network.String(), r.Owner, r.Reason, r.Maker})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldEntryRule, r.ID, text)
	if err != nil {
		return err
	}
	until := int64(0)
	if !r.Until.IsZero() {
		until = r.Until.UnixMilli()
	}
	_, err = tx.Exec(`INSERT INTO entry_rules (id, node, surface, card, until, created_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET card = excluded.card, until = excluded.until`,
		r.ID, n, string(r.Surface), sealed, until, r.CreatedAt.UnixMilli())
	return err
}

func record(tx *place.Tx, code string, r Rule) {
	facts := map[string]string{"surface": string(r.Surface)}
	if !r.Until.IsZero() {
		facts["until"] = r.Until.Format(time.RFC3339)
	}
	tx.Record(place.Event{
		Code: code, Subject: r.ID.String(), Why: r.Reason, Facts: facts,
		Personal: map[string]string{"network": r.Network.String(), "owner": r.Owner},
	})
}
