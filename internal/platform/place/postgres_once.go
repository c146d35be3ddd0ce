package place

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A question that is a View of its own brings one statement along that makes all
// settings: what comes in one message is one transaction, which begins and ends by
// itself. It does without the goroutines with which database/sql watches a
// transaction, and without the timer with which pgx watches for a peer that stops
// reading: each time, that would wake a second processor. Nobody waits for the
// other here, for all of the message is small, and all of the answer is read at once.

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

// ask sends a question, and what travels with it, in one message and reads the
// whole answer. A connection that is found broken before that can be replaced: what
// only reads is asked again.
func (c *viewingConn) ask(ask onceAsk, text string, args []driver.NamedValue) (driver.Rows, error) {
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	q, err := c.question(text, args)
	if err != nil {
		return nil, err
	}
	front := conn.PgConn().Frontend()
	send(front, ask.enter, pgx.ExtendedQueryBuilder{})
	send(front, text, q)
	if a := ask.ahead; a != nil && !a.asked {
		a.asked = true
		if args, err := a.plain(); err == nil {
			var q pgx.ExtendedQueryBuilder
			if err := q.Build(conn.TypeMap(), nil, args); err == nil {
				send(front, a.enter, pgx.ExtendedQueryBuilder{}) // a role is taken as the session's user may, whatever role it has now
				send(front, a.text, q)
			}
		}
	}
	front.SendSync(&pgproto3.Sync{})
	_ = conn.PgConn().Conn().SetDeadline(time.Now().Add(onceFor)) // a closed one fails below
	if err := front.Flush(); err != nil {
		conn.Close(context.Background())
		return nil, driver.ErrBadConn
	}
	all, ready, err := replies(conn.PgConn())
	if !ready {
		conn.Close(context.Background()) // what else comes belongs to nobody
		return nil, err
	}
	if err := conn.PgConn().Conn().SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if len(all) < 2 {
		if err == nil {
			err = errors.New("PostgreSQL gave no answer to a question")
		}
		return nil, err
	}
	if len(all) == 4 { // else what was asked ahead failed, and is asked once more
		ask.ahead.got = &buffered{columns: all[3].columns, rows: all[3].rows}
	}
	return &all[1], nil
}

// send adds a statement to a message.
func send(front *pgproto3.Frontend, text string, q pgx.ExtendedQueryBuilder) {
	front.SendParse(&pgproto3.Parse{Query: text})
	front.SendBind(&pgproto3.Bind{ParameterFormatCodes: q.ParamFormats, Parameters: q.ParamValues, ResultFormatCodes: q.ResultFormats})
	front.SendDescribe(&pgproto3.Describe{ObjectType: 'P'})
	front.SendExecute(&pgproto3.Execute{})
}

// reply holds the rows that one statement gave.
type reply struct {
	columns []string
	types   []uint32
	rows    [][]driver.Value
}

// replies reads what came of each statement of a message, up to the first that
// failed. Unless it ends ready, the connection cannot be used any more.
func replies(conn *pgconn.PgConn) (all []reply, ready bool, failed error) {
	all = make([]reply, 0, 4)
	var now reply
	for {
		msg, err := conn.ReceiveMessage(context.Background())
		if err != nil {
			return all, false, errors.Join(failed, err)
		}
		switch m := msg.(type) {
		case *pgproto3.RowDescription:
			now.columns, now.types = make([]string, len(m.Fields)), make([]uint32, len(m.Fields))
			for i, f := range m.Fields {
				now.columns[i], now.types[i] = string(f.Name), f.DataTypeOID
			}
		case *pgproto3.DataRow:
			row := make([]driver.Value, len(m.Values))
			for i, raw := range m.Values {
				if err := value(row, i, now.types[i], raw); err != nil {
					return all, false, err
				}
			}
			now.rows = append(now.rows, row)
		case *pgproto3.CommandComplete:
			all, now = append(all, now), reply{}
		case *pgproto3.ErrorResponse:
			failed = pgconn.ErrorResponseToPgError(m)
		case *pgproto3.ReadyForQuery:
			return all, true, failed
		}
	}
}

// Columns names them.
func (r *reply) Columns() []string { return r.columns }

// Close has nothing to do: the answer was read.
func (r *reply) Close() error { return nil }

// Next gives one row.
func (r *reply) Next(to []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(to, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}
