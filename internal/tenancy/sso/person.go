package sso

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/vouch"
)

// plan is what a statement leads to: somebody who is linked, or a newcomer.
type plan struct {
	link  Link // zero for a newcomer
	given Given
}

// decide says whom a statement is about and what it gives, or why it leads
// nowhere. It changes nothing: a test shows what it says.
func decide(tx *place.Tx, one Provider, st vouch.Statement) (pl plan, f *vouch.Failure, err error) {
	pl.given = one.Mapping.Apply(st.Claims)
	pl.link, err = linkOf(tx, one.ID, st)
	switch {
	case err == nil && pl.link.State == Waiting:
		return pl, waiting(pl.link), nil
	case err == nil:
		f, err = ofLinked(tx, one, &pl)
		return pl, f, err
	case !fault.Is(err, fault.NotFound):
		return pl, nil, err
	}
	m, err := identity.MemberByEmail(tx, st.Email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return pl, nil, err
	}
	if err == nil && len(m.Roles) > 0 {
		f, err := unlinked(tx, one, m.Person)
		pl.link = Link{Provider: one.ID, Person: m.Person}
		return pl, f, err
	}
	return pl, ofNewcomer(one, st, pl.given), nil
}

// ofLinked judges somebody whom a link names. Whoever's membership was ended by
// people stays outside until people let them in again; whose roles a mapping
// took comes back when it gives some.
func ofLinked(tx *place.Tx, one Provider, pl *plan) (*vouch.Failure, error) {
	m, err := identity.MemberIn(tx, pl.link.Person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	// Whoever wrote the mapping must not make themselves a superuser by it.
	if one.changedBy == pl.link.Person.String() && !slices.Contains(m.Roles, access.SuperUser) {
		pl.given.Roles = slices.DeleteFunc(pl.given.Roles, func(r access.Role) bool { return r == access.SuperUser })
	}
	switch {
	case len(m.Roles) == 0 && pl.link.State != Dormant:
		return vouch.Fail(vouch.Stranger, "the person is linked, but the membership was ended; invite them again"), nil
	case one.Mapping.Manages() && len(pl.given.Roles) == 0:
		return vouch.Fail(vouch.NoRole, "no rule gives a role for what arrived"), nil
	}
	return nil, nil
}

func unlinked(tx *place.Tx, one Provider, p id.Person) (*vouch.Failure, error) {
	n, err := place.Row[int](tx, `SELECT count(*) FROM sso_links WHERE provider = ? AND person = ? AND state <> 'waiting'`, one.ID, p)
	if err != nil {
		return nil, err
	}
	if n > 0 {
		return vouch.Fail(vouch.Subject, "the provider names this member by another subject than before; confirm that it is the same person"), nil
	}
	return vouch.Fail(vouch.Unlinked, "a member has this address; confirm that it is the same person"), nil
}

func ofNewcomer(one Provider, st vouch.Statement, g Given) *vouch.Failure {
	_, err := mail.Address(st.Email)
	switch {
	case !one.Newcomers:
		return vouch.Fail(vouch.Stranger, "nobody here is linked to this subject, and the provider may bring no newcomers")
	case err != nil:
		return vouch.Fail(vouch.Incomplete, "a newcomer needs an e-mail address, and no claim holds one")
	case len(g.Roles) == 0:
		return vouch.Fail(vouch.NoRole, "no rule gives a role for what arrived")
	}
	return nil
}

// admit finds who a statement is about and gives them what it is worth, in one
// Change of the place.
func (s *Service) admit(ctx context.Context, p *place.Place, one Provider, st vouch.Statement) (who id.Person, err error) {
	var pl plan
	var f *vouch.Failure
	err = p.View(ctx, func(tx *place.Tx) error {
		pl, f, err = decide(tx, one, st)
		return err
	})
	switch {
	case err != nil:
		return who, err
	case f != nil && (f.Cause == vouch.Unlinked || f.Cause == vouch.Subject) && pl.link.ID.IsZero():
		return who, s.ask(ctx, p, one, st, pl.link.Person, f)
	case f != nil && f.Cause == vouch.NoRole && !pl.link.ID.IsZero():
		return pl.link.Person, s.remap(ctx, p, one, st, pl.link.ID)
	case f != nil:
		return who, f
	case pl.link.ID.IsZero():
		return s.welcome(ctx, p, one, st)
	}
	return pl.link.Person, s.remap(ctx, p, one, st, pl.link.ID)
}

// remap reads the mapping anew at every sign-in. Where it gives no role any
// more, the membership ends and so does the sign-in.
func (s *Service) remap(ctx context.Context, p *place.Place, one Provider, st vouch.Statement, i id.Link) error {
	var r identity.Remapped
	var refused *vouch.Failure
	err := p.Change(ctx, vouching(one), func(tx *place.Tx) error {
		pl, f, err := decide(tx, one, st)
		if err != nil {
			return err
		}
		if refused = f; f != nil && f.Cause != vouch.NoRole || pl.link.ID != i {
			return vouch.Fail(vouch.Mismatch, "what is known of the person changed meanwhile; sign in again").Because(f)
		}
		tx.Record(place.Event{Code: "idp.vouched", Subject: pl.link.Person.String(), Facts: map[string]string{"provider": one.ID.String(), "link": i.String()}})
		if _, err := tx.Exec(`INSERT INTO sso_link_seen (link, seen_at) VALUES (?, ?) ON CONFLICT (link) DO UPDATE SET seen_at = excluded.seen_at`, i, s.now().UnixMilli()); err != nil {
			return err
		}
		if !one.Mapping.Manages() {
			return s.extensionsOnly(tx, one, pl)
		}
		if r, err = s.apply(tx, identity.Person{ID: pl.link.Person}, pl.given); err != nil {
			return err
		}
		state := Linked
		if len(r.After.Roles) == 0 {
			state = Dormant
		} else {
			refused = nil // kept, as the last administrator
		}
		return setState(tx, i, state)
	})
	if err != nil {
		return err
	}
	s.people.Granted(ctx, p, r.Before, r.After)
	if refused == nil {
		return nil
	}
	if err := s.people.FinishLeaving(ctx, p); err != nil {
		return err
	}
	return refused
}

func (s *Service) extensionsOnly(tx *place.Tx, one Provider, pl plan) error {
	m, err := identity.MemberIn(tx, pl.link.Person)
	if err != nil || !pl.given.Claimed {
		return err
	}
	_, err = s.people.RemapIn(tx, identity.Person{ID: m.Person, Email: m.Email, Name: m.Name}, m.Roles, &pl.given.Extensions)
	return taken(err)
}

// taken tells an extension that is somebody else's from our own faults.
func taken(err error) error {
	if fault.Is(err, fault.Invalid) {
		return vouch.Fail(vouch.Taken, "the claims give an extension that is not free: %s", textOf(err)).Because(err)
	}
	return err
}

func (s *Service) apply(tx *place.Tx, person identity.Person, g Given) (identity.Remapped, error) {
	var extensions *[]string
	if g.Claimed {
		extensions = &g.Extensions
	}
	r, err := s.people.RemapIn(tx, person, g.Roles, extensions)
	return r, taken(err)
}

// vouching is the actor of what a provider's word changes.
func vouching(one Provider) actor.Actor {
	a := itself
	a.OnBehalf = one.ID.String()
	return a
}

// welcome makes a newcomer a member and links them. An address that belongs to
// somebody who is known elsewhere brings their person here and nothing of
// theirs: the session opens this place alone.
func (s *Service) welcome(ctx context.Context, p *place.Place, one Provider, st vouch.Statement) (who id.Person, err error) {
	email, err := mail.Address(st.Email)
	if err != nil {
		return who, err
	}
	name := firstRunes(st.Name, 100)
	if name == "" {
		name = email
	}
	known, err := s.people.Admit(ctx, p, vouching(one), []identity.Newcomer{{Email: email, Name: name}})
	if err != nil {
		return who, err
	}
	who = known[strings.ToLower(email)]
	var r identity.Remapped
	var asks *vouch.Failure
	err = p.Change(ctx, vouching(one), func(tx *place.Tx) error {
		r, asks, err = s.enrol(tx, one, st, identity.Person{ID: who, Email: email, Name: name})
		if asks != nil {
			return asks
		}
		return err
	})
	if asks != nil {
		return who, s.ask(ctx, p, one, st, who, asks)
	}
	if err == nil {
		s.people.Granted(ctx, p, r.Before, r.After)
	}
	return who, err
}

// enrol gives a newcomer their roles and the link, in one Change; asks is why an
// administrator has to say first who they are.
func (s *Service) enrol(tx *place.Tx, one Provider, st vouch.Statement, person identity.Person) (r identity.Remapped, asks *vouch.Failure, err error) {
	pl, f, err := decide(tx, one, st)
	if err != nil {
		return r, nil, err
	}
	if f != nil || !pl.link.ID.IsZero() {
		return r, nil, vouch.Fail(vouch.Mismatch, "what is known of the person changed meanwhile; sign in again")
	}
	// The person may be known here by another address, or have been linked before.
	m, err := identity.MemberIn(tx, person.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return r, nil, err
	}
	if asks, err = unlinked(tx, one, person.ID); err != nil || len(m.Roles) > 0 || asks.Cause == vouch.Subject {
		return r, asks, err
	}
	if one.changedBy == person.ID.String() {
		pl.given.Roles = slices.DeleteFunc(pl.given.Roles, func(r access.Role) bool { return r == access.SuperUser })
	}
	if r, err = s.apply(tx, person, pl.given); err != nil {
		return r, nil, err
	}
	tx.Record(place.Event{Code: "idp.vouched", Subject: person.ID.String(), Facts: map[string]string{"provider": one.ID.String()}})
	if err := insertLink(tx, one, st, person.ID, Linked, "newcomer"); err != nil {
		return r, nil, err
	}
	l, err := linkOf(tx, one.ID, st)
	if err != nil {
		return r, nil, err
	}
	_, err = tx.Exec(`INSERT INTO sso_link_seen (link, seen_at) VALUES (?, ?)`, l.ID, s.now().UnixMilli())
	return r, nil, err
}

func firstRunes(s string, n int) string {
	out := make([]rune, 0, n)
	for _, r := range s {
		if len(out) == n {
			break
		}
		if r >= ' ' {
			out = append(out, r)
		}
	}
	return string(out)
}
