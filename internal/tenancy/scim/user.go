package scim

import (
	"encoding/json"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// user is a pushed user: what the identity provider said of it, and what it was
// given here.
type user struct {
	id       id.ScimUser
	person   id.Person
	card     object // in the canonical form
	given    []access.Role
	created  time.Time
	modified time.Time
}

type userRow struct {
	ID         id.ScimUser `db:"id"`
	Person     id.Person   `db:"person"`
	Card       []byte      `db:"card"`
	Given      string      `db:"given"`
	RefusedAt  int64       `db:"refused_at"`
	CreatedAt  int64       `db:"created_at"`
	ModifiedAt int64       `db:"modified_at"`
}

const userColumns = `SELECT id, person, card, given, refused_at, created_at, modified_at FROM scim_users`

func (r userRow) open(tx *place.Tx) (*user, error) {
	plain, err := tx.Unseal(place.FieldScimUser, r.ID, r.Card)
	if err != nil {
		return nil, err
	}
	u := &user{id: r.ID, person: r.Person, given: splitRoles(r.Given), created: instant(r.CreatedAt), modified: instant(r.ModifiedAt)}
	return u, json.Unmarshal(plain, &u.card)
}

func (u *user) text(attr string) string {
	s, _ := u.card[attr].(string)
	return strings.TrimSpace(s)
}

func (u *user) active() bool {
	b, ok := u.card["active"].(bool)
	return b || !ok
}

// email is the address that finds the person: the primary one, or that of work,
// or the first; else userName where it is an address.
func (u *user) email() string {
	best, rank := "", 0
	for _, e := range elements(u.card["emails"]) {
		kind, _ := e["type"].(string)
		primary, _ := e["primary"].(bool)
		r := 1
		if strings.EqualFold(kind, "work") {
			r = 2
		}
		if primary {
			r = 3
		}
		if v := strings.TrimSpace(valueOf(e)); v != "" && r > rank {
			best, rank = v, r
		}
	}
	if best == "" {
		best = u.text("userName")
	}
	if a, err := mail.Address(best); err == nil {
		return a
	}
	return ""
}

// name is what members' lists call the user, on one line.
func (u *user) name() string {
	part, _ := u.card["name"].(object)
	at := func(k string) string { s, _ := part[k].(string); return strings.TrimSpace(s) }
	for _, n := range []string{u.text("displayName"), at("formatted"), strings.TrimSpace(at("givenName") + " " + at("familyName")), u.text("userName")} {
		n = strings.Join(strings.Fields(strings.ReplaceAll(n, "\x00", "")), " ")
		if r := []rune(n); len(r) > 100 {
			n = string(r[:100])
		}
		if n != "" {
			return n
		}
	}
	return "?"
}

// roleValues are the values of the attribute roles. Entra ID may send a value
// that is itself JSON, with the value inside.
func (u *user) roleValues() (out []string) {
	for _, e := range elements(u.card["roles"]) {
		v := valueOf(e)
		var inner struct {
			Value string `json:"value"`
		}
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil && inner.Value != "" {
			v = inner.Value
		}
		out = append(out, v)
	}
	return out
}

// check refuses what cannot be kept.
func (u *user) check(s Settings) error {
	name := u.text("userName")
	if name == "" || len(name) > 320 {
		return refuse(400, "invalidValue", "userName is missing or longer than 320 characters")
	}
	email := u.email()
	if email == "" {
		return refuse(400, "invalidValue", "neither emails nor userName holds an e-mail address: people are found by it")
	}
	if !s.allows(email) {
		return refuse(400, "invalidValue", "the address is not of one of the domains that an administrator allowed in Ringfence")
	}
	return nil
}

// readUser finds a user by the text of its id.
func (t *turn) readUser(text string) (*user, error) {
	return readUser(t.tx, text)
}

func readUser(tx *place.Tx, text string) (*user, error) {
	i, err := id.Parse[id.ScimUser](text)
	if err != nil {
		return nil, fault.New(fault.NotFound, "no such user")
	}
	r, err := place.Row[userRow](tx, userColumns+` WHERE id = ?`, i)
	if err != nil {
		return nil, err
	}
	return r.open(tx)
}

// addUser makes a user, and a member if it is active and worth a role.
func (t *turn) addUser(sent object) (*user, error) {
	card, err := users.normal(sent)
	if err != nil {
		return nil, err
	}
	u := &user{id: id.At[id.ScimUser](t.tx.At()), card: card, created: t.tx.At()}
	if _, ok := card["active"]; !ok {
		card["active"] = true
	}
	if err := u.check(t.settings); err != nil {
		return nil, err
	}
	u.person = t.person(u.email(), u.name())
	return u, t.store(u, "pushed-user.added")
}

// store writes a user that is new or was changed, and then the membership.
func (t *turn) store(u *user, code string) error {
	name, err := t.tx.Blind(place.FieldScimUserName, strings.ToLower(u.text("userName")))
	if err != nil {
		return err
	}
	taken, err := place.Row[int](t.tx, `SELECT count(*) FROM scim_users WHERE (user_name = ? OR person = ?) AND id <> ?`, name, u.person, u.id)
	if err != nil {
		return err
	}
	if taken > 0 {
		return refuse(409, "uniqueness", "there is a user with this userName or address already")
	}
	external, err := t.blindOrNil(u.text("externalId"))
	if err != nil {
		return err
	}
	plain, err := json.Marshal(u.card)
	if err != nil {
		return err
	}
	sealed, err := t.tx.Seal(place.FieldScimUser, u.id, plain)
	if err != nil {
		return err
	}
	u.modified = t.tx.At()
	_, err = t.tx.Exec(`INSERT INTO scim_users (id, person, user_name, external, card, active, given, created_at, modified_at) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?)
		ON CONFLICT (id) DO UPDATE SET user_name = excluded.user_name, external = excluded.external, card = excluded.card, active = excluded.active, modified_at = excluded.modified_at`,
		u.id, u.person, name, external, sealed, u.active(), u.created.UnixMilli(), u.modified.UnixMilli())
	if err != nil {
		return err
	}
	if err := t.storeEmails(u); err != nil {
		return err
	}
	t.tx.Record(place.Event{
		Code: code, Subject: u.person.String(), Facts: map[string]string{"user": u.id.String(), "active": yes(u.active())},
		Personal: map[string]string{"name": u.name(), "email": u.email()},
	})
	t.tx.Notify("provisioning")
	return t.sync(u)
}

func (t *turn) blindOrNil(external string) ([]byte, error) {
	if external == "" {
		return nil, nil
	}
	return t.tx.Blind(place.FieldScimExternal, external)
}

// storeEmails writes the index by which addresses are found.
func (t *turn) storeEmails(u *user) error {
	if _, err := t.tx.Exec(`DELETE FROM scim_emails WHERE usr = ?`, u.id); err != nil {
		return err
	}
	for _, e := range elements(u.card["emails"]) {
		blind, err := t.tx.Blind(place.FieldScimEmail, strings.ToLower(valueOf(e)))
		if err != nil {
			return err
		}
		if _, err := t.tx.Exec(`INSERT INTO scim_emails (email, usr) VALUES (?, ?) ON CONFLICT (email, usr) DO NOTHING`, blind, u.id); err != nil {
			return err
		}
	}
	return nil
}

// replaceUser takes a whole user; without active, the state stays: a put must
// not bring back somebody who was switched off.
func (t *turn) replaceUser(text string, sent object) (*user, error) {
	u, err := t.readUser(text)
	if err != nil {
		return nil, err
	}
	card, err := users.normal(sent)
	if err != nil {
		return nil, err
	}
	if _, ok := card["active"]; !ok {
		card["active"] = u.active()
	}
	u.card = card
	if err := u.check(t.settings); err != nil {
		return nil, err
	}
	return u, t.store(u, "pushed-user.changed")
}

func (t *turn) patchUser(text string, ops []operation) (*user, error) {
	u, err := t.readUser(text)
	if err != nil {
		return nil, err
	}
	if err := change(u.card, ops, users); err != nil {
		return nil, err
	}
	if err := u.check(t.settings); err != nil {
		return nil, err
	}
	return u, t.store(u, "pushed-user.changed")
}

// removeUser forgets a user; the membership ends with it.
func (t *turn) removeUser(text string) error {
	u, err := t.readUser(text)
	if err != nil {
		return err
	}
	u.card["active"] = false
	if err := t.sync(u); err != nil {
		return err
	}
	t.tx.Record(place.Event{Code: "pushed-user.removed", Subject: u.person.String(), Facts: map[string]string{"user": u.id.String()}})
	t.tx.Notify("provisioning")
	for _, statement := range []string{`DELETE FROM scim_emails WHERE usr = ?`, `DELETE FROM scim_members WHERE usr = ?`, `DELETE FROM scim_users WHERE id = ?`} {
		if _, err := t.tx.Exec(statement, u.id); err != nil {
			return err
		}
	}
	return nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// show is the user as it is answered.
func (u *user) show(base string, in []object) object {
	o := object{"schemas": []any{urnUser}, "id": u.id.String()}
	for k, v := range u.card {
		o[k] = v
	}
	o["active"] = u.active()
	o["groups"] = asList(in)
	o["meta"] = meta("User", base+"/Users/"+u.id.String(), u.created, u.modified)
	return o
}

func meta(kind, location string, created, modified time.Time) object {
	return object{"resourceType": kind, "location": location, "created": created.Format(time.RFC3339Nano), "lastModified": modified.Format(time.RFC3339Nano)}
}
