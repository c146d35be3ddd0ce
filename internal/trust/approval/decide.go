package approval

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

var (
	errNone    = fault.New(fault.NotFound, "there is no such request for approval")
	errOver    = fault.New(fault.Conflict, "this was decided already, or its time has run out")
	errSelf    = fault.New(fault.Denied, "it takes a second person: whoever asks cannot approve, under no role and with no other sign-in")
	errMade    = fault.New(fault.Denied, "it takes a second person: one of you two got a role from the other, or both from a third, less than a week before it was asked for or since")
	errMoved   = fault.New(fault.Conflict, "what this is about has changed since it was asked for: it has to be asked for again")
	errSoon    = fault.New(fault.Conflict, "there is time to change one's mind: it cannot be carried out yet")
	errAlone   = fault.New(fault.Conflict, "this waits for a second person")
	errMachine = fault.New(fault.Denied, "a machine cannot be the second person")
)

// Decision is what a second person says.
type Decision struct {
	May     func(access.Act) bool // what they may do here
	Confirm int64                 // the count, as they typed it
	Note    string                // why it is refused; may be empty
}

// Approve is the second person's yes. It is refused for who asked, for who does
// not hold the right to do the act themselves, after its time, with a wrong
// count, and when what it is about has changed. A kind that carries itself out
// does so in the same Change, unless it has to wait.
func (s *Service) Approve(ctx context.Context, p *place.Place, who actor.Actor, apr id.Approval, d Decision) (Approval, error) {
	var out Approval
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		r, k, err := s.open(tx, who, apr, d.May)
		if err != nil {
			return err
		}
		if err := second(tx, who, r); err != nil {
			return err
		}
		if same, err := s.unchanged(tx, r); err != nil || !same {
			return either(err, errMoved)
		}
		if r.Amount, err = k.count(tx, r); err != nil {
			return err
		}
		if d.Confirm != r.Amount {
			return fault.Field("confirm", "must be the exact count: %d", r.Amount)
		}
		r.State, r.DecidedBy, r.DecidedAt = Approved, who.ID, tx.At().UnixMilli()
		if _, err := tx.Exec(`UPDATE approvals SET state = 'approved', decided_by = ?, decided_at = ?, amount = ? WHERE id = ?`, r.DecidedBy, r.DecidedAt, r.Amount, apr); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "approval.given", Subject: apr.String(), Facts: map[string]string{"act": r.Kind, "about": r.Subject}})
		tx.Notify(Topic)
		if out, err = s.show(tx, r); err != nil || k.Carry == nil || tx.At().Before(out.NotBefore) && !k.Alone {
			return err
		}
		if out, err = s.take(tx, r); err != nil {
			return err
		}
		return k.Carry(tx, out)
	})
	return out, err
}

// count is how much what waits is about now.
func (k Kind) count(tx *place.Tx, r row) (int64, error) {
	if k.Count == nil {
		return r.Amount, nil
	}
	return k.Count(tx, r.Subject)
}

// Refuse is a no: of a second person, or of who asked and thinks better of it.
func (s *Service) Refuse(ctx context.Context, p *place.Place, who actor.Actor, apr id.Approval, d Decision) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		r, _, err := s.readOpen(tx, apr, d.May, Waiting, Approved)
		if err != nil {
			return err
		}
		return s.refuse(tx, who, r, d.Note)
	})
}

// Withdraw ends, in this Change, whatever waits about a subject, as when it is
// no more or was asked for anew.
func (s *Service) Withdraw(tx *place.Tx, who actor.Actor, kind, subject string) error {
	rows, err := place.Rows[row](tx, columns+` WHERE kind = ? AND subject = ? AND state IN ('waiting', 'approved')`, kind, subject)
	for _, r := range rows {
		if err := s.refuse(tx, who, r, ""); err != nil {
			return err
		}
	}
	return err
}

func (s *Service) refuse(tx *place.Tx, who actor.Actor, r row, note string) error {
	tx.Record(place.Event{Code: "approval.refused", Subject: r.ID.String(), Facts: map[string]string{"act": r.Kind, "about": r.Subject}, Why: note})
	tx.Notify(Topic)
	_, err := tx.Exec(`UPDATE approvals SET state = 'refused', decided_by = ?, decided_at = ? WHERE id = ?`, personOf(who), tx.At().UnixMilli(), r.ID)
	return err
}

// open reads what waits, for somebody who may decide on it.
func (s *Service) open(tx *place.Tx, who actor.Actor, apr id.Approval, may func(access.Act) bool) (row, Kind, error) {
	r, k, err := s.readOpen(tx, apr, may, Waiting)
	if err == nil && who.Kind != actor.Person {
		err = errMachine
	}
	return r, k, err
}

func (s *Service) readOpen(tx *place.Tx, apr id.Approval, may func(access.Act) bool, states ...string) (row, Kind, error) {
	r, err := place.Row[row](tx, columns+` WHERE id = ?`, apr)
	k := s.kinds[r.Kind]
	switch {
	case fault.Is(err, fault.NotFound), err == nil && (may == nil || !may(k.Act)):
		return r, k, errNone
	case err != nil:
		return r, k, err
	case tx.At().UnixMilli() >= r.Until:
		return r, k, errOver
	}
	for _, st := range states {
		if r.State == st {
			return r, k, nil
		}
	}
	return r, k, errOver
}

// second refuses who asked, and whoever is tied to them: else one administrator
// would invite the other half of the pair, or ask as the other half.
func second(tx *place.Tx, who actor.Actor, r row) error {
	if personOf(who) == r.AskedBy {
		return errSelf
	}
	tied, err := tiedTo(tx, r.AskedBy, r.AskedAt-selfMade.Milliseconds())
	if err == nil && tied[who.ID] {
		err = errMade
	}
	return err
}

// Take takes an approval to carry its act out, in the Change that does so: once,
// after NotBefore, before Until, and only while it is about what was approved.
func (s *Service) Take(tx *place.Tx, apr id.Approval, kind, subject string) (Approval, error) {
	r, err := place.Row[row](tx, columns+` WHERE id = ? AND kind = ? AND subject = ?`, apr, kind, subject)
	if fault.Is(err, fault.NotFound) {
		return Approval{}, errNone
	}
	if err != nil {
		return Approval{}, err
	}
	alone := r.State == Waiting && s.kinds[kind].Alone && r.NotBefore > 0
	at := tx.At().UnixMilli()
	switch {
	case r.State == Waiting && !alone:
		return Approval{}, errAlone
	case r.State != Approved && !alone, at >= r.Until:
		return Approval{}, errOver
	case at < r.NotBefore && (alone || !s.kinds[kind].Alone):
		return Approval{}, errSoon
	}
	if same, err := s.unchanged(tx, r); err != nil || !same {
		return Approval{}, either(err, errMoved)
	}
	return s.take(tx, r)
}

func (s *Service) take(tx *place.Tx, r row) (Approval, error) {
	at := tx.At().UnixMilli()
	n, err := tx.Exec(`UPDATE approvals SET state = 'taken', taken_at = ? WHERE id = ? AND state IN ('waiting', 'approved')`, at, r.ID)
	if err == nil && n == 0 {
		err = errOver
	}
	if err != nil {
		return Approval{}, err
	}
	tx.Record(place.Event{Code: "approval.taken", Subject: r.ID.String(), Facts: map[string]string{"act": r.Kind, "about": r.Subject}})
	tx.Notify(Topic)
	r.State, r.TakenAt = Taken, at
	return s.show(tx, r)
}

// Waiting gives what waits or was approved and not taken about a subject.
func (s *Service) Waiting(tx *place.Tx, kind, subject string) (Approval, bool, error) {
	r, err := place.Row[row](tx, columns+` WHERE kind = ? AND subject = ? AND state IN ('waiting', 'approved') AND until > ?`, kind, subject, tx.At().UnixMilli())
	if fault.Is(err, fault.NotFound) {
		return Approval{}, false, nil
	}
	if err != nil {
		return Approval{}, false, err
	}
	a, err := s.show(tx, r)
	return a, err == nil, err
}

// List gives what waits and what became of the rest, the newest first, as far
// as somebody may do such acts themselves.
func (s *Service) List(ctx context.Context, p *place.Place, may func(access.Act) bool) (all []Approval, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, columns+` ORDER BY id DESC LIMIT ?`, kept)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !may(s.kinds[r.Kind].Act) {
				continue
			}
			a, err := s.show(tx, r)
			if err != nil {
				return err
			}
			if a.State == Waiting || a.State == Approved {
				same, err := s.unchanged(tx, r)
				if err != nil {
					return err
				}
				if a.Changed = !same; same && a.State == Waiting {
					if a.Count, err = s.kinds[r.Kind].count(tx, r); err != nil {
						return err
					}
				}
			}
			all = append(all, a)
		}
		return nil
	})
	return all, err
}

type row struct {
	ID        id.Approval `db:"id"`
	Kind      string      `db:"kind"`
	Subject   string      `db:"subject"`
	Facts     string      `db:"facts"`
	Amount    int64       `db:"amount"`
	Reason    []byte      `db:"reason"`
	Digest    []byte      `db:"digest"`
	State     string      `db:"state"`
	AskedBy   string      `db:"asked_by"`
	AskedAt   int64       `db:"asked_at"`
	NotBefore int64       `db:"not_before"`
	Until     int64       `db:"until"`
	DecidedBy string      `db:"decided_by"`
	DecidedAt int64       `db:"decided_at"`
	TakenAt   int64       `db:"taken_at"`
}

const columns = `SELECT id, kind, subject, facts, amount, reason, digest, state, asked_by, asked_at, not_before, until, decided_by, decided_at, taken_at FROM approvals`

func (s *Service) show(tx *place.Tx, r row) (Approval, error) {
	k := s.kinds[r.Kind]
	a := Approval{
		ID: r.ID, Kind: r.Kind, Title: k.Title, Page: k.Page, Subject: r.Subject, Count: r.Amount, State: r.State, AskedBy: r.AskedBy,
		AskedAt: from(r.AskedAt), NotBefore: from(r.NotBefore), Until: from(r.Until), DecidedBy: r.DecidedBy, DecidedAt: from(r.DecidedAt),
		TakenAt: from(r.TakenAt), Act: k.Act, Alone: k.Alone,
	}
	if (r.State == Waiting || r.State == Approved) && !tx.At().Before(a.Until) {
		a.State = Expired
	}
	reason, err := tx.Unseal(place.FieldApproval, r.ID, r.Reason)
	if err != nil {
		return a, err
	}
	a.Reason = string(reason)
	return a, json.Unmarshal([]byte(r.Facts), &a.Facts)
}

func either(err, instead error) error {
	if err != nil {
		return err
	}
	return instead
}

// Migrations make the table of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 932, Name: "approvals", SQL: `
		CREATE TABLE approvals (
			id {{id}} NOT NULL PRIMARY KEY,
			kind {{text}} NOT NULL,
			subject {{text}} NOT NULL,
			facts {{text}} NOT NULL,
			amount {{int}} NOT NULL,
			reason {{bytes}} NOT NULL,
			digest {{bytes}} NOT NULL,
			state {{text}} NOT NULL,
			asked_by {{text}} NOT NULL,
			asked_at {{int}} NOT NULL,
			not_before {{int}} NOT NULL,
			until {{int}} NOT NULL,
			decided_by {{text}} NOT NULL DEFAULT '',
			decided_at {{int}} NOT NULL DEFAULT 0,
			taken_at {{int}} NOT NULL DEFAULT 0
		);
		CREATE INDEX approvals_subject ON approvals (kind, subject, state);`}}
}

// Week is how long the acts wait that may also be done without a second person.
const Week = 7 * 24 * time.Hour
