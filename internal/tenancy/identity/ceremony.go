package identity

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// A ceremony is what the server must remember between two requests: the
// challenge of a passkey, a secret that is being set up. It is found by a hash,
// sealed, and taken away by the first request that comes for it: what was
// answered once cannot be answered again.

const ceremonyFor = 5 * time.Minute

var errCeremony = fault.New(fault.Unauthenticated, "this took too long or was answered already; begin again")

// ceremonyKey names a ceremony of a session: there is one of a kind at a time.
func ceremonyKey(kind string, ses id.Session) []byte { return hashOf(kind + " " + ses.String()) }

// keepCeremony replaces what was kept under the key.
func (s *Service) keepCeremony(ctx context.Context, key []byte, p id.Person, data []byte) error {
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		now := s.now()
		if _, err := tx.Exec(`DELETE FROM ceremonies WHERE until < ? OR token = ?`, now.UnixMilli(), key); err != nil {
			return err
		}
		i := id.At[id.Factor](now)
		sealed, err := tx.Seal(place.FieldCeremony, i, data)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO ceremonies (token, id, person, data, until) VALUES (?, ?, ?, ?, ?)`,
			key, i, p, sealed, now.Add(ceremonyFor).UnixMilli())
		return err
	})
}

func (s *Service) openCeremony(tx *place.Tx, key []byte) ([]byte, error) {
	type row struct {
		ID    id.Factor `db:"id"`
		Data  []byte    `db:"data"`
		Until int64     `db:"until"`
	}
	r, err := place.Row[row](tx, `SELECT id, data, until FROM ceremonies WHERE token = ?`, key)
	if fault.Is(err, fault.NotFound) || err == nil && s.now().UnixMilli() >= r.Until {
		return nil, errCeremony
	}
	if err != nil {
		return nil, err
	}
	return tx.Unseal(place.FieldCeremony, r.ID, r.Data)
}

// seeCeremony leaves it in place, for a secret that may be tried again.
func (s *Service) seeCeremony(ctx context.Context, key []byte) (data []byte, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		data, err = s.openCeremony(tx, key)
		return err
	})
	return data, err
}

// takeCeremony removes it: of two requests at the same time, one gets it.
func (s *Service) takeCeremony(ctx context.Context, key []byte) (data []byte, err error) {
	err = s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if data, err = s.openCeremony(tx, key); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM ceremonies WHERE token = ?`, key)
		return err
	})
	return data, err
}
