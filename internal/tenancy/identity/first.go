package identity

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// SetFirstPolicy chooses how people sign in at a customer to which no
// administrator has come yet, for whoever sets it up: there is nobody whom the
// choice could lock out. Later it is fault.Conflict. Unchanged, it writes nothing.
func (s *Service) SetFirstPolicy(ctx context.Context, p *place.Place, who actor.Actor, factor Factor, deviceDays int) error {
	want := DefaultPolicy()
	want.Factor, want.DeviceDays = factor, deviceDays
	if err := want.check(); err != nil {
		return err
	}
	is, err := s.Policy(ctx, p)
	if err != nil || is.Factor == want.Factor && is.DeviceDays == want.DeviceDays {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		settled, err := Settled(tx)
		if err != nil {
			return err
		}
		if settled {
			return fault.New(fault.Conflict, "the customer's administrators decide by now how people sign in")
		}
		is.Factor, is.DeviceDays = want.Factor, want.DeviceDays
		return storePolicy(tx, is)
	})
}
