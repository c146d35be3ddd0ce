package server

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
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

// ender destroys originals of redacted recordings whose time has ended: after the
// start, for nights that the server slept through, and then every night.
type ender struct {
	places       *place.Store
	recordings   *recording.Service
	hour, minute int
	log          *slog.Logger
}

func (e *ender) run(ctx context.Context) {
	for {
		e.all(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(nextAt(time.Now(), e.hour, e.minute))):
		}
	}
}

func (e *ender) all(ctx context.Context) {
	customers, err := e.places.Customers(ctx)
	if err != nil {
		e.log.Error("originals: the customers cannot be listed", "cause", err)
		return
	}
	for _, c := range customers {
		p, err := e.places.Place(ctx, c)
		n := 0
		if err == nil {
			n, err = e.recordings.EndOriginals(ctx, p)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.log.Error("originals of redacted recordings were not all destroyed", "customer", c, "cause", err)
		case n > 0:
			e.log.Info("originals of redacted recordings were destroyed", "customer", c, "recordings", n)
		}
	}
}
