package remote

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/base/fault"
)

// Arguments is what somebody gave an operation.
type Arguments struct {
	api    *API
	op     Operation
	values map[string]*value // by flag
}

// value is one flag. It keeps the text: the server says what is wrong with it,
// in the same words as to everybody else.
type value struct {
	field
	texts []string
}

// field is where a flag's value goes.
type field struct {
	name, in string // of the parameter or of the body's property; "path", "query", "header", "body"
	schema   *schema
	required bool
	explode  bool
}

// String is for the flag package, which asks a zero value.
func (v *value) String() string {
	if v == nil {
		return ""
	}
	return strings.Join(v.texts, ",")
}

// Set takes the text of one flag; lists take several.
func (v *value) Set(s string) error {
	if len(v.texts) > 0 && v.kind() != "array" {
		return fault.New(fault.Invalid, "given twice")
	}
	v.texts = append(v.texts, s)
	return nil
}

// IsBoolFlag lets --flag mean --flag=true.
func (v *value) IsBoolFlag() bool { return v != nil && v.schema != nil && v.kind() == "boolean" }

func (v *value) kind() string { return v.schema.Type.String() }

// secretNames are properties that no flag is made for: arguments can be listed
// by every user of the machine.
var secretNames = []string{"password", "secret", "token", "pass", "credential", "recovery"}

func hidden(name string, s *schema) bool {
	if s.WriteOnly || s.Format == "password" {
		return true
	}
	return slices.ContainsFunc(secretNames, func(w string) bool { return strings.Contains(strings.ToLower(name), w) }) && s.Type.String() == "string"
}

// Flags adds a flag for each parameter of the operation and for each plain
// property of its body. What has structure of its own comes with --body.
func (a *API) Flags(o Operation, f *flag.FlagSet) *Arguments {
	args := &Arguments{api: a, op: o, values: map[string]*value{}}
	for _, p := range o.params {
		args.add(f, field{p.Name, p.In, a.resolve(&p.Schema), p.Required, p.Explode}, p.Description)
	}
	body := a.resolve(o.body)
	if body == nil {
		return args
	}
	for _, name := range slices.Sorted(maps.Keys(body.Properties)) {
		s := a.resolve(body.Properties[name])
		if s == nil || hidden(name, s) || name == "$schema" {
			continue
		}
		args.add(f, field{name, "body", s, slices.Contains(body.Required, name), false}, s.Description)
	}
	return args
}

// reserved are the flags of every operation: they mean the same everywhere, and
// a field of that name is --field-NAME.
var reserved = []string{"url", "token-file", "session-file", "ca", "body", "out", "all", "h", "help"}

func (a *Arguments) add(f *flag.FlagSet, to field, about string) {
	name := strings.ToLower(strings.ReplaceAll(to.name, "_", "-"))
	if slices.Contains(reserved, name) {
		name = "field-" + name
	}
	plain := func(s *schema) bool { return s != nil && s.Type.String() != "object" && s.Type.String() != "array" }
	if to.schema == nil || !plain(to.schema) && !(to.schema.Type.String() == "array" && plain(a.api.resolve(to.schema.Items))) || f.Lookup(name) != nil {
		return
	}
	v := &value{field: to}
	a.values[name] = v
	f.Var(v, name, usage(to, about))
}

// usage explains one flag in a line. The words in back quotes are what the
// flag package prints as the kind of value.
func usage(to field, about string) string {
	kind := to.schema.Type.String()
	if kind == "array" {
		kind = "list"
	}
	if to.schema.Format == "date-time" {
		kind = "time"
	}
	out := []string{"`" + kind + "`;"}
	if to.required {
		out[0] = "needed " + out[0]
	}
	if to.in == "body" {
		out = append(out, "in the body;")
	}
	if about != "" {
		out = append(out, strings.ReplaceAll(about, "`", "'")+";")
	}
	if e := to.schema.enum(); len(e) > 0 {
		out = append(out, "one of "+strings.Join(e, ", ")+";")
	}
	if to.schema.Default != nil {
		out = append(out, fmt.Sprintf("without it: %v;", to.schema.Default))
	}
	if kind == "list" {
		out = append(out, "may stand several times;")
	}
	return strings.TrimSuffix(strings.Join(out, " "), ";")
}

func (s *schema) enum() (out []string) {
	list := s.Enum
	if s.Items != nil && len(list) == 0 {
		list = s.Items.Enum
	}
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// Missing lists the parameters that must be there and are not, as flags. What a
// body lacks the server says, all at once.
func (a *Arguments) Missing() (out []string) {
	for name, v := range a.values {
		if v.required && v.in != "body" && len(v.texts) == 0 {
			out = append(out, "--"+name)
		}
	}
	slices.Sort(out)
	return out
}

// target is the path with its parameters, and the query.
func (a *Arguments) target() (path string, query url.Values) {
	path, query = a.op.Path, url.Values{}
	for _, v := range a.values {
		switch {
		case len(v.texts) == 0:
		case v.in == "path":
			path = strings.ReplaceAll(path, "{"+v.name+"}", url.PathEscape(v.texts[0]))
		case v.in == "query" && v.explode:
			query[v.name] = v.texts
		case v.in == "query":
			query.Set(v.name, v.String())
		}
	}
	return path, query
}

func (a *Arguments) header() http.Header {
	h := http.Header{}
	for _, v := range a.values {
		if v.in == "header" && len(v.texts) > 0 {
			h.Set(v.name, v.texts[0])
		}
	}
	return h
}

// properties is the body that flags make, or nil where none was given.
func (a *Arguments) properties() map[string]any {
	var out map[string]any
	for _, v := range a.values {
		if v.in != "body" || len(v.texts) == 0 {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		if v.kind() != "array" {
			out[v.name] = typed(v.texts[0], v.kind())
			continue
		}
		list := []any{}
		for _, t := range v.texts {
			list = append(list, typed(t, a.api.resolve(v.schema.Items).Type.String()))
		}
		out[v.name] = list
	}
	return out
}

// typed gives a text as the JSON value that it means; what means none stays a
// text, and the server refuses it with the name of the field.
func typed(text, kind string) any {
	switch kind {
	case "integer", "number":
		if _, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
			return json.Number(text)
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

// merge puts what flags say into a body that came from a file.
func (a *Arguments) merge(body []byte) ([]byte, error) {
	said := a.properties()
	if said == nil {
		return body, nil
	}
	whole := map[string]json.RawMessage{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &whole); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "--body is no JSON object, so flags cannot add to it")
		}
	}
	for name, v := range said {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		whole[name] = text
	}
	return json.Marshal(whole)
}
