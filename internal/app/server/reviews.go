package server

import (
	"context"
	"errors"
	"log/slog"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/review"
)

// reviewer opens access reviews when their time has come, reminds of them and
// ends them.
type reviewer struct {
	places  *place.Store
	reviews *review.Service
	log     *slog.Logger
}

// turn goes through all nodes; one that fails does not keep the others waiting.
func (r *reviewer) turn(ctx context.Context) {
	err := r.reviews.Sweep(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.Error("access reviews above customers could not all be looked after", "cause", err)
	}
	customers, err := r.places.Customers(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.Error("access reviews: the customers cannot be listed", "cause", err)
	}
	for _, c := range customers {
		if err := r.one(ctx, c); err != nil && !errors.Is(err, context.Canceled) {
			r.log.Error("a customer's access review could not be looked after", "customer", c, "cause", err)
		}
	}
}

func (r *reviewer) one(ctx context.Context, c id.Customer) error {
	p, err := r.places.Place(ctx, c)
	if err != nil {
		return err
	}
	return r.reviews.Turn(ctx, review.Where{Place: p, Node: c})
}
