package search_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// schemas has a table that stands for the recordings, which search does not know.
var schemas = place.Schemas{
	Place: append(search.Migrations(), place.Migration{
		Number: 900, Name: "rows", SQL: `CREATE TABLE rows_of_test (n {{int}} PRIMARY KEY, at {{int}} NOT NULL); CREATE INDEX rows_of_test_at ON rows_of_test (at, n);`,
	}),
	Housekeeping: search.Housekeeping(),
}

func change(t *testing.T, p *place.Place, fn func(*place.Tx) error) {
	t.Helper()
	err := p.Change(t.Context(), actor.ForSystem("test"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "test.changed"})
		return fn(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newest gives the rows in which the query was said, the latest first.
func newest(t *testing.T, p *place.Place, query string) (ns []int64, f search.Found) {
	t.Helper()
	err := p.View(t.Context(), func(tx *place.Tx) (err error) {
		if f, err = search.Find(tx, query, "r.n"); err != nil {
			return err
		}
		ns, err = place.Rows[int64](tx, `SELECT r.n FROM rows_of_test r WHERE `+f.Condition+` ORDER BY r.at DESC, r.n DESC`, f.Args...)
		return err
	})
	if err != nil {
		t.Fatalf("%q: %v", query, err)
	}
	return ns, f
}

func fill(t *testing.T, p *place.Place, said ...string) {
	t.Helper()
	change(t, p, func(tx *place.Tx) error {
		for i, s := range said {
			n := int64(i + 1)
			if _, err := tx.Exec(`INSERT INTO rows_of_test (n, at) VALUES (?, ?)`, n, 1000-n); err != nil {
				return err
			}
			if err := search.Put(tx, n, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestSearch(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		fill(
			t, p,
			"My parcel has not arrived, the parcel from Leeds!",
			"I'd like to pay the INVOICE for the parcel",
			"Straße nach Café Müller, naïve ﬁle",
			"",
			"invoice 4711, ２３ pieces",
		)
		for query, want := range map[string][]int64{
			"parcel":             {1, 2},
			"PARCEL":             {1, 2},
			"parcel invoice":     {2},
			"invoice the parcel": {2},
			"invoice":            {2, 5},
			"cafe":               {3},
			"STRASSE muller":     {3},
			"file":               {3},
			"4711":               {5},
			"23":                 {5},
			"parc":               nil, // no beginnings
			"parcel zebra":       nil,
			`"parcel" OR zebra`:  nil, // "or" is no operator but a common word
			"parcel*":            {1, 2},
			"-parcel":            {1, 2},
			`") OR 1=1 --parcel`: nil,
		} {
			got, f := newest(t, p, query)
			if !slices.Equal(got, want) || f.Matches != len(want) || f.More {
				t.Errorf("%q found %v, want %v; %+v", query, got, want, f)
			}
		}
	})
}

func TestPutReplacesAndRemoveForgets(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		fill(t, p, "green table", "green chair")
		change(t, p, func(tx *place.Tx) error { return search.Put(tx, 1, "brown table") })
		if got, _ := newest(t, p, "green"); !slices.Equal(got, []int64{2}) {
			t.Errorf("after Put again: %v", got)
		}
		change(t, p, func(tx *place.Tx) error { return search.Remove(tx, 2) })
		change(t, p, func(tx *place.Tx) error { return search.Remove(tx, 77) })
		if got, _ := newest(t, p, "green"); got != nil {
			t.Errorf("after Remove: %v", got)
		}
		if got, _ := newest(t, p, "table"); !slices.Equal(got, []int64{1}) {
			t.Errorf("the other one: %v", got)
		}
		if err := search.Compact(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if got, _ := newest(t, p, "brown"); !slices.Equal(got, []int64{1}) {
			t.Errorf("after Compact: %v", got)
		}
	})
}

// Common words are bounded to the newest archived, and both shapes of the
// condition give the same rows.
func TestManyMatches(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		const all = search.Candidates + 500
		change(t, p, func(tx *place.Tx) error {
			var b search.Bulk
			var rows []search.Spoken
			for n := int64(1); n <= all; n++ {
				text := "account"
				if n%7 == 0 {
					text += " fraud"
				}
				rows = append(rows, search.Spoken{N: n, Texts: []string{text}})
			}
			if err := b.Put(tx, rows); err != nil {
				return err
			}
			for _, r := range rows {
				if _, err := tx.Exec(`INSERT INTO rows_of_test (n, at) VALUES (?, ?)`, r.N, r.N); err != nil {
					return err
				}
			}
			return nil
		})
		got, f := newest(t, p, "account")
		if !f.More || f.Matches != search.Candidates || !strings.Contains(f.Condition, "IS TRUE") {
			t.Errorf("%+v", f.Condition)
		}
		if n := len(got); n < search.Candidates || n > search.Candidates+1 || got[0] != all || !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("%d rows from %d on", n, got[0])
		}
		got, f = newest(t, p, "account fraud")
		if len(got) != all/7 || f.More || got[0] != all/7*7 {
			t.Errorf("%d rows from %d on, %+v", len(got), got[0], f.Matches)
		}
	})
}

// Recordings far apart lie in different eras, where the same word has another token.
func TestEras(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		want := []int64{3_000_000, 2_999_999, 98_304, 70_000, 32_768, 32_767, 5}
		change(t, p, func(tx *place.Tx) error {
			for _, n := range want {
				if _, err := tx.Exec(`INSERT INTO rows_of_test (n, at) VALUES (?, ?)`, n, n); err != nil {
					return err
				}
			}
			var b search.Bulk
			return b.Put(tx, []search.Spoken{
				{N: 98_304, Texts: []string{"green table"}},
				{N: 5, Texts: []string{"green table"}},
				{N: 3_000_000, Texts: []string{"green table"}},
				{N: 32_767, Texts: []string{"green table"}},
				{N: 32_768, Texts: []string{"table", "green"}},
				{N: 2_999_999, Texts: []string{"green table"}},
				{N: 70_000, Texts: []string{"green chair table"}},
			})
		})
		if got, f := newest(t, p, "table green"); !slices.Equal(got, want) || f.Matches != len(want) || f.More {
			t.Errorf("found %v, want %v; %+v", got, want, f)
		}
		if got, _ := newest(t, p, "chair"); !slices.Equal(got, []int64{70_000}) {
			t.Errorf("found %v", got)
		}
		same := map[string]bool{}
		if err := p.View(t.Context(), func(tx *place.Tx) error {
			for _, era := range []string{"0 table", "1 table"} {
				mac, err := tx.Blind(place.FieldSpokenWord, era)
				if err != nil {
					return err
				}
				same[string(mac)] = true
			}
			return nil
		}); err != nil || len(same) != 2 {
			t.Errorf("%d tokens, %v", len(same), err)
		}
	})
}

func TestWhatCannotBeSearchedFor(t *testing.T) {
	s := placetest.New(t, schemas)
	p := placetest.Customer(t, s)
	for _, query := range []string{"", "  ", "?!", "the and I", strings.Repeat("a ", 300), "one", strings.Repeat("ä", 201), strings.Join(strings.Split("abcdefghijklmn", ""), "x ") + "x"} {
		err := p.View(t.Context(), func(tx *place.Tx) error {
			_, err := search.Find(tx, query, "n")
			return err
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// Neither the words nor what stands for them elsewhere may be in the file.
func TestFileHoldsNoWords(t *testing.T) {
	dir := t.TempDir()
	s := placetest.Open(t, place.Config{Dir: dir}, schemas)
	a, b := placetest.Customer(t, s), placetest.Customer(t, s)
	fill(t, a, "xylophone zeppelin")
	fill(t, b, "xylophone zeppelin")
	if got, _ := newest(t, a, "zeppelin"); len(got) != 1 {
		t.Fatal("not found")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, w := range []string{"xylophone", "zeppelin"} {
			if bytes.Contains(bytes.ToLower(raw), []byte(w)) {
				t.Errorf("%s holds %q", filepath.Base(path), w)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What was removed has left the file of an SQLite place after Compact.
func TestCompactLeavesNoTokens(t *testing.T) {
	dir := t.TempDir()
	s := placetest.Open(t, place.Config{Dir: dir}, schemas)
	p := placetest.Customer(t, s)
	var said []string
	for i := range 200 {
		said = append(said, fmt.Sprintf("alpha%d beta%d gamma%d", i, i, i))
	}
	fill(t, p, said...)
	token := ""
	if err := p.View(t.Context(), func(tx *place.Tx) error {
		mac, err := tx.Blind(place.FieldSpokenWord, "0 beta77")
		token = fmt.Sprintf("%x", mac[:8])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	in := func() bool {
		found := false
		filepath.Walk(filepath.Join(dir, "places"), func(path string, info os.FileInfo, err error) error {
			if err == nil && strings.HasSuffix(path, ".db") {
				raw, _ := os.ReadFile(path)
				// FTS5 writes only what differs from the token before: the end of it is there.
				found = found || bytes.Contains(raw, []byte(token[6:]))
			}
			return nil
		})
		return found
	}
	change(t, p, func(tx *place.Tx) error { return search.Remove(tx, 78) })
	if err := search.Compact(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got, _ := newest(t, p, "alpha76"); len(got) != 1 {
		t.Fatal("others were lost")
	}
	if err := s.Close(); err != nil { // empties the write-ahead log into the file
		t.Fatal(err)
	}
	if in() {
		t.Error("the token is still in the file")
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"I'm calling about MY account, account 12!": {"12", "account"},
		"don’t e\u0301clair":                        {"eclair"},
		"新しい order":                                 {"order", "い", "し", "新"},
		"Ärger Øresund":                             {"arger", "øresund"},
	} {
		slices.Sort(want)
		got := search.Words(text)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A word found by splitting must be found again when it is searched for.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "it's 5 o'clock", "Ⅷ ﬃ ½", "İstanbul ß ẞ", "\xff\xfe", "नमस्ते", "a\u0300\u0301\u0302", "ǅ", "ͅ", "ﷺ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := search.Words(s)
		if again := search.Words(strings.Join(words, " ")); !slices.Equal(words, again) {
			t.Fatalf("%q: %q becomes %q", s, words, again)
		}
	})
}

// Whatever is asked for, the engine never takes it for syntax.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"parcel", `"`, "a AND b", "parcel NEAR/2 x", "{}", "tokens:parcel", "'; DROP TABLE spoken_words", "*", "^parcel"} {
		f.Add(s)
	}
	p := placetest.Customer(f, placetest.New(f, schemas))
	f.Fuzz(func(t *testing.T, s string) {
		err := p.View(t.Context(), func(tx *place.Tx) error {
			found, err := search.Find(tx, s, "n")
			if err != nil {
				return err
			}
			_, err = place.Rows[int64](tx, `SELECT n FROM rows_of_test WHERE `+found.Condition, found.Args...)
			return err
		})
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
