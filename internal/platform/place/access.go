package place

import (
	"container/list"
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/span"
)

// Place is one customer's whole world, or the registry.
type Place struct {
	s        *Store
	customer id.Customer

	mu    sync.Mutex
	pool  *pool         // nil while closed
	users int           // transactions under way
	shutE error         // why this place is closed for good
	seat  *list.Element // in the store's list of open places
}

// pool is how to reach one database.
type pool struct {
	d           Dialect
	read, write *sql.DB
	gate        chan struct{} // holds one token: the right to write from this process
	enter       string        // run first in every transaction (PostgreSQL: role and search path)
	enterOnce   string        // the same as one statement that reads (PostgreSQL: before a question that is a View of its own)
	enterOwner  string        // instead of enter, to migrate
	lock        string        // run first in writing transactions (PostgreSQL: one writer among servers)
	granted     string        // run after migrations (PostgreSQL: what the place's role may do)
	shared      bool          // the connections belong to the engine
	redo        *redo         // nil in a bare database

	mu    sync.Mutex
	often map[string]*sql.Stmt // SQLite: kept prepared on the readers; nil while that is under way
}

// kept gives a text that stays prepared, or nil while there is none: the first
// use has it prepared behind it. To wait for that within a transaction, which
// holds a reader, could wait for itself. database/sql then prepares it on each
// connection that runs it; closing the connections closes it.
func (pl *pool) kept(text string) *sql.Stmt {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	s, known := pl.often[text]
	if known {
		return s
	}
	if pl.often == nil {
		pl.often = map[string]*sql.Stmt{}
	}
	pl.often[text] = nil
	go func() {
		s, err := pl.read.PrepareContext(context.Background(), text)
		if err != nil {
			return // the place was closed meanwhile
		}
		pl.mu.Lock()
		defer pl.mu.Unlock()
		pl.often[text] = s
	}()
	return nil
}

func newPool(d Dialect, read, write *sql.DB) *pool {
	return &pool{d: d, read: read, write: write, gate: make(chan struct{}, 1)}
}

func (pl *pool) close() {
	if pl.shared {
		return
	}
	pl.read.Close()
	pl.write.Close()
}

// ErrNoEvent is returned, and everything undone, when the function of a Change
// recorded no event.
var ErrNoEvent = errors.New("a change must record at least one event")

// ErrNobody is returned when nobody is named as the actor of a Change.
var ErrNobody = errors.New("a change needs an actor")

// Customer is whose place it is; zero for the registry.
func (p *Place) Customer() id.Customer { return p.customer }

// Dialect is the engine below; only search may look.
func (p *Place) Dialect() Dialect { return p.s.engine.dialect() }

// View reads one snapshot of the place. Writing in it fails.
func (p *Place) View(ctx context.Context, fn func(*Tx) error) error {
	return p.run(ctx, &Tx{mode: viewing}, fn)
}

// Change runs fn in one transaction, on behalf of who. It commits only if fn
// returns nil and has recorded at least one event (else ErrNoEvent); on return
// of nil everything is durable. It is run alone among the Changes of the place.
func (p *Place) Change(ctx context.Context, who actor.Actor, fn func(*Tx) error) (err error) {
	if who.IsZero() {
		return ErrNobody
	}
	ctx, s := span.Begin(ctx, "change")
	defer func() { s.End(err) }()
	return p.run(ctx, &Tx{mode: changing, who: who}, fn)
}

// Keep is for housekeeping that belongs in no journal: it needs no event, and
// refuses to write tables that are not listed in Schemas.Housekeeping.
func (p *Place) Keep(ctx context.Context, fn func(*Tx) error) error {
	return p.run(ctx, &Tx{mode: keeping, who: actor.ForSystem("housekeeping")}, fn)
}

func (p *Place) run(ctx context.Context, tx *Tx, fn func(*Tx) error) error {
	pl, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release()
	tx.place = p
	done, err := pl.run(ctx, tx, p.s.now, fn)
	if err != nil {
		return p.judge(err)
	}
	if tx.mode == changing || tx.jobs || len(tx.topics) > 0 {
		p.s.committed(Commit{Customer: p.customer, Events: done, Topics: tx.topics, Jobs: tx.jobs})
	}
	for _, fn := range tx.after {
		fn()
	}
	return nil
}

// acquire opens the place if need be and counts one user more.
func (p *Place) acquire(ctx context.Context) (*pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shutE != nil {
		return nil, p.shutE
	}
	if p.pool == nil {
		pl, err := p.connect(ctx)
		if err != nil {
			return nil, err
		}
		p.pool = pl
	}
	p.users++
	p.s.touch(p)
	return p.pool, nil
}

// connect opens and migrates. A migration that fails closes this place only,
// until the program is started again: a half-known schema must not be written.
func (p *Place) connect(ctx context.Context) (*pool, error) {
	ms := p.s.schemas.Place
	if p.customer.IsZero() {
		ms = p.s.schemas.Registry
	}
	learn, err := p.s.blanks.begin(p.s.engine.where(p.customer), ms)
	if err != nil {
		return nil, p.judgeLocked(err)
	}
	pl, err := p.s.engine.open(ctx, p.customer)
	if err != nil {
		return nil, p.judgeLocked(err)
	}
	pl.redo = &redo{log: p.s.log, c: p.customer}
	err = pl.migrate(ctx, ms, p.s.now())
	if err == nil && learn {
		err = p.s.blanks.keep(ctx, pl, ms)
	}
	if err != nil {
		pl.close()
		if ctx.Err() != nil {
			return nil, err
		}
		err = p.judgeLocked(err)
		if _, bad := errors.AsType[*migrationError](err); bad {
			p.shutE = fault.Wrap(err, fault.Unavailable, "%s could not be migrated and is closed; the log says why", label(p.customer))
			return nil, p.shutE
		}
		return nil, err
	}
	return pl, nil
}

func (p *Place) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users--
	if p.users == 0 && p.shutE != nil {
		p.drop()
	}
}

// drop closes the connections. The caller holds p.mu.
func (p *Place) drop() {
	if p.pool != nil {
		p.pool.close()
		p.pool = nil
	}
	p.s.unseat(p)
}

// drained waits until nobody uses a place that was shut.
func (p *Place) drained(ctx context.Context) error {
	for {
		p.mu.Lock()
		users := p.users
		p.mu.Unlock()
		if users == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// shut closes the place for good: with its last user, or at once.
func (p *Place) shut(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shutE == nil {
		p.shutE = why
	}
	if p.users == 0 {
		p.drop()
	}
}

// judge turns what the engine reported into a fault, and closes the place when
// its database is damaged: to write into one makes the damage worse.
func (p *Place) judge(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.judgeLocked(err)
}

func (p *Place) judgeLocked(err error) error {
	_, told := errors.AsType[*fault.Error](err)
	switch ail := ailmentOf(err); {
	case ail == damaged:
		cause := &locatedError{where: p.s.engine.where(p.customer), err: err}
		err = fault.Wrap(cause, fault.Unavailable,
			"%s is damaged and was closed; restore it from its last backup, other places are not affected", label(p.customer))
		if p.shutE == nil {
			p.shutE = err
		}
		return err
	case ail == full && !told:
		return fault.Wrap(err, fault.Unavailable, "the disk of the database is full; nothing was lost, free some space and try again")
	case ail == failing && !told:
		cause := &locatedError{where: p.s.engine.where(p.customer), err: err}
		return fault.Wrap(cause, fault.Unavailable, "the database of %s cannot be read or written; the operator must look at its disk and at who owns its files", label(p.customer))
	case ail == busy && !told:
		return fault.Wrap(err, fault.Unavailable, "the database does not answer; try again")
	default:
		return err
	}
}

// locatedError tells the log where the damaged database is.
type locatedError struct {
	where string
	err   error
}

func (e *locatedError) Error() string { return e.where + ": " + e.err.Error() }
func (e *locatedError) Unwrap() error { return e.err }

// committed tells those who wait for commits.
func (s *Store) committed(c Commit) {
	s.mu.Lock()
	hooks := s.hooks
	s.mu.Unlock()
	for _, fn := range hooks {
		fn(c)
	}
}
