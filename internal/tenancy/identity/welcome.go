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
	l := mail.Letter{
		Subject:    "You have access to " + organisation,
		Paragraphs: []string{"You were given access to " + organisation + "."},
		Action:     mail.Action{Label: "Sign in", URL: s.base()},
	}
	if fresh {
		l.Paragraphs = append(l.Paragraphs, "Choose your password within a week. The link works once.")
		l.Action = mail.Action{Label: "Choose a password", URL: s.base() + "/welcome#token=" + token}
	}
	return s.send(ctx, p, l)
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
	return s.newPassword(ctx, p, password, from, "password.set", id.Session{}, func(tx *place.Tx) error {
		_, err := s.invited(tx, token)
		return err
	})
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
// not be enough. All other sessions of the person end, and remembered browsers.
func (s *Service) ChangePassword(ctx context.Context, who actor.Actor, p id.Person, current, password secret.Text, from Origin) error {
	wrong := fault.Field("current", "this is not your password")
	person, err := s.passwordOf(ctx, p, current, from)
	if fault.Is(err, fault.Invalid) {
		return wrong
	}
	if err != nil {
		return err
	}
	err = s.newPassword(ctx, person, password, from, "password.changed", who.Session, func(*place.Tx) error { return nil })
	if err == nil {
		s.tellChanged(ctx, p, "The password was changed", "Every other browser was signed out.")
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
