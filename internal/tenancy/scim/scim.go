// Package scim lets a customer's identity provider say who is in and who is out:
// SCIM 2.0 (RFC 7643, RFC 7644), users and groups, as Entra ID and Okta speak it.
//
//	identity provider ──▶ User ─┬─ active? ──no──▶ membership ends, in this Change
//	                            └─ groups, roles ─▶ mapping ─▶ roles ─▶ membership
//
// A pushed user is a record of its own; it becomes a member of the customer as
// soon as the mapping, which an administrator sets here, gives it a role. What
// the identity provider gave, it may take away; roles that an administrator
// added by hand stay until the user is switched off, which ends everything.
//
// Limits: persons are found by their address, and only an administrator of
// Ringfence decides which groups are worth which roles. An identity provider
// cannot change the address with which somebody signs in elsewhere: a customer's
// directory must not reach into another customer. What is pushed and not needed
// (telephone numbers, photographs, passwords) is not kept.
package scim

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// Options is what the service is built on.
type Options struct {
	Store  *place.Store
	People *identity.Service
	Mail   mail.Sender
	Name   func(ctx context.Context, c id.Customer) string  // what the customer is called, for mails; nil: nothing
	Brand  func(ctx context.Context, at id.Node) mail.Brand // nil: mail.Plain
	Now    func() time.Time                                 // nil: time.Now
	Log    *slog.Logger                                     // nil: silent
}

// Service is the identity providers' side of a customer's members.
type Service struct {
	store  *place.Store
	people *identity.Service
	mail   mail.Sender
	name   func(ctx context.Context, c id.Customer) string
	brand  func(ctx context.Context, at id.Node) mail.Brand
	now    func() time.Time
	log    *slog.Logger
}

// New makes the service; the store must have been opened with Migrations.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Name == nil {
		o.Name = func(context.Context, id.Customer) string { return "your organisation" }
	}
	if o.Brand == nil {
		o.Brand = func(context.Context, id.Node) mail.Brand { return mail.Plain() }
	}
	return &Service{o.Store, o.People, o.Mail, o.Name, o.Brand, o.Now, o.Log}
}

// turn is one request at work, within one Change of the place.
type turn struct {
	tx       *place.Tx
	people   *identity.Service
	base     string // address of the resources, for meta.location
	settings Settings
	known    map[string]id.Person // by address in lower case
	missing  []identity.Newcomer  // addresses that the registry must be asked about first

	granted [][2]identity.Member // before and after
	invited []identity.Person
	ended   bool
	refused id.ScimUser // whose membership could not end
}

var errMissing = errors.New("the registry must be asked first")

// do runs fn in one Change. Where it meets addresses that it does not know, the
// whole is undone, the registry is asked, and fn is run again: so it is all or
// nothing, and a request that is refused adds nobody to the registry.
func (s *Service) do(ctx context.Context, p *place.Place, who actor.Actor, base string, fn func(*turn) error) error {
	known := map[string]id.Person{}
	for range 3 {
		t := &turn{people: s.people, base: base, known: known}
		err := p.Change(ctx, who, func(tx *place.Tx) (err error) {
			t.tx = tx
			if t.settings, err = readSettings(tx); err != nil {
				return err
			}
			if err := fn(t); err != nil {
				return err
			}
			if len(t.missing) > 0 {
				return errMissing
			}
			return nil
		})
		switch {
		case errors.Is(err, errMissing):
			if known, err = s.people.Admit(ctx, p, who, t.missing); err != nil {
				return err
			}
			continue
		case err != nil:
			if !t.refused.IsZero() {
				s.tellRefused(ctx, p, who, t.refused)
			}
			return err
		}
		s.follow(ctx, p, who, t)
		return nil
	}
	return errMissing
}

// follow does what comes after the Change. The Change stands whether or not it
// succeeds: what is left of an ended membership is an intent, and mails are
// notices.
func (s *Service) follow(ctx context.Context, p *place.Place, who actor.Actor, t *turn) {
	if t.ended {
		if err := s.people.FinishLeaving(ctx, p); err != nil {
			s.log.LogAttrs(ctx, slog.LevelError, "an ended membership is still to be tidied up", slog.String("customer", p.Customer().String()), slog.String("cause", err.Error()))
		}
	}
	for _, g := range t.granted {
		s.people.Granted(ctx, p, g[0], g[1])
	}
	for _, n := range t.invited {
		if err := s.people.WelcomeMember(ctx, who, n, s.name(ctx, p.Customer())); err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "an invitation was not mailed", slog.String("person", n.ID.String()), slog.String("cause", err.Error()))
		}
	}
}

// person gives the id for an address. One that is not known yet stands for
// itself until the whole is run again.
func (t *turn) person(email, name string) id.Person {
	if p, ok := t.known[strings.ToLower(email)]; ok {
		return p
	}
	t.missing = append(t.missing, identity.Newcomer{Email: email, Name: name})
	return id.New[id.Person]()
}

// sync makes the membership what the user's state, groups and roles say. What
// was given before and is not given any more goes; what an administrator added
// by hand stays while the user is active.
func (t *turn) sync(u *user) error {
	held, err := identity.HeldRoles(t.tx, u.person)
	if err != nil {
		return err
	}
	var given, roles []access.Role
	if u.active() {
		if given, err = t.mapped(u); err != nil {
			return err
		}
		for _, r := range held {
			if !slices.Contains(u.given, r) {
				roles = append(roles, r)
			}
		}
		roles = append(roles, given...)
		slices.Sort(roles)
		roles = slices.Compact(roles)
	}
	switch {
	case len(roles) == 0 && len(held) > 0:
		if _, err := identity.EndIn(t.tx, "pushed", u.person); err != nil {
			return t.lastAdministrator(u, err)
		}
		t.ended = true
	case len(roles) > 0:
		before, after, err := t.people.SetIn(t.tx, identity.Person{ID: u.person, Email: u.email(), Name: u.name()}, roles)
		if err != nil {
			return t.lastAdministrator(u, err)
		}
		t.granted = append(t.granted, [2]identity.Member{before, after})
		if t.settings.Invite && len(before.Roles) == 0 {
			t.invited = append(t.invited, identity.Person{ID: u.person, Email: u.email(), Name: u.name()})
		}
	}
	u.given = given
	_, err = t.tx.Exec(`UPDATE scim_users SET given = ? WHERE id = ?`, joinRoles(given), u.id)
	return err
}

// lastAdministrator turns the refusal into one that says what to do.
func (t *turn) lastAdministrator(u *user, err error) error {
	if ErrorOf(err).Status != 409 {
		return err
	}
	t.refused = u.id
	return refuse(409, "mutability", "this user is the last administrator of the organisation in Ringfence and keeps the role: make somebody else an administrator first, then send this again")
}

// mapped is the roles that the mapping gives for the user's groups and roles.
func (t *turn) mapped(u *user) ([]access.Role, error) {
	groups, err := place.Rows[id.ScimGroup](t.tx, `SELECT grp FROM scim_members WHERE usr = ?`, u.id)
	if err != nil {
		return nil, err
	}
	var out []access.Role
	for _, m := range t.settings.Mapping {
		for _, g := range groups {
			if m.Group == g {
				out = append(out, m.Role)
			}
		}
		if m.Group.IsZero() && slices.Contains(u.roleValues(), m.Value) {
			out = append(out, m.Role)
		}
	}
	if len(out) == 0 && t.settings.DefaultRole != "" {
		out = append(out, t.settings.DefaultRole)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// tellEvery is how often administrators are told again of the same refusal:
// identity providers try again every few minutes, for weeks.
const tellEvery = 24 * time.Hour

// tellRefused writes down, and tells the administrators, that the last of them
// was to be taken out.
func (s *Service) tellRefused(ctx context.Context, p *place.Place, who actor.Actor, u id.ScimUser) {
	var person id.Person
	var told int64
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[userRow](tx, userColumns+` WHERE id = ?`, u)
		if err != nil {
			return err
		}
		person, told = r.Person, r.RefusedAt
		tx.Record(place.Event{Code: "provisioning.refused", Subject: r.Person.String(), Facts: map[string]string{"cause": "last administrator"}})
		if s.now().UnixMilli()-told < tellEvery.Milliseconds() {
			return nil
		}
		_, err = tx.Exec(`UPDATE scim_users SET refused_at = ? WHERE id = ?`, s.now().UnixMilli(), u)
		return err
	})
	if err == nil && s.now().UnixMilli()-told >= tellEvery.Milliseconds() {
		err = s.tellAdministrators(ctx, p, person)
	}
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "administrators were not told of a refusal", slog.String("cause", err.Error()))
	}
}

func (s *Service) tellAdministrators(ctx context.Context, p *place.Place, about id.Person) error {
	members, err := s.people.Members(ctx, p)
	if err != nil {
		return err
	}
	name := "Somebody"
	for _, m := range members {
		if m.Person == about {
			name = m.Name
		}
	}
	var errs []error
	for _, m := range members {
		if !slices.Contains(m.Roles, access.CustomerAdmin) {
			continue
		}
		errs = append(errs, s.mail.Send(ctx, mail.Letter{
			Subject: "Your identity provider wanted to take out the last administrator",
			Paragraphs: []string{
				name + " is the last administrator of " + s.name(ctx, p.Customer()) + " in Ringfence, and your identity provider asked to end this access or to take the role away.",
				"Nothing was changed, so that somebody can still decide here. Make another person an administrator; your identity provider will then succeed when it tries again.",
			},
		}.Message(s.brand(ctx, p.Customer()), m.Email, s.now())))
	}
	return errors.Join(errs...)
}

func joinRoles(roles []access.Role) string {
	var words []string
	for _, r := range roles {
		words = append(words, string(r))
	}
	return strings.Join(words, " ")
}

func splitRoles(s string) (roles []access.Role) {
	for _, w := range strings.Fields(s) {
		roles = append(roles, access.Role(w))
	}
	return roles
}
