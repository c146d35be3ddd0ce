package sso

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/vouch"
)

// LinkState is what a link is good for.
type LinkState string

// The states.
const (
	Linked  LinkState = "linked"
	Dormant LinkState = "dormant" // the mapping gave no role at the last sign-in
	Waiting LinkState = "waiting" // an administrator must say that it is the same person
)

// Link is that a provider's subject is a person. Waiting, it is only asked.
type Link struct {
	ID       id.Link
	Provider id.Provider
	Person   id.Person
	State    LinkState
	Since    time.Time
	SeenAt   time.Time // zero: never used

	Issuer, Subject string
	Email, Name     string      // as the provider told them
	Cause           vouch.Cause // of a waiting one: why
	Member          string      // the name of the person here
}

type linkCard struct {
	Issuer  string      `json:"issuer"`
	Subject string      `json:"subject"`
	Email   string      `json:"email"`
	Name    string      `json:"name"`
	Cause   vouch.Cause `json:"cause,omitempty"`
}

type linkRow struct {
	ID       id.Link     `db:"id"`
	Provider id.Provider `db:"provider"`
	Person   id.Person   `db:"person"`
	State    string      `db:"state"`
	Card     []byte      `db:"card"`
	Since    int64       `db:"since"`
	SeenAt   int64       `db:"seen_at"`
}

const linkColumns = `SELECT l.id, l.provider, l.person, l.state, l.card, l.since, coalesce(v.seen_at, 0) AS seen_at
	FROM sso_links l LEFT JOIN sso_link_seen v ON v.link = l.id`

func (r linkRow) open(tx *place.Tx) (Link, error) {
	l := Link{ID: r.ID, Provider: r.Provider, Person: r.Person, State: LinkState(r.State), Since: instant(r.Since), SeenAt: instant(r.SeenAt)}
	plain, err := tx.Unseal(place.FieldLink, r.ID, r.Card)
	if err != nil {
		return l, err
	}
	var c linkCard
	err = json.Unmarshal(plain, &c)
	l.Issuer, l.Subject, l.Email, l.Name, l.Cause = c.Issuer, c.Subject, c.Email, c.Name, c.Cause
	return l, err
}

// markOf is how a subject is found: provider, issuer and subject together, each
// with its length, so that no two can run into one.
func markOf(tx *place.Tx, p id.Provider, issuer, subject string) ([]byte, error) {
	key, err := json.Marshal([]string{p.String(), issuer, subject})
	if err != nil {
		return nil, err
	}
	return tx.Blind(place.FieldSubject, string(key))
}

func linkOf(tx *place.Tx, p id.Provider, st vouch.Statement) (Link, error) {
	mark, err := markOf(tx, p, st.Issuer, st.Subject)
	if err != nil {
		return Link{}, err
	}
	r, err := place.Row[linkRow](tx, linkColumns+` WHERE l.provider = ? AND l.mark = ?`, p, mark)
	if err != nil {
		return Link{}, err
	}
	return r.open(tx)
}

func insertLink(tx *place.Tx, one Provider, st vouch.Statement, who id.Person, state LinkState, cause string) error {
	l := id.At[id.Link](tx.At())
	mark, err := markOf(tx, one.ID, st.Issuer, st.Subject)
	if err != nil {
		return err
	}
	c := linkCard{Issuer: st.Issuer, Subject: st.Subject, Email: st.Email, Name: st.Name}
	code := "link.made"
	if state == Waiting {
		code, c.Cause = "link.asked", vouch.Cause(cause)
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	card, err := tx.Seal(place.FieldLink, l, plain)
	if err != nil {
		return err
	}
	tx.Record(place.Event{
		Code: code, Subject: who.String(), Facts: map[string]string{"provider": one.ID.String(), "link": l.String(), "cause": cause},
		Personal: map[string]string{"subject": st.Subject, "email": st.Email, "name": st.Name},
	})
	tx.Notify(topic)
	_, err = tx.Exec(`INSERT INTO sso_links (id, provider, mark, person, state, card, since) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		l, one.ID, mark, who, string(state), card, tx.At().UnixMilli())
	return err
}

func setState(tx *place.Tx, i id.Link, state LinkState) error {
	_, err := tx.Exec(`UPDATE sso_links SET state = ? WHERE id = ?`, string(state), i)
	return err
}

// waiting is the refusal of who has asked before.
func waiting(l Link) *vouch.Failure {
	return vouch.Fail(l.Cause, "an administrator has not yet confirmed that this is the same person as the member")
}

// ask notes that somebody came whom an administrator has to recognise. They are
// refused all the same.
func (s *Service) ask(ctx context.Context, p *place.Place, one Provider, st vouch.Statement, who id.Person, f *vouch.Failure) error {
	err := p.Change(ctx, vouching(one), func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM sso_links WHERE state = 'waiting'`)
		if err != nil {
			return err
		}
		if n >= mostWaiting {
			return f
		}
		if _, err := linkOf(tx, one.ID, st); !fault.Is(err, fault.NotFound) {
			if err == nil {
				err = f
			}
			return err
		}
		return insertLink(tx, one, st, who, Waiting, string(f.Cause))
	})
	if err != nil {
		return err
	}
	return f
}

// LinkPage is a part of the links, newest first.
type LinkPage struct {
	Items []Link
	Next  string
}

// Links lists what is linked, or with Waiting what is to be confirmed.
func (s *Service) Links(ctx context.Context, p *place.Place, state LinkState, cursor string, limit int) (page LinkPage, err error) {
	if limit < 1 || limit > 200 {
		limit = 100
	}
	before := id.Link{0xff}
	if cursor != "" {
		if before, err = id.Parse[id.Link](cursor); err != nil {
			return page, fault.Field("query.cursor", "this cursor is not of this list; leave it out to begin anew")
		}
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[linkRow](tx, linkColumns+` WHERE l.id < ? AND (l.state = ? OR ? = '') ORDER BY l.id DESC LIMIT ?`, before, string(state), string(state), limit+1)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			page.Next = rows[limit-1].ID.String()
		}
		for _, r := range rows {
			l, err := r.open(tx)
			if err != nil {
				return err
			}
			m, err := identity.MemberIn(tx, l.Person)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			l.Member = m.Name
			page.Items = append(page.Items, l)
		}
		return nil
	})
	return page, err
}

// Confirm says that a waiting link is right: the subject is this member. What
// the provider called them before is no longer theirs.
func (s *Service) Confirm(ctx context.Context, p *place.Place, who actor.Actor, i id.Link) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[linkRow](tx, linkColumns+` WHERE l.id = ?`, i)
		if err != nil {
			return err
		}
		l, err := r.open(tx)
		if err != nil {
			return err
		}
		if l.State != Waiting {
			return fault.New(fault.Conflict, "this link is confirmed already")
		}
		m, err := identity.MemberIn(tx, l.Person)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if len(m.Roles) == 0 {
			return fault.New(fault.Conflict, "this person is no member any more; invite them first")
		}
		if err := dropLinks(tx, l.Provider, l.Person, i); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "link.confirmed", Subject: l.Person.String(), Facts: map[string]string{"provider": l.Provider.String(), "link": i.String()}, Personal: map[string]string{"subject": l.Subject}})
		tx.Notify(topic)
		return setState(tx, i, Linked)
	})
}

// dropLinks takes away what else a provider calls a person.
func dropLinks(tx *place.Tx, p id.Provider, who id.Person, keep id.Link) error {
	if _, err := tx.Exec(`DELETE FROM sso_link_seen WHERE link IN (SELECT id FROM sso_links WHERE provider = ? AND person = ? AND id <> ?)`, p, who, keep); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM sso_links WHERE provider = ? AND person = ? AND id <> ?`, p, who, keep)
	return err
}

// Unlink takes a link away, or refuses one that waits. The person's next
// sign-in is that of somebody who is not known.
func (s *Service) Unlink(ctx context.Context, p *place.Place, who actor.Actor, i id.Link) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[linkRow](tx, linkColumns+` WHERE l.id = ?`, i)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "link.removed", Subject: r.Person.String(), Facts: map[string]string{"provider": r.Provider.String(), "link": i.String()}})
		tx.Notify(topic)
		if _, err := tx.Exec(`DELETE FROM sso_link_seen WHERE link = ?`, i); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM sso_links WHERE id = ?`, i)
		return err
	})
}
