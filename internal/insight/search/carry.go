package search

import (
	"strconv"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// vocabulary lets an SQLite index, which holds no texts, be read back: which
// token is in which row. It is no table of its own and stores nothing.
const vocabulary = `
{{sqlite}}CREATE VIRTUAL TABLE spoken_terms USING fts5vocab('spoken_words', 'instance');{{end}}
{{postgres}}SELECT 1;{{end}}
`

// Index is the table that holds the index in the engine's own form: whoever
// carries a place to another engine leaves it, and takes Tokens instead.
const Index = "spoken_words"

// Tokens gives the blinded words of every row, in no order: with them and the
// customer's index key a place elsewhere finds the same.
func Tokens(tx *place.Tx, each func(n int64, tokens []int64) error) error {
	type row struct {
		N      int64  `db:"n"`
		Tokens string `db:"tokens"`
	}
	base, text := 16, `SELECT doc AS n, group_concat(term, ' ') AS tokens FROM spoken_terms GROUP BY doc`
	if tx.Dialect() == place.Postgres {
		base, text = 10, `SELECT n, array_to_string(tokens, ' ') AS tokens FROM spoken_words`
	}
	for r, err := range place.Each[row](tx, text) {
		if err != nil {
			return err
		}
		var tokens []int64
		for word := range strings.FieldsSeq(r.Tokens) {
			t, err := token(word, base)
			if err != nil {
				return fault.Wrap(err, fault.Internal, "the index of spoken words holds what is no token")
			}
			tokens = append(tokens, t)
		}
		if err := each(r.N, tokens); err != nil {
			return err
		}
	}
	return nil
}

func token(word string, base int) (int64, error) {
	if base == 16 {
		u, err := strconv.ParseUint(word, 16, 64)
		return int64(u), err
	}
	return strconv.ParseInt(word, 10, 64)
}

// PutTokens writes what Tokens gave into a place.
func PutTokens(tx *place.Tx, n int64, tokens []int64) error {
	_, err := of(tx.Dialect()).put(tx, []entry{{n, tokens}})
	return err
}
