package pickup

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
)

// Options are what a Service stands on.
type Options struct {
	Store      *place.Store
	Recordings *recording.Service
	Drops      *intake.Service
	Private    []string         // hosts of the inner network that may be reached
	Log        *slog.Logger     // nil: silent
	Now        func() time.Time // nil: the clock of this machine
	Still      time.Duration    // a file must stand still so long; 0 is 20 s
}

// Service fetches for all customers. It is safe for use by several goroutines.
type Service struct {
	opt    Options
	dial   dialer
	cancel context.CancelFunc
	done   sync.WaitGroup
	wake   chan struct{}
	slots  chan struct{} // sources that are fetched from at once

	mu    sync.Mutex
	busy  map[id.Source]bool
	asked map[id.Source]bool                // look now, whatever the schedule says
	seen  map[id.Source]map[string]sighting // files that may still grow
	tried map[id.Source]time.Time
}

// sighting is a file as it was when it was first seen so.
type sighting struct {
	size     int64
	modified time.Time
	since    time.Time
}

const atOnce = 4

// New makes a service; it begins with Start.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Still == 0 {
		o.Still = 20 * time.Second
	}
	dial, err := egress.Dialer(egress.Options{Private: o.Private})
	if err != nil {
		return nil, err
	}
	return &Service{
		opt: o, dial: dial, wake: make(chan struct{}, 1), slots: make(chan struct{}, atOnce),
		busy: map[id.Source]bool{}, asked: map[id.Source]bool{}, seen: map[id.Source]map[string]sighting{}, tried: map[id.Source]time.Time{},
	}, nil
}

// Start begins to look.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(func() { s.run(ctx) })
	return nil
}

// Stop ends all fetching. What was under way goes on later. Twice is fine.
func (s *Service) Stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.done.Wait()
}

// Look has a source looked at soon.
func (s *Service) Look(source id.Source) {
	s.mu.Lock()
	s.asked[source] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) running(source id.Source) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy[source]
}

func (s *Service) run(ctx context.Context) {
	again := time.NewTicker(20 * time.Second)
	defer again.Stop()
	for {
		if err := s.round(ctx); err != nil && ctx.Err() == nil {
			s.opt.Log.WarnContext(ctx, "pick-up: the sources could not be looked through", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-s.wake:
		}
	}
}

// round begins with each source that is due.
func (s *Service) round(ctx context.Context) error {
	customers, err := s.opt.Store.Customers(ctx)
	if err != nil {
		return err
	}
	for _, c := range customers {
		p, perr := s.opt.Store.Place(ctx, c)
		if perr != nil {
			err = errors.Join(err, perr)
			continue
		}
		sources, perr := s.opt.Recordings.Sources(ctx, p)
		err = errors.Join(err, perr)
		for _, src := range sources {
			if src.Kind == recording.Pickup && src.State != "paused" && s.due(ctx, p, src.ID) {
				s.begin(ctx, p, src)
			}
		}
	}
	return err
}

func (s *Service) due(ctx context.Context, p *place.Place, source id.Source) bool {
	set, _, err := s.Get(ctx, p, source)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	every := time.Duration(set.Minutes) * time.Minute
	if len(s.seen[source]) > 0 { // something was seen that must stand still first
		every = min(every, s.opt.Still)
	}
	now := s.opt.Now()
	since := now.Sub(s.tried[source])
	if s.busy[source] || !s.asked[source] && since >= 0 && since < every { // a clock that was set back must not stop anything
		return false
	}
	delete(s.asked, source)
	s.busy[source], s.tried[source] = true, now
	return true
}

// begin looks at one source beside the others.
func (s *Service) begin(ctx context.Context, p *place.Place, src recording.Source) {
	s.done.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.busy, src.ID)
			s.mu.Unlock()
		}()
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-s.slots }()
		if err := s.Fetch(ctx, p, src); err != nil && ctx.Err() == nil {
			s.opt.Log.WarnContext(ctx, "pick-up: a source could not be fetched from", "customer", p.Customer(), "source", src.ID, "error", fault.Of(err).Text)
		}
	})
}

// Fetch looks at the other side once, fetches what is new and stands still, and
// clears away there what is archived, where that is set.
func (s *Service) Fetch(ctx context.Context, p *place.Place, src recording.Source) error {
	set, _, err := s.Get(ctx, p, src.ID)
	if err != nil {
		return err
	}
	t := &tour{s: s, p: p, src: src, set: set}
	err = t.run(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(err, t.account(ctx, err))
}

// Seen is a file that a test of the connection found.
type Seen struct {
	Name  string
	Bytes int64
	At    time.Time
}

// maxSeen is how many files a test lists.
const maxSeen = 50

// Test connects and lists what would be fetched, without taking anything. A host
// that is not confirmed is a fault.Conflict; its fingerprint is then in Get.
func (s *Service) Test(ctx context.Context, p *place.Place, source id.Source) (all []Seen, more bool, err error) {
	src, err := s.opt.Recordings.Source(ctx, p, source)
	if err != nil {
		return nil, false, err
	}
	set, _, err := s.Get(ctx, p, source)
	if err != nil {
		return nil, false, err
	}
	t := &tour{s: s, p: p, src: src, set: set}
	r, err := connect(ctx, s.dial, set)
	if err == nil {
		t.remote = r
		var found []wanted
		found, err = t.look(ctx)
		err = errors.Join(err, ignoreClosed(r.Close()))
		for _, f := range found {
			if len(all) < maxSeen {
				all = append(all, Seen{f.name, f.size, f.modified})
			}
		}
		more = len(found) > maxSeen
	}
	if aerr := t.account(ctx, err); aerr != nil && err == nil {
		err = aerr
	}
	return all, more, err
}
