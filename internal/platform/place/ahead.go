package place

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
)

// ahead is a question that travels with one of another place: see Place.Ahead.
// One request has it to itself.
type ahead struct {
	of    *Place
	enter string // as in pool
	text  string // as PostgreSQL takes it
	args  []any
	asked bool
	got   *buffered // nil until it was answered, and once that was given
}

type aheadKey struct{}

// Ahead gives a context in which Often of another place takes along what Often
// will ask of this one, and that then has its answer here: on PostgreSQL, where
// each message wakes two processes, both cost about what one does. Each of the
// two is asked in its own place's role. What is asked ahead is a guess: another
// question, other arguments or an answer that did not come are asked as ever.
// On SQLite, and for a place that is not open, the context stays as it is.
func (p *Place) Ahead(ctx context.Context, text string, args ...any) context.Context {
	p.mu.Lock()
	pl, shut := p.pool, p.shutE
	p.mu.Unlock()
	if pl == nil || shut != nil || pl.d != Postgres {
		return ctx
	}
	text, args = parse(text).bind(pl.d, args)
	return context.WithValue(ctx, aheadKey{}, &ahead{of: p, enter: pl.enterOnce, text: text, args: args})
}

// answered gives what was asked ahead, once, if it is this.
func (a *ahead) answered(p *Place, text string, args []any) *buffered {
	if a == nil || a.of != p || a.got == nil || a.text != text || !reflect.DeepEqual(a.args, args) {
		return nil
	}
	got := a.got
	a.got = nil
	return got
}

// plain are the arguments as a driver takes them.
func (a *ahead) plain() ([]any, error) {
	out := make([]any, len(a.args))
	for i, one := range a.args {
		v, err := driver.DefaultParameterConverter.ConvertValue(one)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// answer is what a question gives: *sql.Rows, or what came ahead.
type answer interface {
	Columns() ([]string, error)
	Next() bool
	Scan(to ...any) error
	Err() error
	Close() error
}

// buffered is an answer that was read before it was asked for.
type buffered struct {
	columns []string
	rows    [][]driver.Value
	at      int // rows that Next has given
}

func (b *buffered) Columns() ([]string, error) { return b.columns, nil }
func (b *buffered) Err() error                 { return nil }
func (b *buffered) Close() error               { return nil }

func (b *buffered) Next() bool {
	b.at++
	return b.at <= len(b.rows)
}

func (b *buffered) Scan(to ...any) error {
	if b.at < 1 || b.at > len(b.rows) || len(to) != len(b.columns) {
		return errors.New("no row was asked for, or not with all its columns")
	}
	for i, v := range b.rows[b.at-1] {
		if err := to[i].(sql.Scanner).Scan(v); err != nil {
			return err
		}
	}
	return nil
}
