package identity

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// pending finds a member who was invited and has not come yet; fault.Conflict
// for one who has.
func (s *Service) pending(ctx context.Context, p *place.Place, person id.Person) (m Member, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		m, err = memberByID(tx, person)
		return err
	})
	switch {
	case err != nil:
		return m, err
	case len(m.Roles) == 0:
		return m, fault.New(fault.NotFound, "no such member")
	case m.Joined:
		return m, fault.New(fault.Conflict, "this person has come already; there is no invitation any more")
	}
	return m, nil
}

// Reinvite mails an invitation again. Older links end.
func (s *Service) Reinvite(ctx context.Context, p *place.Place, who actor.Actor, organisation string, person id.Person) error {
	m, err := s.pending(ctx, p, person)
	if err != nil {
		return err
	}
	if wait := s.invites.take(p.Customer().String(), s.now()); wait > 0 {
		return fault.New(fault.Limited, "too many invitations; wait a little").After(wait)
	}
	if err := s.endLinks(ctx, who, person, false); err != nil {
		return err
	}
	return s.welcomeMail(ctx, who, Person{ID: person, Email: m.Email, Name: m.Name}, organisation)
}

// Withdraw takes an invitation back: the roles go, and the link that would set
// a first password, unless another organisation has invited the person too.
func (s *Service) Withdraw(ctx context.Context, p *place.Place, who actor.Actor, person id.Person) error {
	if _, err := s.pending(ctx, p, person); err != nil {
		return err
	}
	if _, err := s.Leave(ctx, p, who, "withdrawn", person); err != nil {
		return err
	}
	return s.endLinks(ctx, who, person, true)
}

// endLinks ends the links that would set a person's first password; with
// unlessNeeded, only of somebody who belongs nowhere.
func (s *Service) endLinks(ctx context.Context, who actor.Actor, person id.Person, unlessNeeded bool) error {
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		elsewhere, err := place.Row[int](tx, `SELECT (SELECT count(*) FROM person_places WHERE person = ?) + (SELECT count(*) FROM node_roles WHERE person = ?)`, person, person)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "invitation.withdrawn", Subject: person.String()})
		if unlessNeeded && elsewhere > 0 {
			return nil
		}
		_, err = tx.Exec(`DELETE FROM invitations WHERE person = ?`, person)
		return err
	})
}
