package server

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/redaction"
)

// buildRedaction builds what finds personal data and takes it out. Exports that
// hold what was taken out end with it.
func (s *Server) buildRedaction() {
	s.redaction = redaction.New(redaction.Options{
		Recordings: s.Recordings, Log: s.log,
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

// payments is the detector of payments that were recorded: one alert, until the
// last of them was redacted or is gone.
func (s *Server) payments() monitor.Detector {
	return monitor.Detector{Kinds: []monitor.Kind{monitor.PaymentRecorded}, Look: func(ctx context.Context, w monitor.Where, at time.Time) ([]monitor.Condition, time.Time, error) {
		n, since, err := s.redaction.Recorded(ctx, w.Place)
		if err != nil || n == 0 {
			return nil, time.Time{}, err
		}
		text := "a payment card can be heard in one recording"
		if n > 1 {
			text = fmt.Sprintf("payment cards can be heard in %d recordings", n)
		}
		return []monitor.Condition{{
			Kind: monitor.PaymentRecorded, Subject: w.Place.Customer().String(), Since: since, Facts: map[string]string{"recordings": strconv.FormatInt(n, 10), "text": text},
		}}, time.Time{}, nil
	}}
}

// endOriginals destroys the originals of redacted recordings whose time has ended,
// so many at a time.
func (s *Server) endOriginals(ctx context.Context, p *place.Place) (ended int, err error) {
	for {
		n, err := s.Recordings.EndOriginals(ctx, p)
		if ended += n; err != nil || n == 0 {
			return ended, err
		}
	}
}
