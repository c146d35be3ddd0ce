package search

import (
	"strconv"
	"strings"

	"ringfence/internal/platform/place"
)

// arrays keeps tokens in a bigint[] under a GIN index. The arrays lie outside
// the table's own pages: a search visits those pages only for the numbers, and
// they are fifty times fewer that way.
type arrays struct{}

var upsertOne = upsertArray(1)

var upsertMany = upsertArray(together)

func upsertArray(rows int) string {
	return "INSERT INTO spoken_words (n, tokens) VALUES " +
		strings.TrimSuffix(strings.Repeat("(?, CAST(CAST(? AS text) AS bigint[])), ", rows), ", ") +
		" ON CONFLICT (n) DO UPDATE SET tokens = excluded.tokens"
}

func (arrays) put(tx *place.Tx, rows []entry) error {
	for len(rows) > 0 {
		part, text := rows[:1], upsertOne
		if len(rows) >= together {
			part, text = rows[:together], upsertMany
		}
		rows = rows[len(part):]
		args := make([]any, 0, 2*len(part))
		for _, r := range part {
			args = append(args, r.n, array(r.tokens))
		}
		if _, err := tx.Exec(text, args...); err != nil {
			return err
		}
	}
	return nil
}

func (arrays) remove(tx *place.Tx, n int64) error {
	_, err := tx.Exec(`DELETE FROM spoken_words WHERE n = ?`, n)
	return err
}

// find asks the GIN index alone first. Without MATERIALIZED the planner, who
// cannot know how many rows hold a token, walks the primary key backwards and
// tests each array: seconds for a rare word.
func (arrays) find(tx *place.Tx, tokens []int64, limit int) (int, string, error) {
	hit, err := place.Row[hits](tx, `WITH matching AS MATERIALIZED (SELECT n FROM spoken_words WHERE tokens @> CAST(CAST(? AS text) AS bigint[])),
		newest AS (SELECT n FROM matching ORDER BY n DESC LIMIT ?)
		SELECT count(*) AS matches, CAST(coalesce(array_agg(n), '{}') AS text) AS list FROM newest`, array(tokens), limit)
	return int(hit.Matches), hit.List, err
}

func (arrays) among() string { return "SELECT unnest(CAST(CAST(? AS text) AS bigint[]))" }

// compact leaves the work to autovacuum: VACUUM runs in no transaction.
func (arrays) compact(*place.Tx) (bool, error) { return false, nil }

func array(tokens []int64) string {
	b := []byte{'{'}
	for i, t := range tokens {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, t, 10)
	}
	return string(append(b, '}'))
}
