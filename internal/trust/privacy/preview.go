package privacy

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
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
