package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"math/big"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Step is a sign-in whose password was right and whose code is on its way.
type Step struct {
	Token    secret.Text // for the browser's cookie: the code works only beside it
	MailedTo string      // shortened
	Until    time.Time
}

// Two refusals, each the same for every cause.
var (
	errSignIn = fault.New(fault.Unauthenticated, "this address and password do not belong together")
	errCode   = fault.New(fault.Unauthenticated, "this code is not right or no longer valid; after five tries or ten minutes, sign in again")
)

// SignIn checks name and password and mails a code. Whoever has no account
// learns as little, and waits as long, as whoever typed a wrong password.
func (s *Service) SignIn(ctx context.Context, email string, password secret.Text, from Origin) (Step, error) {
	if len(password.Reveal()) > longestPassword {
		return Step{}, errSignIn
	}
	known, err := mail.Address(email)
	if err != nil {
		known = ""
	}
	account := strings.ToLower(known)
	if err := s.slow(ctx, account, from); err != nil {
		return Step{}, err
	}
	p, hash, err := s.credential(ctx, known)
	if err != nil {
		return Step{}, err
	}
	ok, err := s.hasher.matches(ctx, hash, password.Reveal())
	if err != nil {
		return Step{}, err
	}
	if !ok || p.ID.IsZero() {
		s.account.take(account, s.now())
		return Step{}, errSignIn
	}
	return s.mailCode(ctx, p)
}

// slow refuses who guesses too fast from one network, and lets everybody wait a
// little at an account that is being guessed at from many.
func (s *Service) slow(ctx context.Context, account string, from Origin) error {
	at := s.now()
	wait := max(s.callers.take(from.network(), at), s.guesses.take(account+"\x00"+from.network(), at))
	if wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	return pause(ctx, min(3*time.Second, time.Duration(s.account.used(account, at)*float64(150*time.Millisecond))))
}

// credential gives the person and the hash to compare with; for a name that
// nobody has, or who has no password yet, nobody and a hash that nothing matches.
func (s *Service) credential(ctx context.Context, email string) (p Person, hash []byte, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		if p, err = personByEmail(tx, email); err != nil {
			return err
		}
		hash, err = storedPassword(tx, p.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Person{}, s.dummy, nil
	}
	return p, hash, err
}

func (s *Service) mailCode(ctx context.Context, p Person) (Step, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return Step{}, err
	}
	code := fmt.Sprintf("%08d", n)
	token, hash := newSecret()
	var until time.Time
	err = s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if _, err := tx.Exec(`DELETE FROM sign_ins WHERE until < ?`, s.now().UnixMilli()); err != nil {
			return err
		}
		i := id.At[id.Session](s.now())
		mac, err := tx.Blind(place.FieldSignInCode, i.String()+code)
		if err != nil {
			return err
		}
		until = s.now().Add(codeFor)
		_, err = tx.Exec(`INSERT INTO sign_ins (id, token, person, code, until, tries) VALUES (?, ?, ?, ?, ?, 0)`,
			i, hash, p.ID, mac, until.UnixMilli())
		return err
	})
	if err != nil {
		return Step{}, err
	}
	err = s.mail.Send(ctx, mail.Message{
		To: p.Email, At: s.now(), Subject: "Your sign-in code: " + code,
		Text: "Your code to sign in to Ringfence is\n\n    " + code + "\n\nIt works once, within ten minutes, in the browser in which you typed your password.\n" +
			"If that was not you, somebody knows your password: change it.\n",
	})
	return Step{secret.NewText(token), mail.Shorten(p.Email), until}, err
}

// Signed is a session just begun.
type Signed struct {
	Token   secret.Text
	Session id.Session
	Person  id.Person
	Until   time.Time
}

type signInRow struct {
	ID     id.Session `db:"id"`
	Person id.Person  `db:"person"`
	Code   []byte     `db:"code"`
	Until  int64      `db:"until"`
	Tries  int        `db:"tries"`
}

// Code ends a sign-in with the mailed code and begins a session. A try counts
// before it is compared, and a code that was right is gone, whatever comes after.
func (s *Service) Code(ctx context.Context, token secret.Text, code string, from Origin) (Signed, error) {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return Signed{}, fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, code)
	var who id.Person
	right := false
	err := s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		r, err := place.Row[signInRow](tx, `SELECT id, person, code, until, tries FROM sign_ins WHERE token = ?`, hashOf(token.Reveal()))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Tries >= codeTries || s.now().UnixMilli() >= r.Until {
			_, err := tx.Exec(`DELETE FROM sign_ins WHERE id = ?`, r.ID)
			return err
		}
		mac, err := tx.Blind(place.FieldSignInCode, r.ID.String()+code)
		if err != nil {
			return err
		}
		if right = subtle.ConstantTimeCompare(mac, r.Code) == 1; right {
			who = r.Person
			_, err = tx.Exec(`DELETE FROM sign_ins WHERE id = ?`, r.ID)
			return err
		}
		_, err = tx.Exec(`UPDATE sign_ins SET tries = tries + 1 WHERE id = ?`, r.ID)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	if !right {
		return Signed{}, errCode
	}
	return s.Begin(ctx, who, Proof{Methods: []Method{ByPassword, ByMail}}, from)
}

// Begin makes a session that rests on a proof, for whoever has checked it: this
// package, or one that talks to an identity provider. The person's other
// sessions that have run out go.
func (s *Service) Begin(ctx context.Context, p id.Person, proof Proof, from Origin) (Signed, error) {
	token, hash := newSecret()
	now := s.now().UTC()
	out := Signed{secret.NewText(token), id.At[id.Session](now), p, now.Add(sessionFor)}
	row := sessionRow{
		ID: out.Session, Person: p, StartedAt: now.UnixMilli(), EndsAt: out.Until.UnixMilli(),
		Methods: joinMethods(proof.Methods), Customer: proof.Customer, Provider: proof.Provider,
	}
	if proof.own() && !proof.Has(ByDevice) {
		row.ProvedAt = row.StartedAt
	}
	if !proof.Customer.IsZero() {
		row.VouchedAt = row.StartedAt
	}
	var who Person
	err := s.store.Registry().Change(ctx, actor.ForPerson(p, out.Session, from.address()), func(tx *place.Tx) error {
		var err error
		if who, err = personByID(tx, p); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM sessions WHERE person = ? AND ends_at < ?`, p, now.UnixMilli()); err != nil {
			return err
		}
		if row.Origin, err = tx.Seal(place.FieldSessionFrom, out.Session, packOrigin(from)); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "session.started", Subject: out.Session.String(), Facts: map[string]string{"methods": row.Methods}})
		return storeSession(tx, row, hash)
	})
	if err != nil {
		return Signed{}, err
	}
	s.guesses.forget(strings.ToLower(who.Email) + "\x00" + from.network())
	return out, s.join(ctx, p, out.Session, from)
}

func storeSession(tx *place.Tx, r sessionRow, token []byte) error {
	if _, err := tx.Exec(`INSERT INTO sessions (id, token, person, started_at, ends_at, origin, methods, via_customer, via_provider, proved_at, vouched_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, token, r.Person, r.StartedAt, r.EndsAt, r.Origin, r.Methods, r.Customer, r.Provider, r.ProvedAt, r.VouchedAt); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO session_seen (session, seen_at) VALUES (?, ?)`, r.ID, r.StartedAt)
	return err
}

// packOrigin puts address and browser into one sealed field.
func packOrigin(from Origin) []byte {
	return []byte(from.address() + "\n" + firstRunes(strings.ReplaceAll(from.Agent, "\n", " "), 300))
}

func unpackOrigin(b []byte) (address, agent string) {
	a, g, _ := bytes.Cut(b, []byte("\n"))
	return string(a), string(g)
}
