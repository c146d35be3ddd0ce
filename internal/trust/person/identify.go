package person

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
)

// Identifiers are what a person is known by.
type Identifiers struct {
	Numbers    []string `json:"numbers"` // in any writing
	Emails     []string `json:"emails"`
	Names      []string `json:"names"`
	Accounts   []string `json:"accounts"`   // customer numbers, policy numbers, and the like, as they are written or spoken
	Extensions []string `json:"extensions"` // of somebody who works here
	IDs        []string `json:"ids"`        // of a member, as the change log shows it
}

const mostIdentifiers = 30

// check tidies identifiers and lists every fault.
func (i Identifiers) check() (Identifiers, error) {
	f := &fault.Error{Kind: fault.Invalid, Text: "the request is not valid"}
	total := 0
	for _, list := range []struct {
		path  string
		all   *[]string
		least int
		what  string
	}{
		{"numbers", &i.Numbers, 3, "a telephone number has at least three digits"},
		{"emails", &i.Emails, 5, "an e-mail address has an @"},
		{"names", &i.Names, 3, "a name has at least three letters: a shorter one fits nearly everybody"},
		{"accounts", &i.Accounts, 4, "an account has at least four letters or digits: a shorter one fits nearly everybody"},
		{"extensions", &i.Extensions, 2, "an extension has at least two digits"},
		{"ids", &i.IDs, 6, "the id of a member begins with per_"},
	} {
		var tidy []string
		for _, v := range *list.all {
			v = strings.Join(strings.Fields(v), " ")
			if v == "" || slices.Contains(tidy, v) {
				continue
			}
			if !fits(list.path, v, list.least) {
				f.Details = append(f.Details, fault.Detail{Path: "identifiers." + list.path, Text: list.what})
			}
			tidy = append(tidy, v)
		}
		total += len(tidy)
		*list.all = tidy
	}
	switch {
	case total == 0:
		f.Details = append(f.Details, fault.Detail{Path: "identifiers", Text: "name at least one number, address, name or account: without any, everybody would be meant"})
	case total > mostIdentifiers:
		f.Details = append(f.Details, fault.Detail{Path: "identifiers", Text: "at most 30 at a time"})
	}
	if len(f.Details) > 0 {
		return i, f
	}
	return i, nil
}

func fits(kind, v string, least int) bool {
	letters, digits := 0, 0
	for _, r := range v {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	switch kind {
	case "numbers", "extensions":
		return digits >= least
	case "emails":
		at := strings.LastIndex(v, "@")
		return at > 0 && at < len(v)-1 && !strings.Contains(v, " ")
	case "names":
		return letters >= least
	case "ids":
		return strings.HasPrefix(v, "per_")
	}
	return letters+digits >= least && len([]rune(v)) <= 60
}

// Query is what a search looks for, in the forms in which it can stand somewhere.
type Query struct {
	Identifiers
	numbers  []number
	emails   []string   // folded
	names    [][]string // folded words
	accounts []string   // letters and digits only, folded
	own      id.PersonRequest
	notes    []string
}

// note keeps what whoever reads the finds has to know, once.
func (q *Query) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(q.notes, text) {
		q.notes = append(q.notes, text)
	}
}

// number is one telephone number.
type number struct {
	given  string
	forms  []string // as they are blinded: E.164, or what the sources read it as
	digits []string // whole writings in digits: +44 7700…, 0044…, 07700…
	short  bool     // an extension or a short number: found alone, never within digits
}

// newQuery prepares identifiers; forms gives what a number may be read as.
func newQuery(i Identifiers, forms func(string) ([]string, error)) (*Query, error) {
	q := &Query{Identifiers: i}
	for _, n := range i.Numbers {
		all, err := forms(n)
		if err != nil {
			return nil, err
		}
		q.numbers = append(q.numbers, numberOf(n, all))
	}
	for _, e := range i.Emails {
		q.emails = append(q.emails, fold(e))
	}
	for _, n := range i.Names {
		if w := words(n); len(w) > 0 {
			q.names = append(q.names, w)
		}
	}
	for _, a := range i.Accounts {
		q.accounts = append(q.accounts, compact(a))
	}
	return q, nil
}

func numberOf(given string, forms []string) number {
	n := number{given: given, forms: forms}
	add := func(d string) {
		if d != "" && !slices.Contains(n.digits, d) {
			n.digits = append(n.digits, d)
		}
	}
	for _, form := range forms {
		d := digitsOf(form)
		add(d)
		if national, ok := phone.National(form); ok {
			add(national)
			add("0" + national)
			add("00" + d)
			add(strings.TrimSuffix(d, national) + "0" + national) // +44 (0)7700 …
		}
	}
	longest := 0
	for _, d := range n.digits {
		longest = max(longest, len(d))
	}
	n.short = longest <= 6
	return n
}

// fold gives text one writing: no case, no accents.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if r >= 0x300 && r <= 0x36f {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// words are the words of a text, folded.
func words(s string) []string {
	return strings.FieldsFunc(strings.NewReplacer("'", "", "’", "").Replace(fold(s)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// compact leaves letters and digits.
func compact(s string) string { return strings.Join(words(s), "") }

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// In says which identifiers stand in a text that a program or a person wrote: a
// name, an address, a file's name, a note.
func (q *Query) In(text string) (why []string) {
	if text == "" {
		return nil
	}
	folded, w, c := fold(text), words(text), compact(text)
	for i, e := range q.emails {
		if strings.Contains(folded, e) {
			why = append(why, "e-mail "+q.Emails[i])
		}
	}
	for i, n := range q.names {
		if holds(w, n) {
			why = append(why, "name "+q.Names[i])
		}
	}
	for i, a := range q.accounts {
		if holdsAccount(w, c, a) {
			why = append(why, "account "+q.Accounts[i])
		}
	}
	runs := digitRuns(text)
	for _, n := range q.numbers {
		if slices.ContainsFunc(runs, n.is) {
			why = append(why, "number "+n.given)
		}
	}
	for _, x := range q.Extensions {
		if strings.TrimSpace(text) == x {
			why = append(why, "extension "+x)
		}
	}
	for _, x := range q.IDs {
		if strings.Contains(text, x) {
			why = append(why, "member "+x)
		}
	}
	return why
}

// holds reports whether all words of a name stand in a text next to each other,
// in either order: "Smith, Anna" is Anna Smith.
func holds(text, name []string) bool {
	backwards := slices.Clone(name)
	slices.Reverse(backwards)
	for i := 0; i+len(name) <= len(text); i++ {
		if part := text[i : i+len(name)]; slices.Equal(part, name) || slices.Equal(part, backwards) {
			return true
		}
	}
	return false
}

// holdsAccount looks for an account as a word or several; a long one also within
// what is written without spaces.
func holdsAccount(text []string, joined, account string) bool {
	for i := range text {
		run := ""
		for _, w := range text[i:] {
			run += w
			if run == account {
				return true
			}
			if len(run) >= len(account) {
				break
			}
		}
	}
	return len(account) >= 8 && strings.Contains(joined, account)
}

// is reports whether a run of digits is the number, whole: a longer run is
// another number.
func (n number) is(run string) bool { return slices.Contains(n.digits, run) }

// digitRuns are the digits of a text that people would read as one number:
// blanks, dots, dashes and brackets between them do not count.
func digitRuns(text string) (runs []string) {
	run, gap := "", 0
	end := func() {
		if len(run) > 1 {
			runs = append(runs, run)
		}
		run, gap = "", 0
	}
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			run, gap = run+string(r), 0
		case run != "" && strings.ContainsRune(" -./()\u00a0\u202f", r) && gap < 2:
			gap++
		case r == '+':
			end()
		default:
			end()
		}
	}
	end()
	// What stands apart by blanks may be two numbers as well as one.
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(part) > 1 && !slices.Contains(runs, part) {
			runs = append(runs, part)
		}
	}
	return runs
}

// inAll says which identifiers stand in the values of a sealed card, each with
// the path at which it stands.
func (q *Query) inAll(plain []byte) (why []string) {
	var v any
	if json.Unmarshal(plain, &v) != nil {
		return q.In(string(plain))
	}
	q.walk("", v, func(path string, found []string) {
		for _, f := range found {
			if path != "" {
				f += " in " + path
			}
			if !slices.Contains(why, f) {
				why = append(why, f)
			}
		}
	})
	return why
}

func (q *Query) walk(path string, v any, note func(string, []string)) {
	switch v := v.(type) {
	case string:
		note(path, q.In(v))
	case []any:
		for _, e := range v {
			q.walk(path, e, note)
		}
	case map[string]any:
		for k, e := range v {
			q.walk(strings.ReplaceAll(k, "_", " "), e, note)
		}
	}
}
