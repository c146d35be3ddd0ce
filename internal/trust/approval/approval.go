// Package approval lets an act wait for a second person. Whoever may do a thing
// asks, in the Change that notes what is asked for; somebody else who may do it
// too approves; whoever carries it out takes the approval, once:
//
//	Ask → waiting ── Approve ──▶ approved ── Take ──▶ taken
//	         │            └── NotBefore: time to change one's mind
//	         └── Refuse, Until, or a change of what it is about ──▶ over
//
// Two persons are two people, not two memberships, two sessions or a person and
// their token: what asked and who approves are compared as persons. Who is tied to
// the one who asks by roles that were given, a week before or since, is no second
// person either: else one administrator would invite the other half of the pair,
// or ask as it.
//
// What an act is about is pinned by a hash of its State when it is asked for. A
// hold that was widened since, or rules that were set anew, are no longer what
// the second person read: the approval is over.
package approval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Kind is a sort of act that needs a second person.
type Kind struct {
	Name  string     // dotted: "hold.lift"
	Title string     // for people, as an infinitive: "lift a legal hold"
	Act   access.Act // the right that both persons need
	Page  string     // of the portal, where it can be looked at: "holds"
	Alone bool       // may also be taken without a second person once NotBefore has come

	// State gives what the act is about, as it is now, in any stable form; nil:
	// the subject says all. A fault means that it cannot be done any more.
	State func(tx *place.Tx, subject string) ([]byte, error)
	// Count gives how much it is about now, which is what the second person
	// confirms; nil: as much as when it was asked for.
	Count func(tx *place.Tx, subject string) (int64, error)
	// Carry does the act in the Change that approves it; nil: whoever carries it
	// out takes the approval later. It is not run before NotBefore.
	Carry func(tx *place.Tx, a Approval) error
}

// Act is what somebody asks for.
type Act struct {
	Kind      string
	Subject   string            // id of what it is about
	Facts     map[string]string // shown to the second person; nothing personal
	Count     int64             // how much it destroys or changes; the second person types it
	Reason    string            // sealed
	NotBefore time.Time         // zero: as soon as it is approved
	Until     time.Time         // zero: two weeks
}

// States of an approval.
const (
	Waiting  = "waiting"
	Approved = "approved"
	Taken    = "taken"
	Refused  = "refused"
	Expired  = "expired" // worked out, never stored
)

// Approval is an act that was asked for, and what became of it.
type Approval struct {
	ID        id.Approval
	Kind      string
	Title     string
	Page      string
	Subject   string
	Facts     map[string]string
	Count     int64
	Reason    string
	State     string
	AskedBy   string // text form of the person's id
	AskedAt   time.Time
	NotBefore time.Time
	Until     time.Time
	DecidedBy string
	DecidedAt time.Time
	TakenAt   time.Time
	Act       access.Act
	Changed   bool // what it is about is not what it was
	Alone     bool
}

const (
	usual     = 14 * 24 * time.Hour
	kept      = 400 // approvals that a list shows
	selfMade  = 7 * 24 * time.Hour
	maxReason = 1000
)

// Options are what a Service stands on.
type Options struct {
	Mail  mail.Sender
	URL   func() string
	Brand func(ctx context.Context, at id.Node) mail.Brand // nil: mail.Plain
	Log   *slog.Logger                                     // nil: silent
	// Deciders are those who hold a right at a customer's place.
	Deciders func(tx *place.Tx, act access.Act) ([]Decider, error)
}

// Decider is somebody who may approve.
type Decider struct {
	Person id.Person
	Name   string
	Email  string
}

// Service knows all kinds of acts. It is safe for concurrent use once they are
// registered.
type Service struct {
	o     Options
	kinds map[string]Kind
}

// New makes a service.
func New(o Options) *Service {
	if o.Brand == nil {
		o.Brand = func(context.Context, id.Node) mail.Brand { return mail.Plain() }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL == nil {
		o.URL = func() string { return "" }
	}
	return &Service{o: o, kinds: map[string]Kind{}}
}

// Register makes a kind known. Call it before the first use.
func (s *Service) Register(k Kind) { s.kinds[k.Name] = k }

// Topic is the live topic that is woken when something waits or is decided.
const Topic = "approvals"

// Ask notes, in this Change, that an act waits for a second person. The same act
// about the same thing is asked for once: a second time is fault.Conflict.
func (s *Service) Ask(tx *place.Tx, who actor.Actor, a Act) (id.Approval, error) {
	k, ok := s.kinds[a.Kind]
	if !ok {
		return id.Approval{}, fault.New(fault.Internal, "no kind of approval %q is registered", a.Kind)
	}
	if n := utf8.RuneCountInString(a.Reason); n < 3 || n > maxReason {
		return id.Approval{}, fault.Field("reason", "must have 3 to %d characters: the second person reads it", maxReason)
	}
	asker := personOf(who)
	if asker == "" {
		return id.Approval{}, fault.New(fault.Denied, "this needs two persons, and nobody of them is a machine")
	}
	if a.Until.IsZero() {
		a.Until = later(tx.At(), a.NotBefore).Add(usual)
	}
	if _, open, err := s.Waiting(tx, a.Kind, a.Subject); err != nil || open {
		if open {
			err = fault.New(fault.Conflict, "this was asked for already and waits for a second person")
		}
		return id.Approval{}, err
	}
	digest, err := k.digest(tx, a)
	if err != nil {
		return id.Approval{}, err
	}
	apr := id.At[id.Approval](tx.At())
	sealed, err := tx.Seal(place.FieldApproval, apr, []byte(a.Reason))
	if err != nil {
		return id.Approval{}, err
	}
	facts, err := json.Marshal(a.Facts)
	if err != nil {
		return id.Approval{}, err
	}
	_, err = tx.Exec(`INSERT INTO approvals (id, kind, subject, facts, amount, reason, digest, state, asked_by, asked_at, not_before, until)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?)`, apr, a.Kind, a.Subject, string(facts), a.Count, sealed, digest, asker,
		tx.At().UnixMilli(), unix(a.NotBefore), a.Until.UnixMilli())
	if err != nil {
		return id.Approval{}, err
	}
	tx.Record(place.Event{Code: "approval.asked", Subject: apr.String(), Facts: map[string]string{
		"act": a.Kind, "about": a.Subject, "count": strconv.FormatInt(a.Count, 10),
	}, Personal: map[string]string{"reason": a.Reason}})
	tx.Notify(Topic)
	_, err = job.Enqueue(tx, Job, letterArgs{apr})
	return apr, err
}

// personOf is the person behind an actor: a token acts for who made it, the
// program for who had it carried out, and whoever comes by it is that person.
func personOf(who actor.Actor) string {
	switch {
	case who.Kind == actor.Person:
		return who.ID
	case who.Kind != actor.Device && who.OnBehalf != "":
		return who.OnBehalf
	}
	return ""
}

// digest pins what an act is about.
func (k Kind) digest(tx *place.Tx, a Act) ([]byte, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	if err := enc.Encode([]any{a.Kind, a.Subject, a.Count, a.Facts}); err != nil {
		return nil, err
	}
	if k.State != nil {
		state, err := k.State(tx, a.Subject)
		if err != nil {
			return nil, err
		}
		h.Write(state)
	}
	return h.Sum(nil), nil
}

// unchanged reports whether an approval is still about what was asked for.
func (s *Service) unchanged(tx *place.Tx, r row) (bool, error) {
	k, ok := s.kinds[r.Kind]
	if !ok {
		return false, nil
	}
	facts := map[string]string(nil)
	if err := json.Unmarshal([]byte(r.Facts), &facts); err != nil {
		return false, err
	}
	digest, err := k.digest(tx, Act{Kind: r.Kind, Subject: r.Subject, Count: r.Amount, Facts: facts})
	if err != nil && fault.KindOf(err) != fault.Internal {
		return false, nil // it is not there any more
	}
	return err == nil && bytes.Equal(digest, r.Digest), err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func from(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
