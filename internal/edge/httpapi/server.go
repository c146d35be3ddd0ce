// Package httpapi is the HTTP API: it translates requests into calls of the
// services and their answers into JSON, and decides nothing itself.
//
// What every request goes through, in this order: a request id, the real
// address of the caller, security headers, cross-origin protection, a limit of
// the body, then the gate of its route (session or token, membership, act).
// A route cannot be built without a gate. What is foreign, forbidden or missing
// answers with the same 404. Errors are RFC 9457 problems, made in one function.
//
// GET changes nothing: cross-origin protection lets GET through.
package httpapi

import (
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/base/fault"
)

// Deps is what the API is built on.
type Deps struct {
	Log            *slog.Logger
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; empty: nobody's
	Secure         bool           // served over TLS: cookies are Secure and carry the __Host- prefix
	Demo           bool           // shows the mailbox
}

// Server is the API.
type Server struct {
	deps   Deps
	log    *slog.Logger
	mux    *http.ServeMux
	api    huma.API
	routes []route
}

var (
	errNoVisit     = fault.New(fault.Internal, "the gate left no visit")
	errCrossOrigin = fault.New(fault.Denied, "this request came from another site")
	errPanicked    = fault.New(fault.Internal, "a handler panicked")
)

// New builds the API. It panics only on a route that is built wrongly, which
// the first test finds.
func New(d Deps) *Server {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{deps: d, log: d.Log, mux: http.NewServeMux()}
	s.api = humago.New(s.mux, config())
	s.signInRoutes()
	s.meRoutes()
	s.nodeRoutes()
	s.recordingRoutes()
	s.callRoutes()
	s.openingRoutes()
	s.eventRoutes()
	s.sourceRoutes()
	s.attentionRoutes()
	s.retentionRoutes()
	s.speechRoutes()
	s.memberRoutes()
	s.tokenRoutes()
	s.deviceRoutes()
	s.exposureRoutes()
	s.describe()
	return s
}

// Handler serves the API.
func (s *Server) Handler() http.Handler { return s.wrap(s.mux) }
