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
// Recordings are indexed in eras of 32,768 row numbers, and a word has another
// token in each. A search begins in the newest era and stops when it has found
// enough, so that a word said in half of a million recordings costs no more than
// a rare one; and tokens can be counted and compared within an era only.
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
	"strconv"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

//go:embed schema.sql
var schema string

// Migrations make the index in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 800, Name: "spoken words", SQL: schema}, {Number: 951, Name: "vocabulary of spoken words", SQL: vocabulary}}
}

// Housekeeping lists the tables that Compact tidies.
func Housekeeping() []string { return []string{"spoken_words", "spoken_words_state"} }

const (
	// Candidates is how many matches a search looks at, newest archived first.
	// Half a million rows share a common word in a large place; to sort them all for
	// one page would take a second, and nobody reads to the end.
	Candidates = 10_000
	// eraBits of the row number are within an era.
	eraBits = 15
	// mostEras is how many eras one statement asks for.
	mostEras = 64
	// sparse is up to how many matches fetching each row is cheaper than walking
	// the sorted list and testing each.
	sparse = 2_000
	// most words in a query and most characters of it.
	mostWords, mostLetters = 12, 200
)

// index is what the two engines do differently.
type index interface {
	put(tx *place.Tx, rows []entry) (replaced int64, err error) // rows with the same number are replaced
	remove(tx *place.Tx, n int64) error
	// find gives the newest rows that hold all the tokens of one of the sets: how
	// many, and their numbers with commas between.
	find(tx *place.Tx, sets [][]int64, limit int) (count int, numbers string, err error)
	list(numbers string) string // numbers in a writing that among can read
	among() string              // a SELECT that gives the numbers of such a list
	compact(tx *place.Tx, first bool) (more bool, err error)
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

// note keeps the highest number and counts what left the index.
func note(tx *place.Tx, newest, removed int64) error {
	_, err := tx.Exec(`INSERT INTO spoken_words_state (one, newest, removed) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET
		newest = CASE WHEN excluded.newest > spoken_words_state.newest THEN excluded.newest ELSE spoken_words_state.newest END,
		removed = spoken_words_state.removed + excluded.removed`, newest, removed)
	return err
}

// Spoken is what was said in one recording.
type Spoken struct {
	N     int64 // its row number
	Texts []string
}

// Bulk indexes many recordings of one place; it blinds each word of an era
// once. It serves one goroutine, over any number of transactions of the same place.
type Bulk struct {
	known map[string]int64
	era   int64
}

// knownWords bounds the memory of a Bulk.
const knownWords = 200_000

// Put indexes many recordings in one go.
func (b *Bulk) Put(tx *place.Tx, all []Spoken) error {
	rows := make([]entry, len(all))
	newest := int64(0)
	for i, s := range all {
		tokens, err := b.blind(tx, Words(s.Texts...), s.N>>eraBits)
		if err != nil {
			return err
		}
		rows[i] = entry{s.N, tokens}
		newest = max(newest, s.N)
	}
	replaced, err := of(tx.Dialect()).put(tx, rows)
	if err != nil {
		return err
	}
	return note(tx, newest, replaced)
}

// blind gives the tokens of words in an era, sorted: the order of the words is gone.
func (b *Bulk) blind(tx *place.Tx, words []string, era int64) ([]int64, error) {
	if b.known == nil || b.era != era || len(b.known) > knownWords {
		b.known, b.era = map[string]int64{}, era
	}
	tokens := make([]int64, 0, len(words))
	for _, w := range words {
		token, ok := b.known[w]
		if !ok {
			mac, err := tx.Blind(place.FieldSpokenWord, strconv.FormatInt(era, 10)+" "+w)
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
	ix := of(tx.Dialect())
	count, numbers, err := candidates(tx, ix, words)
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
	f.Args = []any{ix.list(numbers)}
	return f, nil
}

// candidates asks era by era, the newest first, in growing steps, until there
// are more matches than are looked at.
func candidates(tx *place.Tx, ix index, words []string) (count int, numbers string, err error) {
	newest, err := place.Row[int64](tx, `SELECT newest FROM spoken_words_state WHERE one = 1`)
	if fault.Is(err, fault.NotFound) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	var found []string
	step := 1
	for era := newest >> eraBits; era >= 0 && count <= Candidates; {
		sets := make([][]int64, 0, step)
		for ; len(sets) < step && era >= 0; era-- {
			tokens, err := new(Bulk).blind(tx, words, era)
			if err != nil {
				return 0, "", err
			}
			sets = append(sets, tokens)
		}
		n, part, err := ix.find(tx, sets, Candidates+1-count)
		if err != nil {
			return 0, "", err
		}
		if n > 0 {
			count += n
			found = append(found, part)
		}
		if era < newest>>eraBits-1 { // one, one, two, four, …
			step = min(2*step, mostEras)
		}
	}
	return count, strings.Join(found, ","), nil
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
