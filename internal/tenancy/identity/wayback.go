package identity

import (
	"context"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// A customer that is entered through its own identity provider alone is locked
// out on the day that provider fails, unless somebody still comes in without
// it: administrators who are named for it and have a strong factor of their
// own. What is here holds that there is always one.

// BeforeSSOOnly sets what is asked before a customer closes all other ways in:
// whether the saver has just come in through the provider, as a test.
func (s *Service) BeforeSSOOnly(ask func(tx *place.Tx, saver id.Person) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beforeSSOOnly = ask
}

// closing checks a policy that lets people in through the provider alone.
func (s *Service) closing(tx *place.Tx, saver id.Person, pol Policy) error {
	before, err := storedPolicy(tx)
	if err != nil || !pol.SSOOnly || before.SSOOnly {
		return err
	}
	s.mu.Lock()
	ask := s.beforeSSOOnly
	s.mu.Unlock()
	if ask == nil {
		return fault.Field("sso_only", "set up an identity provider first")
	}
	return ask(tx, saver)
}

// equipped holds that everybody who is named for the way back has a strong
// factor: a name without one is no way.
func (s *Service) equipped(ctx context.Context, pol Policy) error {
	if !pol.SSOOnly {
		return nil
	}
	return s.store.Registry().View(ctx, func(tx *place.Tx) error {
		for _, p := range pol.Recovery {
			f, err := factorsOf(tx, p)
			if err != nil {
				return err
			}
			if !f.Password && f.Passkeys == 0 || !f.strong() {
				return fault.Field("recovery", "everybody named here needs an authenticator app with a password, or a passkey, before it can be switched on")
			}
		}
		return nil
	})
}

// wayBack is fault.Conflict where nobody who is named for it is an
// administrator any more. It runs within the Change that took roles away.
func wayBack(tx *place.Tx) error {
	pol, err := storedPolicy(tx)
	if err != nil || !pol.SSOOnly {
		return err
	}
	for _, p := range pol.Recovery {
		m, err := memberByID(tx, p)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if slices.Contains(m.Roles, access.CustomerAdmin) {
			return nil
		}
	}
	return fault.New(fault.Conflict, "this is the last administrator who comes in when the identity provider fails; name another one first")
}

// mayLose is fault.Conflict where somebody is a customer's last way back and
// would have no strong factor without the one that is to go.
func (s *Service) mayLose(ctx context.Context, p id.Person, goes Factors) error {
	var now Factors
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		now, err = factorsOf(tx, p)
		return err
	})
	if err != nil || now.Passkeys > goes.Passkeys || now.TOTP && !goes.TOTP {
		return err
	}
	customers, err := s.Places(ctx, p)
	if err != nil {
		return err
	}
	for _, c := range customers {
		at, err := s.store.Place(ctx, c)
		if err != nil {
			return err
		}
		pol, err := s.Policy(ctx, at)
		if err != nil {
			return err
		}
		if !pol.SSOOnly || !slices.Contains(pol.Recovery, p) {
			continue
		}
		if ok, err := s.othersEquipped(ctx, pol, p); err != nil || !ok {
			if err == nil {
				err = fault.New(fault.Conflict, "with this factor you are the last who can enter a customer when its identity provider fails; set up another factor first")
			}
			return err
		}
	}
	return nil
}

func (s *Service) othersEquipped(ctx context.Context, pol Policy, without id.Person) (ok bool, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		for _, p := range pol.Recovery {
			f, err := factorsOf(tx, p)
			if err != nil {
				return err
			}
			ok = ok || p != without && f.strong()
		}
		return nil
	})
	return ok, err
}
