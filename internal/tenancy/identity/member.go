package identity

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
)

// Member is a person with roles at one customer, under the name that this
// customer gave. What other customers call the person is not told here.
type Member struct {
	Person     id.Person
	Name       string
	Email      string
	Roles      []access.Role
	Extensions []string // theirs now, by the directory
	Scope      Scope    // for supervisors; its age for agents and users too
	Joined     bool     // has signed in since becoming a member
	Since      time.Time

	old  []string // extensions that the row itself holds: from before there was a directory
	part reach    // what the roles reach; read where a role reaches a part only
}

// Scope is what a supervisor sees and hears: everything, or recordings of any of
// these queues, teams and extensions.
type Scope struct {
	All        bool          `json:"all,omitempty"`
	Queues     []string      `json:"queues,omitempty"`
	Teams      []string      `json:"teams,omitempty"`
	Extensions []string      `json:"extensions,omitempty"` // whoever had them
	MaxAge     time.Duration `json:"max_age,omitempty"`    // zero: any age
}

// card is what of a member is personal: one sealed field.
type card struct {
	Name       string   `json:"name"`
	Email      string   `json:"email"`
	Extensions []string `json:"extensions,omitempty"` // until they are adopted by the directory
	Scope      *Scope   `json:"scope,omitempty"`
}

type memberRow struct {
	Person id.Person `db:"person"`
	Card   []byte    `db:"card"`
	Roles  string    `db:"roles"`
	Joined bool      `db:"joined"`
	Since  int64     `db:"since"`
}

const memberColumns = `SELECT person, card, roles, joined, since FROM members`

// open reads a member with what the roles reach: the basis of every decision.
func (r memberRow) open(tx *place.Tx) (Member, error) {
	m, err := r.card(tx)
	if err != nil {
		return m, err
	}
	m.part, err = reachOf(tx, m)
	return m, err
}

// card reads what the row itself says.
func (r memberRow) card(tx *place.Tx) (Member, error) {
	m := Member{Person: r.Person, Joined: r.Joined, Since: time.UnixMilli(r.Since).UTC()}
	for _, role := range strings.Fields(r.Roles) {
		m.Roles = append(m.Roles, access.Role(role))
	}
	plain, err := tx.Unseal(place.FieldMember, r.Person, r.Card)
	if err != nil {
		return m, err
	}
	var c card
	if err := json.Unmarshal(plain, &c); err != nil {
		return m, err
	}
	m.Name, m.Email, m.Extensions, m.old = c.Name, c.Email, c.Extensions, c.Extensions
	if c.Scope != nil {
		m.Scope = *c.Scope
	}
	return m, nil
}

// memberByID finds a member, a removed one too: those have no roles.
func memberByID(tx *place.Tx, p id.Person) (Member, error) {
	r, err := place.Row[memberRow](tx, memberColumns+` WHERE person = ?`, p)
	if err != nil {
		return Member{}, err
	}
	m, err := r.open(tx)
	if err != nil {
		return m, err
	}
	now, err := directory.Current(tx, p)
	m.Extensions = union(m.old, now[p])
	return m, err
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// storeMember writes the row. Assignments of the directory that wait for the
// address become the member's; what is theirs now ends with the last role.
func storeMember(tx *place.Tx, m Member) error {
	if len(m.Roles) == 0 {
		for _, x := range m.old {
			if err := directory.Had(tx, directory.Assignment{Extension: x, Person: m.Person, Name: m.Name, Email: m.Email}); err != nil {
				return err
			}
		}
		m.old = nil
		if err := directory.Release(tx, m.Person); err != nil {
			return err
		}
	} else if err := directory.Bind(tx, m.Person, m.Email); err != nil {
		return err
	}
	c := card{Name: m.Name, Email: m.Email, Extensions: m.old}
	if !m.Scope.empty() {
		c.Scope = &m.Scope
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldMember, m.Person, plain)
	if err != nil {
		return err
	}
	blind, err := blindEmail(tx, place.FieldMemberEmail, m.Email)
	if err != nil {
		return err
	}
	var roles []string
	for _, r := range m.Roles {
		roles = append(roles, string(r))
	}
	_, err = tx.Exec(`INSERT INTO members (person, email_blind, card, roles, joined, since) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (person) DO UPDATE SET card = excluded.card, roles = excluded.roles, joined = excluded.joined`,
		m.Person, blind, sealed, strings.Join(roles, " "), m.Joined, tx.At().UnixMilli())
	return err
}

// Members lists who has a role at a customer, in the order they came.
func (s *Service) Members(ctx context.Context, p *place.Place) (list []Member, err error) {
	all, err := s.everMembers(ctx, p)
	for _, m := range all {
		if len(m.Roles) > 0 {
			list = append(list, m)
		}
	}
	return list, err
}

// Names gives the name of each person who is or was a member, for the journal.
func (s *Service) Names(ctx context.Context, p *place.Place) (map[string]string, error) {
	all, err := s.everMembers(ctx, p)
	names := map[string]string{}
	for _, m := range all {
		names[m.Person.String()] = m.Name
	}
	return names, err
}

func (s *Service) everMembers(ctx context.Context, p *place.Place) (list []Member, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[memberRow](tx, memberColumns+` ORDER BY since, person`)
		if err != nil {
			return err
		}
		now, err := directory.Current(tx, id.Person{})
		if err != nil {
			return err
		}
		for _, r := range rows {
			m, err := r.card(tx)
			if err != nil {
				return err
			}
			m.Extensions = union(m.old, now[m.Person])
			list = append(list, m)
		}
		return nil
	})
	return list, err
}

// Grant is what a member is given.
type Grant struct {
	Roles      []access.Role
	Extensions []string // theirs from now on; nil: as they are
	Scope      *Scope   // nil: as it is
}

func (g Grant) check() (Grant, error) {
	slices.Sort(g.Roles)
	g.Roles = slices.Compact(g.Roles)
	if len(g.Roles) == 0 {
		return g, fault.Field("roles", "choose at least one role")
	}
	for _, r := range g.Roles {
		if !slices.Contains(access.RolesAt("customer"), r) {
			return g, fault.Field("roles", "want customer_admin, superuser, supervisor, agent, auditor or user")
		}
	}
	if g.Scope != nil {
		sc, err := g.Scope.check()
		if err != nil {
			return g, err
		}
		g.Scope = &sc
	}
	if g.Extensions == nil {
		return g, nil
	}
	clean := []string{}
	for _, e := range g.Extensions {
		if e = strings.TrimSpace(e); e == "" || len(e) > 40 {
			return g, fault.Field("extensions", "an extension has 1 to 40 characters")
		}
		clean = append(clean, e)
	}
	slices.Sort(clean)
	g.Extensions = slices.Compact(clean)
	return g, nil
}

// AddMember gives a known person roles without any mail, for whoever sets up an
// installation. The registry's hint comes first: a crash between the two leaves
// a hint to nothing, never a membership that nobody can find.
func (s *Service) AddMember(ctx context.Context, p *place.Place, who actor.Actor, person id.Person, g Grant) (Member, error) {
	known, err := s.Person(ctx, person)
	if err != nil {
		return Member{}, err
	}
	if err := s.hint(ctx, p, who, known, known.Name); err != nil {
		return Member{}, err
	}
	return s.storeGrant(ctx, p, who, Member{Person: person, Name: known.Name, Email: known.Email, Joined: true}, g)
}

// Invite finds or adds the person with an address, gives roles, and mails. For
// somebody who was invited and has not come yet it mails again.
func (s *Service) Invite(ctx context.Context, p *place.Place, who actor.Actor, organisation, email, name string, g Grant) (Member, error) {
	email, err := mail.Address(email)
	if err != nil {
		return Member{}, err
	}
	if name, err = checkName(name); err != nil {
		return Member{}, err
	}
	if g, err = g.check(); err != nil {
		return Member{}, err
	}
	if wait := s.invites.take(p.Customer().String(), s.now()); wait > 0 {
		return Member{}, fault.New(fault.Limited, "too many invitations; wait a little").After(wait)
	}
	known := Person{Email: email}
	if err := s.hintNew(ctx, p, who, &known, name); err != nil {
		return Member{}, err
	}
	m, err := s.storeGrant(ctx, p, who, Member{Person: known.ID, Name: name, Email: email}, g)
	if err != nil {
		return m, err
	}
	return m, s.welcomeMail(ctx, who, known, organisation)
}

// InviteFirst invites a customer's first administrator, as those above in the
// tree may. It is fault.Conflict as soon as anybody there has signed in: from
// then on the customer alone decides who is in.
func (s *Service) InviteFirst(ctx context.Context, p *place.Place, who actor.Actor, organisation, email, name string) error {
	members, err := s.everMembers(ctx, p)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Joined || len(m.Roles) == 0 {
			return fault.New(fault.Conflict, "this customer has an administrator already, who decides who else is in")
		}
	}
	_, err = s.Invite(ctx, p, who, organisation, email, name, Grant{Roles: []access.Role{access.CustomerAdmin}})
	return err
}

// hint tells the registry that a person may be a member of a customer.
func (s *Service) hint(ctx context.Context, p *place.Place, who actor.Actor, known Person, name string) error {
	return s.hintNew(ctx, p, who, &known, name)
}

func (s *Service) hintNew(ctx context.Context, p *place.Place, who actor.Actor, known *Person, name string) error {
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if err := tx.There(p.Customer()); err != nil {
			return err
		}
		found, added, err := ensure(tx, known.Email, name)
		if err != nil {
			return err
		}
		*known = found
		code := "person.placed"
		if added {
			code = "person.added"
		}
		tx.Record(place.Event{Code: code, Subject: found.ID.String(), Facts: map[string]string{"customer": p.Customer().String()}})
		_, err = tx.Exec(`INSERT INTO person_places (person, customer) VALUES (?, ?) ON CONFLICT (person, customer) DO NOTHING`, found.ID, p.Customer())
		return err
	})
}

// storeGrant writes the membership. Somebody who is a member already is
// fault.Conflict, unless they were only invited so far.
func (s *Service) storeGrant(ctx context.Context, p *place.Place, who actor.Actor, m Member, g Grant) (Member, error) {
	g, err := g.check()
	if err != nil {
		return Member{}, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		before, err := memberByID(tx, m.Person)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && before.Joined && len(before.Roles) > 0 {
			return fault.New(fault.Conflict, "this person is a member already; change the roles instead")
		}
		m.Since = tx.At()
		m = g.onto(m)
		if err := allowedGrant(who, before, m); err != nil {
			return err
		}
		recordGrant(tx, "member.invited", before, m)
		tx.Notify("members")
		if err := s.storeGranted(tx, m, g); err != nil || len(before.Roles) > 0 {
			return err
		}
		return s.seated(ctx, tx)
	})
	return m, err
}

// seated is asked after somebody was given a seat, in the same transaction: what
// it refuses was never given.
func (s *Service) seated(ctx context.Context, tx *place.Tx) error {
	if s.o.Seats == nil {
		return nil
	}
	n, err := Seats(tx)
	if err != nil {
		return err
	}
	return s.o.Seats(ctx, tx.Place().Customer(), n-1, n)
}

// Seats is how many people have a role in tx's place.
func Seats(tx *place.Tx) (int64, error) {
	return place.Row[int64](tx, `SELECT count(*) FROM members WHERE roles <> ''`)
}

// Settled reports whether an administrator of tx's place has signed in: from
// then on those above decide nothing within it any more.
func Settled(tx *place.Tx) (bool, error) {
	n, err := place.Row[int64](tx, `SELECT count(*) FROM members WHERE joined > 0 AND ' ' || roles || ' ' LIKE '% customer_admin %'`)
	return n > 0, err
}
