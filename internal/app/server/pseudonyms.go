package server

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/monitor"
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
	s.monitor.Detect(monitor.Detector{Kinds: []monitor.Kind{monitor.PseudonymsFailing}, Look: s.pseudonymTroubles})
}

// pseudonymTroubles is what of replacing names, and of destroying ways back, does not get done.
func (s *Server) pseudonymTroubles(ctx context.Context, w monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	found, err := s.pseudonyms.Troubles(ctx, w.Place, at)
	for _, t := range found {
		all = append(all, monitor.Condition{Kind: monitor.PseudonymsFailing, Subject: t.Subject, Since: t.Since, Facts: map[string]string{"count": strconv.FormatInt(t.N, 10), "text": t.Text}})
	}
	return all, again, err
}
