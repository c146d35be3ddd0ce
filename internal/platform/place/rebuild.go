package place

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Builder makes places from copies and logs. Its places are open to nobody
// else, so that what must not come back is purged before anybody sees it.
type Builder struct {
	s   *Store
	own bool // the store is this builder's, to be closed with it
}

// Build opens an installation that is being made anew. It does not look for a
// registry: that is loaded first. It is a fault.Conflict if a server has it.
func Build(ctx context.Context, cfg Config, schemas Schemas, sealer Sealer) (*Builder, error) {
	s, err := prepare(ctx, cfg, schemas, sealer)
	if err != nil {
		return nil, err
	}
	return &Builder{s, true}, nil
}

// Close ends the use; what was built stays.
func (b *Builder) Close() error {
	if !b.own {
		return nil
	}
	return b.s.Close()
}

// Has reports whether a place's database is there already.
func (b *Builder) Has(ctx context.Context, c id.Customer) (bool, error) {
	return b.s.engine.has(ctx, c)
}

// Load makes a place from a copy. What was there before is gone at the end, and
// on SQLite untouched until then.
func (b *Builder) Load(ctx context.Context, c id.Customer, t Tools, r io.Reader) error {
	b.shut(c)
	return b.s.engine.load(ctx, c, t, r)
}

// Empty makes an empty place, for a log that begins with its birth.
func (b *Builder) Empty(ctx context.Context, c id.Customer) error {
	b.shut(c)
	if err := b.s.engine.destroy(ctx, c); err != nil {
		return err
	}
	return b.s.engine.create(ctx, c)
}

// Place is the handle to a place that is being built: the registry for the zero
// customer. What it writes goes into no log.
func (b *Builder) Place(c id.Customer) *Place {
	if c.IsZero() {
		return b.s.registry
	}
	return b.s.handle(c)
}

// Check states what is in a place that was loaded, without migrating it: what
// is replayed after it belongs to its tables as they were.
func (b *Builder) Check(ctx context.Context, c id.Customer, upTo int64) (s Statement, err error) {
	b.shut(c)
	pl, err := b.s.engine.open(ctx, c)
	if err != nil {
		return s, err
	}
	defer pl.close()
	tx := &Tx{ctx: ctx, d: pl.d, mode: viewing}
	if tx.sql, err = pl.begin(ctx, viewing, pl.enter); err != nil {
		return s, err
	}
	defer tx.sql.Rollback()
	s, err = stateAll(tx, upTo)
	s.Customer = c
	return s, err
}

// shut closes what is open of a place, so that the file beneath may change.
func (b *Builder) shut(c id.Customer) {
	p := b.Place(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop()
}

// replayed is how many entries share a transaction: to sync each would take
// hours for a day's work.
const replayed = 500

// Replay brings a place forward. Entries that the place has already are passed
// over; after them they must come without a gap, and none counts that the
// next one replaces. It gives the mark that was reached.
func (b *Builder) Replay(ctx context.Context, c id.Customer, entries iter.Seq2[Entry, error]) (m Mark, err error) {
	b.shut(c)
	pl, err := b.s.engine.open(ctx, c)
	if err != nil {
		return m, err
	}
	defer pl.close()
	all := b.s.schemas.Place
	if c.IsZero() {
		all = b.s.schemas.Registry
	}
	r := &replay{pl: pl, ms: all}
	if err := r.begin(ctx); err != nil {
		return m, err
	}
	defer r.end()
	for e, err := range entries {
		if err == nil {
			err = r.take(ctx, e)
		}
		if err != nil {
			return m, err
		}
	}
	if err := r.commit(); err != nil {
		return m, err
	}
	return r.at, nil
}

type replay struct {
	pl   *pool
	ms   Migrations
	tx   *Tx
	at   Mark
	held int // entries in the transaction
}

func (r *replay) begin(ctx context.Context) error {
	t, err := r.pl.begin(ctx, bare, r.pl.enterOwner)
	if err != nil {
		return err
	}
	r.tx = &Tx{ctx: ctx, sql: t, d: r.pl.d, mode: bare}
	if !r.at.IsZero() {
		return nil
	}
	found, err := r.there("redo")
	if err == nil && found {
		r.at, err = markOf(r.tx)
	}
	return err
}

// there asks for a table: an empty place has none.
func (r *replay) there(table string) (bool, error) {
	text := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`
	if r.pl.d == Postgres {
		text = `SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?`
	}
	n, err := Row[int](r.tx, text, table)
	return n > 0, err
}

var errGap = fault.New(fault.Conflict, "the log of this place has a gap after its copy: an entry is missing; choose an earlier time or another copy")

// take applies one entry.
func (r *replay) take(ctx context.Context, e Entry) error {
	switch {
	case e.Branch == r.at.Branch && e.Seq <= r.at.Seq:
		return nil
	case r.at.IsZero() && e.Born:
	case e.Branch != r.at.Branch || e.Seq != r.at.Seq+1:
		return errGap
	}
	if len(e.Migrations) > 0 {
		if err := r.migrate(e.Migrations, e.At); err != nil {
			return err
		}
	}
	in := entryReader{b: e.Writes}
	for len(in.b) > 0 {
		text, args, err := in.next()
		if err != nil {
			return err
		}
		again, err := r.tx.again(text)
		switch {
		case err != nil:
		case again != nil:
			_, err = again.stmt.ExecContext(ctx, args...)
		default:
			_, err = r.tx.sql.ExecContext(ctx, text, args...)
		}
		if err != nil {
			return err
		}
	}
	r.at = e.Mark
	if err := setMark(r.tx, r.at); err != nil {
		return err
	}
	if r.held++; r.held < replayed {
		return nil
	}
	if err := r.commit(); err != nil {
		return err
	}
	return r.begin(ctx)
}

func (r *replay) migrate(numbers []int, at time.Time) error {
	if _, err := r.tx.sql.ExecContext(r.tx.ctx, migrationsTable); err != nil {
		return err
	}
	for _, n := range numbers {
		i := slices.IndexFunc(r.ms, func(m Migration) bool { return m.Number == n })
		if i < 0 {
			return errEntry
		}
		text, err := r.ms[i].expand(r.pl.d)
		if err == nil {
			_, err = r.tx.sql.ExecContext(r.tx.ctx, text)
		}
		if err == nil {
			err = r.ms[i].ran(r.tx, at)
		}
		if err != nil {
			return &migrationError{r.ms[i], err}
		}
	}
	if r.pl.granted == "" {
		return nil
	}
	_, err := r.tx.sql.ExecContext(r.tx.ctx, r.pl.granted)
	return err
}

func (r *replay) commit() error {
	r.held = 0
	err := r.tx.sql.Commit()
	r.end()
	return err
}

func (r *replay) end() {
	if r.tx != nil {
		r.tx.sql.Rollback()
		r.tx = nil
		<-r.pl.gate
	}
}

// Rebuild closes one place, lets fn make it anew, and opens it again. Requests
// that come meanwhile are fault.Unavailable; the other places go on. When fn
// fails the place is as fn left it.
func (s *Store) Rebuild(ctx context.Context, c id.Customer, fn func(*Builder) error) error {
	p, err := s.Place(ctx, c)
	if err != nil {
		return err
	}
	p.mu.Lock()
	was := p.shutE
	p.shutE = errRestoring
	if p.users == 0 {
		p.drop()
	}
	p.mu.Unlock()
	if was != nil && fault.Is(was, fault.NotFound) {
		return was
	}
	err = p.drained(ctx)
	if err == nil {
		inner := &Store{
			engine: s.engine, schemas: s.schemas, keeps: s.keeps, sealer: s.sealer, now: s.now, maxOpen: s.maxOpen,
			registry: s.registry, places: map[id.Customer]*Place{}, open: newSeats(),
		}
		b := &Builder{s: inner}
		err = fn(b)
		b.shut(c)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(p.shutE, errRestoring) {
		p.shutE = nil
	}
	return err
}

var errRestoring = fault.New(fault.Unavailable, "this customer is being restored from a backup; it opens again by itself").After(30 * time.Second)

// load writes a copy beside the file and puts it in its place.
func (f *folder) load(_ context.Context, c id.Customer, _ Tools, r io.Reader) error {
	path := f.where(c)
	part := path + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	_, err = io.Copy(w, r)
	err = errors.Join(err, w.Flush(), file.Sync(), file.Close())
	if err != nil {
		os.Remove(part)
		return err
	}
	// What the old file's log holds must not be written into the new one.
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (f *folder) has(_ context.Context, c id.Customer) (bool, error) {
	info, err := os.Stat(f.where(c))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > 0, err
}

func (c *cluster) has(ctx context.Context, cu id.Customer) (bool, error) {
	var n int
	err := c.registry.read.QueryRowContext(ctx, `SELECT count(*) FROM pg_tables WHERE schemaname = $1`, schemaOf(cu)).Scan(&n)
	return n > 0, err
}
