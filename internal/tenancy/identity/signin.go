package identity

import (
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

// Step is what comes after a right password.
type Step struct {
	Token    secret.Text // for the browser's cookie: a code works only beside it
	Ways     []Method    // what may be shown next, best first; none: Signed is a session
	MailedTo string      // shortened; empty unless a code was mailed
	Until    time.Time
	Signed   Signed // where the browser was remembered
}

// Two refusals, each the same for every cause.
var (
	errSignIn = fault.New(fault.Unauthenticated, "this address and password do not belong together")
	errCode   = fault.New(fault.Unauthenticated, "this code is not right or no longer valid; after five tries or ten minutes, sign in again")
)

// SignIn checks name and password and says what must be shown next; a code is
// mailed only to who has nothing stronger. Whoever has no account learns as
// little, and waits as long, as whoever typed a wrong password.
func (s *Service) SignIn(ctx context.Context, email string, password secret.Text, from Origin) (Step, error) {
	if len(password.Reveal()) > longestPassword {
		return Step{}, errSignIn
	}
	known, err := mail.Address(email)
	if err != nil {
		known = ""
	}
	account := strings.ToLower(known)
	p, hash, err := s.credential(ctx, known)
	if err != nil {
		return Step{}, err
	}
	remembered, err := s.remembered(ctx, from.Browser, p.ID)
	if err != nil {
		return Step{}, err
	}
	if err := s.slow(ctx, account, remembered.Has(ByDevice), from); err != nil {
		return Step{}, err
	}
	ok, err := s.hasher.matchesFor(ctx, s.wrong.used(from.network(), s.now()) >= 3, hash, password.Reveal())
	if err != nil {
		return Step{}, err
	}
	if ok && from.Outer {
		// Their password is not worth guessing here: right and wrong answer alike.
		if ok, err = s.belowOnly(ctx, p.ID); err != nil {
			return Step{}, err
		}
	}
	if !ok || p.ID.IsZero() {
		s.account.take(account, s.now())
		s.wrong.take(from.network(), s.now())
		return Step{}, errSignIn
	}
	if remembered.Has(ByDevice) {
		signed, err := s.Begin(ctx, p.ID, remembered, from)
		return Step{Signed: signed}, err
	}
	return s.second(ctx, p)
}

// slow refuses who guesses too fast from one network, and lets everybody wait a
// little at an account that is being guessed at from many. A remembered browser
// has a bucket of its own: others in its network cannot empty it.
func (s *Service) slow(ctx context.Context, account string, remembered bool, from Origin) error {
	at := s.now()
	if remembered {
		if wait := s.guesses.take(account+"\x00"+string(hashOf(from.Browser.Reveal())), at); wait > 0 {
			return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
		}
		return nil
	}
	wait := max(s.callers.take(from.network(), at), s.guesses.take(account+"\x00"+from.network(), at))
	if wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	return s.pause(ctx, min(longestPause, time.Duration(s.account.used(account, at)*float64(25*time.Millisecond))))
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

// second asks for the second factor.
func (s *Service) second(ctx context.Context, p Person) (Step, error) {
	_, ways, err := s.Ways(ctx, p.ID)
	if err != nil {
		return Step{}, err
	}
	token, hash := newSecret()
	var step Step
	if ways[0] == ByMail {
		step, err = s.mailCode(ctx, p, hash)
	} else {
		step.Until, err = s.await(ctx, p.ID, hash, "")
	}
	step.Token, step.Ways = secret.NewText(token), ways
	return step, err
}

// await keeps that a person's password was right, under the hash of what the
// browser holds, with the code that was mailed, if any.
func (s *Service) await(ctx context.Context, p id.Person, key []byte, code string) (until time.Time, err error) {
	err = s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if _, err := tx.Exec(`DELETE FROM sign_ins WHERE until < ? OR token = ?`, s.now().UnixMilli(), key); err != nil {
			return err
		}
		i := id.At[id.Session](s.now())
		mac := []byte{}
		if code != "" {
			if mac, err = tx.Blind(place.FieldSignInCode, i.String()+code); err != nil {
				return err
			}
		}
		until = s.now().Add(codeFor)
		_, err = tx.Exec(`INSERT INTO sign_ins (id, token, person, code, until, tries) VALUES (?, ?, ?, ?, ?, 0)`,
			i, key, p, mac, until.UnixMilli())
		return err
	})
	return until, err
}

// mailCode mails a code that works only beside what the key is the hash of.
func (s *Service) mailCode(ctx context.Context, p Person, key []byte) (Step, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return Step{}, err
	}
	code := fmt.Sprintf("%08d", n)
	until, err := s.await(ctx, p.ID, key, code)
	if err != nil {
		return Step{}, err
	}
	err = s.send(ctx, p, mail.Letter{
		Subject:    "Your sign-in code: " + code,
		Paragraphs: []string{"This is your code to sign in. It works once, within ten minutes, in the browser in which you typed your password."},
		Code:       code,
		Closing:    []string{"If that was not you, somebody knows your password: change it."},
	})
	return Step{MailedTo: mail.Shorten(p.Email), Until: until}, err
}

// Signed is a session just begun or renewed.
type Signed struct {
	Token   secret.Text
	Session id.Session
	Person  id.Person
	Until   time.Time
	Proof   Proof
}

type signInRow struct {
	ID     id.Session `db:"id"`
	Person id.Person  `db:"person"`
	Code   []byte     `db:"code"`
	Until  int64      `db:"until"`
	Tries  int        `db:"tries"`
}

// try counts a try at what is awaited under a key, before anything is compared.
func (s *Service) try(ctx context.Context, key []byte) (r signInRow, err error) {
	err = s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if r, err = place.Row[signInRow](tx, `SELECT id, person, code, until, tries FROM sign_ins WHERE token = ?`, key); err != nil {
			return err
		}
		if r.Tries >= codeTries || s.now().UnixMilli() >= r.Until {
			r = signInRow{}
			_, err = tx.Exec(`DELETE FROM sign_ins WHERE token = ?`, key)
			return err
		}
		_, err = tx.Exec(`UPDATE sign_ins SET tries = tries + 1 WHERE id = ?`, r.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && r.ID.IsZero() {
		return signInRow{}, errCode
	}
	return r, err
}

// settle ends what was awaited: of two right answers at the same time, one
// begins a session.
func (s *Service) settle(ctx context.Context, r signInRow) error {
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM sign_ins WHERE id = ?`, r.ID)
		if err == nil && n == 0 {
			err = errCode
		}
		return err
	})
}

// mailed checks a mailed code, which is gone when it was right.
func (s *Service) mailed(ctx context.Context, key []byte, code string) (id.Person, error) {
	r, err := s.try(ctx, key)
	if err != nil {
		return id.Person{}, err
	}
	var mac []byte
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		mac, err = tx.Blind(place.FieldSignInCode, r.ID.String()+digits(code))
		return err
	})
	if err != nil {
		return id.Person{}, err
	}
	if subtle.ConstantTimeCompare(mac, r.Code) != 1 {
		return id.Person{}, errCode
	}
	return r.Person, s.settle(ctx, r)
}

// Code ends a sign-in with the mailed code and begins a session. A try counts
// before it is compared, and a code that was right is gone, whatever comes after.
func (s *Service) Code(ctx context.Context, token secret.Text, code string, from Origin) (Signed, error) {
	return s.Second(ctx, token, ByMail, code, from)
}

// Second ends a sign-in with the code of a second factor and begins a session.
func (s *Service) Second(ctx context.Context, token secret.Text, by Method, code string, from Origin) (Signed, error) {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return Signed{}, fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	key := hashOf(token.Reveal())
	var p id.Person
	var err error
	switch by {
	case ByMail:
		p, err = s.mailed(ctx, key, code)
	case ByTOTP, ByRecovery:
		p, err = s.typed(ctx, key, by, code, from)
	default:
		err = fault.Field("method", "want mail, totp or recovery")
	}
	if err != nil {
		return Signed{}, err
	}
	return s.Begin(ctx, p, Proof{Methods: []Method{ByPassword, by}}, from)
}

// typed checks a code of an app or of paper for who has typed a right password.
// Tries are bounded twice: by the sign-in, and by person and network.
func (s *Service) typed(ctx context.Context, key []byte, by Method, code string, from Origin) (id.Person, error) {
	r, err := s.try(ctx, key)
	if err != nil {
		return id.Person{}, err
	}
	if err := s.guess(r.Person, from); err != nil {
		return id.Person{}, err
	}
	if by == ByTOTP {
		err = s.useTOTP(ctx, r.Person, code)
	} else {
		err = s.useRecovery(ctx, actor.ForPerson(r.Person, id.Session{}, from.address()), r.Person, code)
	}
	if fault.Is(err, fault.Invalid) {
		if r.Tries+1 == codeTries {
			s.tellGuessed(ctx, r.Person)
		}
		return id.Person{}, errCode
	}
	if err != nil {
		return id.Person{}, err
	}
	s.guesses.forget(r.Person.String() + "\x00" + from.network())
	return r.Person, s.settle(ctx, r)
}

// tellGuessed tells a person by mail that somebody had their password and no
// second factor. Whose factor is a mailed code has heard of it by that mail.
func (s *Service) tellGuessed(ctx context.Context, person id.Person) {
	if s.resets.take("guessed\x00"+person.String(), s.now()) > 0 {
		return // a mailbox is not filled
	}
	s.tellOf(ctx, person, mail.Letter{
		Subject:    "Somebody has tried to sign in as you",
		Paragraphs: []string{"Your password was typed, and after it wrong codes of your second factor, until the sign-in was refused."},
		Closing:    []string{"If that was not you, somebody knows your password: change it."},
	})
}
