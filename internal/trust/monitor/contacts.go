package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Contact is somebody who is told of alerts, and of which.
type Contact struct {
	ID         id.Contact
	Person     id.Person // zero: an address only
	Name       string
	Email      string
	Kinds      []Kind // none: all
	UrgentOnly bool
	Below      bool // at a node: of the alerts of the customers below, kinds and figures only
	// After is how long an alert may stay unacknowledged before this contact is
	// told: an escalation. Zero: at once.
	After time.Duration
	// Between QuietFrom and QuietTo (minutes of the day in Zone; equal: never),
	// what is not urgent waits.
	QuietFrom, QuietTo int
	Zone               string

	MailedAt time.Time // last
	FailedAt time.Time // of the last try, if it failed
	Failure  string
}

// maxContacts bounds the contacts of one node.
const maxContacts = 50

// check finds every fault of a contact.
func (c *Contact) check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the contact is not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	address, err := mail.Address(c.Email)
	if err != nil {
		wrong("email", "this is no e-mail address")
	}
	c.Email, c.Name = address, strings.TrimSpace(c.Name)
	if c.Name == "" || len(c.Name) > 200 {
		wrong("name", "give a name, of at most 200 characters")
	}
	for _, k := range c.Kinds {
		if _, ok := RuleOf(k); !ok {
			wrong("kinds", string(k)+" is no kind of alert")
		}
	}
	if c.After < 0 || c.After > 7*24*time.Hour {
		wrong("after_minutes", "must be between 0 and 10,080 (a week)")
	}
	if c.QuietFrom < 0 || c.QuietFrom >= 24*60 || c.QuietTo < 0 || c.QuietTo >= 24*60 {
		wrong("quiet_from", "quiet hours are times of the day, such as 20:00")
	}
	if c.Zone == "" {
		c.Zone = "UTC"
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		wrong("time_zone", "must be an IANA time zone such as Europe/London")
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

// wants reports whether a contact is told of a kind at all.
func (c Contact) wants(k Kind, sev Severity) bool {
	return (len(c.Kinds) == 0 || slices.Contains(c.Kinds, k)) && (!c.UrgentOnly || sev == Urgent)
}

// dueAt is when a contact is told of what was raised at an instant: urgent
// things at once or after the contact's delay, others not in quiet hours.
func (c Contact) dueAt(at time.Time, sev Severity) time.Time {
	at = at.Add(c.After)
	zone, err := time.LoadLocation(c.Zone)
	if sev == Urgent || c.QuietFrom == c.QuietTo || err != nil {
		return at
	}
	local := at.In(zone)
	minute := local.Hour()*60 + local.Minute()
	quiet := minute >= c.QuietFrom && minute < c.QuietTo
	if c.QuietFrom > c.QuietTo { // over midnight
		quiet = minute >= c.QuietFrom || minute < c.QuietTo
	}
	if !quiet {
		return at
	}
	end := time.Date(local.Year(), local.Month(), local.Day(), 0, c.QuietTo, 0, 0, zone)
	if !end.After(local) {
		end = time.Date(local.Year(), local.Month(), local.Day()+1, 0, c.QuietTo, 0, 0, zone)
	}
	return end
}

type contactRow struct {
	ID      id.Contact `db:"id"`
	Node    id.Node    `db:"node"`
	Person  string     `db:"person"`
	Card    []byte     `db:"card"`
	Kinds   string     `db:"kinds"`
	Urgent  bool       `db:"urgent_only"`
	Below   bool       `db:"below"`
	After   int64      `db:"after_minutes"`
	From    int        `db:"quiet_from"`
	To      int        `db:"quiet_to"`
	Zone    string     `db:"zone"`
	Mailed  int64      `db:"mailed_at"`
	Failed  int64      `db:"failed_at"`
	Failure string     `db:"failure"`
}

const contactColumns = `SELECT id, node, person, card, kinds, urgent_only, below, after_minutes, quiet_from, quiet_to, zone, mailed_at, failed_at, failure FROM alert_contacts`

// contactCard is what of a contact is personal.
type contactCard struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

func (r contactRow) contact(tx *place.Tx) (Contact, error) {
	c := Contact{
		ID: r.ID, UrgentOnly: r.Urgent, Below: r.Below, After: time.Duration(r.After) * time.Minute, QuietFrom: r.From, QuietTo: r.To, Zone: r.Zone,
		MailedAt: instant(r.Mailed), FailedAt: instant(r.Failed), Failure: r.Failure,
	}
	for _, k := range strings.Fields(r.Kinds) {
		c.Kinds = append(c.Kinds, Kind(k))
	}
	if p, err := id.Parse[id.Person](r.Person); err == nil {
		c.Person = p
	}
	plain, err := tx.Unseal(place.FieldContact, r.ID, r.Card)
	if err != nil {
		return c, err
	}
	var card contactCard
	err = json.Unmarshal(plain, &card)
	c.Name, c.Email = card.Name, card.Email
	return c, err
}

func contactsOf(tx *place.Tx, n id.Node) (all []Contact, err error) {
	rows, err := place.Rows[contactRow](tx, contactColumns+` WHERE node = ? ORDER BY id`, n)
	for _, r := range rows {
		c, err := r.contact(tx)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, err
}

// Contacts lists who is told at a node, in the order in which they were added.
func (s *Service) Contacts(ctx context.Context, w Where) (all []Contact, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		all, err = contactsOf(tx, w.Node)
		return err
	})
	return all, err
}

// AddContact adds somebody who is told.
func (s *Service) AddContact(ctx context.Context, w Where, who actor.Actor, c Contact) (Contact, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	if w.customer() {
		c.Below = false
	}
	c.ID = id.New[id.Contact]()
	return c, w.Place.Change(ctx, who, func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM alert_contacts WHERE node = ?`, w.Node)
		if err == nil && n >= maxContacts {
			err = fault.New(fault.Conflict, "there are %d contacts already, which is as many as there can be", n)
		}
		if err != nil {
			return err
		}
		return putContact(tx, w, c, "alert-contact.added")
	})
}

// ChangeContact writes a contact anew; fault.NotFound if there is none.
func (s *Service) ChangeContact(ctx context.Context, w Where, who actor.Actor, c Contact) (Contact, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	if w.customer() {
		c.Below = false
	}
	return c, w.Place.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := contactIn(tx, w, c.ID); err != nil {
			return err
		}
		return putContact(tx, w, c, "alert-contact.changed")
	})
}

func contactIn(tx *place.Tx, w Where, i id.Contact) (Contact, error) {
	r, err := place.Row[contactRow](tx, contactColumns+` WHERE id = ? AND node = ?`, i, w.Node)
	if err != nil {
		return Contact{}, fault.Wrap(err, fault.KindOf(err), "there is no such contact")
	}
	return r.contact(tx)
}

func putContact(tx *place.Tx, w Where, c Contact, code string) error {
	card, err := json.Marshal(contactCard{c.Name, c.Email})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldContact, c.ID, card)
	if err != nil {
		return err
	}
	var kinds []string
	for _, k := range c.Kinds {
		kinds = append(kinds, string(k))
	}
	person := ""
	if !c.Person.IsZero() {
		person = c.Person.String()
	}
	tx.Record(place.Event{Code: code, Subject: c.ID.String(), Facts: map[string]string{"kinds": strings.Join(kinds, " ")}, Personal: map[string]string{"email": c.Email}})
	tx.Notify("alerts")
	_, err = tx.Exec(`INSERT INTO alert_contacts (id, node, person, card, kinds, urgent_only, below, after_minutes, quiet_from, quiet_to, zone, created_at, mailed_at, failed_at, failure)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '')
		ON CONFLICT (id) DO UPDATE SET person = excluded.person, card = excluded.card, kinds = excluded.kinds, urgent_only = excluded.urgent_only,
			below = excluded.below, after_minutes = excluded.after_minutes, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, zone = excluded.zone,
			failed_at = 0, failure = ''`,
		c.ID, w.Node, person, sealed, strings.Join(kinds, " "), c.UrgentOnly, c.Below, int64(c.After/time.Minute), c.QuietFrom, c.QuietTo, c.Zone, millis(tx.At()))
	return err
}

// RemoveContact tells somebody no more.
func (s *Service) RemoveContact(ctx context.Context, w Where, who actor.Actor, i id.Contact) error {
	err := w.Place.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := contactIn(tx, w, i); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "alert-contact.removed", Subject: i.String()})
		tx.Notify("alerts")
		if _, err := tx.Exec(`DELETE FROM alert_mails WHERE contact = ?`, i.String()); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM alert_contacts WHERE id = ? AND node = ?`, i, w.Node)
		return err
	})
	if err == nil {
		err = s.Clear(ctx, w, MailFailing, i.String())
	}
	return err
}

// TestContact mails a contact that alerts would arrive like this one, now. It
// fails as the relay does.
func (s *Service) TestContact(ctx context.Context, w Where, who actor.Actor, i id.Contact) error {
	var c Contact
	err := w.Place.Change(ctx, who, func(tx *place.Tx) (err error) {
		c, err = contactIn(tx, w, i)
		tx.Record(place.Event{Code: "alert-contact.tested", Subject: i.String()})
		return err
	})
	if err != nil {
		return err
	}
	l := mail.Letter{
		Subject:    "A test of alerts of " + s.nameOr(ctx, w.Node),
		Paragraphs: []string{"Somebody wanted to see whether alerts reach you. They do: nothing is wrong, and nothing has to be done."},
	}
	err = s.o.Mail.Send(ctx, l.Message(s.o.Brand(ctx, w.Node), c.Email, s.o.Now()))
	return errors.Join(err, s.mailed(ctx, w, c, err))
}

func (s *Service) nameOr(ctx context.Context, n id.Node) string {
	if name := s.o.Name(ctx, n); name != "" {
		return name
	}
	return "your organisation"
}
