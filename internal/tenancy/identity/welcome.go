package identity

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

var errInvitation = fault.New(fault.Unauthenticated, "this link was used already or is older than a week; ask for another invitation")

// welcomeMail writes to somebody who was given a role. Whoever has no password
// yet gets a link that sets one, once, within a week.
func (s *Service) welcomeMail(ctx context.Context, who actor.Actor, p Person, organisation string) error {
	token, hash := newSecret()
	fresh := false
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		_, err := storedPassword(tx, p.ID)
		if fresh = fault.Is(err, fault.NotFound); !fresh {
			tx.Record(place.Event{Code: "invitation.mailed", Subject: p.ID.String(), Facts: map[string]string{"link": "no"}})
			return err
		}
		tx.Record(place.Event{Code: "invitation.mailed", Subject: p.ID.String(), Facts: map[string]string{"link": "yes"}})
		_, err = tx.Exec(`INSERT INTO invitations (id, token, person, until) VALUES (?, ?, ?, ?)`,
			id.At[id.Grant](tx.At()), hash, p.ID, s.now().Add(invitationFor).UnixMilli())
		return err
	})
	if err != nil {
		return err
	}
	m := mail.Message{To: p.Email, At: s.now(), Subject: "You have access to " + organisation + " in Ringfence"}
	m.Text = "You were given access to " + organisation + " in Ringfence.\n\nSign in at " + s.base() + "\n"
	if fresh {
		m.Text = "You were given access to " + organisation + " in Ringfence.\n\nChoose your password here, within a week:\n\n    " +
			s.base() + "/welcome#token=" + token + "\n\nThe link works once.\n"
	}
	return s.mail.Send(ctx, m)
}

// Welcome sets the first password with the link of an invitation.
func (s *Service) Welcome(ctx context.Context, token, password secret.Text, from Origin) error {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	var p Person
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		p, err = s.invited(tx, token)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.hasher.checkPassword(ctx, "password", password, p.Email, p.Name); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password.Reveal())
	if err != nil {
		return err
	}
	var gone []id.Session
	err = s.store.Registry().Change(ctx, actor.ForPerson(p.ID, id.Session{}, from.address()), func(tx *place.Tx) error {
		if _, err := s.invited(tx, token); err != nil {
			return err
		}
		// Every link of the person goes: an older mail must not set another password.
		if _, err := tx.Exec(`DELETE FROM invitations WHERE person = ?`, p.ID); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "password.set", Subject: p.ID.String()})
		if gone, err = endOthers(tx, p.ID, id.Session{}); err != nil {
			return err
		}
		return storePassword(tx, p.ID, hash)
	})
	if err == nil {
		s.ended(gone...)
	}
	return err
}

func (s *Service) invited(tx *place.Tx, token secret.Text) (Person, error) {
	type row struct {
		Person id.Person `db:"person"`
		Until  int64     `db:"until"`
	}
	r, err := place.Row[row](tx, `SELECT person, until FROM invitations WHERE token = ?`, hashOf(token.Reveal()))
	if fault.Is(err, fault.NotFound) || err == nil && s.now().UnixMilli() >= r.Until {
		return Person{}, errInvitation
	}
	if err != nil {
		return Person{}, err
	}
	return personByID(tx, r.Person)
}

// ChangePassword takes the present password as proof: a browser left open must
// not be enough. All other sessions of the person end.
func (s *Service) ChangePassword(ctx context.Context, who actor.Actor, p id.Person, current, password secret.Text, from Origin) error {
	if len(current.Reveal()) > longestPassword {
		return fault.Field("current", "this is not your password")
	}
	at := s.now()
	if wait := s.guesses.take(p.String()+"\x00"+from.network(), at); wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	person, hash, err := s.own(ctx, p)
	if err != nil {
		return err
	}
	ok, err := s.hasher.matches(ctx, hash, current.Reveal())
	if err != nil {
		return err
	}
	if !ok {
		return fault.Field("current", "this is not your password")
	}
	if err := s.hasher.checkPassword(ctx, "new", password, person.Email, person.Name); err != nil {
		return err
	}
	if hash, err = s.hasher.hash(ctx, password.Reveal()); err != nil {
		return err
	}
	var gone []id.Session
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "password.changed", Subject: p.String()})
		if gone, err = endOthers(tx, p, who.Session); err != nil {
			return err
		}
		return storePassword(tx, p, hash)
	})
	if err == nil {
		s.ended(gone...)
	}
	return err
}

func (s *Service) own(ctx context.Context, i id.Person) (p Person, hash []byte, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		if p, err = personByID(tx, i); err != nil {
			return err
		}
		hash, err = storedPassword(tx, i)
		return err
	})
	return p, hash, err
}
