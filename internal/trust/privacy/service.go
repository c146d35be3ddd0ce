package privacy

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/approval"
)

// Options are what a Service stands on.
type Options struct {
	Recordings *recording.Service
	Approvals  *approval.Service
	// Words makes a condition of words that were said; nil: searches for holds
	// cannot ask for them.
	Words func(words string) recording.Matcher
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: silent
}

// Service keeps rules and holds of any customer's place. It is safe for
// concurrent use.
type Service struct{ o Options }

// KindShorten is the act of shortening retention.
const KindShorten = "retention.shorten"

// New makes a service, and has the recordings ask it before anything goes.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{o: o}
	o.Recordings.OnDestroying(s.holdWhatFits)
	o.Recordings.OnTaken(s.holdWhatCame)
	o.Recordings.OnTagGone(s.tagNamed)
	s.registerActs()
	return s
}

// Topic is the live topic that is woken when rules or holds change.
const Topic = "retention"

// Settings are the rules in force and what waits to replace them.
type Settings struct {
	Policy  Policy
	Chosen  bool // false: nothing is captured, and nothing goes
	Version int64
	SetAt   time.Time
	SetBy   string // text form of the actor's id; empty: nobody set rules yet
	Pending *Pending
}

// Pending is a shorter policy that waits for its week, or for a second person.
type Pending struct {
	Policy   Policy
	Approval id.Approval
	AskedAt  time.Time
	AskedBy  string
	From     time.Time // when it comes into force without a second person
	Count    int64     // what it would have destroyed the night it was asked for
	Reason   string
}

type policyRow struct {
	Slot    string       `db:"slot"`
	Version int64        `db:"version"`
	Row     id.Period    `db:"row_id"`
	Sealed  []byte       `db:"policy"`
	At      int64        `db:"set_at"`
	By      string       `db:"set_by"`
	Act     *id.Approval `db:"approval"`
	From    int64        `db:"from_at"`
	Count   int64        `db:"amount"`
	Reason  []byte       `db:"reason"`
}

// Slots of the table of policies.
const (
	inForce = "in-force"
	pending = "pending"
)

const policyColumns = `SELECT slot, version, row_id, policy, set_at, set_by, approval, from_at, amount, reason FROM retention_policies`

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 933, Name: "retention rules and holds", SQL: `
		CREATE TABLE retention_policies (
			slot {{text}} NOT NULL PRIMARY KEY,
			version {{int}} NOT NULL,
			row_id {{id}} NOT NULL,
			policy {{bytes}} NOT NULL,
			set_at {{int}} NOT NULL,
			set_by {{text}} NOT NULL,
			approval {{id}},
			from_at {{int}} NOT NULL,
			amount {{int}} NOT NULL,
			reason {{bytes}} NOT NULL
		);
		CREATE TABLE holds (
			id {{id}} NOT NULL PRIMARY KEY,
			card {{bytes}} NOT NULL,
			lasting {{int}} NOT NULL,
			placed_at {{int}} NOT NULL,
			placed_by {{text}} NOT NULL,
			placed {{int}} NOT NULL,
			lifted_at {{int}} NOT NULL DEFAULT 0,
			lifted_by {{text}} NOT NULL DEFAULT '',
			lifted {{int}} NOT NULL DEFAULT 0
		);
		CREATE INDEX holds_lasting ON holds (lasting, lifted_at);`}}
}

// Settings gives the rules in force and what is pending.
func (s *Service) Settings(ctx context.Context, p *place.Place) (out Settings, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		out, err = s.SettingsIn(tx)
		return err
	})
	return out, err
}

// SettingsIn is Settings within a transaction.
func (s *Service) SettingsIn(tx *place.Tx) (Settings, error) {
	out := Settings{Policy: Policy{Default: Rule{Then: DeleteAll}}}
	chosen, err := recording.RetentionIn(tx)
	if err != nil {
		return out, err
	}
	rows, err := place.Rows[policyRow](tx, policyColumns)
	if err != nil {
		return out, err
	}
	out.SetAt, out.SetBy = chosen.ChosenAt, chosen.ChosenBy
	for _, r := range rows {
		policy, err := r.open(tx)
		if err != nil {
			return out, err
		}
		if r.Slot == inForce {
			out.Policy, out.Version, out.SetAt, out.SetBy = policy, r.Version, time.UnixMilli(r.At).UTC(), r.By
			continue
		}
		reason, err := tx.Unseal(place.FieldRetention, r.Row, r.Reason)
		if err != nil {
			return out, err
		}
		out.Pending = &Pending{
			Policy: policy, AskedAt: time.UnixMilli(r.At).UTC(), AskedBy: r.By, From: time.UnixMilli(r.From).UTC(), Count: r.Count, Reason: string(reason),
		}
		if r.Act != nil {
			out.Pending.Approval = *r.Act
		}
	}
	out.Chosen = chosen.Chosen
	// The single period of before there were rules is the default's, and is also
	// set by those who know nothing else, such as blueprints.
	out.Policy.Default = withDays(out.Policy.Default, chosen.Days)
	return out, nil
}

// withDays gives the default another period. Text that would go before the sound
// goes with it.
func withDays(r Rule, days int) Rule {
	if r.Days = days; r.Then == DeleteSound && (days == 0 || r.TextDays > 0 && r.TextDays <= days) {
		r.Then, r.TextDays = DeleteAll, 0
	}
	return r
}

func (r policyRow) open(tx *place.Tx) (p Policy, err error) {
	text, err := tx.Unseal(place.FieldRetention, r.Row, r.Sealed)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// put stores a policy in a slot.
func put(tx *place.Tx, slot string, p Policy, more policyRow) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	more.Row = id.At[id.Period](tx.At())
	sealed, err := tx.Seal(place.FieldRetention, more.Row, text)
	if err != nil {
		return err
	}
	reason, err := tx.Seal(place.FieldRetention, more.Row, more.Reason)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO retention_policies (slot, version, row_id, policy, set_at, set_by, approval, from_at, amount, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slot) DO UPDATE SET version = excluded.version, row_id = excluded.row_id,
		policy = excluded.policy, set_at = excluded.set_at, set_by = excluded.set_by, approval = excluded.approval,
		from_at = excluded.from_at, amount = excluded.amount, reason = excluded.reason`,
		slot, more.Version, more.Row, sealed, tx.At().UnixMilli(), more.By, more.Act, more.From, more.Count, reason)
	return err
}

// bringIn puts a policy in force, in this Change.
func (s *Service) bringIn(tx *place.Tx, by string, p Policy, version int64) error {
	tx.Record(place.Event{Code: "retention.rules-set", Facts: map[string]string{"rules": strconv.Itoa(len(p.Rules)), "version": strconv.FormatInt(version, 10)}})
	tx.Notify(Topic)
	tx.Notify(recording.Topic)
	if err := put(tx, inForce, p, policyRow{Version: version, By: by}); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM retention_policies WHERE slot = ?`, pending); err != nil {
		return err
	}
	return recording.SetRetentionIn(tx, by, p.Default.Days)
}

// tagNamed refuses that a tag is removed which a rule names: the rule would fit
// other recordings then.
func (s *Service) tagNamed(tx *place.Tx, tag id.Tag) error {
	set, err := s.SettingsIn(tx)
	if err != nil {
		return err
	}
	all := set.Policy.Rules
	if set.Pending != nil {
		all = append(append([]Rule(nil), all...), set.Pending.Policy.Rules...)
	}
	for _, r := range all {
		for _, t := range r.When.Tags {
			if t == tag {
				return fault.New(fault.Conflict, "the rule %q names this tag: change the rule first", r.Name)
			}
		}
	}
	return nil
}

// Names reports whether a rule, in force or pending, names a tag: putting it on
// or taking it off then decides when recordings go.
func (s *Service) Names(ctx context.Context, p *place.Place, tag id.Tag) (named bool, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		err := s.tagNamed(tx, tag)
		if named = fault.Is(err, fault.Conflict); named {
			return nil
		}
		return err
	})
	return named, err
}

var system = actor.ForSystem("retention")
