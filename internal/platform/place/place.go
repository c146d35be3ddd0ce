// Package place keeps each customer's data in a place of its own: a database
// that holds nobody else's rows. Code gets a handle to one place and can reach
// nothing else, so no query names a customer and none can forget one.
//
//	View    reads one snapshot
//	Change  is the only way to write; it records at least one event or is undone
//	Keep    is the door for housekeeping (job state, last-seen times) and
//	        reaches only the tables that are listed for it
//	Receipt proves that an opening stands in the journal, durably, before a key
//	        is unwrapped
//
// Changes of one place run one after another, on both engines and across
// servers: what a Change has read stays true until it commits, and events get
// their positions, without gaps, in the order in which they were committed.
// What Change has acknowledged survives loss of power. Do not call Change,
// Keep or Receipt from within another one of the same place: it waits for ever.
//
// The engine is SQLite (a file per place) or PostgreSQL (a schema per place,
// owned by one role and used by another). Statements are constants with `?`
// parameters; on PostgreSQL a role for each place stops mistakes, but not SQL
// injection, for the connection could switch roles again.
package place

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// Dialect is which engine a place stands on.
type Dialect int

const (
	SQLite   Dialect = iota // one file per place
	Postgres                // one schema and role per place
)

func (d Dialect) String() string {
	if d == Postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Config says where places are kept. Exactly one of Dir and Postgres is set.
type Config struct {
	Dir      string      // folder of the SQLite files; one server at a time, held by a lock
	Postgres secret.Text // URL of the registry database; the places are schemas in it

	OpenPlaces int              // how many SQLite places stay open at once; 0 means 256
	Now        func() time.Time // the clock; nil means time.Now
	Log        Log              // told of every transaction before it commits; nil: nobody is
	Blanks     *Blanks          // what new SQLite places begin as; nil: their migrations make them
}

// Schemas is what the packages above have to say about tables.
type Schemas struct {
	Registry     Migrations // for the registry
	Place        Migrations // for every place
	Housekeeping []string   // tables that Keep may write, in places and registry alike
}

// Sealer closes and opens fields under a customer's keys; the zero customer
// stands for the installation itself. The associated data binds customer, field
// and row: a sealed field copied to another row does not open.
type Sealer interface {
	Seal(ctx context.Context, c id.Customer, f Field, row [16]byte, plain []byte) ([]byte, error)
	Unseal(ctx context.Context, c id.Customer, f Field, row [16]byte, sealed []byte) ([]byte, error)
	Blind(ctx context.Context, c id.Customer, f Field, value []byte) ([]byte, error)
}

// Store is the registry and all places of one installation.
type Store struct {
	engine   engine
	schemas  Schemas
	keeps    map[string]bool
	sealer   Sealer
	now      func() time.Time
	maxOpen  int
	log      Log
	blanks   *Blanks // nil: none
	registry *Place

	mu     sync.Mutex
	places map[id.Customer]*Place
	open   *list.List // of *Place, the most recently used first
	hooks  []func(Commit)
	closed bool
}

// engine is what SQLite and PostgreSQL do differently. The zero customer is the
// registry.
type engine interface {
	dialect() Dialect
	create(ctx context.Context, c id.Customer) error // idempotent
	open(ctx context.Context, c id.Customer) (*pool, error)
	destroy(ctx context.Context, c id.Customer) error // idempotent
	where(c id.Customer) string                       // for the operator: file or schema
	has(ctx context.Context, c id.Customer) (bool, error)
	copy(ctx context.Context, c id.Customer, t Tools, w io.Writer, at time.Time) (Statement, error)
	load(ctx context.Context, c id.Customer, t Tools, r io.Reader) error // in the place of what is there
	close() error
}

// Open opens the registry and finishes what a crash has left undone. Places are
// opened and migrated on first use. It is a fault.Conflict if another server
// holds the data folder.
func Open(ctx context.Context, cfg Config, schemas Schemas, sealer Sealer) (*Store, error) {
	s, err := prepare(ctx, cfg, schemas, sealer)
	if err != nil {
		return nil, err
	}
	err = s.engine.create(ctx, id.Customer{})
	if err == nil {
		err = s.finishDestroying(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// prepare reaches the engine, and nothing in it yet.
func prepare(ctx context.Context, cfg Config, schemas Schemas, sealer Sealer) (*Store, error) {
	schemas.Registry = slices.Concat(coreMigrations, registryMigrations, schemas.Registry)
	schemas.Place = slices.Concat(coreMigrations, schemas.Place)
	if err := errors.Join(schemas.Registry.check(), schemas.Place.check()); err != nil {
		return nil, err
	}
	if sealer == nil {
		return nil, errors.New("a store needs a sealer")
	}
	s := &Store{
		schemas: schemas, keeps: map[string]bool{}, sealer: sealer, now: cfg.Now, maxOpen: cfg.OpenPlaces, log: cfg.Log,
		places: map[id.Customer]*Place{}, open: newSeats(),
	}
	for _, t := range schemas.Housekeeping {
		s.keeps[t] = true
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.maxOpen == 0 {
		s.maxOpen = 256
	}
	if cfg.Dir != "" && cfg.Log == nil {
		s.blanks = cfg.Blanks
	}
	var err error
	switch {
	case cfg.Dir != "" && !cfg.Postgres.IsZero():
		return nil, fault.Field("data", "give a folder or a PostgreSQL URL, not both")
	case cfg.Dir != "":
		s.engine, err = openFolder(cfg.Dir)
	case !cfg.Postgres.IsZero():
		s.engine, err = openCluster(ctx, cfg.Postgres)
	default:
		return nil, fault.Field("data", "give a folder or a PostgreSQL URL")
	}
	if err != nil {
		return nil, err
	}
	s.registry = &Place{s: s}
	return s, nil
}

func newSeats() *list.List { return list.New() }

// Registry is the place of what belongs to no customer: the tree, people,
// sessions, placements. It has a journal like any place.
func (s *Store) Registry() *Place { return s.registry }

// OnCommit adds a function that is called after each commit of a Change, in the
// goroutine that committed; it must not block.
func (s *Store) OnCommit(fn func(Commit)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, fn)
}

// Place is the handle to a customer's place, or fault.NotFound. It stays valid
// for the life of the store.
func (s *Store) Place(ctx context.Context, c id.Customer) (*Place, error) {
	if c.IsZero() {
		return nil, errNoPlace
	}
	s.mu.Lock()
	p, known := s.places[c]
	s.mu.Unlock()
	if known {
		return p, nil
	}
	err := s.registry.View(ctx, func(tx *Tx) error {
		_, err := Row[int64](tx, `SELECT created_at FROM placements WHERE customer = ? AND destroying = 0`, c)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil, errNoPlace
	}
	if err != nil {
		return nil, err
	}
	return s.handle(c), nil
}

var errNoPlace = fault.New(fault.NotFound, "there is no such customer")

func (s *Store) handle(c id.Customer) *Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[c]
	if p == nil {
		p = &Place{s: s, customer: c}
		s.places[c] = p
	}
	return p
}

// Customers lists whose places there are, oldest first.
func (s *Store) Customers(ctx context.Context) (cs []id.Customer, err error) {
	err = s.registry.View(ctx, func(tx *Tx) error {
		cs, err = Rows[id.Customer](tx, `SELECT customer FROM placements WHERE destroying = 0 ORDER BY customer`)
		return err
	})
	return cs, err
}

// Close waits up to ten seconds for transactions under way and closes every
// database. Use of a place after Close is fault.Unavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	all := slices.Collect(maps.Values(s.places))
	s.mu.Unlock()
	// The folder is another server's as soon as its lock is gone: not before the
	// last transaction has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, p := range append(all, s.registry) {
		p.shut(errClosed)
		errs = append(errs, p.drained(ctx))
	}
	return errors.Join(append(errs, s.engine.close())...)
}

var errClosed = fault.New(fault.Unavailable, "the server is stopping")

// touch marks a place as used and closes the places that were used longest ago
// when too many are open. The caller holds p.mu.
func (s *Store) touch(p *Place) {
	if p.customer.IsZero() || s.engine.dialect() == Postgres {
		return // one connection pool serves all schemas
	}
	s.mu.Lock()
	if p.seat == nil {
		p.seat = s.open.PushFront(p)
	} else {
		s.open.MoveToFront(p.seat)
	}
	var idle []*Place
	for e := s.open.Back(); e != nil && s.open.Len() > s.maxOpen; {
		q, prev := e.Value.(*Place), e.Prev()
		// TryLock: another goroutine may hold q while it waits for s.mu.
		if q != p && q.mu.TryLock() {
			if q.users == 0 {
				s.open.Remove(e)
				q.seat = nil
				idle = append(idle, q)
			} else {
				q.mu.Unlock()
			}
		}
		e = prev
	}
	s.mu.Unlock()
	for _, q := range idle {
		q.pool.close()
		q.pool = nil
		q.mu.Unlock()
	}
}

func (s *Store) unseat(p *Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.seat != nil {
		s.open.Remove(p.seat)
		p.seat = nil
	}
}

// label names a place for people.
func label(c id.Customer) string {
	if c.IsZero() {
		return "the registry"
	}
	return fmt.Sprintf("the place %v", c)
}
