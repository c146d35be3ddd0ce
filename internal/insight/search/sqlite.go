package search

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"ringfence/internal/platform/place"
)

// fts keeps tokens in an FTS5 table: row number → 16 hexadecimal digits per
// token. The table has no content and no positions (detail=none), so it holds
// nothing but which token is in which row.
type fts struct{}

// together is how many rows one statement inserts.
const together = 20

var insertOne = insertFTS(1)

var insertMany = insertFTS(together)

func insertFTS(rows int) string {
	return "INSERT INTO spoken_words (rowid, tokens) VALUES " + strings.TrimSuffix(strings.Repeat("(?, ?), ", rows), ", ")
}

func (fts) put(tx *place.Tx, rows []entry) (replaced int64, err error) {
	for len(rows) > 0 {
		part, text := rows[:1], insertOne
		if len(rows) >= together {
			part, text = rows[:together], insertMany
		}
		rows = rows[len(part):]
		args := make([]any, 0, 2*len(part))
		numbers := make([]int64, len(part))
		for i, r := range part {
			numbers[i] = r.n
			args = append(args, r.n, hexadecimal(r.tokens, " "))
		}
		gone, err := tx.Exec(`DELETE FROM spoken_words WHERE rowid IN (?)`, place.List(numbers))
		if err != nil {
			return 0, err
		}
		replaced += gone
		if _, err := tx.Exec(text, args...); err != nil {
			return 0, err
		}
	}
	return replaced, nil
}

func (fts) remove(tx *place.Tx, n int64) error {
	gone, err := tx.Exec(`DELETE FROM spoken_words WHERE rowid = ?`, n)
	if err != nil || gone == 0 {
		return err
	}
	return note(tx, 0, gone)
}

func (fts) find(tx *place.Tx, sets [][]int64, limit int) (int, string, error) {
	any := make([]string, len(sets))
	for i, tokens := range sets {
		any[i] = "(" + hexadecimal(tokens, " AND ") + ")"
	}
	hit, err := place.Row[hits](tx, `SELECT count(*) AS matches, group_concat(n) AS numbers FROM
		(SELECT rowid AS n FROM spoken_words WHERE spoken_words MATCH ? ORDER BY rowid DESC LIMIT ?)`, strings.Join(any, " OR "), limit)
	return int(hit.Matches), hit.Numbers, err
}

func (fts) list(numbers string) string { return "[" + numbers + "]" }

func (fts) among() string { return "SELECT value FROM json_each(?)" }

// compact merges a part of the index; what was deleted drops out of what is
// merged. A negative number of pages asks that all parts of the index be merged
// with one another, however few there are; the steps after it carry that out.
// FTS5 tells by the count of changes whether there was anything to do
// (https://www.sqlite.org/fts5.html, "The 'merge' Command").
func (fts) compact(tx *place.Tx, first bool) (bool, error) {
	pages := mergePages
	if first {
		pages = -mergePages
	}
	before, err := place.Row[int64](tx, `SELECT total_changes()`)
	if err != nil {
		return false, err
	}
	if _, err := tx.Exec(`INSERT INTO spoken_words (spoken_words, rank) VALUES ('merge', ?)`, pages); err != nil {
		return false, err
	}
	after, err := place.Row[int64](tx, `SELECT total_changes()`)
	return first || after-before >= 2, err
}

// hits is one answer of an index.
type hits struct {
	Matches int64  `db:"matches"`
	Numbers string `db:"numbers"`
}

// hexadecimal writes tokens with something between them.
func hexadecimal(tokens []int64, between string) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(hex.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(t))))
	}
	return b.String()
}
