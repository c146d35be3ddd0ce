package identity

import (
	"bytes"
	"context"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Begin makes a session that rests on a proof, for whoever has checked it: this
// package, or one that talks to an identity provider. The person's other
// sessions that have run out go.
func (s *Service) Begin(ctx context.Context, p id.Person, proof Proof, from Origin) (Signed, error) {
	token, hash := newSecret()
	now := s.now().UTC()
	out := Signed{secret.NewText(token), id.At[id.Session](now), p, now.Add(sessionFor), proof}
	row := sessionRow{
		ID: out.Session, Person: p, StartedAt: now.UnixMilli(), EndsAt: out.Until.UnixMilli(),
		Methods: joinMethods(proof.Methods), Customer: proof.Customer, Provider: proof.Provider,
	}
	if proof.own() && !proof.Has(ByDevice) {
		row.ProvedAt = row.StartedAt
	}
	if !proof.Customer.IsZero() {
		row.VouchedAt = row.StartedAt
	}
	var who Person
	err := s.store.Registry().Change(ctx, actor.ForPerson(p, out.Session, from.address()), func(tx *place.Tx) error {
		var err error
		if who, err = personByID(tx, p); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM sessions WHERE person = ? AND ends_at < ?`, p, now.UnixMilli()); err != nil {
			return err
		}
		if row.Origin, err = tx.Seal(place.FieldSessionFrom, out.Session, packOrigin(from)); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "session.started", Subject: out.Session.String(), Facts: map[string]string{"methods": row.Methods}})
		return storeSession(tx, row, hash)
	})
	if err != nil {
		return Signed{}, err
	}
	s.guesses.forget(strings.ToLower(who.Email) + "\x00" + from.network())
	return out, s.join(ctx, p, out.Session, from)
}

func storeSession(tx *place.Tx, r sessionRow, token []byte) error {
	if _, err := tx.Exec(`INSERT INTO sessions (id, token, person, started_at, ends_at, origin, methods, via_customer, via_provider, proved_at, vouched_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, token, r.Person, r.StartedAt, r.EndsAt, r.Origin, r.Methods, r.Customer, r.Provider, r.ProvedAt, r.VouchedAt); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO session_seen (session, seen_at) VALUES (?, ?)`, r.ID, r.StartedAt)
	return err
}

// packOrigin puts address and browser into one sealed field.
func packOrigin(from Origin) []byte {
	return []byte(from.address() + "\n" + firstRunes(strings.ReplaceAll(from.Agent, "\n", " "), 300))
}

func unpackOrigin(b []byte) (address, agent string) {
	a, g, _ := bytes.Cut(b, []byte("\n"))
	return string(a), string(g)
}
