package identity

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
)

// Session is one browser in which a person is signed in.
type Session struct {
	ID         id.Session
	Person     id.Person
	StartedAt  time.Time
	LastSeenAt time.Time // to the minute
	Until      time.Time // ends then at the latest
	Idle       time.Duration
	Proof      Proof
	ProvedAt   time.Time // when the person last showed us a factor; zero: a remembered browser, or an identity provider's word
	VouchedAt  time.Time // when the identity provider in Proof last vouched
	Address    string
	Agent      string
}

// Present is who a session's token belongs to, with the roles above customers.
type Present struct {
	Session Session
	Held    []access.Membership // at provider and resellers; those at customers are in their places
	// Entry is the access lists of the nodes in Held that have one: a role counts
	// only from where its node lets administrators in.
	Entry map[id.Node]entry.List
}

type sessionRow struct {
	ID        id.Session  `db:"id"`
	Person    id.Person   `db:"person"`
	StartedAt int64       `db:"started_at"`
	EndsAt    int64       `db:"ends_at"`
	Origin    []byte      `db:"origin"`
	Methods   string      `db:"methods"`
	Customer  id.Customer `db:"via_customer"`
	Provider  string      `db:"via_provider"`
	ProvedAt  int64       `db:"proved_at"`
	VouchedAt int64       `db:"vouched_at"`
	SeenAt    int64       `db:"seen_at"`
	Idle      int64       `db:"idle"`
	Above     bool        `db:"above"` // holds a role above customers
}

const sessionColumns = `SELECT s.id, s.person, s.started_at, s.ends_at, s.origin, s.methods, s.via_customer, s.via_provider,
		s.proved_at, s.vouched_at, coalesce(v.seen_at, s.started_at) AS seen_at, coalesce(v.idle, 0) AS idle,
		EXISTS (SELECT 1 FROM node_roles r WHERE r.person = s.person) AS above
	FROM sessions s LEFT JOIN session_seen v ON v.session = s.id`

func (r sessionRow) session() Session {
	s := Session{
		ID: r.ID, Person: r.Person, StartedAt: time.UnixMilli(r.StartedAt).UTC(),
		LastSeenAt: time.UnixMilli(r.SeenAt).UTC(), Until: time.UnixMilli(r.EndsAt).UTC(), Idle: time.Duration(r.Idle) * time.Millisecond,
		Proof:    Proof{Methods: splitMethods(r.Methods), Customer: r.Customer, Provider: r.Provider},
		ProvedAt: instant(r.ProvedAt), VouchedAt: instant(r.VouchedAt),
	}
	if s.Idle == 0 {
		s.Idle = sessionIdle
	}
	if r.Above && s.Proof.own() {
		s.Idle = min(s.Idle, nodeIdle)
		if end := s.StartedAt.Add(nodeFor); end.Before(s.Until) {
			s.Until = end
		}
	}
	return s
}

// instant reads a stored time; 0 is the zero time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// stored is what instant reads.
func stored(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// over reports whether the session has run out, by age or by idleness.
func (s Session) over(at time.Time) bool {
	return !at.Before(s.Until) || at.Sub(s.LastSeenAt) >= s.Idle
}

var errSession = fault.New(fault.Unauthenticated, "sign in first")

// Session finds who a token belongs to; fault.Unauthenticated if it is of no
// session, or of one that was ended or has run out.
func (s *Service) Session(ctx context.Context, token secret.Text) (Present, error) {
	var p Present
	at, hash := s.now(), hashOf(token.Reveal())
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		p, err = present(tx, sessionColumns+` WHERE s.token = ?`, hash)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && p.Session.over(at) {
		return Present{}, errSession
	}
	if err == nil {
		s.whose.note(hash, p.Session.Person)
	}
	if err == nil && at.Sub(p.Session.LastSeenAt) >= seenEvery {
		err = s.seen(ctx, p.Session.ID, at)
	}
	return p, err
}

// Ahead gives a context in which Session and Enter of one request, which ask the
// registry and a customer's place, do so in one message where that can be: whose
// the token was the last time says what Enter will ask. Nothing is let in by it:
// both answers are as fresh as ever, and a wrong guess is asked anew.
func (s *Service) Ahead(ctx context.Context, token secret.Text, c id.Customer) context.Context {
	person, known := s.whose.of(hashOf(token.Reveal()))
	if !known {
		return ctx
	}
	p, err := s.store.Place(ctx, c)
	if err != nil { // who enters is told
		return ctx
	}
	return p.Ahead(ctx, standingColumns, person)
}

// whose remembers whose tokens were, by their hashes. A token is never another
// person's later.
type whose struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]id.Person
}

// mostWhose is how many are remembered; then it begins anew.
const mostWhose = 10_000

func (w *whose) of(hash []byte) (id.Person, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.known[[sha256.Size]byte(hash)]
	return p, ok
}

func (w *whose) note(hash []byte, p id.Person) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil || len(w.known) >= mostWhose {
		w.known = map[[sha256.Size]byte]id.Person{}
	}
	w.known[[sha256.Size]byte(hash)] = p
}

func present(tx *place.Tx, statement string, by any) (p Present, err error) {
	r, err := place.Often[sessionRow](tx, statement, by)
	if err != nil {
		return p, err
	}
	p.Session = r.session()
	// A customer's identity provider says what that customer likes: it must not
	// make anybody a provider's administrator.
	if r.Above && p.Session.Proof.own() {
		p.Held, p.Entry, err = nodeRoles(tx, r.Person)
	}
	return p, err
}

func (s *Service) seen(ctx context.Context, i id.Session, at time.Time) error {
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO session_seen (session, seen_at) VALUES (?, ?)
			ON CONFLICT (session) DO UPDATE SET seen_at = excluded.seen_at`, i, at.UnixMilli())
		return err
	})
}

// Still is Session for what outlives a request: it asks by id, because the
// token may have been changed since, and is no sign of life.
func (s *Service) Still(ctx context.Context, i id.Session) (p Present, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		p, err = present(tx, sessionColumns+` WHERE s.id = ?`, i)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && p.Session.over(s.now()) {
		return Present{}, errSession
	}
	return p, err
}

// Alive reports whether a session still stands.
func (s *Service) Alive(ctx context.Context, i id.Session) (bool, error) {
	_, err := s.Still(ctx, i)
	if fault.Is(err, fault.Unauthenticated) {
		return false, nil
	}
	return err == nil, err
}

// Sessions lists where a person is signed in, newest first.
func (s *Service) Sessions(ctx context.Context, p id.Person) (list []Session, err error) {
	at := s.now()
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[sessionRow](tx, sessionColumns+` WHERE s.person = ? ORDER BY s.id DESC`, p)
		if err != nil {
			return err
		}
		for _, r := range rows {
			one := r.session()
			if one.over(at) {
				continue
			}
			origin, err := tx.Unseal(place.FieldSessionFrom, r.ID, r.Origin)
			if err != nil {
				return err
			}
			one.Address, one.Agent = unpackOrigin(origin)
			list = append(list, one)
		}
		return nil
	})
	return list, err
}

// End ends one session of a person, from the next request on; fault.NotFound
// for another person's.
func (s *Service) End(ctx context.Context, who actor.Actor, p id.Person, i id.Session) error {
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM sessions WHERE id = ? AND person = ?`, i, p)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such session")
		}
		tx.Record(place.Event{Code: "session.ended", Subject: i.String()})
		_, err = tx.Exec(`DELETE FROM session_seen WHERE session = ?`, i)
		return err
	})
	if err == nil {
		s.ended(i)
	}
	return err
}

// endOthers ends all sessions of a person but one, within a Change, and gives
// those that were ended.
func endOthers(tx *place.Tx, p id.Person, keep id.Session, cause string) ([]id.Session, error) {
	gone, err := place.Rows[id.Session](tx, `SELECT id FROM sessions WHERE person = ?`, p)
	if err != nil {
		return nil, err
	}
	var out []id.Session
	for _, i := range gone {
		if i == keep {
			continue
		}
		if _, err := tx.Exec(`DELETE FROM sessions WHERE id = ?`, i); err != nil {
			return nil, err
		}
		if _, err := tx.Exec(`DELETE FROM session_seen WHERE session = ?`, i); err != nil {
			return nil, err
		}
		tx.Record(place.Event{Code: "session.ended", Subject: i.String(), Facts: map[string]string{"cause": cause}})
		out = append(out, i)
	}
	return out, nil
}

// PersonOf gives whose a session is; one that has ended is fault.NotFound.
func (s *Service) PersonOf(ctx context.Context, i id.Session) (who id.Person, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		who, err = place.Row[id.Person](tx, `SELECT person FROM sessions WHERE id = ?`, i)
		return err
	})
	return who, err
}
