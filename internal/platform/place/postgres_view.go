package place

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

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
// A question that is a View of its own goes a shorter way: see postgres_once.go.

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

// QueryContext sends what was put off together with the question.
func (c *viewingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if ask, ok := ctx.Value(onceKey{}).(onceAsk); ok {
		return c.ask(ask, text, args)
	}
	if c.opening == nil {
		return c.Conn.QueryContext(ctx, text, args)
	}
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	q, err := c.question(text, args)
	if err != nil {
		return nil, err
	}
	var batch pgconn.Batch
	for _, one := range c.opening {
		batch.ExecParams(one, nil, nil, nil, nil)
	}
	batch.ExecParams(text, q.ParamValues, nil, q.ParamFormats, q.ResultFormats)
	first := len(c.opening)
	c.opening = nil
	results := conn.PgConn().ExecBatch(ctx, &batch)
	rows := &viewRows{all: results}
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
	all   *pgconn.MultiResultReader
	rows  *pgconn.ResultReader
	first bool // a row was read that Next has not given yet
}

// question has the arguments as PostgreSQL takes them.
func (c *viewingConn) question(text string, args []driver.NamedValue) (q pgx.ExtendedQueryBuilder, err error) {
	plain := make([]any, len(args))
	for i, a := range args {
		plain[i] = a.Value
	}
	return q, q.Build(c.Conn.Conn().TypeMap(), nil, plain)
}

// Columns names them.
func (r *viewRows) Columns() []string {
	fields := r.rows.FieldDescriptions()
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
	fields := r.rows.FieldDescriptions()
	for i, raw := range r.rows.Values() {
		if err := value(to, i, fields[i].DataTypeOID, raw); err != nil {
			return err
		}
	}
	return nil
}

// value reads one column.
func value(to []driver.Value, i int, oid uint32, raw []byte) (err error) {
	if to[i] = nil; raw != nil {
		if to[i], err = valueOf(oid, raw); err != nil {
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

// Close reads to the end of the answer.
func (r *viewRows) Close() (err error) {
	if r.rows != nil {
		_, err = r.rows.Close()
	}
	return errors.Join(err, r.all.Close())
}
