package recording

import (
	"encoding/base64"
	"strconv"
	"strings"

	"ringfence/internal/base/fault"
)

// Sort is the order of a list.
type Sort string

// The orders. A minus puts the greatest first.
const (
	Newest       Sort = "-started_at"
	Oldest       Sort = "started_at"
	Longest      Sort = "-seconds"
	Shortest     Sort = "seconds"
	MostPositive Sort = "-sentiment"
	MostNegative Sort = "sentiment"
)

// column is the one that an order goes by.
var sortColumns = map[Sort]string{
	Newest: "started_at", Oldest: "started_at", Longest: "millis", Shortest: "millis",
	MostPositive: "sentiment", MostNegative: "sentiment",
}

// descends reports whether the greatest come first.
func (s Sort) descends() bool { return strings.HasPrefix(string(s), "-") }

// PageAsk says which page is wanted.
type PageAsk struct {
	Sort   Sort // "": Newest
	Cursor string
	Limit  int // 0: 50; at most 200
}

// check fills in what is not said.
func (a PageAsk) check() (PageAsk, error) {
	if a.Sort == "" {
		a.Sort = Newest
	}
	if a.Limit == 0 {
		a.Limit = 50
	}
	if _, ok := sortColumns[a.Sort]; !ok {
		return a, fault.Field("query.sort", "must be one of -started_at, started_at, -seconds, seconds, -sentiment, sentiment")
	}
	if a.Limit < 1 || a.Limit > 200 {
		return a, fault.Field("query.limit", "must be between 1 and 200")
	}
	return a, nil
}

// cursor is where a page ended: the order, the value of its column and the row.
type cursor struct {
	sort  Sort
	key   int64
	n     int64
	after string // text form of an id, where rows have no number
}

// String is opaque to its reader, not secret: it says no more than the page did.
func (c cursor) String() string {
	text := string(c.sort) + "|" + strconv.FormatInt(c.key, 10) + "|" + strconv.FormatInt(c.n, 10) + "|" + c.after
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

var errCursor = fault.Field("query.cursor", "does not belong to this list; begin again without it")

// readCursor reads a cursor and refuses one of another order: its key would be
// compared with another column, and pages would be skipped without a word.
func readCursor(text string, sort Sort) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	part := strings.Split(string(raw), "|")
	if err != nil || len(part) != 4 || Sort(part[0]) != sort {
		return nil, errCursor
	}
	key, err1 := strconv.ParseInt(part[1], 10, 64)
	n, err2 := strconv.ParseInt(part[2], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, errCursor
	}
	return &cursor{sort, key, n, part[3]}, nil
}
