package server

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
)

// buildDestruction builds what certifies destructions.
func (s *Server) buildDestruction() {
	s.certificates = destruction.New(destruction.Options{
		Store: s.Places, Sign: s.reviews.SignText, Paper: s.reviews.SignPaper, Name: s.nameOf, Clean: cleaned, Backups: s.backupsUntil,
		Boxes: s.collectors, SourceName: s.Recordings.SourceName, StillMoved: s.Recordings.StillMoved, Log: s.log,
	})
	s.Recordings.OnEnded(s.certificates.Record)
	s.Recordings.OnSwept(s.certificates.Swept)
	s.collectors.OnWord(s.certificates.Heard)
}

// cleaned takes what was destroyed out of the index of words and out of what
// the engine keeps beside its rows.
func cleaned(ctx context.Context, p *place.Place) error {
	if err := search.Compact(ctx, p); err != nil {
		return err
	}
	return p.Scrub(ctx)
}

// backupsUntil is when the last backup from before a time goes.
func (s *Server) backupsUntil(at time.Time) destruction.Backups {
	b := nominally(s.cfg.Backup, at)
	oldest, some := s.oldestBackup(context.Background())
	b.Places = reallyUntil(b.Places, at, time.Now(), oldest, some)
	if w := s.backups.Load(); w != nil {
		oldest, some = w.OldestKeys()
	}
	b.Keys = reallyUntil(b.Keys, at, time.Now(), oldest, some)
	return b
}

// reallyUntil puts off a day that has come while a backup from before is there
// still: points are counted by days that have one, so that a night without a
// backup keeps the older ones longer. It is looked at again a week later.
func reallyUntil(until, destroyed, now, oldest time.Time, some bool) time.Time {
	if until.IsZero() || until.After(now) || !some || oldest.After(destroyed) {
		return until
	}
	return now.UTC().Truncate(time.Second).AddDate(0, 0, 7)
}

// nominally is when the last backup from before a time goes if one is made each
// night: one of each kind that is kept, and a day for the night in which it is
// tidied away.
func nominally(c config.Backup, at time.Time) destruction.Backups {
	if !c.On() {
		return destruction.Backups{}
	}
	day := at.UTC()
	last := day.AddDate(0, 0, c.Daily+1)
	for _, t := range []time.Time{day.AddDate(0, 0, 7*c.Weekly+1), day.AddDate(0, c.Monthly, 1)} {
		if t.After(last) {
			last = t
		}
	}
	b := destruction.Backups{On: true, Places: last}
	if c.Keys != (config.Target{}) { // else the operator copies them, or nobody does
		b.Keys = day.AddDate(0, 0, c.KeyCopies+1)
	}
	return b
}

// certifier signs what was destroyed: minutes after, and each night for what is
// learnt later.
type certifier struct {
	places       *place.Store
	certificates *destruction.Service
	hour, minute int
	log          *slog.Logger

	mu  sync.Mutex
	due map[id.Customer]bool
}

// watch remembers in which places something was destroyed, or more became known
// of what collectors have.
func (c *certifier) watch(done place.Commit) {
	if done.Customer.IsZero() || !slices.Contains(done.Topics, destruction.Topic) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due[done.Customer] = true
}

func (c *certifier) run(ctx context.Context) {
	night := time.Now() // at the start all are looked at, for what a stop interrupted
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if now := time.Now(); !now.Before(night) {
			night = nextAt(now, c.hour, c.minute).Add(time.Hour) // after the nightly destruction
			all, err := c.places.Customers(ctx)
			if err != nil && ctx.Err() == nil {
				c.log.Error("certificates: the customers cannot be listed", "cause", err)
			}
			c.mu.Lock()
			for _, one := range all {
				c.due[one] = true
			}
			c.mu.Unlock()
		}
		c.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn issues in the places where something waits; one that fails does not keep
// the others waiting.
func (c *certifier) turn(ctx context.Context) {
	c.mu.Lock()
	due := c.due
	c.due = map[id.Customer]bool{}
	c.mu.Unlock()
	for one := range due {
		p, err := c.places.Place(ctx, one)
		if fault.Is(err, fault.NotFound) {
			continue // the customer has gone
		}
		waiting := 0
		if err == nil {
			if _, err = c.certificates.Issue(ctx, p); err == nil {
				waiting, err = c.certificates.Waiting(ctx, p)
			}
		}
		if ctx.Err() != nil {
			return // all are looked at after the start
		}
		if err != nil {
			c.log.Error("what a customer destroyed could not be certified yet", "customer", one, "cause", err)
		}
		if err != nil || waiting > 0 {
			c.mu.Lock()
			c.due[one] = true
			c.mu.Unlock()
		}
	}
}
