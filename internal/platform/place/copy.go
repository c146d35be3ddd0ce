package place

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"strings"
	"time"

	"ringfence/internal/base/id"
)

// Statement says what is in a copy of a place, so that whoever makes a place
// from it can hold the result against it.
type Statement struct {
	Customer   id.Customer      `json:"customer"` // zero: the registry
	Dialect    string           `json:"dialect"`
	At         time.Time        `json:"at"`
	Mark       Mark             `json:"mark"`
	Migrations []int            `json:"migrations"`
	Rows       map[string]int64 `json:"rows"`     // by table
	Position   int64            `json:"position"` // of the last event
	Journal    string           `json:"journal"`  // SHA-256 over all events, in their order
}

// Copy writes a copy of the place as it is in one snapshot, and says what is in
// it. Nobody waits for it: on SQLite the pages are read in a reading
// transaction (the log of the file grows meanwhile), on PostgreSQL pg_dump reads
// the snapshot of the statement.
func (p *Place) Copy(ctx context.Context, t Tools, w io.Writer) (Statement, error) {
	if _, err := p.acquire(ctx); err != nil {
		return Statement{}, err
	}
	defer p.release()
	s, err := p.s.engine.copy(ctx, p.customer, t, w, p.s.now().UTC())
	return s, p.judge(err)
}

// Check states what is in the place now, to be held against a copy's statement.
// Events beyond the position are not counted in the hash; zero: all count.
func (p *Place) Check(ctx context.Context, upTo int64) (s Statement, err error) {
	err = p.View(ctx, func(tx *Tx) error {
		s, err = stateAll(tx, upTo)
		return err
	})
	s.Customer, s.At = p.customer, p.s.now().UTC()
	return s, err
}

// stateAll counts every table and hashes the journal.
func stateAll(tx *Tx, upTo int64) (s Statement, err error) {
	s.Dialect, s.Rows = tx.d.String(), map[string]int64{}
	if s.Mark, err = markOf(tx); err != nil {
		return s, err
	}
	if s.Migrations, err = Rows[int](tx, `SELECT number FROM migrations ORDER BY number`); err != nil {
		return s, err
	}
	list := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name`
	if tx.d == Postgres {
		list = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`
	}
	tables, err := Rows[string](tx, list)
	if err != nil {
		return s, err
	}
	for _, t := range tables {
		// The names come from the engine's own list.
		n, err := Row[int64](tx, `SELECT count(*) FROM "`+strings.ReplaceAll(t, `"`, `""`)+`"`)
		if err != nil {
			return s, err
		}
		s.Rows[t] = n
	}
	s.Position, s.Journal, err = journalHash(tx, upTo)
	return s, err
}

type eventRowOf struct {
	Pos     int64    `db:"pos"`
	ID      id.Event `db:"id"`
	At      int64    `db:"at"`
	Code    string   `db:"code"`
	Kind    string   `db:"actor_kind"`
	Actor   string   `db:"actor_id"`
	Behalf  string   `db:"on_behalf"`
	Subject string   `db:"subject"`
	Why     string   `db:"why"`
	Facts   string   `db:"facts"`
	Sealed  []byte   `db:"sealed"`
}

func journalHash(tx *Tx, upTo int64) (last int64, sum string, err error) {
	if upTo == 0 {
		upTo = 1<<63 - 1
	}
	h := sha256.New()
	for e, err := range Each[eventRowOf](tx, `SELECT pos, id, at, code, actor_kind, actor_id, on_behalf, subject, why, facts, sealed FROM events WHERE pos <= ? ORDER BY pos`, upTo) {
		if err != nil {
			return 0, "", err
		}
		last = e.Pos
		number(h, e.Pos)
		h.Write(e.ID[:])
		number(h, e.At)
		for _, part := range [][]byte{[]byte(e.Code), []byte(e.Kind), []byte(e.Actor), []byte(e.Behalf), []byte(e.Subject), []byte(e.Why), []byte(e.Facts), e.Sealed} {
			number(h, int64(len(part))) // else two events could hash as one that was cut elsewhere
			h.Write(part)
		}
	}
	return last, hex.EncodeToString(h.Sum(nil)), nil
}

func number(h hash.Hash, n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

// copy reads the pages of a file within one reading transaction.
func (f *folder) copy(ctx context.Context, c id.Customer, _ Tools, w io.Writer, at time.Time) (s Statement, err error) {
	db, err := sql.Open("sqlite", fileDSN(f.where(c), "deferred", "query_only(1)"))
	if err != nil {
		return s, err
	}
	defer db.Close()
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s, err
	}
	defer t.Rollback()
	tx := &Tx{ctx: ctx, sql: t, d: SQLite, mode: viewing}
	if s, err = stateAll(tx, 0); err != nil {
		return s, err
	}
	s.Customer, s.At = c, at
	rows, err := t.QueryContext(ctx, `SELECT data FROM sqlite_dbpage('main') ORDER BY pgno`)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var page sql.RawBytes
		if err := rows.Scan(&page); err != nil {
			return s, err
		}
		if _, err := w.Write(page); err != nil {
			return s, err
		}
	}
	return s, rows.Err()
}
