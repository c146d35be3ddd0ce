package identity

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
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

// Guarded reports whether nobody administers a customer with a mailed code
// alone: its policy asks for more, or each administrator has set up more.
func (s *Service) Guarded(ctx context.Context, p *place.Place) (bool, error) {
	pol, err := s.Policy(ctx, p)
	if err != nil || pol.SSOOnly || pol.Factor != AnyFactor {
		return err == nil, err
	}
	members, err := s.Members(ctx, p)
	if err != nil {
		return false, err
	}
	n := 0
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		for _, m := range members {
			if !slices.Contains(m.Roles, access.CustomerAdmin) {
				continue
			}
			n++
			if f, err := factorsOf(tx, m.Person); err != nil || !f.strong() {
				n = -len(members)
				return err
			}
		}
		return nil
	})
	return n > 0, err
}
