package org

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Item is one line of a customer's provisioning checklist.
type Item string

// The items. Each is true because something happened, not because somebody
// ticked a box.
const (
	ItemAdministrator Item = "administrator" // the customer's administrator has signed in
	ItemCaptured      Item = "captured"      // a first file was captured
	ItemOpened        Item = "opened"        // a person has opened a recording
	ItemMail          Item = "mail"          // a mail of this installation was received and its link followed
	ItemFactor        Item = "factor"        // second factors are on
	ItemCopies        Item = "copies"        // keys and objects are each kept in two places
)

// Items is every item, in the order in which they usually come true.
func Items() []Item {
	return []Item{ItemCopies, ItemMail, ItemAdministrator, ItemFactor, ItemCaptured, ItemOpened}
}

// Checklist is where the setting up of a customer stands.
type Checklist struct {
	Done       map[Item]bool
	MailSentAt time.Time // of the last test mail; zero: none was sent
	SignedAt   time.Time // zero: is not signed
	SignedBy   string    // text form of the person's id
	ReportedAt time.Time // when the place last told; zero: never
}

// Complete reports whether everything was found to be so.
func (c Checklist) Complete() bool {
	return !slices.ContainsFunc(Items(), func(i Item) bool { return !c.Done[i] })
}

// Checklist is what was found of a customer; other nodes have none: fault.Conflict.
func (s *Service) Checklist(ctx context.Context, n id.Node) (c Checklist, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		c, err = checklist(tx, n)
		return err
	})
	return c, err
}

func checklist(tx *place.Tx, n id.Node) (Checklist, error) {
	c := Checklist{Done: map[Item]bool{}}
	list, err := children(tx, pageOfOne, []any{n})
	if err != nil {
		return c, err
	}
	if len(list) == 0 {
		return c, fault.New(fault.NotFound, "there is no such node")
	}
	if list[0].Kind != Customer {
		return c, fault.New(fault.Conflict, "only customers have a checklist")
	}
	f := list[0].Figures
	c.ReportedAt = f.ReportedAt
	c.Done[ItemCaptured] = !f.LastCapturedAt.IsZero()
	for item, sign := range map[Item]Sign{ItemAdministrator: SignJoined, ItemOpened: SignOpened, ItemFactor: SignFactor, ItemCopies: SignCopies} {
		c.Done[item] = slices.Contains(f.Signs, sign)
	}
	type sent struct {
		SentAt      int64 `db:"sent_at"`
		ConfirmedAt int64 `db:"confirmed_at"`
	}
	mails, err := place.Rows[sent](tx, `SELECT sent_at, confirmed_at FROM mail_checks WHERE node = ?`, n)
	for _, m := range mails {
		c.MailSentAt, c.Done[ItemMail] = instant(m.SentAt), m.ConfirmedAt > 0
	}
	if err != nil {
		return c, err
	}
	type signature struct {
		Person   string `db:"person"`
		SignedAt int64  `db:"signed_at"`
	}
	signed, err := place.Rows[signature](tx, `SELECT person, signed_at FROM checklist_signatures WHERE node = ?`, n)
	for _, g := range signed {
		c.SignedBy, c.SignedAt = g.Person, instant(g.SignedAt)
	}
	return c, err
}

// Signs are what a customer's place has last told of it.
func Signs(tx *place.Tx, n id.Node) ([]Sign, error) {
	list, err := children(tx, pageOfOne, []any{n})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0].Signs, nil
}

// SignChecklist puts a person's name under a complete checklist, once:
// fault.Conflict names what is missing, or says that it is signed already.
func (s *Service) SignChecklist(ctx context.Context, who actor.Actor, n id.Node) (c Checklist, err error) {
	if who.Kind != actor.Person {
		return c, fault.New(fault.Denied, "a checklist is signed by a person")
	}
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if c, err = checklist(tx, n); err != nil {
			return err
		}
		if !c.SignedAt.IsZero() {
			return fault.New(fault.Conflict, "this checklist is signed already")
		}
		var missing, found []string
		for _, i := range Items() {
			if c.Done[i] {
				found = append(found, string(i))
			} else {
				missing = append(missing, string(i))
			}
		}
		if len(missing) > 0 {
			return fault.New(fault.Conflict, "not found to be so yet: %s", strings.Join(missing, ", "))
		}
		c.SignedAt, c.SignedBy = tx.At(), who.ID
		tx.Record(place.Event{Code: "checklist.signed", Subject: n.String(), Facts: map[string]string{"items": strings.Join(found, " ")}})
		_, err := tx.Exec(`INSERT INTO checklist_signatures (node, person, signed_at, items) VALUES (?, ?, ?, ?)`,
			n, who.ID, tx.At().UnixMilli(), strings.Join(found, " "))
		return err
	})
	return c, err
}

// TestMail gives the secret of a link whose following proves that mail arrives.
// A new one makes older links worthless. Who was mailed is the caller's affair.
func (s *Service) TestMail(ctx context.Context, who actor.Actor, n id.Node) (token string, err error) {
	b := make([]byte, 32)
	rand.Read(b)
	token = base64.RawURLEncoding.EncodeToString(b)
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		at, err := Read(tx, n)
		if err != nil {
			return err
		}
		if at.Kind != Customer {
			return fault.New(fault.Conflict, "only customers have a checklist")
		}
		tx.Record(place.Event{Code: "checklist.mailed", Subject: n.String()})
		_, err = tx.Exec(`INSERT INTO mail_checks (node, token, sent_at, confirmed_at) VALUES (?, ?, ?, 0)
			ON CONFLICT (node) DO UPDATE SET token = excluded.token, sent_at = excluded.sent_at, confirmed_at = 0`, n, hashOf(token), tx.At().UnixMilli())
		return err
	})
	return token, err
}

// testMailFor is how long the link of a test mail works.
const testMailFor = 7 * 24 * time.Hour

// ConfirmMail is what following the link does. It is fault.Gone for a link that
// was used, replaced, or is older than a week.
func (s *Service) ConfirmMail(ctx context.Context, token string) error {
	gone := fault.New(fault.Gone, "this link was used already, or a newer mail was sent")
	return s.store.Registry().Change(ctx, actor.ForSystem("org"), func(tx *place.Tx) error {
		n, err := place.Row[id.Node](tx, `SELECT node FROM mail_checks WHERE token = ? AND confirmed_at = 0 AND sent_at > ?`,
			hashOf(token), tx.At().Add(-testMailFor).UnixMilli())
		if fault.Is(err, fault.NotFound) {
			return gone
		}
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "checklist.mail-arrived", Subject: n.String()})
		_, err = tx.Exec(`UPDATE mail_checks SET confirmed_at = ? WHERE node = ?`, tx.At().UnixMilli(), n)
		return err
	})
}

// hashOf needs no salt and no stretching: what it hashes has 256 random bits.
func hashOf(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}
