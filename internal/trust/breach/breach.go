// Package breach answers what follows from something having been in wrong hands:
// a session, a token, a collector, a support access, somebody's account, the
// customer's key or the root key. It counts what that could have reached, by the
// rights of that time, and what it did reach, by the receipts of openings; it
// keeps the clock of 72 hours that the law gives, and drafts the notices to the
// authority and to the persons concerned (GDPR articles 33 and 34).
//
// Receipts prove what was opened through Ringfence. Who had a key and a copy of
// the stores needed no receipt: of a key, everything under it counts as reached.
//
// Limits: rights are those that the change log and the members' present scopes
// tell; where a scope was changed since, the wider of the two is counted.
package breach

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/person"
)

// Kind is what was in wrong hands.
type Kind string

// The kinds.
const (
	Session     Kind = "session"
	Token       Kind = "token"
	Device      Kind = "device"
	Support     Kind = "support"
	Person      Kind = "person"
	CustomerKey Kind = "customer-key"
	RootKey     Kind = "root-key"
)

// Kinds are all kinds with what they are called.
var Kinds = map[Kind]string{
	Session: "a session of somebody who was signed in", Token: "a token of a machine", Device: "a collector", Support: "a support access",
	Person: "somebody's account", CustomerKey: "the customer's key", RootKey: "the root key",
}

// Words are what people say of a breach: personal, sealed.
type Words struct {
	What         string `json:"what"`         // what happened
	Consequences string `json:"consequences"` // what may follow for the persons
	Measures     string `json:"measures"`     // what was done, and is proposed
	Contact      string `json:"contact"`      // of the data protection officer
	Outcome      string `json:"outcome"`      // once it is closed
}

// Breach is one.
type Breach struct {
	ID       id.Breach
	Kind     Kind
	Subject  string // id of the session, token, …; empty for keys
	From, To time.Time
	AwareAt  time.Time
	DueAt    time.Time // when the authority has to know
	OpenedAt time.Time
	OpenedBy string
	ClosedAt time.Time
	Words    Words
}

// Options of a Service.
type Options struct {
	Recordings *recording.Service
	// Held gives what a person holds here now.
	Held func(ctx context.Context, p *place.Place, who id.Person) ([]access.Membership, error)
	// PersonOf gives whose a session is; zero: it is not known any more.
	PersonOf func(ctx context.Context, s id.Session) (id.Person, error)
	// Bury has it stand in the key store, for backups that are restored, that
	// breaches were deleted. nil: a restore brings them back.
	Bury func(ctx context.Context, p *place.Place, reason string, rows ...[16]byte) error
	Now  func() time.Time
}

// Service keeps breaches.
type Service struct{ o Options }

// New makes a service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// Topic is the live topic of this package.
const Topic = "breaches"

// Migrations make the table of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 984, Name: "breaches", SQL: `
CREATE TABLE breaches (
	id        {{id}} NOT NULL PRIMARY KEY,
	kind      {{text}} NOT NULL,
	subject   {{text}} NOT NULL,
	from_at   {{int}} NOT NULL,
	to_at     {{int}} NOT NULL,
	aware_at  {{int}} NOT NULL,
	opened_at {{int}} NOT NULL,
	opened_by {{text}} NOT NULL,
	closed_at {{int}} NOT NULL,
	sealed    {{bytes}} NOT NULL
);
`}}
}

type row struct {
	ID      id.Breach `db:"id"`
	Kind    string    `db:"kind"`
	Subject string    `db:"subject"`
	From    int64     `db:"from_at"`
	To      int64     `db:"to_at"`
	Aware   int64     `db:"aware_at"`
	Opened  int64     `db:"opened_at"`
	By      string    `db:"opened_by"`
	Closed  int64     `db:"closed_at"`
	Sealed  []byte    `db:"sealed"`
}

const columns = `SELECT id, kind, subject, from_at, to_at, aware_at, opened_at, opened_by, closed_at, sealed FROM breaches`

func (r row) show(tx *place.Tx) (Breach, error) {
	b := Breach{
		ID: r.ID, Kind: Kind(r.Kind), Subject: r.Subject, From: instant(r.From), To: instant(r.To), AwareAt: instant(r.Aware), DueAt: person.Aware(instant(r.Aware)),
		OpenedAt: instant(r.Opened), OpenedBy: r.By, ClosedAt: instant(r.Closed),
	}
	plain, err := tx.Unseal(place.FieldBreach, r.ID, r.Sealed)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(plain, &b.Words)
}

func put(tx *place.Tx, b Breach) error {
	plain, err := json.Marshal(b.Words)
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldBreach, b.ID, plain)
	if err != nil {
		return err
	}
	tx.Notify(Topic)
	_, err = tx.Exec(`INSERT INTO breaches (id, kind, subject, from_at, to_at, aware_at, opened_at, opened_by, closed_at, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET from_at = excluded.from_at, to_at = excluded.to_at, aware_at = excluded.aware_at, closed_at = excluded.closed_at, sealed = excluded.sealed`,
		b.ID, string(b.Kind), b.Subject, b.From.UnixMilli(), b.To.UnixMilli(), b.AwareAt.UnixMilli(), b.OpenedAt.UnixMilli(), b.OpenedBy, millis(b.ClosedAt), sealed)
	return err
}

// check lists every fault of what is said of a breach.
func (s *Service) check(b *Breach) error {
	f := &fault.Error{Kind: fault.Invalid, Text: "the request is not valid"}
	add := func(path, text string) { f.Details = append(f.Details, fault.Detail{Path: path, Text: text}) }
	now := s.o.Now()
	want := map[Kind]string{Session: "ses_", Token: "tok_", Device: "dev_", Support: "sup_", Person: "per_"}[b.Kind]
	switch {
	case Kinds[b.Kind] == "":
		add("kind", "must be session, token, device, support, person, customer-key or root-key")
	case want == "":
		b.Subject = ""
	case !strings.HasPrefix(b.Subject, want):
		add("subject", "want the id of "+Kinds[b.Kind]+": it begins with "+want)
	}
	if b.AwareAt.IsZero() {
		b.AwareAt = now
	}
	if b.To.IsZero() {
		b.To = now
	}
	switch {
	case b.From.IsZero():
		add("from", "say since when it may have been in wrong hands; if that is not known, since when it exists")
	case !b.From.Before(b.To):
		add("to", "must be later than from")
	}
	if b.AwareAt.After(now.Add(time.Minute)) {
		add("aware_at", "lies in the future")
	}
	if len(f.Details) > 0 {
		return f
	}
	b.From, b.To, b.AwareAt = b.From.UTC(), b.To.UTC(), b.AwareAt.UTC()
	return nil
}

// Begin notes that something may have been in wrong hands. The 72 hours run from
// when somebody became aware of it.
func (s *Service) Begin(ctx context.Context, p *place.Place, who actor.Actor, b Breach) (Breach, error) {
	if err := s.check(&b); err != nil {
		return b, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		b.ID, b.OpenedAt, b.OpenedBy, b.ClosedAt = id.At[id.Breach](tx.At()), tx.At(), who.ID, time.Time{}
		b.DueAt = person.Aware(b.AwareAt)
		tx.Record(place.Event{Code: "breach.opened", Subject: b.ID.String(), Facts: map[string]string{"kind": string(b.Kind), "of": b.Subject, "due": b.DueAt.Format(time.RFC3339)}})
		return put(tx, b)
	})
	return b, err
}

// Change alters what is known of a breach, or closes it with its outcome.
func (s *Service) Change(ctx context.Context, p *place.Place, who actor.Actor, i id.Breach, from, to, aware time.Time, w Words, closed bool) (b Breach, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if b, err = read(tx, i); err != nil {
			return err
		}
		if !b.ClosedAt.IsZero() {
			return fault.New(fault.Conflict, "this breach was closed; open another if more became known")
		}
		if closed && strings.TrimSpace(w.Outcome) == "" {
			return fault.Field("outcome", "say whether the authority and the persons were told, or why not: article 33(5) wants it written down")
		}
		b.From, b.To, b.AwareAt, b.Words = from, to, aware, w
		if err := s.check(&b); err != nil {
			return err
		}
		b.DueAt = person.Aware(b.AwareAt)
		code := "breach.changed"
		if closed {
			code, b.ClosedAt = "breach.closed", tx.At()
		}
		tx.Record(place.Event{Code: code, Subject: i.String(), Facts: map[string]string{"due": b.DueAt.Format(time.RFC3339)}})
		return put(tx, b)
	})
	return b, err
}

func read(tx *place.Tx, i id.Breach) (Breach, error) {
	r, err := place.Row[row](tx, columns+` WHERE id = ?`, i)
	if fault.Is(err, fault.NotFound) {
		return Breach{}, fault.New(fault.NotFound, "there is no such breach")
	}
	if err != nil {
		return Breach{}, err
	}
	return r.show(tx)
}

// Read gives one breach.
func (s *Service) Read(ctx context.Context, p *place.Place, i id.Breach) (b Breach, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		b, err = read(tx, i)
		return err
	})
	return b, err
}

// List gives breaches, the newest first, at most 200.
func (s *Service) List(ctx context.Context, p *place.Place) (all []Breach, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, columns+` ORDER BY id DESC LIMIT 200`)
		for _, r := range rows {
			b, err := r.show(tx)
			if err != nil {
				return err
			}
			all = append(all, b)
		}
		return err
	})
	return all, err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
