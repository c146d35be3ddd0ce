package sso

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
)

// ClaimFor is Claim from where the customer's place has been read.
func (s *Service) ClaimFor(ctx context.Context, c id.Customer, who actor.Actor, provider id.Provider, name string) (Domain, error) {
	return s.claim(ctx, c, who, provider, name)
}
