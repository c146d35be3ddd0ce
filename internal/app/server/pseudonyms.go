package server

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/pseudonym"
)

// buildPseudonyms builds what puts pseudonyms in the place of names. Exports that
// hold the names end with it.
func (s *Server) buildPseudonyms() {
	s.pseudonyms = pseudonym.New(pseudonym.Options{
		Recordings: s.Recordings, Keys: s.Keys, Persons: s.persons, Approvals: s.approvals, Log: s.log,
		Changed: func(tx *place.Tx, rec id.Recording) error { return parcel.Gone(tx, rec.String()) },
		Certify: func(ctx context.Context, p *place.Place, g pseudonym.Gone) error {
			return s.certificates.CertifyKeys(ctx, p, destruction.Keys{Run: g.Run, Approval: g.Approval, Asked: g.AskedAt, N: g.Keys, TwoKeys: s.Keys.Copies() >= 2})
		},
	})
}
