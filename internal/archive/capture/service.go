package capture

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// ServiceOptions are what a Service stands on.
type ServiceOptions struct {
	Store      *place.Store
	Recordings *recording.Service
	// Expect takes in which calls the logs name, in the transaction that keeps how far they were read; nil: nobody counts.
	Expect func(tx *place.Tx, source id.Source, r coverage.Report) error
	Log    *slog.Logger     // nil: silent
	Now    func() time.Time // nil: the clock of this machine
	Every  time.Duration    // between two looks at a folder; 0 is a second
	Given  Given
	// Drop opens what was brought to this server for a source that is no folder; nil: only folders are watched.
	Drop func(ctx context.Context, p *place.Place, source id.Source) (Drop, error)
}

// Given reports whether the operator gave a customer a folder of this server; nil: all are given.
type Given func(c id.Customer, folder string) bool

// Check refuses folders that are not the customer's to read; "" is none. It is asked at each opening, not only where a source is set:
// one that came with its customer from another installation names a folder of that one.
func (g Given) Check(c id.Customer, folders ...string) error {
	for _, f := range folders {
		if g != nil && f != "" && !g(c, f) {
			return errNotGiven
		}
	}
	return nil
}

var errNotGiven = fault.New(fault.Denied, "the operator of this server has not given you this folder: ask them, name another one, or use a collector")

// dropped are the kinds of source whose files come into a Drop.
var dropped = map[recording.SourceKind]bool{recording.Drop: true, recording.Pickup: true, recording.System: true}

// Service watches the sources of all customers whose files come to this server,
// and archives what comes. It reads sources again when they change.
//
// A source file is touched only when its recording is verified, in an archive
// that keeps objects and keys in two places each, and only if the file is still
// what was archived.
type Service struct {
	opt    ServiceOptions
	cancel context.CancelFunc
	wake   chan struct{}
	done   sync.WaitGroup

	archiving atomic.Int64 // batches under way or waiting for a free hand

	mu       sync.Mutex
	changed  map[id.Customer]bool // whose sources are to be read again
	prepared map[id.Customer]bool // whose intents were finished since the start
	watches  map[id.Customer]map[id.Source]*watch
}

// NewService makes a service; it begins with Start.
func NewService(o ServiceOptions) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	s := &Service{
		opt: o, wake: make(chan struct{}, 1), changed: map[id.Customer]bool{}, prepared: map[id.Customer]bool{},
		watches: map[id.Customer]map[id.Source]*watch{},
	}
	o.Store.OnCommit(s.committed)
	return s
}

// reread are the events after which the sources of a customer are read again.
var reread = map[string]bool{
	"source.added": true, "source.changed": true, "source.removed": true, "retention.set": true, "file.retried": true,
}

func (s *Service) committed(c place.Commit) {
	for _, e := range c.Events {
		if reread[e.Code] {
			s.Reload(c.Customer)
			return
		}
	}
}

// Reload has the sources of a customer read again.
func (s *Service) Reload(c id.Customer) {
	s.mu.Lock()
	s.changed[c] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Start begins to watch. What a crash left undone in a place is finished before
// anything is captured there.
func (s *Service) Start(ctx context.Context) error {
	customers, err := s.opt.Store.Customers(ctx)
	if err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, c := range customers {
		s.Reload(c)
	}
	s.done.Go(func() { s.run(ctx) })
	return nil
}

// Stop ends all watching, after the batches under way. Twice is fine.
func (s *Service) Stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.done.Wait()
}

func (s *Service) run(ctx context.Context) {
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		for _, c := range s.due() {
			if ctx.Err() != nil {
				return
			}
			if err := s.reload(ctx, c); err != nil && ctx.Err() == nil {
				s.opt.Log.ErrorContext(ctx, "the sources of a customer cannot be read", "customer", c, "error", err)
				time.AfterFunc(10*time.Second, func() { s.Reload(c) })
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-again.C:
			s.reverify(ctx)
		}
	}
}

func (s *Service) due() (all []id.Customer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.changed {
		all = append(all, c)
	}
	s.changed = map[id.Customer]bool{}
	return all
}

// reload ends the watches of a customer and begins those that there are now.
func (s *Service) reload(ctx context.Context, c id.Customer) error {
	s.mu.Lock()
	old := s.watches[c]
	delete(s.watches, c)
	prepared := s.prepared[c]
	s.mu.Unlock()
	for _, w := range old {
		w.stop()
	}
	p, err := s.opt.Store.Place(ctx, c)
	if err != nil {
		return err
	}
	if !prepared {
		if err := s.prepare(ctx, p); err != nil {
			return err
		}
	}
	sources, err := s.opt.Recordings.Sources(ctx, p)
	if err != nil {
		return err
	}
	fresh := map[id.Source]*watch{}
	for _, src := range sources {
		if (src.Kind == recording.Folder || s.opt.Drop != nil && dropped[src.Kind]) && src.State != "paused" {
			w := newWatch(s, p, src)
			fresh[src.ID] = w
			s.done.Go(func() { w.run(ctx) })
		}
	}
	s.mu.Lock()
	s.watches[c] = fresh
	s.mu.Unlock()
	return nil
}

// prepare finishes what a crash left undone.
func (s *Service) prepare(ctx context.Context, p *place.Place) error {
	if err := s.opt.Recordings.Recover(ctx, p); err != nil {
		return err
	}
	if _, err := s.opt.Recordings.Reverify(ctx, p); err != nil {
		s.opt.Log.WarnContext(ctx, "recordings could not be verified yet", "customer", p.Customer(), "error", err)
	}
	s.mu.Lock()
	s.prepared[p.Customer()] = true
	s.mu.Unlock()
	return nil
}

// reverify tries again what could not be verified, where something is watched.
func (s *Service) reverify(ctx context.Context) {
	s.mu.Lock()
	var places []*place.Place
	for _, ws := range s.watches {
		for _, w := range ws {
			places = append(places, w.p)
			break
		}
	}
	s.mu.Unlock()
	for _, p := range places {
		if _, err := s.opt.Recordings.Reverify(ctx, p); err != nil && ctx.Err() == nil {
			s.opt.Log.WarnContext(ctx, "recordings could not be verified yet", "customer", p.Customer(), "error", err)
		}
	}
}

// Busy reports whether recordings that are whole wait to be archived, of any
// customer: what is less urgent lets them go first.
func (s *Service) Busy() bool { return s.archiving.Load() > 0 }

// Status is how a watched source is doing now.
type Status struct {
	Waiting  int       // files that are not whole yet, or could not be archived yet
	LookedAt time.Time // last
}

// Status gives the state of a source; zero for one that is not watched.
func (s *Service) Status(c id.Customer, source id.Source) Status {
	s.mu.Lock()
	w := s.watches[c][source]
	s.mu.Unlock()
	if w == nil {
		return Status{}
	}
	return w.status()
}
