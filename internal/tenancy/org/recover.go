package org

import (
	"context"
	"encoding/json"
	"fmt"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Recover ends what a crash left between node, keys and place. It runs at the
// start and after each act that spans them; every step may be run twice.
func (s *Service) Recover(ctx context.Context) error {
	if err := s.recoverCustomers(ctx); err != nil {
		return err
	}
	return s.recoverStandings(ctx)
}

// recoverCustomers ends the making of customers. Keys come first: the place
// seals from its first row on.
func (s *Service) recoverCustomers(ctx context.Context) error {
	pending, err := s.store.Registry().Pending(ctx, intentCustomer)
	if err != nil {
		return err
	}
	for _, in := range pending {
		var args nodeArgs
		if err := unmarshal(in.Args, &args); err != nil {
			return err
		}
		if err := s.keys.CreateCustomer(ctx, args.Node); err != nil {
			return err
		}
		if err := s.store.Create(ctx, args.Node); err != nil {
			return err
		}
		if err := s.finish(ctx, in.ID, args.Node); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) finish(ctx context.Context, in id.Intent, n id.Node) error {
	return s.store.Registry().Change(ctx, actor.ForSystem("org"), func(tx *place.Tx) error {
		if _, err := tx.Exec(`UPDATE nodes SET ready = 1 WHERE id = ?`, n); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "customer.opened", Subject: n.String()})
		return tx.Done(in)
	})
}

func unmarshal(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("arguments of an intent: %w", err)
	}
	return nil
}
