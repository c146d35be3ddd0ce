package scim

import (
	"encoding/json"
	"strings"
)

// Filters and paths of RFC 7644 §3.4.2.2 and §3.5.2. The operators eq, ne, co,
// sw, ew and pr with and, or, not and brackets are understood; those that order
// (gt, ge, lt, le) are refused, as nothing we keep is worth ordering.

// Limits of what a stranger may send: a filter nested by the thousand would use
// up the stack.
const (
	longestFilter = 2000
	deepestFilter = 20
)

// filter is one node of a parsed filter; exactly one of its forms is set.
type filter struct {
	op       string // eq ne co sw ew pr · and or not · [] for a value filter
	path     attrPath
	value    any       // string, bool, json.Number or nil
	of       []*filter // of and, or, not and []
	brackets bool      // of emails[…]
}

// attrPath names an attribute: "userName", "name.givenName", "emails.value".
// Names are in the one spelling of the schema.
type attrPath struct{ attr, sub string }

type parser struct {
	text  string
	at    int
	depth int
	kind  *schema
}

// parseFilter reads a filter on resources of a kind.
func parseFilter(text string, kind *schema) (*filter, error) {
	if len(text) > longestFilter {
		return nil, refuse(400, "invalidFilter", "the filter has more than %d characters", longestFilter)
	}
	p := &parser{text: text, kind: kind}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, p.fault("nothing more may follow")
	}
	return f, nil
}

func (p *parser) fault(what string) error {
	return refuse(400, "invalidFilter", "at character %d of the filter: %s", p.at+1, what)
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// word reads a keyword, if it stands here.
func (p *parser) word(w string) bool {
	p.space()
	end := p.at + len(w)
	if end > len(p.text) || !strings.EqualFold(p.text[p.at:end], w) || end < len(p.text) && p.text[end] != ' ' && p.text[end] != '(' {
		return false
	}
	p.at = end
	return true
}

func (p *parser) or() (*filter, error)  { return p.chain("or", p.and) }
func (p *parser) and() (*filter, error) { return p.chain("and", p.one) }

func (p *parser) chain(op string, next func() (*filter, error)) (*filter, error) {
	f, err := next()
	if err != nil || !p.word(op) {
		return f, err
	}
	all := &filter{op: op, of: []*filter{f}}
	for {
		f, err := next()
		if err != nil {
			return nil, err
		}
		all.of = append(all.of, f)
		if !p.word(op) {
			return all, nil
		}
	}
}

func (p *parser) one() (*filter, error) {
	if p.depth++; p.depth > deepestFilter {
		return nil, p.fault("nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.word("not") {
		p.space()
		if p.at >= len(p.text) || p.text[p.at] != '(' {
			return nil, p.fault("after not comes a bracket")
		}
		f, err := p.one()
		if err != nil {
			return nil, err
		}
		return &filter{op: "not", of: []*filter{f}}, nil
	}
	if p.at < len(p.text) && p.text[p.at] == '(' {
		return p.within('(', ')')
	}
	return p.compare()
}

func (p *parser) within(open, end byte) (*filter, error) {
	p.at++
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at >= len(p.text) || p.text[p.at] != end {
		return nil, p.fault("a bracket is not closed")
	}
	p.at++
	return f, nil
}

func (p *parser) compare() (*filter, error) {
	name := p.name()
	if name == "" {
		return nil, p.fault("the name of an attribute is missing")
	}
	path, ok := p.kind.find(name)
	if !ok {
		return nil, p.fault("there is no such attribute")
	}
	if p.at < len(p.text) && p.text[p.at] == '[' {
		inner := &parser{text: p.text, at: p.at, depth: p.depth, kind: p.kind.within(path.attr)}
		if inner.kind == nil || path.sub != "" {
			return nil, p.fault("this attribute has no parts")
		}
		f, err := inner.within('[', ']')
		p.at = inner.at
		return &filter{op: "[]", path: path, of: []*filter{f}, brackets: true}, err
	}
	for _, op := range []string{"eq", "ne", "co", "sw", "ew", "pr"} {
		if !p.word(op) {
			continue
		}
		f := &filter{op: op, path: path}
		if op == "pr" {
			return f, nil
		}
		var err error
		f.value, err = p.literal()
		return f, err
	}
	return nil, p.fault("want eq, ne, co, sw, ew or pr")
}

// name reads an attribute's name, with its schema's URN and its sub-attribute.
func (p *parser) name() string {
	p.space()
	from := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !(p.at > from && (c >= '0' && c <= '9' || strings.IndexByte("-_.:$", c) >= 0)) {
			break
		}
		p.at++
	}
	return p.text[from:p.at]
}

// literal reads a value: JSON, as RFC 7644 says.
func (p *parser) literal() (any, error) {
	p.space()
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		end := p.at + len(word)
		if end <= len(p.text) && strings.EqualFold(p.text[p.at:end], word) && (end == len(p.text) || strings.IndexByte(" )]", p.text[end]) >= 0) {
			p.at = end
			return v, nil
		}
	}
	if p.at >= len(p.text) || p.text[p.at] != '"' {
		return nil, p.fault("want a text in quotes, true or false")
	}
	for end := p.at + 1; end < len(p.text); end++ {
		switch p.text[end] {
		case '\\':
			end++
		case '"':
			var s string
			if err := json.Unmarshal([]byte(p.text[p.at:end+1]), &s); err != nil {
				return nil, p.fault("this text cannot be read")
			}
			p.at = end + 1
			return s, nil
		}
	}
	return nil, p.fault("a quote is not closed")
}

// matches applies a filter to a resource in its canonical form.
func (f *filter) matches(o object, kind *schema) bool {
	switch f.op {
	case "and":
		for _, g := range f.of {
			if !g.matches(o, kind) {
				return false
			}
		}
		return true
	case "or":
		for _, g := range f.of {
			if g.matches(o, kind) {
				return true
			}
		}
		return false
	case "not":
		return !f.of[0].matches(o, kind)
	case "[]":
		for _, e := range elements(o[f.path.attr]) {
			if f.of[0].matches(e, kind.within(f.path.attr)) {
				return true
			}
		}
		return false
	}
	a := kind.attr(f.path)
	values := valuesAt(o, f.path)
	if f.op == "ne" {
		g := *f
		g.op = "eq"
		return !g.matches(o, kind)
	}
	for _, v := range values {
		if f.compares(v, a) {
			return true
		}
	}
	return f.op == "eq" && f.value == nil && len(values) == 0
}

func (f *filter) compares(v any, a *attribute) bool {
	if f.op == "pr" {
		s, text := v.(string)
		return v != nil && (!text || s != "")
	}
	if b, ok := v.(bool); ok {
		want, ok := truth(f.value)
		return ok && f.op == "eq" && b == want
	}
	have, ok := v.(string)
	want, also := f.value.(string)
	if !ok || !also {
		return false
	}
	if a == nil || !a.exact {
		have, want = strings.ToLower(have), strings.ToLower(want)
	}
	switch f.op {
	case "eq":
		return have == want
	case "co":
		return strings.Contains(have, want)
	case "sw":
		return strings.HasPrefix(have, want)
	case "ew":
		return strings.HasSuffix(have, want)
	}
	return false
}

// exactly gives what the filter demands to equal: of a path, with nothing but
// and above it. Lists look it up by a blind index instead of reading all.
func (f *filter) exactly(path attrPath) (string, bool) {
	switch f.op {
	case "eq":
		s, ok := f.value.(string)
		return s, ok && f.path == path
	case "and":
		for _, g := range f.of {
			if s, ok := g.exactly(path); ok {
				return s, true
			}
		}
	case "[]":
		if path.sub != "" && f.path.attr == path.attr {
			return f.of[0].exactly(attrPath{attr: path.sub})
		}
	}
	return "", false
}

// conjunction gives what a value filter demands of one element, where it is
// nothing but "a eq x and b eq y": what an element that does not exist yet must
// be made of.
func (f *filter) conjunction(into object) bool {
	switch f.op {
	case "eq":
		if f.value == nil || f.path.sub != "" {
			return false
		}
		into[f.path.attr] = f.value
		return true
	case "and":
		for _, g := range f.of {
			if !g.conjunction(into) {
				return false
			}
		}
		return true
	}
	return false
}
