package privacy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/approval"
)

// Saving is what comes with a policy that is saved.
type Saving struct {
	Version int64  // that was read; another is fault.Conflict
	Confirm *int64 // how many would go tonight, exactly; nil where none would
	Reason  string // needed where it shortens
}

// Saved is what became of it.
type Saved struct {
	Pending  bool
	From     time.Time // when a pending one comes into force by itself
	Shortens bool
	// Destroyed is how many recordings the rules have destroyed so far: a longer
	// period does not bring them back.
	Destroyed int64
}

// Save puts a policy in force: at once where nothing is due earlier than before,
// else after a week or with a second person. What would go tonight has to be
// confirmed by its exact count.
func (s *Service) Save(ctx context.Context, p *place.Place, who actor.Actor, policy Policy, how Saving) (out Saved, err error) {
	if err := policy.Check(); err != nil {
		return out, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		set, err := s.SettingsIn(tx)
		if err != nil {
			return err
		}
		if set.Version != how.Version {
			return fault.New(fault.Conflict, "the rules were changed meanwhile: read them again")
		}
		if err := s.known(tx, policy); err != nil {
			return err
		}
		number(tx, &policy)
		n, err := s.night(tx, policy, s.o.Now().UTC())
		if err != nil {
			return err
		}
		if err := confirmed(n.Recordings+n.Silenced, how.Confirm); err != nil {
			return err
		}
		if out.Destroyed, err = place.Row[int64](tx, `SELECT count(*) FROM tombstones WHERE reason LIKE 'retention%'`); err != nil {
			return err
		}
		if err := s.o.Approvals.Withdraw(tx, who, KindShorten, subject); err != nil {
			return err
		}
		if out.Shortens = set.Chosen && Shortens(set.Policy, policy); !out.Shortens {
			return s.bringIn(tx, who.ID, policy, set.Version+1)
		}
		out.Pending, out.From = true, tx.At().Add(approval.Week)
		return s.wait(tx, who, policy, set.Version, n.Recordings+n.Silenced, out.From, how.Reason)
	})
	return out, err
}

const subject = "retention"

// wait stores a shorter policy until its time, or until a second person agrees.
func (s *Service) wait(tx *place.Tx, who actor.Actor, p Policy, version, count int64, from time.Time, reason string) error {
	if n := utf8.RuneCountInString(reason); n < 3 || n > 1000 {
		return fault.Field("reason", "say why recordings are to be kept less long: 3 to 1000 characters")
	}
	if err := put(tx, pending, p, policyRow{Version: version, By: who.ID, From: from.UnixMilli(), Count: count, Reason: []byte(reason)}); err != nil {
		return err
	}
	apr, err := s.o.Approvals.Ask(tx, who, approval.Act{
		Kind: KindShorten, Subject: subject, Count: count, Reason: reason, NotBefore: from, Until: from.Add(30 * 24 * time.Hour),
		Facts: map[string]string{"rules": strconv.Itoa(len(p.Rules)), "in_force_from": from.Format(time.RFC3339)},
	})
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "retention.shortening-asked", Subject: apr.String(), Facts: map[string]string{"from": from.Format(time.RFC3339), "tonight": strconv.FormatInt(count, 10)}})
	tx.Notify(Topic)
	_, err = tx.Exec(`UPDATE retention_policies SET approval = ? WHERE slot = ?`, apr, pending)
	return err
}

// confirmed asks for the exact count of what goes.
func confirmed(n int64, said *int64) error {
	if n == 0 || said != nil && *said == n {
		return nil
	}
	return fault.Field("confirm", "%d recordings would go tonight: confirm with exactly this number", n)
}

// known refuses rules that name what is not there.
func (s *Service) known(tx *place.Tx, p Policy) error {
	tags, err := place.Rows[id.Tag](tx, `SELECT id FROM tags`)
	if err != nil {
		return err
	}
	var c checker
	look := func(path string, w When) {
		for i, t := range w.Tags {
			if !slices.Contains(tags, t) {
				c.add(fmt.Sprintf("%s.when.tags[%d]", path, i), "there is no such tag")
			}
		}
	}
	for i, r := range p.Rules {
		look(fmt.Sprintf("rules[%d]", i), r.When)
	}
	for i, a := range p.Sets {
		look(fmt.Sprintf("sets[%d]", i), a.When)
	}
	return c.err()
}

// number gives new rules their ids; one that stands twice, or is made up, gets
// another.
func number(tx *place.Tx, p *Policy) {
	seen := map[id.Period]bool{}
	for i := range p.Rules {
		if r := &p.Rules[i]; r.ID.IsZero() || seen[r.ID] {
			r.ID = id.At[id.Period](tx.At())
		}
		seen[p.Rules[i].ID] = true
	}
}

// Withdraw takes back what is pending.
func (s *Service) Withdraw(ctx context.Context, p *place.Place, who actor.Actor) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM retention_policies WHERE slot = ?`, pending)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "nothing is pending")
		}
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "retention.shortening-withdrawn"})
		tx.Notify(Topic)
		return s.o.Approvals.Withdraw(tx, who, KindShorten, subject)
	})
}

// SetDefault changes the default's days alone, as those do who know nothing of
// rules. It is a Save like any other.
func (s *Service) SetDefault(ctx context.Context, p *place.Place, who actor.Actor, days int, how Saving) (Saved, error) {
	set, err := s.Settings(ctx, p)
	if err != nil {
		return Saved{}, err
	}
	policy := set.Policy
	policy.Default = withDays(policy.Default, days)
	how.Version = set.Version
	return s.Save(ctx, p, who, policy, how)
}

// SetAsSaid sets the default as a blueprint says: chosen at once where nothing
// was, and longer; shorter waits as it does for everybody.
func (s *Service) SetAsSaid(ctx context.Context, p *place.Place, who actor.Actor, days int) error {
	set, err := s.Settings(ctx, p)
	if err != nil || set.Pending != nil && set.Pending.Policy.Default.Days == days {
		return err // it waits already
	}
	policy := set.Policy
	policy.Default = withDays(policy.Default, days)
	seen, err := s.Preview(ctx, p, policy)
	if err != nil {
		return err
	}
	n := seen.Tonight.Recordings + seen.Tonight.Silenced
	_, err = s.SetDefault(ctx, p, who, days, Saving{Confirm: &n, Reason: "a blueprint of the provider says so"})
	return err
}

// registerActs makes known what needs a second person here.
func (s *Service) registerActs() {
	s.o.Approvals.Register(approval.Kind{
		Name: KindShorten, Title: "keep recordings less long", Act: actRetention, Page: "settings/retention", Alone: true,
		State: func(tx *place.Tx, _ string) ([]byte, error) {
			rows, err := place.Rows[policyRow](tx, policyColumns+` ORDER BY slot`)
			if err != nil {
				return nil, err
			}
			h := sha256.New()
			for _, r := range rows {
				fmt.Fprintf(h, "%s %d %x %d", r.Slot, r.Version, r.Sealed, len(r.Sealed))
			}
			return h.Sum(nil), nil
		},
		Count: func(tx *place.Tx, _ string) (int64, error) {
			set, err := s.SettingsIn(tx)
			if err != nil || set.Pending == nil {
				return 0, err
			}
			n, err := s.night(tx, set.Pending.Policy, s.o.Now().UTC())
			return n.Recordings + n.Silenced, err
		},
		Carry: func(tx *place.Tx, a approval.Approval) error { return s.shorten(tx, a.DecidedBy) },
	})
	s.o.Approvals.Register(approval.Kind{
		Name: KindLift, Title: "lift a legal hold", Act: actHold, Page: "holds", State: s.holdState, Count: s.heldNow,
		Carry: func(tx *place.Tx, a approval.Approval) error { return s.release(tx, a) },
	})
}

// shorten puts what is pending in force.
func (s *Service) shorten(tx *place.Tx, by string) error {
	set, err := s.SettingsIn(tx)
	if err != nil {
		return err
	}
	if set.Pending == nil {
		return fault.New(fault.Conflict, "nothing is pending any more")
	}
	return s.bringIn(tx, by, set.Pending.Policy, set.Version+1)
}

// ripen puts a shorter policy in force whose week is over.
func (s *Service) ripen(ctx context.Context, p *place.Place) error {
	set, err := s.Settings(ctx, p)
	if err != nil || set.Pending == nil || s.o.Now().Before(set.Pending.From) {
		return err
	}
	err = p.Change(ctx, system, func(tx *place.Tx) error {
		if _, err := s.o.Approvals.Take(tx, set.Pending.Approval, KindShorten, subject); err != nil {
			return err
		}
		return s.shorten(tx, system.ID)
	})
	if err != nil && fault.KindOf(err) != fault.Internal {
		s.o.Log.WarnContext(ctx, "a shorter retention did not come into force", "customer", p.Customer(), "cause", err)
		return nil
	}
	return err
}
