package pseudonym

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Rule says from which age on the names and numbers of everybody who does not
// work for the customer are replaced. It stands beside retention: that says when
// a recording ends, this what it says of people until then.
type Rule struct {
	Days     int // 0: no rule
	How      How
	ChosenAt time.Time // zero: nothing was chosen
	ChosenBy string
}

const (
	maxDays   = 36_500
	mostAtDay = 20_000 // recordings that one night takes on
)

// Rule tells what was chosen.
func (s *Service) Rule(ctx context.Context, p *place.Place) (r Rule, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err = ruleIn(tx)
		return err
	})
	return r, err
}

func ruleIn(tx *place.Tx) (Rule, error) {
	type row struct {
		Days    int    `db:"days"`
		Silence int    `db:"silence"`
		Agents  int    `db:"agents"`
		At      int64  `db:"chosen_at"`
		By      string `db:"chosen_by"`
	}
	r, err := place.Row[row](tx, `SELECT days, silence, agents, chosen_at, chosen_by FROM pseudonym_rule`)
	if fault.Is(err, fault.NotFound) {
		return Rule{How: How{Silence: true}}, nil
	}
	return Rule{r.Days, How{Silence: r.Silence == 1, Agents: r.Agents == 1}, instant(r.At), r.By}, err
}

const due = ` FROM recordings r WHERE r.started_at <= ? AND NOT EXISTS (SELECT 1 FROM recording_pseudonymised d WHERE d.n = r.n)`

// Due counts the recordings that a rule of so many days would change by now:
// those that are held or only stored are among them, and wait.
func (s *Service) Due(ctx context.Context, p *place.Place, days int) (n int64, err error) {
	if days < 1 || days > maxDays {
		return 0, fault.Field("days", "must be 1 to %d", maxDays)
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err = place.Row[int64](tx, `SELECT count(*)`+due, s.before(days))
		return err
	})
	return n, err
}

func (s *Service) before(days int) int64 {
	return s.o.Now().Add(-time.Duration(days) * 24 * time.Hour).UnixMilli()
}

// SetRule chooses the rule; no days switch it off. confirm is how many recordings
// are due by it now: it must be exact.
func (s *Service) SetRule(ctx context.Context, p *place.Place, who actor.Actor, r Rule, confirm int64) error {
	if r.Days != 0 {
		n, err := s.Due(ctx, p, r.Days)
		if err != nil {
			return err
		}
		if n != confirm {
			return fault.Field("confirm", "by this rule names are replaced in %d recordings for ever, from tonight on; repeat the number to go on", n)
		}
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		old, err := ruleIn(tx)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "pseudonym.rule-set", Subject: p.Customer().String(), Facts: map[string]string{
			"days": strconv.Itoa(r.Days), "days before": strconv.Itoa(old.Days), "silence": strconv.FormatBool(r.How.Silence), "agents": strconv.FormatBool(r.How.Agents),
		}})
		tx.Notify(Topic)
		_, err = tx.Exec(`INSERT INTO pseudonym_rule (one, days, silence, agents, chosen_at, chosen_by) VALUES (1, ?, ?, ?, ?, ?)
			ON CONFLICT (one) DO UPDATE SET days = excluded.days, silence = excluded.silence, agents = excluded.agents, chosen_at = excluded.chosen_at, chosen_by = excluded.chosen_by`,
			r.Days, number(r.How.Silence), number(r.How.Agents), tx.At().UnixMilli(), who.ID)
		return err
	})
}

// Nightly begins a run over what is due by the rule, and gives how many
// recordings it has. What cannot be changed yet is left for another night; what
// was given up, also of runs for one person and of keys, is tried again.
func (s *Service) Nightly(ctx context.Context, p *place.Place) (int, error) {
	type row struct {
		N  int64        `db:"n"`
		ID id.Recording `db:"id"`
	}
	if err := p.Keep(ctx, revive); err != nil {
		return 0, err
	}
	var rule Rule
	var recs []target
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if rule, err = ruleIn(tx); err != nil || rule.Days == 0 {
			return err
		}
		rows, err := place.Rows[row](tx, `SELECT r.n, r.id`+due+`
			AND NOT EXISTS (SELECT 1 FROM recording_holds h WHERE h.n = r.n) AND NOT EXISTS (SELECT 1 FROM recording_restrictions x WHERE x.n = r.n)
			AND r.transcript_state NOT IN ('waiting', 'working') ORDER BY r.n LIMIT ?`, s.before(rule.Days), mostAtDay)
		for _, r := range rows {
			recs = append(recs, target{r.N, r.ID, Waiting})
		}
		return err
	})
	if err != nil || len(recs) == 0 {
		return 0, err
	}
	who := actor.ForSystem("pseudonyms")
	who.OnBehalf = rule.ChosenBy
	_, err = s.start(ctx, p, who, id.PersonRequest{}, rule.How, recs)
	if fault.Is(err, fault.Conflict) {
		return 0, nil // last night's is still under way
	}
	return len(recs), err
}
