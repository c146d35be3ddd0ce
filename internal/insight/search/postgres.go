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

// find asks the GIN index once for each set. With OR between the sets the
// planner reads the whole table, as nobody tells it how few rows hold a token.
// MATERIALIZED keeps it from walking the primary key backwards instead, testing
// each array. The index must have few pending entries (gin_pending_list_limit):
// each lookup reads all of them.
func (arrays) find(tx *place.Tx, sets [][]int64, limit int) (int, string, error) {
	// The planner guesses high, and to compile the query for it costs a hundred times
	// what the query does.
	if _, err := tx.Exec(`SET LOCAL jit = off`); err != nil {
		return 0, "", err
	}
	all := make([]string, len(sets))
	for i, tokens := range sets {
		all[i] = `"` + array(tokens) + `"`
	}
	hit, err := place.Row[hits](tx, `WITH matching AS MATERIALIZED (
			SELECT m.n FROM unnest(CAST(CAST(? AS text) AS text[])) AS wanted (tokens)
			CROSS JOIN LATERAL (SELECT w.n FROM spoken_words w WHERE w.tokens @> CAST(wanted.tokens AS bigint[]) OFFSET 0) m),
		newest AS (SELECT n FROM matching ORDER BY n DESC LIMIT ?)
		SELECT count(*) AS matches, string_agg(CAST(n AS text), ',') AS numbers FROM newest`, "{"+strings.Join(all, ",")+"}", limit)
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
