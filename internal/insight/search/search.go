// Package search finds recordings by the words that were said in them, without
// the words being readable in the database.
//
// Each word is replaced by a blinded token (64 bits of an HMAC under the
// customer's index key), once per recording and in an order that says nothing
// of where it was said. What a reader of the database alone still learns stands
// in docs/search.md: which recordings share words and how often a token occurs,
// from which common words can be guessed. The commonest are left out for that
// reason as well.
//
// A search is for recordings that hold all of its words, in any order. Phrases,
// word beginnings and inflections are not matched: that needs positions or
// fragments in the index, which would give a transcript away as a substitution
// cipher.
//
// SQLite keeps the tokens in an FTS5 table without content, PostgreSQL in an
// array under a GIN index. Both pass the same suite.
package search

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

//go:embed schema.sql
var schema string

// Migrations make the index in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 800, Name: "spoken words", SQL: schema}}
}

// Housekeeping lists the table that Compact tidies.
func Housekeeping() []string { return []string{"spoken_words"} }

const (
	// Candidates is how many matches a search looks at, newest archived first.
	// Half a million rows share a common word in a large place; to sort them all for
	// one page would take a second, and nobody reads to the end.
	Candidates = 20_000
	// sparse is up to how many matches fetching each row is cheaper than walking
	// the sorted list and testing each.
	sparse = 2_000
	// most words in a query and most characters of it.
	mostWords, mostLetters = 12, 200
)

// index is what the two engines do differently.
type index interface {
	put(tx *place.Tx, rows []entry) error // rows with the same number are replaced
	remove(tx *place.Tx, n int64) error
	// find gives the newest matches of all the tokens, as a list in the engine's
	// own writing, which among can use.
	find(tx *place.Tx, tokens []int64, limit int) (count int, list string, err error)
	among() string // a SELECT that gives the numbers of such a list
	compact(tx *place.Tx) (more bool, err error)
}

// entry is a recording's row number with its tokens, sorted.
type entry struct {
	n      int64
	tokens []int64
}

func of(d place.Dialect) index {
	if d == place.Postgres {
		return arrays{}
	}
	return fts{}
}

// Put indexes what was said in the recording with row number n, in place of
// what was indexed before.
func Put(tx *place.Tx, n int64, texts ...string) error {
	return new(Bulk).Put(tx, []Spoken{{n, texts}})
}

// Remove forgets a recording. Its tokens can no longer be found by searching;
// they leave the file of the database with the next Compact (SQLite) or VACUUM
// (PostgreSQL).
func Remove(tx *place.Tx, n int64) error { return of(tx.Dialect()).remove(tx, n) }

// Spoken is what was said in one recording.
type Spoken struct {
	N     int64 // its row number
	Texts []string
}

// Bulk indexes many recordings of one place; it blinds each word once. It
// serves one goroutine, over any number of transactions of the same place.
type Bulk struct{ known map[string]int64 }

// knownWords bounds the memory of a Bulk.
const knownWords = 200_000

// Put indexes many recordings in one go.
func (b *Bulk) Put(tx *place.Tx, all []Spoken) error {
	rows := make([]entry, len(all))
	for i, s := range all {
		tokens, err := b.blind(tx, Words(s.Texts...))
		if err != nil {
			return err
		}
		rows[i] = entry{s.N, tokens}
	}
	return of(tx.Dialect()).put(tx, rows)
}

// blind gives the tokens of words, sorted: the order of the words is gone.
func (b *Bulk) blind(tx *place.Tx, words []string) ([]int64, error) {
	if b.known == nil || len(b.known) > knownWords {
		b.known = map[string]int64{}
	}
	tokens := make([]int64, 0, len(words))
	for _, w := range words {
		token, ok := b.known[w]
		if !ok {
			mac, err := tx.Blind(place.FieldSpokenWord, w)
			if err != nil {
				return nil, err
			}
			token = int64(binary.BigEndian.Uint64(mac))
			b.known[w] = token
		}
		tokens = append(tokens, token)
	}
	slices.Sort(tokens)
	return slices.Compact(tokens), nil
}

// Found is a search, ready to be put into a query.
type Found struct {
	Condition string // a condition on the column that Find was given
	Args      []any
	Matches   int  // how many were found, at most Candidates
	More      bool // there are more than Candidates; the older ones are not looked at
}

// Find looks for recordings in which all words of a query were said. Its
// condition holds for their row numbers in the given column, a name from the
// program's own text. A query without a word to look for is fault.Invalid.
//
// The condition has two shapes, and the difference is seconds in a place with a
// million recordings: few matches are a list to fetch rows by; many are a set
// to test against while the rows are walked in the order of the page.
func Find(tx *place.Tx, query, column string) (Found, error) {
	words, err := parse(query)
	if err != nil {
		return Found{}, err
	}
	tokens, err := new(Bulk).blind(tx, words)
	if err != nil {
		return Found{}, err
	}
	ix := of(tx.Dialect())
	count, list, err := ix.find(tx, tokens, Candidates+1)
	if err != nil {
		return Found{}, err
	}
	f := Found{Matches: min(count, Candidates), More: count > Candidates}
	switch {
	case count == 0:
		f.Condition = "1 = 0"
		return f, nil
	case count <= sparse:
		f.Condition = column + " IN (" + ix.among() + ")"
	default:
		f.Condition = "(" + column + " IN (" + ix.among() + ")) IS TRUE"
	}
	f.Args = []any{list}
	return f, nil
}

// parse gives the words to look for.
func parse(query string) ([]string, error) {
	if len(query) > 4*mostLetters || len([]rune(query)) > mostLetters {
		return nil, fault.Field("query.words", "at most %d characters can be searched for", mostLetters)
	}
	words := Words(query)
	switch {
	case len(words) > mostWords:
		return nil, fault.Field("query.words", "at most %d words can be searched for at a time", mostWords)
	case len(words) > 0:
		return words, nil
	case strings.TrimSpace(query) == "":
		return nil, fault.Field("query.words", "give at least one word")
	default:
		return nil, fault.Field("query.words", "these words are too common to search for; add one that is not")
	}
}

// errEndless guards the loop of a Compact that never comes to an end.
var errEndless = errors.New("the search index is not tidy after many rounds")
