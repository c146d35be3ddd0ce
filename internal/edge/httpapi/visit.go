package httpapi

import (
	"context"
	"net/http"

	"ringfence/internal/base/fault"
)

type visitKey struct{}

// visit is one request past its gate.
type visit struct{}

func (s *Server) admit(r *http.Request, rt route) (*visit, error) {
	return nil, fault.New(fault.Unauthenticated, "sign in first")
}

func once[I, O any](ctx context.Context, s *Server, v *visit, rt route, in *I, handle func(context.Context, *visit, *I) (*O, error)) (*O, error) {
	return handle(ctx, v, in)
}
