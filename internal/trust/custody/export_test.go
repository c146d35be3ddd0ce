package custody

import (
	"context"

	"ringfence/internal/base/id"
)

// Held notes that a key server holds a customer's key, as a rotation does.
func (s *Service) Held(ctx context.Context, c id.Customer) error { return s.held(ctx, c, true) }
