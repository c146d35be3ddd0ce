package place

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/base/actor"
)

type mode int

const (
	viewing  mode = iota
	changing      // journalled
	keeping       // listed tables only
	bare          // a database without journal
)

// Tx is a transaction. It is of no use after the function it was given to has
// returned, and serves one goroutine.
type Tx struct {
	ctx   context.Context
	sql   *sql.Tx // nil in a View of PostgreSQL until something is asked that needs it
	place *Place  // nil in a bare database
	d     Dialect
	mode  mode
	who   actor.Actor
	at    time.Time

	events []Event
	topics []string
	after  []func()
	jobs   bool
	hinted time.Time // the earliest that Due has hinted in this transaction
	failed error     // of a statement: nothing more may be done

	pool  *pool
	used  map[string]*prepared // SQLite: what was run before in this transaction
	often bool                 // the next statement is kept prepared beyond it

	wrote bool           // a statement may have changed rows
	redo  []byte         // what the log is told
	texts map[string]int // statements in it, by their order
}

// prepared keeps a statement that is run more than once: on SQLite, to parse
// it takes longer than to insert a row.
type prepared struct {
	stmt *sql.Stmt // from the second time on; closed with the transaction
	busy bool      // its rows are being read
}

// Context is the context the transaction was begun with.
func (tx *Tx) Context() context.Context { return tx.ctx }

// At is the one instant of this transaction, UTC, in whole milliseconds.
func (tx *Tx) At() time.Time { return tx.at }

// Who acts; zero in a View.
func (tx *Tx) Who() actor.Actor { return tx.who }

// Place is where the transaction runs; nil in a bare database.
func (tx *Tx) Place() *Place { return tx.place }

// Dialect is the engine below; only search may look.
func (tx *Tx) Dialect() Dialect { return tx.d }

// Exec runs one statement and says how many rows it touched. A statement that
// fails ends the whole transaction, on both engines: write ON CONFLICT instead
// of trying and looking at the error.
func (tx *Tx) Exec(text string, args ...any) (int64, error) {
	st, err := tx.statement(text)
	if err != nil {
		return 0, err
	}
	return tx.exec(st, args)
}

func (tx *Tx) exec(st *statement, args []any) (int64, error) {
	text, args := st.bind(tx.d, args)
	again, err := tx.again(text)
	var r sql.Result
	switch {
	case err != nil:
	case again != nil:
		r, err = again.stmt.ExecContext(tx.ctx, args...)
	default:
		if err = tx.begin(); err == nil {
			r, err = tx.sql.ExecContext(tx.ctx, text, args...)
		}
	}
	if err == nil {
		err = tx.logged(st, text, args)
	}
	if err != nil {
		return 0, tx.fail(err, st)
	}
	return r.RowsAffected()
}

// fail makes the error of a statement the last word of the transaction. When
// the disk is full, SQLite rolls back by itself, and whatever came after would
// be committed alone, without its event.
func (tx *Tx) fail(err error, st *statement) error {
	err = fmt.Errorf("%w in %s", err, st.short())
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}

// query runs a statement that gives rows; done must be called after them.
func (tx *Tx) query(st *statement, args []any) (_ answer, done func(), err error) {
	text, args := st.bind(tx.d, args)
	done = func() {}
	if kept := tx.kept(text); kept != nil {
		rows, err := kept.QueryContext(tx.ctx, args...)
		return rows, done, err
	}
	if tx.alone() {
		a, _ := tx.ctx.Value(aheadKey{}).(*ahead)
		if got := a.answered(tx.place, text, args); got != nil {
			return got, done, nil
		}
		rows, err := tx.pool.once(tx.ctx, text, args, a)
		return rows, done, err
	}
	var rows *sql.Rows
	again, err := tx.again(text)
	switch {
	case err != nil:
	case again != nil:
		again.busy = true
		done = func() { again.busy = false }
		rows, err = again.stmt.QueryContext(tx.ctx, args...)
	default:
		if err = tx.begin(); err == nil {
			rows, err = tx.sql.QueryContext(tx.ctx, text, args...)
		}
	}
	if err == nil {
		err = tx.logged(st, text, args)
	}
	return rows, done, err
}

// kept gives the form of a text that stays prepared while the place is open, or
// nil where there is none.
func (tx *Tx) kept(text string) *sql.Stmt {
	if !tx.often || tx.d != SQLite || tx.mode != viewing || tx.pool == nil || tx.failed != nil {
		return nil
	}
	if s := tx.pool.kept(text); s != nil {
		return tx.sql.StmtContext(tx.ctx, s)
	}
	return nil
}

// alone reports whether the next statement can be a View of its own.
func (tx *Tx) alone() bool {
	return tx.often && tx.d == Postgres && tx.mode == viewing && tx.sql == nil && tx.pool != nil && tx.failed == nil
}

// begin begins a View that was put off.
func (tx *Tx) begin() (err error) {
	if tx.sql == nil {
		tx.sql, err = tx.pool.begin(tx.ctx, viewing, tx.pool.enter)
	}
	return err
}

// again gives the prepared form of a text that was run before, or nil.
func (tx *Tx) again(text string) (*prepared, error) {
	if tx.failed != nil {
		return nil, fmt.Errorf("the transaction has failed before: %w", tx.failed)
	}
	if tx.d != SQLite {
		return nil, nil
	}
	p := tx.used[text]
	if p == nil {
		if tx.used == nil {
			tx.used = map[string]*prepared{}
		}
		tx.used[text] = &prepared{}
		return nil, nil
	}
	if p.busy {
		return nil, nil
	}
	if p.stmt == nil {
		stmt, err := tx.sql.PrepareContext(tx.ctx, text)
		if err != nil {
			return nil, err
		}
		p.stmt = stmt
	}
	return p, nil
}

// core runs a statement of this package on tables that Exec does not write.
func (tx *Tx) core(text string, args ...any) error {
	_, err := tx.exec(parse(text), args)
	return err
}

// statement parses and judges: what stands in the journal is written only by
// Record, and Keep writes only what is listed.
func (tx *Tx) statement(text string) (*statement, error) {
	st := parse(text)
	if st.reads {
		return st, nil
	}
	if tx.mode != bare && coreTables[st.table] {
		return nil, fmt.Errorf("the table %q is written by package place alone: %s", st.table, st.short())
	}
	if tx.mode == keeping && (st.odd || !tx.place.s.keeps[st.table]) {
		return nil, fmt.Errorf("housekeeping may not write the table %q: %s", st.table, st.short())
	}
	return st, nil
}

// Notify wakes those who listen to a live topic, after the commit.
func (tx *Tx) Notify(topic string) { tx.topics = append(tx.topics, topic) }

// After runs fn after the commit; not at all if there is none.
func (tx *Tx) After(fn func()) { tx.after = append(tx.after, fn) }

// Seal closes a field under the place's field key, bound to place, field and row.
func (tx *Tx) Seal(f Field, row [16]byte, plain []byte) ([]byte, error) {
	return tx.place.s.sealer.Seal(tx.ctx, tx.place.customer, f, row, plain)
}

// Unseal opens what Seal closed for the same field and row.
func (tx *Tx) Unseal(f Field, row [16]byte, sealed []byte) ([]byte, error) {
	return tx.place.s.sealer.Unseal(tx.ctx, tx.place.customer, f, row, sealed)
}

// Blind makes the blind index of a value: equal values of one field in one
// place give equal bytes, which is also all that it tells.
func (tx *Tx) Blind(f Field, value string) ([]byte, error) {
	return tx.place.s.sealer.Blind(tx.ctx, tx.place.customer, f, []byte(value))
}

// run is one transaction from begin to commit. It returns the events recorded.
func (pl *pool) run(ctx context.Context, tx *Tx, now func() time.Time, fn func(*Tx) error) (done []Recorded, err error) {
	tx.pool = pl
	if tx.mode != viewing || pl.d != Postgres { // there it begins with the first question
		if tx.sql, err = pl.begin(ctx, tx.mode, pl.enter); err != nil {
			return nil, err
		}
	}
	committed := false
	defer func() {
		if !committed && tx.sql != nil {
			tx.sql.Rollback()
		}
		if tx.mode != viewing {
			<-pl.gate
		}
	}()
	tx.ctx, tx.d, tx.at = ctx, pl.d, now().UTC().Truncate(time.Millisecond)
	if err = fn(tx); err == nil {
		err = tx.failed
	}
	if err != nil {
		return nil, err
	}
	if tx.mode == changing {
		if done, err = tx.flush(); err != nil {
			return nil, err
		}
	} else if len(tx.events) > 0 {
		return nil, errors.New("only a Change records events")
	}
	if tx.mode == viewing {
		return nil, nil
	}
	if err = pl.note(tx, nil, false); err != nil {
		return nil, err
	}
	err = tx.sql.Commit()
	committed = err == nil
	return done, err
}

// begin waits for the right to write, if need be, and starts a transaction. It
// leaves the token in the gate for run to take back.
func (pl *pool) begin(ctx context.Context, m mode, enter string) (t *sql.Tx, err error) {
	if m == viewing {
		t, err = pl.read.BeginTx(ctx, pl.snapshot())
	} else {
		select {
		case pl.gate <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() {
			if err != nil {
				<-pl.gate
			}
		}()
		t, err = pl.write.BeginTx(ctx, nil)
		enter += pl.lock
	}
	if err != nil {
		return nil, err
	}
	if enter != "" {
		if _, err := t.ExecContext(ctx, enter); err != nil {
			t.Rollback()
			return nil, err
		}
	}
	return t, nil
}

// snapshot is how a View begins. SQLite's readers cannot write (query_only) and
// always read one snapshot; PostgreSQL has to be told.
func (pl *pool) snapshot() *sql.TxOptions {
	if pl.d == SQLite {
		return nil
	}
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}
