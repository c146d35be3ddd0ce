package place

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

func openCluster(context.Context, secret.Text) (engine, error) {
	return nil, fault.New(fault.Unavailable, "PostgreSQL comes in the next change")
}

func openSchema(context.Context, DSN) (*pool, error) {
	return nil, fault.New(fault.Unavailable, "PostgreSQL comes in the next change")
}
