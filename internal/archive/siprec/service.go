package siprec

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Options are what a Service stands on.
type Options struct {
	Store      *place.Store
	Recordings *recording.Service
	Spool      string           // folder of the spools; it is made
	Log        *slog.Logger     // nil: silent
	Now        func() time.Time // nil: the clock of this machine
	// Expect is told of each session that has ended, in a transaction before its
	// recording is archived, so that the recording can be missed. Telling it again
	// changes nothing. nil: nobody is told.
	Expect func(tx *place.Tx, source id.Source, call recording.Call) error
	// Hushed gives the pauses of some sources that may be going on, from those who
	// keep them. nil: nobody tells of any.
	Hushed func(tx *place.Tx, sources []id.Source) ([]Hush, error)
	// Step is told the name of each step before it is taken; only tests use it.
	Step func(name string)
}

// Service takes recording sessions of all customers, and archives them.
type Service struct {
	o   Options
	log *slog.Logger
	now func() time.Time

	folder id.Siprec // name of the folder of spools: several servers may share the places

	cancel context.CancelFunc
	done   sync.WaitGroup
	wake   chan struct{}
	rouse  chan struct{}

	loading sync.Mutex // held while sources are read, so that what was read later stays

	mu       sync.Mutex
	bindings map[id.Customer][]Binding
	stale    map[id.Customer]bool
	sources  map[id.Source]*standing
	live     map[id.Siprec]*Tape
	waiting  map[id.Siprec]waiting
}

// New makes a service; it takes sessions at once, and archives from Start on.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if err := os.MkdirAll(o.Spool, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder for recording sessions cannot be made")
	}
	folder, err := folderName(o.Spool)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder for recording sessions cannot be used")
	}
	s := &Service{
		o: o, folder: folder, log: o.Log, now: o.Now, wake: make(chan struct{}, 1), rouse: make(chan struct{}, 1),
		bindings: map[id.Customer][]Binding{}, stale: map[id.Customer]bool{}, sources: map[id.Source]*standing{},
		live: map[id.Siprec]*Tape{}, waiting: map[id.Siprec]waiting{},
	}
	o.Store.OnCommit(s.committed)
	return s, nil
}

// Start reads the sources, finds what a crash has left, and begins to archive.
func (s *Service) Start(ctx context.Context) error {
	customers, err := s.o.Store.Customers(ctx)
	if err != nil {
		return err
	}
	for _, c := range customers {
		if err := s.load(ctx, c); err != nil { // one customer's trouble is not the others'
			s.log.ErrorContext(ctx, "the sources of a customer cannot be read", "customer", c, "error", err)
			s.stale[c] = true
		}
	}
	if err := s.recover(ctx, customers); err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(func() { s.write(ctx) })
	s.done.Go(func() { s.run(ctx) })
	s.done.Go(func() { s.attend(ctx) })
	return nil
}

// Stop ends all sessions as truncated, their sound up to here durable, and waits.
// What is not archived yet is at the next start. Twice is fine.
func (s *Service) Stop() {
	var all sync.WaitGroup // each may wait for a last reading of its pauses
	for _, t := range s.tapes() {
		all.Go(func() { t.Fact(Fact{What: Stopping, At: s.now()}) })
	}
	all.Wait()
	if s.cancel != nil {
		s.cancel()
	}
	s.done.Wait()
}

func (s *Service) tapes() []*Tape {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.live))
}

// Sessions is how many are under way.
func (s *Service) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}

// poke wakes what archives and what reads sources again.
func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Begin opens a session: its key and its spool are durable when it returns, so
// that the first packet is sealed as all others are. wish is called, in a
// goroutine of its own, when the session should end; its owner then tells the
// fact. It is fault.Limited when the source has as many sessions as it may, and
// fault.Unavailable or fault.Conflict while nothing may be captured.
func (s *Service) Begin(ctx context.Context, b Binding, f Fact, law Law, wish func(What)) (*Tape, error) {
	p, err := s.o.Store.Place(ctx, b.Customer)
	if err != nil {
		return nil, err
	}
	if err := s.mayBegin(ctx, p, b); err != nil {
		return nil, err
	}
	t := &Tape{ID: id.New[id.Siprec](), Binding: b, s: s, begun: f.At, law: law, wish: wish}
	f.Law = law
	key := secret.NewKey()
	s.o.Step("key")
	err = p.Keep(ctx, func(tx *place.Tx) error {
		closed, err := tx.Seal(place.FieldSiprecKey, t.ID, key.Reveal())
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO siprec_sessions (id, source, spool, key, begun_at) VALUES (?, ?, ?, ?, ?)`, t.ID, b.Source, s.folder, closed, f.At.UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	s.o.Step("spool")
	if t.spool, err = createSpool(s.o.Spool, b.Customer, t.ID, key); err != nil {
		s.forget(ctx, p, t.ID)
		return nil, fault.Wrap(err, fault.Unavailable, "the spool cannot be written")
	}
	s.mu.Lock()
	st := s.standing(b.Source)
	st.lastInvite = s.now()
	st.taken++
	s.live[t.ID] = t
	s.mu.Unlock()
	t.Fact(f)
	s.o.Step("begun")
	return t, nil
}

// mayBegin asks what the tree, retention and the source's own limit say.
func (s *Service) mayBegin(ctx context.Context, p *place.Place, b Binding) error {
	if err := s.o.Recordings.Admit(ctx, p); err != nil {
		return err
	}
	r, err := s.o.Recordings.Retention(ctx, p)
	if err != nil {
		return err
	}
	if !r.Chosen {
		return fault.New(fault.Conflict, "nothing is captured until it is chosen how long recordings are kept")
	}
	n := 0
	s.mu.Lock()
	for _, t := range s.live {
		if t.Binding.Source == b.Source {
			n++
		}
	}
	s.mu.Unlock()
	if n >= max(b.MaxCalls, 1) {
		return fault.New(fault.Limited, "the source has %d sessions already, as many as it may", n)
	}
	return nil
}

// write makes what has come durable, each 0.4 seconds: with the half second for
// which late packets are waited, no more than one is lost with the power.
func (s *Service) write(ctx context.Context) {
	each := time.NewTicker(flushEach)
	defer each.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-each.C:
			s.Tick(s.now())
		}
	}
}

// Tick writes what has settled by an instant. The service does so by itself from
// Start on; tests do it in their own time.
func (s *Service) Tick(at time.Time) {
	tapes := s.tapes()
	if len(tapes) == 0 {
		return
	}
	for _, t := range tapes {
		t.tick(at)
	}
	if err := syncAll(s.o.Spool, tapes); err != nil {
		s.log.Error("the spools cannot be made durable", "error", err)
		for _, t := range tapes {
			t.ask(Failing)
		}
	}
}

// ended moves a session to those that wait to be archived.
func (s *Service) ended(t *Tape) {
	s.mu.Lock()
	delete(s.live, t.ID)
	s.waiting[t.ID] = waiting{customer: t.Binding.Customer, source: t.Binding.Source}
	s.mu.Unlock()
	s.poke()
}

// drop forgets a session that recorded nothing.
func (s *Service) drop(t *Tape) {
	s.mu.Lock()
	delete(s.live, t.ID)
	s.mu.Unlock()
	s.done.Go(func() {
		ctx := context.Background()
		p, err := s.o.Store.Place(ctx, t.Binding.Customer)
		if err == nil {
			s.forget(ctx, p, t.ID)
		}
	})
}

// Status is how a source is doing on this server, since its start.
type Status struct {
	LastInvite time.Time
	Taken      uint64
	Refused    uint64
	Silent     uint64 // ended without any sound
	Waiting    int    // ended, not archived yet
	Refusals   []Refusal
	Live       []Live
}

// Status tells how a source is doing.
func (s *Service) Status(src id.Source) Status {
	var out Status
	for _, t := range s.tapes() {
		if t.Binding.Source == src {
			out.Live = append(out.Live, t.live())
		}
	}
	slices.SortFunc(out.Live, func(a, b Live) int { return a.Begun.Compare(b.Begun) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.sources[src]; st != nil {
		out.LastInvite, out.Taken, out.Refused, out.Silent, out.Refusals = st.lastInvite, st.taken, st.refused, st.silent, slices.Clone(st.refusals)
	}
	for _, w := range s.waiting {
		if w.source == src {
			out.Waiting++
		}
	}
	return out
}
