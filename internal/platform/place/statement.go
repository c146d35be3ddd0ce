package place

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// statement is what is known about one SQL text. Texts are constants, so each
// is looked at once.
type statement struct {
	text   string
	verb   string // lower case
	table  string // that it writes, lower case
	reads  bool   // certainly does not write
	writes bool   // may change rows: it goes into the log
	odd    bool   // has something that hides what it does from this simple look
	marks  []int  // where the `?` are
	asPG   string // with $1, $2, …
}

// hidden finds a statement that writes within one that begins as a question.
var hidden = regexp.MustCompile(`(?i)\b(insert|update|delete)\b`)

var statements sync.Map // SQL text → *statement

func parse(text string) *statement {
	if st, ok := statements.Load(text); ok {
		return st.(*statement)
	}
	st := look(text)
	statements.Store(text, st)
	return st
}

// look finds the parameters, skipping quotes and comments, and the verb and the
// table. It understands the plain statements of this program; what it does not
// understand it calls odd, and Keep refuses that.
func look(text string) *statement {
	st := &statement{text: text}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '?':
			st.marks = append(st.marks, i)
		case c == '\'' || c == '"':
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				st.odd = true
				i = len(text)
				break
			}
			i += end + 1
		case strings.HasPrefix(text[i:], "--"):
			st.odd = true
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				end = len(text) - i
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			st.odd = true
			end := strings.Index(text[i:], "*/")
			if end < 0 {
				end = len(text) - i
			}
			i += end + 1
		case c == ';':
			st.odd = st.odd || strings.TrimSpace(text[i+1:]) != ""
		}
	}
	st.asPG = rebound(text, st.marks, nil)
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 {
		st.odd = true
		return st
	}
	st.verb = words[0]
	at := map[string]int{"insert": 2, "delete": 2, "update": 1}[st.verb]
	joint := map[string]string{"insert": "into", "delete": "from"}[st.verb]
	switch {
	case st.verb == "select":
		st.reads = !st.odd && !strings.Contains(strings.ToLower(text), " into ")
	case at == 0 || len(words) <= at || joint != "" && words[1] != joint:
		st.odd = true // WITH, PRAGMA, DDL, INSERT OR …
	default:
		st.table, _, _ = strings.Cut(words[at], "(")
	}
	st.writes = !st.reads && st.verb != "pragma" && st.verb != "explain" &&
		(st.verb != "select" && st.verb != "with" || hidden.MatchString(text))
	return st
}

// List is a parameter that stands for several values: `WHERE id IN (?)`. An
// empty list matches nothing. At most 30,000 values, for engines set limits.
func List[T any](values []T) any {
	l := make(listArg, len(values))
	for i, v := range values {
		l[i] = v
	}
	return l
}

type listArg []any

// bind gives the text and parameters as the engine wants them.
func (st *statement) bind(d Dialect, args []any) (string, []any) {
	lists := false
	for _, a := range args {
		if _, is := a.(listArg); is {
			lists = true
		}
	}
	text := st.text
	if !lists {
		if d == Postgres {
			text = st.asPG
		}
		out := make([]any, len(args))
		for i, a := range args {
			out[i] = plain(a)
		}
		return text, out
	}
	var out []any
	sizes := make([]int, len(args))
	for i, a := range args {
		l, is := a.(listArg)
		if !is {
			out = append(out, plain(a))
			sizes[i] = 1
			continue
		}
		if len(l) == 0 {
			l = listArg{nil}
		}
		for _, v := range l {
			out = append(out, plain(v))
		}
		sizes[i] = len(l)
	}
	if d == Postgres {
		return rebound(text, st.marks, sizes), out
	}
	return repeated(text, st.marks, sizes), out
}

// plain makes one kind of parameter of what the engines take differently: both
// keep booleans as integers, PostgreSQL would refuse one for a BIGINT.
func plain(a any) any {
	if v := reflect.ValueOf(a); v.Kind() == reflect.Bool {
		if v.Bool() {
			return int64(1)
		}
		return int64(0)
	}
	return a
}

// rebound writes $1, $2, … for each `?`; sizes says how many values each stands for.
func rebound(text string, marks, sizes []int) string {
	n := 0
	return splice(text, marks, sizes, func(b *strings.Builder) {
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	})
}

func repeated(text string, marks, sizes []int) string {
	return splice(text, marks, sizes, func(b *strings.Builder) { b.WriteByte('?') })
}

func splice(text string, marks, sizes []int, mark func(*strings.Builder)) string {
	var b strings.Builder
	from := 0
	for i, at := range marks {
		b.WriteString(text[from:at])
		from = at + 1
		n := 1
		if i < len(sizes) {
			n = sizes[i]
		}
		for j := range n {
			if j > 0 {
				b.WriteByte(',')
			}
			mark(&b)
		}
	}
	b.WriteString(text[from:])
	return b.String()
}

// short is enough of the text to find it in the source.
func (st *statement) short() string {
	s := strings.Join(strings.Fields(st.text), " ")
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}
