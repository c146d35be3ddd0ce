package identity

import (
	"context"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Person is somebody who can sign in. A person may be a member of several
// customers; each knows them by the name it gave them.
type Person struct {
	ID    id.Person
	Email string
	Name  string
}

type personRow struct {
	ID    id.Person `db:"id"`
	Email []byte    `db:"email"`
	Name  []byte    `db:"name"`
}

const personColumns = `SELECT id, email, name FROM persons`

func (r personRow) open(tx *place.Tx) (Person, error) {
	email, err := tx.Unseal(place.FieldPersonEmail, r.ID, r.Email)
	if err != nil {
		return Person{}, err
	}
	name, err := tx.Unseal(place.FieldPersonName, r.ID, r.Name)
	return Person{r.ID, string(email), string(name)}, err
}

// blindEmail is the index by which a person is found. Letters' case does not
// count: nobody has two mailboxes that differ only in it.
func blindEmail(tx *place.Tx, f place.Field, email string) ([]byte, error) {
	return tx.Blind(f, strings.ToLower(email))
}

func personByEmail(tx *place.Tx, email string) (Person, error) {
	blind, err := blindEmail(tx, place.FieldPersonEmail, email)
	if err != nil {
		return Person{}, err
	}
	r, err := place.Row[personRow](tx, personColumns+` WHERE email_blind = ?`, blind)
	if err != nil {
		return Person{}, err
	}
	return r.open(tx)
}

func personByID(tx *place.Tx, p id.Person) (Person, error) {
	r, err := place.Row[personRow](tx, personColumns+` WHERE id = ?`, p)
	if err != nil {
		return Person{}, err
	}
	return r.open(tx)
}

// Person reads one person; fault.NotFound if there is none.
func (s *Service) Person(ctx context.Context, p id.Person) (who Person, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		who, err = personByID(tx, p)
		return err
	})
	return who, err
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 || strings.ContainsAny(name, "\r\n\x00") {
		return "", fault.Field("name", "a name has 1 to 100 letters, on one line")
	}
	return name, nil
}

// ensure finds the person with an address or adds one. It runs within a Change
// of the registry and records nothing itself.
func ensure(tx *place.Tx, email, name string) (p Person, added bool, err error) {
	p, err = personByEmail(tx, email)
	if !fault.Is(err, fault.NotFound) {
		return p, false, err
	}
	p = Person{id.At[id.Person](tx.At()), email, name}
	blind, err := blindEmail(tx, place.FieldPersonEmail, email)
	if err != nil {
		return p, false, err
	}
	sealedEmail, err := tx.Seal(place.FieldPersonEmail, p.ID, []byte(email))
	if err != nil {
		return p, false, err
	}
	sealedName, err := tx.Seal(place.FieldPersonName, p.ID, []byte(name))
	if err != nil {
		return p, false, err
	}
	_, err = tx.Exec(`INSERT INTO persons (id, email_blind, email, name, created_at) VALUES (?, ?, ?, ?, ?)`,
		p.ID, blind, sealedEmail, sealedName, tx.At().UnixMilli())
	return p, true, err
}

// Add makes a person with a password, without any mail: for whoever sets up an
// installation. It is fault.Conflict if the address is taken.
func (s *Service) Add(ctx context.Context, who actor.Actor, email, name string, password secret.Text) (Person, error) {
	email, err := mail.Address(email)
	if err != nil {
		return Person{}, err
	}
	if name, err = checkName(name); err != nil {
		return Person{}, err
	}
	if err := s.checkPassword(ctx, "password", password, email, name); err != nil {
		return Person{}, err
	}
	hash, err := s.hasher.hash(ctx, password.Reveal())
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		var added bool
		if p, added, err = ensure(tx, email, name); err != nil {
			return err
		}
		if !added {
			return fault.New(fault.Conflict, "there is somebody with this address already")
		}
		tx.Record(place.Event{Code: "person.added", Subject: p.ID.String(), Personal: map[string]string{"email": email, "name": name}})
		return storePassword(tx, p.ID, hash)
	})
	return p, err
}

// storePassword also ends sign-ins under way: they were begun with another.
func storePassword(tx *place.Tx, p id.Person, hash []byte) error {
	if _, err := tx.Exec(`DELETE FROM sign_ins WHERE person = ?`, p); err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldPassword, p, hash)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO credentials (person, password, changed_at) VALUES (?, ?, ?)
		ON CONFLICT (person) DO UPDATE SET password = excluded.password, changed_at = excluded.changed_at`, p, sealed, tx.At().UnixMilli())
	return err
}

// storedPassword is the hash of a person's password; fault.NotFound for who has
// not set one yet.
func storedPassword(tx *place.Tx, p id.Person) ([]byte, error) {
	sealed, err := place.Row[[]byte](tx, `SELECT password FROM credentials WHERE person = ?`, p)
	if err != nil {
		return nil, err
	}
	return tx.Unseal(place.FieldPassword, p, sealed)
}
