package identity

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// allowedGrant refuses that somebody gives themselves playback: then the person
// who may listen and the person who decides it would be one, unseen by others.
func allowedGrant(who actor.Actor, before, after Member) error {
	if who.Kind != actor.Person || who.ID != after.Person.String() {
		return nil
	}
	for _, r := range []access.Role{access.SuperUser, access.Supervisor} {
		if slices.Contains(after.Roles, r) && !slices.Contains(before.Roles, r) {
			return fault.Field("roles", "another administrator has to make you a %s", r)
		}
	}
	if slices.Contains(after.Roles, access.Supervisor) && !after.Scope.within(before.Scope) {
		return fault.Field("scope", "another administrator has to change what you may hear")
	}
	return nil
}

// recordGrant writes what changed; playback given or taken has a line of its own.
func recordGrant(tx *place.Tx, code string, before, after Member) {
	subject := after.Person.String()
	tx.Record(place.Event{
		Code: code, Subject: subject,
		Facts:    map[string]string{"roles": joinRoles(after.Roles), "before": joinRoles(before.Roles)},
		Personal: map[string]string{"name": after.Name, "email": after.Email, "extensions": strings.Join(after.Extensions, " "), "scope": after.Scope.String()},
	})
	had, has := slices.Contains(before.Roles, access.SuperUser), slices.Contains(after.Roles, access.SuperUser)
	if has && !had {
		tx.Record(place.Event{Code: "superuser.granted", Subject: subject, Personal: map[string]string{"name": after.Name}})
	}
	if had && !has {
		tx.Record(place.Event{Code: "superuser.withdrawn", Subject: subject, Personal: map[string]string{"name": after.Name}})
	}
}

func joinRoles(roles []access.Role) string {
	var b strings.Builder
	for i, r := range roles {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(r))
	}
	return b.String()
}

// ChangeMember sets roles and extensions, from the next request on. A customer
// keeps at least one administrator: fault.Conflict.
func (s *Service) ChangeMember(ctx context.Context, p *place.Place, who actor.Actor, person id.Person, g Grant) (Member, error) {
	g, err := g.check()
	if err != nil {
		return Member{}, err
	}
	var before, after Member
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if before, err = memberByID(tx, person); err != nil {
			return err
		}
		if len(before.Roles) == 0 {
			return fault.New(fault.NotFound, "no such member")
		}
		after = g.onto(before)
		if err := allowedGrant(who, before, after); err != nil {
			return err
		}
		recordGrant(tx, "member.changed", before, after)
		tx.Notify("members")
		if err := s.storeGranted(tx, after, g); err != nil {
			return err
		}
		return oneAdministrator(tx)
	})
	if err != nil {
		return Member{}, err
	}
	if slices.Contains(after.Roles, access.SuperUser) && !slices.Contains(before.Roles, access.SuperUser) {
		s.tellAdministrators(ctx, p, after)
	}
	return after, nil
}

// RemoveMember takes all roles away. The name stays for the journal's readers.
func (s *Service) RemoveMember(ctx context.Context, p *place.Place, who actor.Actor, person id.Person) error {
	_, err := s.Leave(ctx, p, who, "removed", person)
	return err
}

func oneAdministrator(tx *place.Tx) error {
	n, err := place.Row[int](tx, `SELECT count(*) FROM members WHERE ' ' || roles || ' ' LIKE '% customer_admin %'`)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "a customer keeps at least one administrator")
	}
	if err != nil {
		return err
	}
	return wayBack(tx)
}

// join marks the person's memberships as used, at the first sign-in after each
// was given.
func (s *Service) join(ctx context.Context, p id.Person, session id.Session, from Origin) error {
	customers, err := s.Places(ctx, p)
	if err != nil {
		return err
	}
	for _, c := range customers {
		if err := s.joinOne(ctx, c, p, session, from); err != nil {
			// A place that is closed must not keep the person out of the others.
			s.log.LogAttrs(ctx, slog.LevelWarn, "membership not marked as used", slog.String("customer", c.String()), slog.String("error", err.Error()))
		}
	}
	return nil
}

func (s *Service) joinOne(ctx context.Context, c id.Customer, person id.Person, session id.Session, from Origin) error {
	p, err := s.store.Place(ctx, c)
	if err != nil {
		return err
	}
	var m Member
	err = p.View(ctx, func(tx *place.Tx) error {
		m, err = memberByID(tx, person)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && (m.Joined || len(m.Roles) == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.Change(ctx, actor.ForPerson(person, session, from.address()), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "member.joined", Subject: person.String()})
		tx.Notify("members")
		_, err := tx.Exec(`UPDATE members SET joined = 1 WHERE person = ?`, person)
		return err
	})
}

// tellAdministrators mails that somebody may listen to everything now. The
// grant stands whether or not the mail goes out: the journal has it.
func (s *Service) tellAdministrators(ctx context.Context, p *place.Place, m Member) {
	members, err := s.Members(ctx, p)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "administrators not told", slog.String("error", err.Error()))
		return
	}
	for _, a := range members {
		if !slices.Contains(a.Roles, access.CustomerAdmin) {
			continue
		}
		err := s.sendAs(ctx, p.Customer(), a.Email, mail.Letter{
			Subject:    "Somebody may now listen to all recordings",
			Paragraphs: []string{m.Name + " was made a superuser and may now listen to all recordings of your organisation.", "The change log says who did it."},
		})
		if err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "an administrator was not told", slog.String("error", err.Error()))
		}
	}
}
