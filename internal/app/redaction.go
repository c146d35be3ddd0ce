package app

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/redaction"
)

// buildRedaction builds what finds personal data and takes it out. Exports that
// hold what was taken out end with it.
func (s *server) buildRedaction() {
	s.redaction = redaction.New(redaction.Options{
		Recordings: s.recordings, Log: s.log,
		Changed: func(tx *place.Tx, rec id.Recording) error { return parcel.Gone(tx, rec.String()) },
	})
}

// heardAndLooked has what was just transcribed looked through.
func heardAndLooked(next func(*place.Tx, id.Recording, string, time.Duration) error) func(*place.Tx, id.Recording, string, time.Duration) error {
	return func(tx *place.Tx, rec id.Recording, language string, length time.Duration) error {
		if err := next(tx, rec, language, length); err != nil {
			return err
		}
		return redaction.Heard(tx, rec)
	}
}

// endOriginals destroys originals of redacted recordings whose time has ended.
func (s *sweeper) endOriginals(ctx context.Context, p *place.Place) {
	if n, err := s.recordings.EndOriginals(ctx, p); err != nil {
		s.log.Error("originals of redacted recordings could not be destroyed", "customer", p.Customer(), "cause", err)
	} else if n > 0 {
		s.log.Info("originals of redacted recordings were destroyed", "customer", p.Customer(), "number", n)
	}
}
