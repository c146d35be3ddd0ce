package search

import (
	"strconv"
	"strings"

	"ringfence/internal/platform/place"
)

// arrays keeps tokens in a bigint[] under a GIN index.
type arrays struct{}

var upsertOne = upsertArray(1)

var upsertMany = upsertArray(together)

func upsertArray(rows int) string {
	return "INSERT INTO spoken_words (n, tokens) VALUES " +
		strings.TrimSuffix(strings.Repeat("(?, CAST(CAST(? AS text) AS bigint[])), ", rows), ", ") +
		" ON CONFLICT (n) DO UPDATE SET tokens = excluded.tokens"
}

func (arrays) put(tx *place.Tx, rows []entry) (int64, error) {
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
			return 0, err
		}
	}
	return 0, nil // autovacuum counts for itself
}

func (arrays) remove(tx *place.Tx, n int64) error {
	_, err := tx.Exec(`DELETE FROM spoken_words WHERE n = ?`, n)
	return err
}

// find asks the GIN index alone first. Without MATERIALIZED the planner, who
// cannot know how many rows hold a token, walks the primary key backwards and
// tests each array: seconds for a rare word.
func (arrays) find(tx *place.Tx, sets [][]int64, limit int) (int, string, error) {
	// Texts of statements are kept: only powers of two are used, filled up by
	// asking for the last set again.
	size := 1
	for size < len(sets) {
		size *= 2
	}
	args := make([]any, 0, size+1)
	for i := range size {
		args = append(args, array(sets[min(i, len(sets)-1)]))
	}
	const one = "tokens @> CAST(CAST(? AS text) AS bigint[])"
	hit, err := place.Row[hits](tx, `WITH matching AS MATERIALIZED (SELECT n FROM spoken_words WHERE `+one+strings.Repeat(" OR "+one, size-1)+`),
		newest AS (SELECT n FROM matching ORDER BY n DESC LIMIT ?)
		SELECT count(*) AS matches, string_agg(CAST(n AS text), ',') AS numbers FROM newest`, append(args, limit)...)
	return int(hit.Matches), hit.Numbers, err
}

func (arrays) list(numbers string) string { return "{" + numbers + "}" }

func (arrays) among() string { return "SELECT unnest(CAST(CAST(? AS text) AS bigint[]))" }

// compact leaves the work to autovacuum: VACUUM runs in no transaction.
func (arrays) compact(*place.Tx, bool) (bool, error) { return false, nil }

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
