package httpapi

import (
	"context"
	"net/http"
)

type innerKey struct{}

// Administration serves the same as Handler, on the address that provider and
// resellers have to themselves.
func (s *Server) Administration() http.Handler {
	h := s.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), innerKey{}, true)))
	})
}

// hidesNodes reports whether a request came by an address that knows nobody
// above customers. The address is a fact of the listener: nothing that a caller
// sends can change it.
func (s *Server) hidesNodes(ctx context.Context) bool {
	inner, _ := ctx.Value(innerKey{}).(bool)
	return s.deps.AdministrationApart && !inner
}
