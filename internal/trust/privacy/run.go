package privacy

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Done is what one night did in one place.
type Done struct {
	Destroyed int
	Silenced  int
	Later     int // of which the sound could not be removed yet
}

// batch is how many recordings one Change orders to go.
const batch = 200

// Run carries out what the rules in force say, in batches: what is due is found
// by the rules as a statement, and asked once more, by the same rules over the
// recording's own facts, in the Change that orders it. It may be stopped and run
// again at any time; a night that was cut short is made up for by the next.
func (s *Service) Run(ctx context.Context, p *place.Place) (Done, error) {
	var done Done
	if err := s.o.Recordings.ClearAside(ctx, p); err != nil {
		return done, err
	}
	if err := s.ripen(ctx, p); err != nil {
		return done, err
	}
	if err := s.holdAgain(ctx, p); err != nil {
		return done, err
	}
	runs := map[id.Period]id.Destruction{} // a certificate for each rule and night
	when := s.condition(Policy.goes)
	for beyond := int64(0); ; {
		found, err := s.o.Recordings.Due(ctx, p, when, beyond, batch)
		if err != nil || len(found) == 0 {
			if err == nil {
				err = s.silence(ctx, p, &done)
			}
			return done, err
		}
		beyond = found[len(found)-1].N
		groups, err := s.byRule(ctx, p, found)
		if err != nil {
			return done, err
		}
		for _, g := range groups {
			if runs[g.rule].IsZero() {
				runs[g.rule] = id.New[id.Destruction]()
			}
			n, err := s.o.Recordings.DestroyDue(ctx, p, system, g.recs, "its period has ended", recording.Authority{Kind: "retention", Rule: g.name(), Run: runs[g.rule]}, s.choose(g.rule))
			done.Destroyed += n
			if err != nil {
				return done, err
			}
		}
	}
}

// group is what one rule ends in a batch: a certificate names the rule.
type group struct {
	rule id.Period // zero: the default
	recs []id.Recording
}

func (g group) name() string {
	if g.rule.IsZero() {
		return "default"
	}
	return g.rule.String()
}

func (s *Service) byRule(ctx context.Context, p *place.Place, found []recording.Found) (all []group, err error) {
	ns := make([]int64, len(found))
	for i, f := range found {
		ns[i] = f.N
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := s.o.Recordings.RowsOf(tx, ns)
		if err != nil {
			return err
		}
		verdicts, err := s.verdicts(tx, rows)
		for _, r := range rows {
			rule := verdicts[r.N].Rule.ID
			i := slices.IndexFunc(all, func(g group) bool { return g.rule == rule })
			if i < 0 {
				i, all = len(all), append(all, group{rule: rule})
			}
			all[i].recs = append(all[i].recs, r.ID)
		}
		return err
	})
	return all, err
}

// condition is a part of the rules in force, as a statement.
func (s *Service) condition(of func(Policy, time.Time) condition) recording.Condition {
	return func(tx *place.Tx) (string, []any, error) {
		set, err := s.SettingsIn(tx)
		if err != nil || !set.Chosen {
			return "1 = 0", nil, err
		}
		p, err := set.Policy.blinded(tx)
		c := of(p, s.o.Now().UTC())
		return c.text, c.args, err
	}
}

// choose is asked in the Change that orders a destruction: what another rule
// counts for by now is left for another night.
func (s *Service) choose(rule id.Period) recording.Choice {
	return func(tx *place.Tx, rows []recording.Row) (going []recording.Row, figures []id.Recording, err error) {
		verdicts, err := s.verdicts(tx, rows)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range rows {
			v := verdicts[r.N]
			if v.Rule.ID != rule || v.Now != Destroy && v.Now != DestroyKeepingFigures {
				continue
			}
			if going = append(going, r); v.Now == DestroyKeepingFigures {
				figures = append(figures, r.ID)
			}
		}
		return going, figures, nil
	}
}

// verdicts say what the rules in force want of some recordings.
func (s *Service) verdicts(tx *place.Tx, rows []recording.Row) (map[int64]Verdict, error) {
	set, err := s.SettingsIn(tx)
	if err != nil || !set.Chosen {
		return nil, err
	}
	p, err := set.Policy.blinded(tx)
	if err != nil {
		return nil, err
	}
	facts, err := s.factsOf(tx, rows)
	if err != nil {
		return nil, err
	}
	ranked, at := p.ranked(), s.o.Now().UTC()
	out := make(map[int64]Verdict, len(rows))
	for _, r := range rows {
		out[r.N] = due(ranked, p.Sets, facts[r.N], at)
	}
	return out, nil
}

// silence removes the sound of what is due for that, one by one.
func (s *Service) silence(ctx context.Context, p *place.Place, done *Done) error {
	set, err := s.Settings(ctx, p)
	if err != nil || !set.Policy.silences() {
		return err
	}
	when := s.condition(Policy.silenced)
	for beyond := int64(0); ; {
		found, err := s.o.Recordings.Due(ctx, p, when, beyond, batch)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, f := range found {
			beyond = f.N
			ok, err := s.o.Recordings.RemoveSound(ctx, p, system.For("its sound's period has ended"), f.ID, func(tx *place.Tx, r recording.Row) (bool, error) {
				v, err := s.verdicts(tx, []recording.Row{r})
				return v[r.N].Now == RemoveSound, err
			})
			switch {
			case ok:
				done.Silenced++
			case err != nil && fault.KindOf(err) == fault.Internal || ctx.Err() != nil:
				return err
			case err != nil: // held, restricted, or its transcript is not done: another night
				done.Later++
			}
		}
	}
}

// holdAgain puts under hold what fits a search that lasts by now, as a number
// that became known or a transcript that was made.
func (s *Service) holdAgain(ctx context.Context, p *place.Place) error {
	var lasting []Hold
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		lasting, err = lastingHolds(tx)
		return err
	})
	for _, h := range lasting {
		var fresh []int64
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			fresh, err = s.freshFor(tx, h)
			return err
		})
		if err != nil || len(fresh) == 0 {
			if err != nil {
				return err
			}
			continue
		}
		if err := p.Change(ctx, system, func(tx *place.Tx) error {
			now, err := s.holdIn(tx, h.ID)
			tx.Record(place.Event{Code: "hold.widened", Subject: h.ID.String()})
			if err != nil || !now.LiftedAt.IsZero() {
				return err
			}
			_, _, err = s.o.Recordings.Hold(tx, h.ID, fresh)
			return err
		}); err != nil {
			return err
		}
	}
	return err
}

// freshFor gives what fits a hold that lasts and is not under it yet.
func (s *Service) freshFor(tx *place.Tx, h Hold) (fresh []int64, err error) {
	ns, err := s.find(tx, *h.Search, nil)
	if err != nil {
		return nil, err
	}
	known, err := place.Rows[int64](tx, `SELECT n FROM recording_holds WHERE hold = ?`, h.ID)
	under := make(map[int64]bool, len(known))
	for _, n := range known {
		under[n] = true
	}
	for _, n := range ns {
		if !under[n] {
			fresh = append(fresh, n)
		}
	}
	return fresh, err
}

// soonHeld gives what fits any hold that lasts and is not under it yet: it is
// put there before anything of it goes.
func (s *Service) soonHeld(tx *place.Tx) ([]int64, error) {
	all := []int64{-1} // an empty list is NULL to a statement, and nothing is not in that
	lasting, err := lastingHolds(tx)
	for _, h := range lasting {
		fresh, err := s.freshFor(tx, h)
		if err != nil {
			return nil, err
		}
		all = append(all, fresh...)
	}
	return all[:min(len(all), mostSoon)], err
}

// mostSoon bounds what a statement is told one by one: what a busy hold finds
// beyond it is counted as free until the night has put it under the hold.
const mostSoon = 5000

// Info is what rules and holds say of one recording.
type Info struct {
	Verdict Verdict
	Holds   []id.Hold
	Labels  recording.Labels
}

// Describe gives what rules and holds say of some recordings, by row number.
func (s *Service) Describe(ctx context.Context, p *place.Place, ns []int64) (out map[int64]Info, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := s.o.Recordings.RowsOf(tx, ns)
		if err != nil {
			return err
		}
		verdicts, err := s.verdicts(tx, rows)
		if err != nil {
			return err
		}
		holds, err := s.o.Recordings.HoldsOf(tx, ns)
		if err != nil {
			return err
		}
		labels, err := s.o.Recordings.LabelsOf(tx, ns)
		out = make(map[int64]Info, len(rows))
		for _, r := range rows {
			out[r.N] = Info{verdicts[r.N], holds[r.N], labels[r.N]}
		}
		return err
	})
	return out, err
}

// DueBefore is a condition for lists: what goes, wholly or its sound, before a
// time by the rules in force.
func (s *Service) DueBefore(at time.Time) recording.Condition {
	return func(tx *place.Tx) (string, []any, error) {
		set, err := s.SettingsIn(tx)
		if err != nil || !set.Chosen {
			return "1 = 0", nil, err
		}
		p, err := set.Policy.blinded(tx)
		all, mute := p.goes(at), p.silenced(at)
		return "(" + all.text + ") OR (" + mute.text + ")", append(append([]any(nil), all.args...), mute.args...), err
	}
}

// IsHeld is a condition for lists: what is under a hold, of one or any.
func IsHeld(hold id.Hold) recording.Condition {
	return func(*place.Tx) (string, []any, error) {
		if hold.IsZero() {
			return `r.n IN (SELECT n FROM recording_holds)`, nil, nil
		}
		return `r.n IN (SELECT n FROM recording_holds WHERE hold = ?)`, []any{hold}, nil
	}
}
