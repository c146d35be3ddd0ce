package identity

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Support access (break-glass): nobody above a customer reaches into its place,
// unless the customer lets one named person of its provider or reseller in, for
// a reason and for some time. It ends by itself; the customer or the helper may
// end it earlier. What is done under it stands in the customer's own journal,
// with the id of the grant in place of on whose behalf it was done, and nothing
// that would outlast it can be done under it (access.Outlasts).

// Longest support access.
const longestSupport = 4 * time.Hour

// Support is one support access.
type Support struct {
	ID        id.Support
	Person    id.Person
	Name      string
	Email     string
	Role      access.Role
	Reason    string
	By        id.Person // who let them in; zero: a machine
	ByName    string
	StartedAt time.Time
	Until     time.Time // ends then at the latest
	EndedAt   time.Time // zero: was not ended before
	UsedAt    time.Time // first used; zero: not yet
}

// Open reports whether it lets in at an instant.
func (g Support) Open(at time.Time) bool { return g.EndedAt.IsZero() && at.Before(g.Until) }

// SupportAsk is what a customer's administrator asks for.
type SupportAsk struct {
	Email  string
	Role   access.Role
	Reason string
	For    time.Duration
}

// SupportRoles are the roles that can be held by support access.
func SupportRoles() []access.Role {
	return []access.Role{access.CustomerAdmin, access.Auditor, access.SuperUser}
}

func (a SupportAsk) check() (SupportAsk, error) {
	f := fault.New(fault.Invalid, "the request is not valid")
	add := func(path, text string) { f.Details = append(f.Details, fault.Detail{Path: path, Text: text}) }
	email, err := mail.Address(a.Email)
	if err != nil {
		add("email", "this is no e-mail address")
	}
	a.Email, a.Reason = email, strings.TrimSpace(a.Reason)
	if !slices.Contains(SupportRoles(), a.Role) {
		add("role", "want customer_admin, auditor or superuser")
	}
	if n := utf8.RuneCountInString(a.Reason); n < 3 || n > 500 {
		add("reason", "say why, in 3 to 500 characters")
	}
	if a.For < time.Minute || a.For > longestSupport {
		add("minutes", "1 to 240 minutes")
	}
	if len(f.Details) > 0 {
		return a, f
	}
	return a, nil
}

type supportRow struct {
	ID      id.Support `db:"id"`
	Person  id.Person  `db:"person"`
	Role    string     `db:"role"`
	By      id.Person  `db:"given_by"`
	Started int64      `db:"started_at"`
	Until   int64      `db:"until_at"`
	Ended   int64      `db:"ended_at"`
	Used    int64      `db:"used_at"`
	Card    []byte     `db:"card"`
}

type supportCard struct {
	Name   string `json:"name"`
	Email  string `json:"email"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

const supportColumns = `SELECT id, person, role, given_by, started_at, until_at, ended_at, used_at, card FROM support_grants`

func supportMigrations() place.Migrations {
	return place.Migrations{{Number: 320, Name: "support access", SQL: `
		CREATE TABLE support_grants (
			id {{id}} PRIMARY KEY,
			person {{id}} NOT NULL,
			role {{text}} NOT NULL,
			given_by {{id}},
			started_at {{int}} NOT NULL,
			until_at {{int}} NOT NULL,
			ended_at {{int}} NOT NULL,
			used_at {{int}} NOT NULL,
			card {{bytes}} NOT NULL
		);
		CREATE INDEX support_grants_person ON support_grants (person, until_at);`}}
}

func (r supportRow) open(tx *place.Tx) (Support, error) {
	at := func(ms int64) time.Time {
		if ms == 0 {
			return time.Time{}
		}
		return time.UnixMilli(ms).UTC()
	}
	g := Support{ID: r.ID, Person: r.Person, Role: access.Role(r.Role), By: r.By, StartedAt: at(r.Started), Until: at(r.Until), EndedAt: at(r.Ended), UsedAt: at(r.Used)}
	plain, err := tx.Unseal(place.FieldSupport, r.ID, r.Card)
	if err != nil {
		return g, err
	}
	var c supportCard
	err = json.Unmarshal(plain, &c)
	g.Name, g.Email, g.Reason, g.ByName = c.Name, c.Email, c.Reason, c.By
	return g, err
}

// errHelper answers for an address that nobody has and for one whose person
// works elsewhere alike: a customer does not learn who else is known here.
var errHelper = fault.Field("email", "nobody with this address works for your provider or reseller")

// GrantSupport lets somebody of the nodes above in. It is fault.Conflict while
// the same person has an open one. Administrators are told by mail.
func (s *Service) GrantSupport(ctx context.Context, p *place.Place, who actor.Actor, ask SupportAsk) (Support, error) {
	ask, err := ask.check()
	if err != nil {
		return Support{}, err
	}
	if wait := s.invites.take(p.Customer().String(), s.now()); wait > 0 {
		return Support{}, fault.New(fault.Limited, "too many invitations; wait a little").After(wait)
	}
	helper, err := s.helper(ctx, p.Customer(), ask.Email)
	if err != nil {
		return Support{}, err
	}
	g := Support{Person: helper.ID, Name: helper.Name, Email: helper.Email, Role: ask.Role, Reason: ask.Reason}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if err := g.begin(tx, who, s.now(), ask.For); err != nil {
			return err
		}
		tx.Notify("support")
		return nil
	})
	if err != nil {
		return Support{}, err
	}
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if err := tx.There(p.Customer()); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "support.placed", Subject: helper.ID.String(), Facts: map[string]string{"customer": p.Customer().String(), "grant": g.ID.String()}})
		_, err := tx.Exec(`INSERT INTO person_places (person, customer) VALUES (?, ?) ON CONFLICT (person, customer) DO NOTHING`, helper.ID, p.Customer())
		return err
	})
	s.tellOfSupport(ctx, p, "Support access has begun",
		g.ByName+" gave "+g.Name+" support access to your organisation, as "+roleInWords(g.Role)+".", "Reason: "+g.Reason,
		"It ends by itself at "+g.Until.Format("15:04 UTC")+". Any administrator can end it earlier, in the portal under “Support access”.")
	return g, err
}

// helper finds who has the address and a role at a node above the customer.
func (s *Service) helper(ctx context.Context, c id.Customer, email string) (p Person, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		if p, err = personByEmail(tx, email); fault.Is(err, fault.NotFound) {
			return errHelper
		} else if err != nil {
			return err
		}
		works, err := worksAbove(tx, p.ID, c)
		if err == nil && !works {
			err = errHelper
		}
		return err
	})
	return p, err
}

func (g *Support) begin(tx *place.Tx, who actor.Actor, now time.Time, length time.Duration) error {
	m, err := memberByID(tx, g.Person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if len(m.Roles) > 0 {
		return fault.New(fault.Conflict, "this person is a member here and has roles of their own")
	}
	open, err := openSupport(tx, g.Person, now)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return fault.New(fault.Conflict, "this person has support access already; end it first")
	}
	if by, err := id.Parse[id.Person](who.ID); err == nil && who.Kind == actor.Person {
		m, err := memberByID(tx, by)
		if err != nil {
			return err
		}
		g.By, g.ByName = by, m.Name
	}
	now = now.UTC().Truncate(time.Millisecond)
	g.ID, g.StartedAt, g.Until = id.At[id.Support](tx.At()), now, now.Add(length)
	plain, err := json.Marshal(supportCard{g.Name, g.Email, g.Reason, g.ByName})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldSupport, g.ID, plain)
	if err != nil {
		return err
	}
	tx.Record(place.Event{
		Code: "support.granted", Subject: g.ID.String(), Why: g.Reason,
		Facts:    map[string]string{"person": g.Person.String(), "role": string(g.Role), "until": g.Until.Format(time.RFC3339), "minutes": strconv.Itoa(int(length.Minutes()))},
		Personal: map[string]string{"name": g.Name, "email": g.Email},
	})
	var by any
	if !g.By.IsZero() {
		by = g.By
	}
	_, err = tx.Exec(`INSERT INTO support_grants (id, person, role, given_by, started_at, until_at, ended_at, used_at, card) VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?)`,
		g.ID, g.Person, string(g.Role), by, g.StartedAt.UnixMilli(), g.Until.UnixMilli(), sealed)
	return err
}

func openSupport(tx *place.Tx, p id.Person, at time.Time) ([]Support, error) {
	rows, err := place.Rows[supportRow](tx, supportColumns+` WHERE person = ? AND ended_at = 0 AND until_at > ?`, p, at.UnixMilli())
	var out []Support
	for _, r := range rows {
		g, err := r.open(tx)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, err
}

// visiting is what somebody who is no member holds by support access.
func visiting(tx *place.Tx, who id.Person) (held []access.Membership, err error) {
	open, err := openSupport(tx, who, tx.At())
	for _, g := range open {
		held = append(held, access.Membership{Role: g.Role, At: tx.Place().Customer(), Until: g.Until, Grant: g.ID})
	}
	return held, err
}

// EndSupport ends a support access before its time; fault.Conflict if it has
// ended. Live connections that hung on it close.
func (s *Service) EndSupport(ctx context.Context, p *place.Place, who actor.Actor, i id.Support) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[supportRow](tx, supportColumns+` WHERE id = ?`, i)
		if err != nil {
			return err
		}
		if r.Ended != 0 || r.Until <= s.now().UnixMilli() {
			return fault.New(fault.Conflict, "this support access has ended already")
		}
		tx.Record(place.Event{Code: "support.ended", Subject: i.String(), Facts: map[string]string{"person": r.Person.String()}})
		tx.Notify("support")
		tx.Notify("members") // lines look again at what holds them up
		_, err = tx.Exec(`UPDATE support_grants SET ended_at = ? WHERE id = ?`, s.now().UnixMilli(), i)
		return err
	})
}

// Supports lists the support accesses of a customer, the newest first.
func (s *Service) Supports(ctx context.Context, p *place.Place) (list []Support, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[supportRow](tx, supportColumns+` ORDER BY started_at DESC, id DESC LIMIT 200`)
		for _, r := range rows {
			if err != nil {
				return err
			}
			var g Support
			g, err = r.open(tx)
			list = append(list, g)
		}
		return err
	})
	return list, err
}

// SupportOf is one support access; fault.NotFound if there is none.
func (s *Service) SupportOf(ctx context.Context, p *place.Place, i id.Support) (g Support, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[supportRow](tx, supportColumns+` WHERE id = ?`, i)
		if err != nil {
			return err
		}
		g, err = r.open(tx)
		return err
	})
	return g, err
}

// UsedSupport notes that a support access lets somebody through, the first time:
// administrators are told, and the journal says so before anything is shown.
func (s *Service) UsedSupport(ctx context.Context, p *place.Place, who actor.Actor, i id.Support) error {
	g, err := s.SupportOf(ctx, p, i)
	if err != nil || !g.UsedAt.IsZero() {
		return err
	}
	first := false
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`UPDATE support_grants SET used_at = ? WHERE id = ? AND used_at = 0`, s.now().UnixMilli(), i)
		first = n > 0
		tx.Record(place.Event{Code: "support.used", Subject: i.String(), Facts: map[string]string{"person": g.Person.String()}})
		tx.Notify("support")
		return err
	})
	if err == nil && first {
		s.tellOfSupport(ctx, p, "Support access is being used",
			g.Name+" has entered your organisation by the support access that "+g.ByName+" gave, as "+roleInWords(g.Role)+".",
			"What is done stands in your change log. Any administrator can end it in the portal under “Support access”.")
	}
	return err
}

func roleInWords(r access.Role) string {
	switch r {
	case access.CustomerAdmin:
		return "administrator (hears nothing)"
	case access.SuperUser:
		return "SuperUser (may hear every recording)"
	}
	return string(r)
}

// tellOfSupport mails all administrators. The access stands whether or not the
// mails go out: the journal has it.
func (s *Service) tellOfSupport(ctx context.Context, p *place.Place, subject string, paragraphs ...string) {
	members, err := s.Members(ctx, p)
	letter := mail.Letter{Subject: subject, Paragraphs: paragraphs, Action: mail.Action{Label: "See support access", URL: s.base() + "/c/" + p.Customer().String() + "/support"}}
	for _, a := range members {
		if slices.Contains(a.Roles, access.CustomerAdmin) {
			err = errors.Join(err, s.sendAs(ctx, p.Customer(), a.Email, letter))
		}
	}
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "an administrator was not told of support access", slog.String("customer", p.Customer().String()), slog.String("error", err.Error()))
	}
}
