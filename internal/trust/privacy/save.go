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

// Night is what a policy would do, were it in force tonight.
type Night struct {
	Recordings int64 // of which all goes
	Bytes      int64
	Silenced   int64 // of which the sound goes and the text stays
	Held       int64 // due, and kept by holds
}

// Preview is what a policy would change.
type Preview struct {
	Tonight  Night // by the new policy
	Now      Night // by the one in force
	Added    int64 // would go tonight by the new one alone
	Spared   int64 // would go tonight by the one in force alone: kept longer
	Shortens bool
}

// Preview works out what a policy would do, on rows, opening no card. It changes
// nothing.
func (s *Service) Preview(ctx context.Context, p *place.Place, policy Policy) (out Preview, err error) {
	if err := policy.Check(); err != nil {
		return out, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		if err := s.known(tx, policy); err != nil {
			return err
		}
		set, err := s.SettingsIn(tx)
		if err != nil {
			return err
		}
		at := s.o.Now().UTC()
		if out.Tonight, err = s.night(tx, policy, at); err != nil {
			return err
		}
		out.Shortens = set.Chosen && Shortens(set.Policy, policy)
		if !set.Chosen {
			out.Added = out.Tonight.Recordings
			return nil
		}
		if out.Now, err = s.night(tx, set.Policy, at); err != nil {
			return err
		}
		if out.Added, err = s.differ(tx, policy, set.Policy, at); err == nil {
			out.Spared, err = s.differ(tx, set.Policy, policy, at)
		}
		return err
	})
	return out, err
}

// free is what nothing keeps from going, kept the others; both ask for a list of
// those that a lasting hold fits and that are put under it before anything goes.
const (
	free = `NOT EXISTS (SELECT 1 FROM recording_holds x WHERE x.n = r.n) AND NOT EXISTS (SELECT 1 FROM recording_restrictions x WHERE x.n = r.n) AND r.n NOT IN (?)`
	kept = `(EXISTS (SELECT 1 FROM recording_holds x WHERE x.n = r.n) OR EXISTS (SELECT 1 FROM recording_restrictions x WHERE x.n = r.n) OR r.n IN (?))`
)

// night counts what a policy would do at a time.
func (s *Service) night(tx *place.Tx, p Policy, at time.Time) (n Night, err error) {
	if p, err = p.blinded(tx); err != nil {
		return n, err
	}
	soon, err := s.soonHeld(tx)
	if err != nil {
		return n, err
	}
	with := func(c condition) []any { return append([]any{place.List(soon)}, c.args...) }
	type sum struct {
		Rows  int64 `db:"due"`
		Bytes int64 `db:"bytes"`
	}
	all := p.goes(at)
	gone, err := place.Row[sum](tx, `SELECT count(*) AS due, coalesce(sum(r.bytes), 0) AS bytes FROM recordings r WHERE `+free+` AND `+all.text, with(all)...)
	if err != nil {
		return n, err
	}
	n.Recordings, n.Bytes = gone.Rows, gone.Bytes
	if n.Held, err = place.Row[int64](tx, `SELECT count(*) FROM recordings r WHERE `+kept+` AND `+all.text, with(all)...); err != nil || !p.silences() {
		return n, err
	}
	mute := p.silenced(at)
	n.Silenced, err = place.Row[int64](tx, `SELECT count(*) FROM recordings r WHERE `+free+` AND `+mute.text, with(mute)...)
	return n, err
}

// differ counts what one policy would end tonight and another would not.
func (s *Service) differ(tx *place.Tx, a, b Policy, at time.Time) (n int64, err error) {
	if a, err = a.blinded(tx); err != nil {
		return 0, err
	}
	if b, err = b.blinded(tx); err != nil {
		return 0, err
	}
	soon, err := s.soonHeld(tx)
	if err != nil {
		return 0, err
	}
	one, other := a.goes(at), b.goes(at)
	return place.Row[int64](tx, `SELECT count(*) FROM recordings r WHERE `+free+` AND `+one.text+` AND NOT (`+other.text+`)`,
		slices.Concat([]any{place.List(soon)}, one.args, other.args)...)
}

// Going is one recording that would go.
type Going struct {
	N         int64
	ID        id.Recording
	StartedAt time.Time
	Length    time.Duration
	Queue     string
	Direction string
	Bytes     int64
	Verdict   Verdict
	Held      bool
}

// Goes lists, by row number, what a policy would end tonight, with the rule that
// does; held are those that it would, were they not held.
func (s *Service) Goes(ctx context.Context, p *place.Place, policy Policy, held bool, beyond int64, limit int) (out []Going, err error) {
	if err := policy.Check(); err != nil {
		return nil, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		if policy, err = policy.blinded(tx); err != nil {
			return err
		}
		at := s.o.Now().UTC()
		all := policy.goes(at)
		if policy.silences() {
			mute := policy.silenced(at)
			all = condition{"(" + all.text + " OR " + mute.text + ")", append(slices.Clone(all.args), mute.args...)}
		}
		which := free
		if held {
			which = kept
		}
		soon, err := s.soonHeld(tx)
		if err != nil {
			return err
		}
		ns, err := place.Rows[int64](tx, `SELECT r.n FROM recordings r WHERE r.n > ? AND `+which+` AND (`+all.text+`) ORDER BY r.n LIMIT ?`,
			slices.Concat([]any{beyond, place.List(soon)}, all.args, []any{limit})...)
		if err != nil {
			return err
		}
		rows, err := s.o.Recordings.RowsOf(tx, ns)
		if err != nil {
			return err
		}
		facts, err := s.factsOf(tx, rows)
		if err != nil {
			return err
		}
		ranked := policy.ranked()
		for _, r := range rows {
			out = append(out, Going{
				N: r.N, ID: r.ID, StartedAt: facts[r.N].StartedAt, Length: facts[r.N].Length, Queue: r.Queue, Direction: r.Direction, Bytes: r.Bytes,
				Verdict: due(ranked, policy.Sets, facts[r.N], at), Held: held,
			})
		}
		return nil
	})
	return out, err
}

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
		Name: KindShorten, Title: "keep recordings less long", Act: actRetention, Page: "retention", Alone: true,
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
		Carry: func(tx *place.Tx, a approval.Approval) error { return s.shorten(tx, a.DecidedBy) },
	})
	s.o.Approvals.Register(approval.Kind{
		Name: KindLift, Title: "lift a legal hold", Act: actHold, Page: "holds", State: s.holdState,
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
