package place

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Log is told of every writing transaction of every place, registry included,
// before it commits here: what a Change acknowledges then stands in two places.
// From a copy of a place and the entries after its Mark the place can be made
// again as it was after any of them, on the same engine.
//
// A transaction that was appended and did not commit (a crash came between, the
// disk was full) has the number of the next one: of two entries with one number
// the later counts.
type Log interface {
	// Last is the mark of the newest entry of a place; zero if there is none.
	Last(c id.Customer) (Mark, error)
	// Append returns once the entry would survive the loss of this machine's
	// first disk. Entries of one place come one after another.
	Append(c id.Customer, e Entry) error
	// Forget drops the entries of a place that was destroyed.
	Forget(c id.Customer) error
}

// Mark is a moment in the life of a place: so many transactions after the
// beginning of a branch. A new branch begins where the log has a gap (it was
// switched off for a while) and where a place was restored to an earlier time.
type Mark struct {
	Branch [16]byte `db:"branch" json:"branch"`
	Seq    int64    `db:"seq" json:"seq"`
}

// IsZero reports whether nothing was ever logged.
func (m Mark) IsZero() bool { return m == Mark{} }

// Entry is one transaction.
type Entry struct {
	Mark
	At         time.Time
	Born       bool   // the place was made by this entry: no copy is needed before it
	Migrations []int  // numbers that were run, before the writes
	Writes     []byte // statements with their values, as the engine got them
}

// redoMigration keeps the mark with the rows, so that a copy of the place says
// which entries come after it.
var redoMigration = Migration{3, "redo mark", `
CREATE TABLE redo (
	one    {{int}} NOT NULL PRIMARY KEY,
	branch {{bytes}} NOT NULL,
	seq    {{int}} NOT NULL
);
`}

// redo is what a pool of a place needs to log.
type redo struct {
	log     Log // nil: no log, but marks go on, so that a gap is noticed
	c       id.Customer
	checked bool // the log was compared with the place; guarded by the gate
}

// note gives a transaction its mark and appends it to the log; the last thing
// before the commit.
func (pl *pool) note(tx *Tx, migrated []int, born bool) error {
	r := pl.redo
	if r == nil || !tx.wrote && len(migrated) == 0 {
		return nil
	}
	m, err := nextMark(tx)
	first := errors.Is(err, sql.ErrNoRows)
	if first && r.log == nil {
		return nil
	}
	if err != nil && !first {
		return err
	}
	if r.log == nil {
		return nil
	}
	if !r.checked {
		last, err := r.log.Last(r.c)
		if err != nil {
			return err
		}
		if first || last.Branch != m.Branch || last.Seq != m.Seq && last.Seq != m.Seq-1 {
			if m, err = newBranch(tx); err != nil {
				return err
			}
		} else {
			born = false
		}
	}
	err = r.log.Append(r.c, Entry{Mark: m, At: tx.at, Born: born, Migrations: migrated, Writes: tx.redo})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the second copy of what is written cannot be kept: look at the disk of the backup's log; nothing was changed")
	}
	r.checked = true
	return nil
}

func nextMark(tx *Tx) (m Mark, err error) {
	var branch []byte
	err = tx.sql.QueryRowContext(tx.ctx, `UPDATE redo SET seq = seq + 1 RETURNING branch, seq`).Scan(&branch, &m.Seq)
	copy(m.Branch[:], branch)
	return m, err
}

func newBranch(tx *Tx) (Mark, error) {
	m := Mark{Seq: 1}
	rand.Read(m.Branch[:])
	return m, setMark(tx, m)
}

func setMark(tx *Tx, m Mark) error {
	st := parse(`INSERT INTO redo (one, branch, seq) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET branch = excluded.branch, seq = excluded.seq`)
	text, args := st.bind(tx.d, []any{m.Branch[:], m.Seq})
	_, err := tx.sql.ExecContext(tx.ctx, text, args...)
	return err
}

// markOf reads where a place is.
func markOf(tx *Tx) (Mark, error) {
	m, err := Row[Mark](tx, `SELECT branch, seq FROM redo`)
	if fault.Is(err, fault.NotFound) {
		return Mark{}, nil
	}
	return m, err
}

// Mark is where the place is now, in one snapshot.
func (p *Place) Mark(ctx context.Context) (m Mark, err error) {
	err = p.View(ctx, func(tx *Tx) (err error) {
		m, err = markOf(tx)
		return err
	})
	return m, err
}

// logged remembers a statement that has run, for the entry of its transaction.
// The text is the engine's own; values are copied, as callers use theirs again.
func (tx *Tx) logged(st *statement, text string, args []any) error {
	if tx.pool == nil || tx.pool.redo == nil || tx.mode == viewing || !st.writes {
		return nil
	}
	tx.wrote = true
	if tx.pool.redo.log == nil {
		return nil
	}
	if tx.texts == nil {
		tx.texts = map[string]int{}
	}
	n, known := tx.texts[text]
	if !known {
		n = len(tx.texts)
		tx.texts[text] = n
	}
	b := binary.AppendUvarint(tx.redo, uint64(n))
	if !known {
		b = appendBytes(b, []byte(text))
	}
	b = binary.AppendUvarint(b, uint64(len(args)))
	for _, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return fmt.Errorf("%w in %s", err, st.short())
		}
		if b, err = appendValue(b, v); err != nil {
			return fmt.Errorf("%w in %s", err, st.short())
		}
	}
	tx.redo = b
	return nil
}

// The kinds of value in an entry.
const (
	kindNull  = 'n'
	kindInt   = 'i'
	kindFloat = 'f'
	kindText  = 't'
	kindBytes = 'b'
)

func appendBytes(b, v []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendValue(b []byte, v driver.Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, kindNull), nil
	case int64:
		return binary.AppendVarint(append(b, kindInt), v), nil
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		return binary.AppendVarint(append(b, kindInt), n), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(b, kindFloat), math.Float64bits(v)), nil
	case string:
		return appendBytes(append(b, kindText), []byte(v)), nil
	case []byte:
		if v == nil {
			return append(b, kindNull), nil
		}
		return appendBytes(append(b, kindBytes), v), nil
	default:
		return nil, fmt.Errorf("a %T cannot be logged", v)
	}
}

// errEntry is an entry whose bytes are none: it was sealed and opened, so a
// program wrote it that this one does not understand.
var errEntry = errors.New("this entry of the log was written by another version of the program")

// entryReader takes an entry's writes apart.
type entryReader struct {
	b     []byte
	texts []string
}

func (r *entryReader) uvarint() (uint64, error) {
	n, w := binary.Uvarint(r.b)
	if w <= 0 {
		return 0, errEntry
	}
	r.b = r.b[w:]
	return n, nil
}

func (r *entryReader) bytes() ([]byte, error) {
	n, err := r.uvarint()
	if err != nil || n > uint64(len(r.b)) {
		return nil, errEntry
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v, nil
}

// next gives one statement and its values.
func (r *entryReader) next() (text string, args []any, err error) {
	n, err := r.uvarint()
	if err != nil || n > uint64(len(r.texts)) {
		return "", nil, errEntry
	}
	if n == uint64(len(r.texts)) {
		t, err := r.bytes()
		if err != nil {
			return "", nil, err
		}
		r.texts = append(r.texts, string(t))
	}
	count, err := r.uvarint()
	if err != nil || count > uint64(len(r.b)) {
		return "", nil, errEntry
	}
	args = make([]any, count)
	for i := range args {
		if args[i], err = r.value(); err != nil {
			return "", nil, err
		}
	}
	return r.texts[n], args, nil
}

func (r *entryReader) value() (any, error) {
	if len(r.b) == 0 {
		return nil, errEntry
	}
	kind := r.b[0]
	r.b = r.b[1:]
	switch kind {
	case kindNull:
		return nil, nil
	case kindInt:
		n, w := binary.Varint(r.b)
		if w <= 0 {
			return nil, errEntry
		}
		r.b = r.b[w:]
		return n, nil
	case kindFloat:
		if len(r.b) < 8 {
			return nil, errEntry
		}
		f := math.Float64frombits(binary.BigEndian.Uint64(r.b))
		r.b = r.b[8:]
		return f, nil
	case kindText:
		v, err := r.bytes()
		return string(v), err
	case kindBytes:
		v, err := r.bytes()
		return slices.Clone(v), err
	}
	return nil, errEntry
}

// Logged is an event as it stands in an entry, without what is personal in it.
type Logged struct {
	At            time.Time
	Code, Subject string
}

// Events are the events that an entry writes.
func (e Entry) Events() (all []Logged, err error) {
	r := &entryReader{b: e.Writes}
	width := strings.Count(eventRow, "?")
	for len(r.b) > 0 {
		text, args, err := r.next()
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(text, insertEvents) {
			continue
		}
		for row := range slices.Chunk(args, width) { // pos, id, at, code, actor_kind, actor_id, on_behalf, subject, …
			if len(row) < width {
				return nil, errEntry
			}
			at, _ := row[2].(int64)
			code, _ := row[3].(string)
			subject, _ := row[7].(string)
			all = append(all, Logged{time.UnixMilli(at).UTC(), code, subject})
		}
	}
	return all, nil
}
