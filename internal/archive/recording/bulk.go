package recording

import (
	"strings"

	"ringfence/internal/platform/place"
)

// bulk gathers rows for one table, so that many are written by one statement:
// the price of a row is mostly that of its statement.
type bulk struct {
	head string // INSERT INTO t (a, b) VALUES
	tail string // ON CONFLICT …
	rows [][]any
}

func (b *bulk) add(values ...any) { b.rows = append(b.rows, values) }

// flush writes the rows in steps of fixed sizes: a statement is parsed once in
// a transaction, and a long one costs more to parse than it saves to run.
func (b *bulk) flush(tx *place.Tx) error {
	for rows := b.rows; len(rows) > 0; {
		n := 1
		for _, size := range []int{16, 4} {
			if len(rows) >= size {
				n = size
				break
			}
		}
		one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(rows[0])), ",") + "),"
		text := b.head + " " + strings.TrimSuffix(strings.Repeat(one, n), ",") + " " + b.tail
		args := make([]any, 0, n*len(rows[0]))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		if _, err := tx.Exec(text, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	b.rows = nil
	return nil
}
