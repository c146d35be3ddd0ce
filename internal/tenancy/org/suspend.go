package org

import (
	"context"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// intentStanding is the act of suspending or resuming: the registry's flag is
// what those above see, the place's is what its gate reads.
const intentStanding = "org.standing"

// ErrSuspended is what members and machines of a suspended customer get to hear.
var ErrSuspended = fault.New(fault.Denied, "this customer is suspended; nothing was deleted. Ask whoever provides Ringfence to you")

// Suspend closes a customer's place to everybody: nobody enters, nothing new is
// captured or transcribed, sources stay as they are. Nothing is destroyed but
// what retention would have destroyed anyway. It holds when Suspend returns;
// after a crash in between, Recover ends it. fault.Conflict if it is already.
func (s *Service) Suspend(ctx context.Context, who actor.Actor, c id.Customer, why string) (Node, error) {
	why = strings.TrimSpace(why)
	if why == "" || len(why) > 500 {
		return Node{}, fault.Field("reason", "say why, in 1 to 500 letters: the customer's own log shows it")
	}
	return s.stand(ctx, who, c, true, why)
}

// Resume opens a suspended customer's place again.
func (s *Service) Resume(ctx context.Context, who actor.Actor, c id.Customer, why string) (Node, error) {
	return s.stand(ctx, who, c, false, strings.TrimSpace(why))
}

func (s *Service) stand(ctx context.Context, who actor.Actor, c id.Customer, suspended bool, why string) (n Node, err error) {
	err = s.store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if n, err = Read(tx, c); err != nil {
			return err
		}
		switch {
		case n.Kind != Customer:
			return fault.New(fault.Conflict, "only a customer can be suspended, not a %s", n.Kind)
		case suspended && !n.SuspendedAt.IsZero():
			return fault.New(fault.Conflict, "this customer is suspended already")
		case !suspended && n.SuspendedAt.IsZero():
			return fault.New(fault.Conflict, "this customer is not suspended")
		}
		at, code := int64(0), "customer.resumed"
		if suspended {
			at, code = tx.At().UnixMilli(), "customer.suspended"
		}
		n.SuspendedAt = instant(at)
		tx.Record(place.Event{Code: code, Subject: c.String(), Why: why})
		if _, err := tx.Exec(`UPDATE nodes SET suspended_at = ? WHERE id = ?`, at, c); err != nil {
			return err
		}
		_, err := tx.Intend(intentStanding, standingArgs{c, at, why})
		return err
	})
	if err != nil {
		return n, err
	}
	return n, s.recoverStandings(ctx)
}

type standingArgs struct {
	Node id.Node `json:"node"`
	At   int64   `json:"at"` // 0: resumed
	Why  string  `json:"why"`
}

// recoverStandings carries what the registry says of a customer into its place.
// Intents are run in their order, so the last word of the registry stands.
func (s *Service) recoverStandings(ctx context.Context) error {
	s.standing.Lock()
	defer s.standing.Unlock()
	pending, err := s.store.Registry().Pending(ctx, intentStanding)
	if err != nil {
		return err
	}
	for _, in := range pending {
		var args standingArgs
		if err := unmarshal(in.Args, &args); err != nil {
			return err
		}
		p, err := s.store.Place(ctx, args.Node)
		if err != nil {
			return err
		}
		if err := carry(ctx, p, args); err != nil {
			return err
		}
		err = s.store.Registry().Keep(ctx, func(tx *place.Tx) error { return tx.Done(in.ID) })
		if err != nil {
			return err
		}
	}
	return nil
}

// carry writes a customer's standing into its place, unless it is there already.
func carry(ctx context.Context, p *place.Place, args standingArgs) error {
	var was int64
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		was, err = suspendedAt(tx)
		return err
	})
	if err != nil || was == args.At {
		return err
	}
	return p.Change(ctx, actor.ForSystem("org"), func(tx *place.Tx) error {
		code := "customer.resumed"
		if args.At != 0 {
			code = "customer.suspended"
		}
		tx.Record(place.Event{Code: code, Subject: args.Node.String(), Why: args.Why})
		tx.Notify("members") // live connections look at once whether they may stay
		_, err := tx.Exec(`INSERT INTO standing (one, suspended_at, why) VALUES (1, ?, ?)
			ON CONFLICT (one) DO UPDATE SET suspended_at = excluded.suspended_at, why = excluded.why`, args.At, args.Why)
		return err
	})
}

func suspendedAt(tx *place.Tx) (int64, error) {
	at, err := place.Row[int64](tx, `SELECT suspended_at FROM standing`)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return at, err
}

// Standing is ErrSuspended in the place of a customer who is.
func Standing(tx *place.Tx) error {
	at, err := suspendedAt(tx)
	if err == nil && at != 0 {
		err = ErrSuspended
	}
	return err
}

// Open is ErrSuspended for a place that is suspended.
func Open(ctx context.Context, p *place.Place) error {
	return p.View(ctx, Standing)
}
