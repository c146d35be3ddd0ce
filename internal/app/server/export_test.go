package server

import (
	"context"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/redaction"
)

// What tests outside this package need of its inside.

func (s *Server) MayHear(ctx context.Context, p *place.Place) error { return s.mayHear(ctx, p) }

// Watched makes what is told of the server up to date and gives the address of
// its figures.
func (s *Server) Watched(ctx context.Context) (figures string) {
	s.health.Check(ctx)
	return s.figuresAt.Addr().String()
}

// StopTracing sends what was traced.
func (s *Server) StopTracing() { s.tracer.Stop() }

// Destroying is who asks collectors, and who certifies.
func (s *Server) Destroying() (*collect.Server, *destruction.Service) {
	return s.collectors, s.certificates
}

// Sessions takes recording sessions.
func (s *Server) Sessions() *siprec.Service { return s.siprec }

// Parcels makes exports.
func (s *Server) Parcels() *parcel.Service { return s.parcels }

// Redaction takes out.
func (s *Server) Redaction() *redaction.Service { return s.redaction }

// ReallyUntil is until when a backup from before a destruction lasts, Nominally
// until when it is to.
var ReallyUntil, Nominally = reallyUntil, nominally
