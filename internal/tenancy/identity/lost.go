package identity

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// ResetFactors takes away what a member signs in with beside the password, for
// one who has lost the app, the passkeys and the recovery codes: the next
// sign-in asks for a mailed code again. An administrator can do it only for
// somebody who belongs to this customer alone, for the factors guard all that
// the person has; and never for themselves, which would make a stolen session
// into a stolen account.
func (s *Service) ResetFactors(ctx context.Context, p *place.Place, who actor.Actor, person id.Person) error {
	var m Member
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		m, err = memberByID(tx, person)
		return err
	})
	if err == nil && len(m.Roles) == 0 {
		err = fault.New(fault.NotFound, "no such member")
	}
	if err != nil {
		return err
	}
	if who.Kind == actor.Person && who.ID == person.String() {
		return fault.New(fault.Conflict, "another administrator has to do this for you")
	}
	if err := s.mayLose(ctx, person, Factors{TOTP: true, Passkeys: mostPasskeys}); err != nil {
		return err
	}
	return s.resetFactors(ctx, who, person, true, func() error {
		return p.Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "factors.reset", Subject: person.String()})
			return nil
		})
	})
}

// ResetFactorsOf is ResetFactors for whoever runs the installation, who can do
// it for everybody: they could as well write the database.
func (s *Service) ResetFactorsOf(ctx context.Context, who actor.Actor, email string) error {
	var p Person
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		p, err = personByEmail(tx, email)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "nobody has the address %s", email)
	}
	if err != nil {
		return err
	}
	return s.resetFactors(ctx, who, p.ID, false, func() error { return nil })
}

// resetFactors records before it acts: a crash in between leaves a line about
// what did not happen, never the reverse.
func (s *Service) resetFactors(ctx context.Context, who actor.Actor, person id.Person, alone bool, record func() error) error {
	var gone []id.Session
	var owner Person
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		elsewhere, err := place.Row[int](tx, `SELECT (SELECT count(*) FROM person_places WHERE person = ?) + (SELECT count(*) FROM node_roles WHERE person = ?)`, person, person)
		if err != nil {
			return err
		}
		if alone && elsewhere > 1 {
			return fault.New(fault.Conflict, "this person works for others too; only whoever runs this server can do it")
		}
		if owner, err = personByID(tx, person); err != nil {
			return err
		}
		if err := record(); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "factors.reset", Subject: person.String()})
		if err := dropFactors(tx, person); err != nil {
			return err
		}
		gone, err = endOthers(tx, person, id.Session{}, "factor")
		return err
	})
	if err != nil {
		return err
	}
	s.ended(gone...)
	s.tell(ctx, owner, mail.Letter{
		Subject:    "Your second factors were reset",
		Paragraphs: []string{"An administrator took away your authenticator app, passkeys and recovery codes, because you had lost them. At the next sign-in a code is mailed to you; then set up a new factor under “Your account”."},
		Closing:    []string{"If you did not ask for that, tell your administrator at once."},
	})
	return nil
}

func dropFactors(tx *place.Tx, p id.Person) error {
	keys, err := place.Rows[id.Factor](tx, `DELETE FROM passkeys WHERE person = ? RETURNING id`, p)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := tx.Exec(`DELETE FROM passkey_used WHERE passkey = ?`, k); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`DELETE FROM totp WHERE person = ?`, p); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM recovery_codes WHERE person = ?`, p); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM sign_ins WHERE person = ?`, p); err != nil {
		return err
	}
	return forgetBrowsers(tx, p)
}
