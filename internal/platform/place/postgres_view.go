package place

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// A View with one question would cost four round trips: BEGIN, SET LOCAL, the
// question, ROLLBACK. Each wakes two processes, and on the way in to a request
// that is most of what the gate costs. Here it costs one: beginning is put off
// until the first question and travels with it, and the answer to ROLLBACK is
// read when the connection is used again.

// A question that is a View of its own (once) brings one statement along that
// makes all settings: what comes in one message is one transaction, which begins
// and ends by itself. It does without the goroutines with which database/sql
// watches a transaction.

// viewing wraps pgx's connector with connections that do so.
type viewingConnector struct{ driver.Connector }

func (c viewingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &viewingConn{Conn: conn.(*stdlib.Conn)}, nil
}

// viewingConn is one connection; database/sql lets one goroutine at a time use it.
type viewingConn struct {
	*stdlib.Conn
	opening []string // what begins the View, not sent yet; nil when there is none
	owed    bool     // the answer to a ROLLBACK was not read yet
}

const (
	beginView = "begin isolation level repeatable read read only"
	setLocal  = "SET LOCAL "
)

// BeginTx puts a read-only transaction off; others begin as they always do.
func (c *viewingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		return c.Conn.BeginTx(ctx, o)
	}
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	c.opening = append(make([]string, 0, 4), beginView)
	return viewTx{c}, nil
}

// settle reads what is still owed.
func (c *viewingConn) settle(ctx context.Context) error {
	for c.owed {
		msg, err := c.Conn.Conn().PgConn().ReceiveMessage(ctx)
		if err != nil {
			return driver.ErrBadConn
		}
		if _, ready := msg.(*pgproto3.ReadyForQuery); ready {
			c.owed = false
		}
	}
	return nil
}

// ResetSession is asked before a connection is used again.
func (c *viewingConn) ResetSession(ctx context.Context) error {
	if c.opening = nil; c.Conn.Conn().IsClosed() {
		return driver.ErrBadConn
	}
	if err := c.settle(ctx); err != nil {
		return err
	}
	return c.Conn.ResetSession(ctx)
}

// ExecContext adds a setting to what is put off, or begins.
func (c *viewingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if c.opening != nil && len(args) == 0 && strings.HasPrefix(text, setLocal) {
		c.opening = append(c.opening, settings(text)...)
		return driver.RowsAffected(0), nil
	}
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	return c.Conn.ExecContext(ctx, text, args)
}

// settings are the single statements of a text of settings.
func settings(text string) (all []string) {
	for one := range strings.SplitSeq(text, ";") {
		if one != "" {
			all = append(all, one)
		}
	}
	return all
}

// PrepareContext begins first.
func (c *viewingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	return c.Conn.PrepareContext(ctx, text)
}

// entering is one statement that reads only and makes the settings of a text
// until its transaction ends, in their order: the role comes first.
func entering(text string) string {
	var b strings.Builder
	b.WriteString("SELECT set_config('transaction_read_only', 'on', true)")
	for _, one := range settings(text) {
		name, value := setting(one)
		b.WriteString(", set_config('" + name + "', '" + value + "', true)")
	}
	return b.String()
}

// setting takes SET LOCAL apart. Names of roles and schemas are made here, of
// lower-case letters, digits and _: nothing in them needs to be quoted.
func setting(text string) (name, value string) {
	text = strings.TrimPrefix(text, setLocal)
	if role, ok := strings.CutPrefix(text, "ROLE "); ok {
		return "role", role
	}
	name, value, _ = strings.Cut(text, " TO ")
	return name, value
}

// begin sends what was put off, in one message.
func (c *viewingConn) begin(ctx context.Context) error {
	if c.opening == nil {
		return nil
	}
	text := strings.Join(c.opening, ";")
	c.opening = nil
	_, err := c.Conn.ExecContext(ctx, text, nil)
	return err
}

// onceFor is how long a question may take that nobody can give up.
const onceFor = 30 * time.Second

// onceKey marks the context of a question that is a View of its own.
type onceKey struct{}

// onceAsk is how one is asked.
type onceAsk struct {
	enter string // what stands before it
	ahead *ahead // what travels with it, or nil
}

// once asks a question that is a View of its own. Nobody can give it up, for to
// watch a context takes a goroutine; the connection's deadline ends it instead.
func (pl *pool) once(ctx context.Context, text string, args []any, a *ahead) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return pl.read.QueryContext(context.WithValue(context.WithoutCancel(ctx), onceKey{}, onceAsk{pl.enterOnce, a}), text, args...)
}

// QueryContext sends what was put off together with the question.
func (c *viewingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	ask, once := ctx.Value(onceKey{}).(onceAsk)
	if c.opening == nil && !once {
		return c.Conn.QueryContext(ctx, text, args)
	}
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	if once {
		c.opening = []string{ask.enter}
		_ = conn.PgConn().Conn().SetDeadline(time.Now().Add(onceFor)) // a closed one fails below
	}
	plain := make([]any, len(args))
	for i, a := range args {
		plain[i] = a.Value
	}
	var batch pgconn.Batch
	for _, one := range c.opening {
		batch.ExecParams(one, nil, nil, nil, nil)
	}
	if err := c.add(&batch, text, plain); err != nil {
		return nil, err
	}
	along := false
	if a := ask.ahead; a != nil && !a.asked {
		a.asked = true
		if plain, err := a.plain(); err == nil {
			batch.ExecParams(a.enter, nil, nil, nil, nil) // a role is taken as the session's user may, whatever role it has now
			along = c.add(&batch, a.text, plain) == nil
		}
	}
	first := len(c.opening)
	c.opening = nil
	results := conn.PgConn().ExecBatch(ctx, &batch)
	rows := &viewRows{all: results}
	if once {
		rows.c = c
	}
	for range first {
		if results.NextResult() {
			if _, err := results.ResultReader().Close(); err != nil {
				break // Close below tells it
			}
		}
	}
	if !results.NextResult() {
		err := rows.Close()
		if err == nil {
			err = errors.New("PostgreSQL gave no answer to a question")
		}
		return nil, err
	}
	rows.rows = results.ResultReader()
	// The first row is read at once, as pgx does: a question that fails fails here.
	if rows.first = rows.rows.NextRow(); !rows.first {
		if _, err := rows.rows.Close(); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
	}
	if along {
		rows.ahead = ask.ahead
	}
	return rows, nil
}

// viewTx is a View of PostgreSQL.
type viewTx struct{ c *viewingConn }

// Commit of a View is the same as its end.
func (t viewTx) Commit() error { return t.Rollback() }

// Rollback sends it and does not wait: nobody needs the answer.
func (t viewTx) Rollback() error {
	if t.c.opening != nil { // nothing was asked
		t.c.opening = nil
		return nil
	}
	conn := t.c.Conn.Conn()
	if conn.IsClosed() {
		return driver.ErrBadConn
	}
	front := conn.PgConn().Frontend()
	front.SendQuery(&pgproto3.Query{String: "rollback"})
	if err := front.Flush(); err != nil {
		conn.Close(context.Background())
		return driver.ErrBadConn
	}
	t.c.owed = true
	return nil
}

// viewRows gives the rows of the question. PostgreSQL sends them as text.
type viewRows struct {
	c     *viewingConn // of a question that is a View of its own; else nil
	all   *pgconn.MultiResultReader
	rows  *pgconn.ResultReader
	first bool   // a row was read that Next has not given yet
	ahead *ahead // was sent with it; nil once its answer was read
}

// add adds a question to a message.
func (c *viewingConn) add(batch *pgconn.Batch, text string, args []any) error {
	var q pgx.ExtendedQueryBuilder
	if err := q.Build(c.Conn.Conn().TypeMap(), nil, args); err != nil {
		return err
	}
	batch.ExecParams(text, q.ParamValues, nil, q.ParamFormats, q.ResultFormats)
	return nil
}

// Columns names them.
func (r *viewRows) Columns() []string {
	return columns(r.rows)
}

func columns(r *pgconn.ResultReader) []string {
	fields := r.FieldDescriptions()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// Next gives one row, as what pgx gives database/sql for each type.
func (r *viewRows) Next(to []driver.Value) error {
	if !r.first && !r.rows.NextRow() {
		if _, err := r.rows.Close(); err != nil {
			return err
		}
		return io.EOF
	}
	r.first = false
	return values(r.rows, to)
}

// values reads the row that a reader stands at.
func values(r *pgconn.ResultReader, to []driver.Value) error {
	fields := r.FieldDescriptions()
	for i, raw := range r.Values() {
		if to[i] = nil; raw == nil {
			continue
		}
		var err error
		if to[i], err = valueOf(fields[i].DataTypeOID, raw); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func valueOf(oid uint32, raw []byte) (driver.Value, error) {
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return strconv.ParseInt(string(raw), 10, 64)
	case pgtype.BoolOID:
		return len(raw) == 1 && raw[0] == 't', nil
	case pgtype.Float4OID, pgtype.Float8OID:
		return strconv.ParseFloat(string(raw), 64)
	case pgtype.ByteaOID:
		if len(raw) < 2 || raw[0] != '\\' || raw[1] != 'x' {
			return nil, errors.New("bytes are not in hexadecimal form")
		}
		b := make([]byte, hex.DecodedLen(len(raw)-2))
		_, err := hex.Decode(b, raw[2:])
		return b, err
	}
	return string(raw), nil
}

// along reads the answer of what was asked ahead; nil if there is none.
func (r *viewRows) along() *buffered {
	if !r.all.NextResult() {
		return nil
	}
	if _, err := r.all.ResultReader().Close(); err != nil || !r.all.NextResult() { // its settings
		return nil
	}
	rows := r.all.ResultReader()
	got := &buffered{columns: columns(rows)}
	for rows.NextRow() {
		one := make([]driver.Value, len(got.columns))
		if values(rows, one) != nil {
			return nil
		}
		got.rows = append(got.rows, one)
	}
	if _, err := rows.Close(); err != nil {
		return nil
	}
	return got
}

// Close reads to the end of the answer.
func (r *viewRows) Close() (err error) {
	if r.rows != nil {
		_, err = r.rows.Close()
	}
	if r.ahead != nil && err == nil {
		r.ahead.got = r.along()
		_ = r.all.Close() // this question has its answer; one ahead that failed is asked once more
	} else {
		err = errors.Join(err, r.all.Close())
	}
	r.ahead = nil
	if r.c == nil || r.c.Conn.Conn().IsClosed() {
		return err
	}
	return errors.Join(err, r.c.Conn.Conn().PgConn().Conn().SetDeadline(time.Time{}))
}
