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

func (fts) put(tx *place.Tx, rows []entry) error {
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
			args = append(args, r.n, words(r.tokens, " "))
		}
		if _, err := tx.Exec(`DELETE FROM spoken_words WHERE rowid IN (?)`, place.List(numbers)); err != nil {
			return err
		}
		if _, err := tx.Exec(text, args...); err != nil {
			return err
		}
	}
	return nil
}

func (fts) remove(tx *place.Tx, n int64) error {
	_, err := tx.Exec(`DELETE FROM spoken_words WHERE rowid = ?`, n)
	return err
}

func (fts) find(tx *place.Tx, tokens []int64, limit int) (int, string, error) {
	hit, err := place.Row[hits](tx, `SELECT count(*) AS matches, json_group_array(n) AS list FROM
		(SELECT rowid AS n FROM spoken_words WHERE spoken_words MATCH ? ORDER BY rowid DESC LIMIT ?)`, words(tokens, " AND "), limit)
	return int(hit.Matches), hit.List, err
}

func (fts) among() string { return "SELECT value FROM json_each(?)" }

// compact merges a part of the index; what was deleted drops out of what is
// merged. FTS5 tells by the count of changes whether there was anything to do
// (https://www.sqlite.org/fts5.html, "The 'merge' Command").
func (fts) compact(tx *place.Tx) (bool, error) {
	before, err := place.Row[int64](tx, `SELECT total_changes()`)
	if err != nil {
		return false, err
	}
	if _, err := tx.Exec(`INSERT INTO spoken_words (spoken_words, rank) VALUES ('merge', ?)`, mergePages); err != nil {
		return false, err
	}
	after, err := place.Row[int64](tx, `SELECT total_changes()`)
	return after-before >= 2, err
}

// hits is one answer of an index.
type hits struct {
	Matches int64  `db:"matches"`
	List    string `db:"list"`
}

// words writes tokens in hexadecimal, with something between them.
func words(tokens []int64, between string) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(hex.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(t))))
	}
	return b.String()
}
