package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/privacy"
)

// nextAt is the first instant after now at which a clock in now's zone shows
// the given hour and minute. A skipped hour moves to the one after it; a
// repeated one counts once.
func nextAt(now time.Time, hour, minute int) time.Time {
	y, m, d := now.Date()
	for day := d; ; day++ {
		if t := time.Date(y, m, day, hour, minute, 0, 0, now.Location()); t.After(now) {
			return t
		}
	}
}

// eachNight does something once after the start, for nights that the server slept
// through, and then every night until it stops.
func (s *Server) eachNight(ctx context.Context, act func(context.Context)) {
	hour, minute := s.nightly()
	s.background(ctx, func(ctx context.Context) {
		for {
			act(ctx)
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(nextAt(time.Now(), hour, minute))):
			}
		}
	})
}

// sweeper destroys what is due and mends the second place of objects.
type sweeper struct {
	places     *place.Store
	privacy    *privacy.Service
	objects    blob.Bucket
	collectors *collect.Server
	entry      *entry.Service
	monitor    *monitor.Service
	// purges take away what was kept for a time of its own; each gives how much.
	purges []func(ctx context.Context, p *place.Place) (int, error)
	log    *slog.Logger
}

// purges are what the nightly round takes away beside whole recordings.
func (s *Server) purges() []func(ctx context.Context, p *place.Place) (int, error) {
	return []func(ctx context.Context, p *place.Place) (int, error){s.endOriginals, s.persons.Purge, s.persons.Uncertified, s.breaches.Purge, s.redaction.Purge, s.pseudonyms.Nightly}
}

// sweep goes through the places one after another; a place that fails does not
// keep the others from being swept.
func (s *sweeper) sweep(ctx context.Context) {
	customers, err := s.places.Customers(ctx)
	if err != nil {
		s.log.Error("retention: the customers cannot be listed", "cause", err)
		return
	}
	if _, err := s.entry.Sweep(ctx, s.places.Registry()); err != nil && ctx.Err() == nil {
		s.log.Error("access lists: what ran out above customers was not taken out", "cause", err)
	}
	for _, c := range customers {
		n := 0
		p, err := s.places.Place(ctx, c)
		if err == nil {
			n, err = s.one(ctx, p)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Error("the nightly round of a customer: not all that was due is done", "customer", c, "cause", err)
		}
		if n > 0 {
			s.log.Info("retention: destroyed what was due", "customer", c, "recordings", n)
		}
		s.repair(ctx, c)
	}
}

// one goes through one place, and has its people told of a round that failed until
// one ends well. A step that fails does not keep the others from being taken.
func (s *sweeper) one(ctx context.Context, p *place.Place) (int, error) {
	done, err := s.privacy.Run(ctx, p)
	errs := []error{err, search.Compact(ctx, p), s.collectors.Sweep(ctx, p, time.Now())}
	_, err = s.entry.Sweep(ctx, p)
	errs = append(errs, err)
	for _, purge := range s.purges {
		_, err := purge(ctx, p)
		errs = append(errs, err)
	}
	err = errors.Join(errs...)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		err = errors.Join(err, s.monitor.Report(ctx, monitor.In(p), monitor.Condition{Kind: monitor.NightFailed, Subject: "round", Facts: map[string]string{"text": "not all that was due was destroyed or replaced"}}))
	default:
		err = s.monitor.Clear(ctx, monitor.In(p), monitor.NightFailed, "round")
	}
	return done.Destroyed + done.Silenced, err
}

// repair gives back to one place for objects what only the other has, as after
// a disk was replaced or a second place was added.
func (s *sweeper) repair(ctx context.Context, c id.Customer) {
	copied, odd, err := blob.Repair(ctx, s.objects, blob.Prefix(c))
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Error("objects: the two places could not be compared", "customer", c, "cause", err)
	case odd > 0:
		s.log.Error("objects: the two places differ; the recordings are read from the one that is whole", "customer", c, "objects", odd)
	case copied > 0:
		s.log.Info("objects: copied what only one place had", "customer", c, "objects", copied)
	}
}

// turnedAway tells a customer's administrators of a collector that came from
// where their access list does not let it in.
func (s *Server) turnedAway(ctx context.Context, p *place.Place, who actor.Actor) {
	w := entry.Where{Place: p, Node: p.Customer()}
	if err := s.entry.Refused(ctx, w, who, entry.Collectors, time.Now()); err != nil {
		s.log.Error("access lists: a collector's refusal was not recorded", "customer", p.Customer(), "cause", err)
	}
}
