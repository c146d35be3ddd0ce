package identity

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// What package sso, which knows customers' identity providers, needs of members.

// Knock counts one try of a stranger to begin something; fault.Limited for who
// knocks too often.
func (s *Service) Knock(from Origin) error {
	if wait := s.callers.take(from.network(), s.now()); wait > 0 {
		return fault.New(fault.Limited, "too many tries; wait a little").After(wait)
	}
	return nil
}

// MemberIn reads a member within a transaction of the place; one whose
// membership has ended has no roles.
func MemberIn(tx *place.Tx, p id.Person) (Member, error) { return memberByID(tx, p) }

// MemberByEmail finds a member by the address under which the customer knows
// them, or is fault.NotFound. An address proves nothing: whoever asks must not
// take the answer for the person who asks.
func MemberByEmail(tx *place.Tx, email string) (Member, error) {
	email, err := mail.Address(email)
	if err != nil {
		return Member{}, fault.New(fault.NotFound, "no such member")
	}
	blind, err := blindEmail(tx, place.FieldMemberEmail, email)
	if err != nil {
		return Member{}, err
	}
	r, err := place.Row[memberRow](tx, memberColumns+` WHERE email_blind = ?`, blind)
	if err != nil {
		return Member{}, err
	}
	return r.open(tx)
}

// PolicyIn is the customer's sign-in policy within a transaction of the place.
func PolicyIn(tx *place.Tx) (Policy, error) { return storedPolicy(tx) }

// Remapped is what a mapping made of a member.
type Remapped struct {
	Before, After Member
	Kept          bool // stays administrator, though the mapping does not say so: somebody must be
}

// RemapIn gives a member what an identity provider's claims say, within a Change
// of the place; extensions only where extensions is not nil. Whoever is the last
// administrator, or the way back of a customer that is entered through its
// provider alone, stays administrator: a slip in a mapping must not close the
// door for ever. No roles end the membership; then the caller runs FinishLeaving
// after the commit. It records nothing where nothing changes. An extension that
// is somebody else's is fault.Invalid, as when it is given by hand.
func (s *Service) RemapIn(tx *place.Tx, person Person, roles []access.Role, extensions *[]string) (r Remapped, err error) {
	r.Before, err = memberByID(tx, person.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return r, err
	}
	if slices.Contains(r.Before.Roles, access.CustomerAdmin) && !slices.Contains(roles, access.CustomerAdmin) {
		if r.Kept, err = needed(tx, person.ID); err != nil {
			return r, err
		}
		if r.Kept {
			roles = append(slices.Clone(roles), access.CustomerAdmin)
		}
	}
	switch {
	case len(roles) == 0 && len(r.Before.Roles) == 0:
		r.After = r.Before
		return r, nil
	case len(roles) == 0:
		r.After = r.Before
		r.After.Roles, r.After.Extensions = nil, nil
		_, err = EndIn(tx, "mapping", person.ID)
		return r, err
	}
	if person.Name == "" {
		person.Name = r.Before.Name
	}
	if _, r.After, err = s.SetIn(tx, person, roles); err != nil || extensions == nil || slices.Equal(*extensions, r.After.Extensions) {
		return r, err
	}
	was := r.After
	r.After.Extensions = *extensions
	recordGrant(tx, "member.changed", was, r.After)
	tx.Notify("members")
	return r, s.directory.Set(tx, r.After.Person, r.After.Name, r.After.Email, append([]string{}, *extensions...))
}

// needed reports whether somebody has to stay administrator.
func needed(tx *place.Tx, p id.Person) (bool, error) {
	others, err := place.Row[int](tx, `SELECT count(*) FROM members WHERE ' ' || roles || ' ' LIKE '% customer_admin %' AND person <> ?`, p)
	if err != nil || others == 0 {
		return true, err
	}
	pol, err := storedPolicy(tx)
	return pol.SSOOnly && slices.Contains(pol.Recovery, p), err
}

// EndVouched ends the sessions that one provider of a customer vouched for.
func (s *Service) EndVouched(ctx context.Context, who actor.Actor, c id.Customer, provider string) error {
	var gone []id.Session
	err := s.store.Registry().Change(ctx, who, func(tx *place.Tx) (err error) {
		tx.Record(place.Event{Code: "sessions.ended", Subject: provider, Facts: map[string]string{"customer": c.String(), "cause": "provider"}})
		if gone, err = place.Rows[id.Session](tx, `DELETE FROM sessions WHERE via_customer = ? AND via_provider = ? RETURNING id`, c, provider); err != nil {
			return err
		}
		for _, i := range gone {
			if _, err := tx.Exec(`DELETE FROM session_seen WHERE session = ?`, i); err != nil {
				return err
			}
			tx.Record(place.Event{Code: "session.ended", Subject: i.String(), Facts: map[string]string{"cause": "provider"}})
		}
		return nil
	})
	if err == nil {
		s.ended(gone...)
	}
	return err
}
