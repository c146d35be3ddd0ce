package identity

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// resetFor is how long a link that sets a new password works.
const resetFor = 30 * time.Minute

var errReset = fault.New(fault.Unauthenticated, "this link was used already or is older than half an hour; ask for another one")

// Forgotten mails a link to set a new password, if there is somebody with this
// address. The answer is the same, and as quick, if there is nobody: the work is
// done behind it.
func (s *Service) Forgotten(_ context.Context, email string, from Origin) error {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	address, err := mail.Address(email)
	if err != nil {
		return nil
	}
	s.behind("a link for a forgotten password", func(ctx context.Context) error {
		if s.resets.take(strings.ToLower(address), s.now()) > 0 {
			return nil // nobody's mailbox is filled by a stranger
		}
		return s.mailReset(ctx, address, from)
	})
	return nil
}

func (s *Service) mailReset(ctx context.Context, address string, from Origin) error {
	var p Person
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		p, err = personByEmail(tx, address)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	token, hash := newSecret()
	err = s.store.Registry().Change(ctx, actor.ForPerson(p.ID, id.Session{}, from.address()), func(tx *place.Tx) error {
		now := s.now()
		if _, err := tx.Exec(`DELETE FROM password_resets WHERE person = ? OR until < ?`, p.ID, now.UnixMilli()); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "password.forgotten", Subject: p.ID.String()})
		_, err := tx.Exec(`INSERT INTO password_resets (id, token, person, until) VALUES (?, ?, ?, ?)`,
			id.At[id.Grant](now), hash, p.ID, now.Add(resetFor).UnixMilli())
		return err
	})
	if err != nil {
		return err
	}
	return s.send(ctx, p, mail.Letter{
		Subject:    "Set a new password",
		Paragraphs: []string{"Somebody, probably you, has forgotten the password of your account. The link below sets a new one. It works once, within half an hour, and signs out every browser; your second factor is asked for as before."},
		Action:     mail.Action{Label: "Set a new password", URL: s.base() + "/reset#token=" + token},
		Closing:    []string{"If that was not you, do nothing: your password stays as it is."},
	})
}

// ResetPassword sets a new password with the link. All sessions and remembered
// browsers end; nobody is signed in by it, so the second factor is asked for.
func (s *Service) ResetPassword(ctx context.Context, token, password secret.Text, from Origin) error {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	var p Person
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		p, err = s.resetting(tx, token)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.newPassword(ctx, p, password, from, "password.reset", id.Session{}, func(tx *place.Tx) error {
		_, err := s.resetting(tx, token)
		return err
	}); err != nil {
		return err
	}
	s.tell(ctx, p, mail.Letter{
		Subject:    "Your password was changed",
		Paragraphs: []string{"A new password was set for your account with a mailed link. Every browser was signed out."},
		Closing:    []string{"If that was not you, somebody reads your mail: tell your administrator at once."},
	})
	return nil
}

func (s *Service) resetting(tx *place.Tx, token secret.Text) (Person, error) {
	type row struct {
		Person id.Person `db:"person"`
		Until  int64     `db:"until"`
	}
	r, err := place.Row[row](tx, `SELECT person, until FROM password_resets WHERE token = ?`, hashOf(token.Reveal()))
	if fault.Is(err, fault.NotFound) || err == nil && s.now().UnixMilli() >= r.Until {
		return Person{}, errReset
	}
	if err != nil {
		return Person{}, err
	}
	return personByID(tx, r.Person)
}

// newPassword checks and stores a password. With it go every link that could
// set another one, remembered browsers, and sessions but the one that is kept.
func (s *Service) newPassword(ctx context.Context, p Person, password secret.Text, from Origin, code string, keep id.Session, still func(*place.Tx) error) error {
	words, err := s.words(ctx, p)
	if err != nil {
		return err
	}
	field := "password"
	if !keep.IsZero() {
		field = "new"
	}
	if err := s.checkPassword(ctx, field, password, words...); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password.Reveal())
	if err != nil {
		return err
	}
	var gone []id.Session
	err = s.store.Registry().Change(ctx, actor.ForPerson(p.ID, keep, from.address()), func(tx *place.Tx) (err error) {
		if err := still(tx); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM invitations WHERE person = ?`, p.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM password_resets WHERE person = ?`, p.ID); err != nil {
			return err
		}
		tx.Record(place.Event{Code: code, Subject: p.ID.String()})
		if err := forgetBrowsers(tx, p.ID); err != nil {
			return err
		}
		if gone, err = endOthers(tx, p.ID, keep, "password"); err != nil {
			return err
		}
		return storePassword(tx, p.ID, hash)
	})
	if err == nil {
		s.ended(gone...)
	}
	return err
}

// behind does something after the answer was given, so that its time tells
// nothing. What does not fit is dropped and logged: the asker asks again.
func (s *Service) behind(what string, do func(context.Context) error) {
	select {
	case s.later <- struct{}{}:
	default:
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "too much to do behind answers; dropped", slog.String("what", what))
		return
	}
	s.background.Go(func() {
		defer func() { <-s.later }()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := do(ctx); err != nil {
			s.log.LogAttrs(ctx, slog.LevelError, "failed behind an answer", slog.String("what", what), slog.String("error", err.Error()))
		}
	})
}

// Stop waits for what is done behind answers. Twice is fine.
func (s *Service) Stop() { s.background.Wait() }

// send writes to a person, in the colours of the one customer they belong to, or
// of the installation.
func (s *Service) send(ctx context.Context, p Person, l mail.Letter) error {
	var at id.Node
	if s.o.Brand != nil && !p.ID.IsZero() {
		if customers, err := s.Places(ctx, p.ID); err == nil && len(customers) == 1 {
			at = customers[0]
		}
	}
	return s.sendAs(ctx, at, p.Email, l)
}

// sendAs writes in the colours of a node.
func (s *Service) sendAs(ctx context.Context, at id.Node, to string, l mail.Letter) error {
	brand := mail.Plain()
	if s.o.Brand != nil {
		brand = s.o.Brand(ctx, at)
	}
	return s.mail.Send(ctx, l.Message(brand, to, s.now()))
}

// tell is send for what must not undo what has been done.
func (s *Service) tell(ctx context.Context, p Person, l mail.Letter) {
	if err := s.send(ctx, p, l); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a person was not told", slog.String("about", l.Subject), slog.String("error", err.Error()))
	}
}

// tellOf is tell for somebody of whom only the id is at hand.
func (s *Service) tellOf(ctx context.Context, person id.Person, l mail.Letter) {
	p, err := s.Person(ctx, person)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a person was not told", slog.String("about", l.Subject), slog.String("error", err.Error()))
		return
	}
	s.tell(ctx, p, l)
}
