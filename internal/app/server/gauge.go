package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/health"
	"ringfence/internal/trust/monitor"
)

// gauge pushes each customer's figures up to the registry some seconds after
// they changed, so that the pages above never open a place. It also looks, once
// a minute, for blueprints that could not be carried out yet.
type gauge struct {
	collectors *collect.Server
	places     *place.Store
	recordings *recording.Service
	people     *identity.Service
	tree       *org.Service
	blueprints *blueprint.Service
	requests   func(id.Customer) int64 // made since it was last asked
	busy       func() []id.Customer    // who has made any
	monitor    *monitor.Service
	health     *health.Service
	log        *slog.Logger

	mu     sync.Mutex
	dirty  map[id.Customer]bool
	opened map[id.Customer]opened
}

// opened is whether a person has opened a recording. Once true it stays so; until
// then it is looked for at most once a minute, for it may be a long search.
type opened struct {
	ever bool
	at   time.Time
}

// watch notes who changed; it is given to Store.OnCommit.
func (g *gauge) watch(c place.Commit) {
	if !c.Customer.IsZero() {
		g.mark(c.Customer)
	}
}

func (g *gauge) mark(customers ...id.Customer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dirty == nil {
		g.dirty = map[id.Customer]bool{}
	}
	for _, c := range customers {
		g.dirty[c] = true
	}
}

func (g *gauge) run(ctx context.Context) {
	tick, minute := time.NewTicker(5*time.Second), time.NewTicker(time.Minute)
	defer tick.Stop()
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.push(ctx)
		case <-minute.C:
			g.mark(g.busy()...)
			if err := g.blueprints.Recover(ctx); err != nil && ctx.Err() == nil {
				g.log.Warn("a blueprint could not be carried out yet", "cause", err)
			}
		}
	}
}

func (g *gauge) push(ctx context.Context) {
	g.mu.Lock()
	changed := g.dirty
	g.dirty = nil
	g.mu.Unlock()
	for c := range changed {
		if err := g.pushOne(ctx, c); err != nil && ctx.Err() == nil {
			g.log.Error("figures were not pushed up", "customer", c, "cause", err)
		}
	}
}

func (g *gauge) pushOne(ctx context.Context, c id.Customer) error {
	p, err := g.places.Place(ctx, c)
	if err != nil {
		return err
	}
	u, err := g.recordings.Usage(ctx, p)
	if err != nil {
		return err
	}
	f := org.Figures{Recordings: u.Recordings, Bytes: u.Bytes, Length: u.Length, Attention: int64(u.Attention)}
	if err := g.sources(ctx, p, &f); err != nil {
		return err
	}
	if err := p.View(ctx, func(tx *place.Tx) error { return g.counts(tx, &f) }); err != nil {
		return err
	}
	if err := g.signs(ctx, p, &f); err != nil {
		return err
	}
	if err := g.collectors.Push(ctx, p); err != nil {
		return err
	}
	err = g.healthOf(ctx, p, health.Figures{
		Recordings: f.Recordings, Bytes: f.Bytes, LastCapturedAt: f.LastCapturedAt, Unverified: int64(u.Unverified), Attention: f.Attention, SourcesFailing: f.Failing,
	})
	if err != nil {
		return err
	}
	f.Month.Requests = g.requests(c)
	return g.tree.Push(ctx, c, f)
}

// sources says how sources are doing. One that is paused is meant to be silent.
func (g *gauge) sources(ctx context.Context, p *place.Place, f *org.Figures) error {
	list, err := g.recordings.Sources(ctx, p)
	for _, s := range list {
		if s.State == "failing" || s.State == "waiting" {
			f.Failing++
		}
		last := s.CreatedAt
		if s.LastCapturedAt != nil {
			last = *s.LastCapturedAt
			if last.After(f.LastCapturedAt) {
				f.LastCapturedAt = last
			}
		}
		if s.State != "paused" && (f.QuietSince.IsZero() || last.Before(f.QuietSince)) {
			f.QuietSince = last
		}
	}
	return err
}

func (g *gauge) counts(tx *place.Tx, f *org.Figures) (err error) {
	if f.Seats, err = identity.Seats(tx); err != nil {
		return err
	}
	if f.FailedJobs, err = job.GivenUp(tx); err != nil {
		return err
	}
	if f.Month, err = org.Metered(tx); err != nil {
		return err
	}
	settled, err := identity.Settled(tx)
	if settled {
		f.Signs = append(f.Signs, org.SignJoined)
	}
	return err
}

func (g *gauge) signs(ctx context.Context, p *place.Place, f *org.Figures) error {
	if g.recordings.TwoPlaces() {
		f.Signs = append(f.Signs, org.SignCopies)
	}
	strong, err := g.people.Guarded(ctx, p)
	if err != nil {
		return err
	}
	if strong {
		f.Signs = append(f.Signs, org.SignFactor)
	}
	ever, err := g.everOpened(ctx, p)
	if ever {
		f.Signs = append(f.Signs, org.SignOpened)
	}
	return err
}

func (g *gauge) everOpened(ctx context.Context, p *place.Place) (bool, error) {
	was, now := g.opened[p.Customer()], time.Now()
	if was.ever || now.Sub(was.at) < time.Minute {
		return was.ever, nil
	}
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		was.ever, err = journal.Happened(tx, "opening.granted", actor.Person, "rec")
		return err
	})
	was.at = now
	if g.opened == nil {
		g.opened = map[id.Customer]opened{}
	}
	g.opened[p.Customer()] = was
	return was.ever, err
}
