package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ringfence/internal/base/fault"
)

// Load reads and checks a file. The error is a fault.Invalid that holds every
// problem of the file.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Wrap(err, fault.Invalid, "the configuration cannot be read; 'ringfence init' writes one")
	}
	c, err := Parse(b)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		f.Text = path + ": " + f.Text
	}
	return c, err
}

// Parse reads and checks a configuration.
func Parse(b []byte) (Config, error) {
	c := Default()
	var p problems
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return c, fault.Wrap(err, fault.Invalid, "the configuration is not YAML")
	}
	if len(doc.Content) > 0 {
		p.read(doc.Content[0], reflect.ValueOf(&c).Elem(), "")
	}
	p = append(p, c.Validate()...)
	if len(p) > 0 {
		f := fault.New(fault.Invalid, "the configuration has %d problem(s)", len(p))
		f.Details = p
		return c, f
	}
	return c, nil
}

type problems []fault.Detail

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (p *problems) need(path, value string) {
	if value == "" {
		p.add(path, "is missing")
	}
}

func (p *problems) folder(path, value string) {
	if value == "" {
		p.add(path, "is missing")
	} else if !filepath.IsAbs(value) {
		p.add(path, "%q is not an absolute path", value)
	}
}

func (p *problems) together(path, a, va, b, vb string) {
	if va != "" && vb == "" {
		p.add(path+"."+b, "is missing beside %s", a)
	}
	if va == "" && vb != "" {
		p.add(path+"."+a, "is missing beside %s", b)
	}
}

func (p *problems) oneOf(path, value string, of ...string) {
	if !slices.Contains(of, value) {
		p.add(path, "%q is not one of %s", value, strings.Join(of, ", "))
	}
}

// wanted is how a person calls the kinds of values that keys have.
var wanted = map[reflect.Kind]string{
	reflect.Int: "a whole number", reflect.Bool: "true or false", reflect.String: "a text",
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// read fills v from n. The library's own decoder stops naming paths at the
// line number, and people look for a key, not for a line.
func (p *problems) read(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch v.Kind() {
	case reflect.Struct:
		p.readStruct(n, v, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			p.add(path, "line %d: want a list", n.Line)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, e := range n.Content {
			p.read(e, v.Index(i), index(path, i))
		}
	default:
		if n.Kind != yaml.ScalarNode {
			p.add(path, "line %d: want a single value", n.Line)
		} else if n.Tag == "!!null" {
			return // an empty entry leaves the default
		} else if err := n.Decode(v.Addr().Interface()); err != nil {
			p.add(path, "line %d: %q is not %s", n.Line, n.Value, wanted[v.Kind()])
		}
	}
}

func (p *problems) readStruct(n *yaml.Node, v reflect.Value, path string) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.add(path, "line %d: want keys and values", n.Line)
		return
	}
	fields := map[string]reflect.Value{}
	var known []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		fields[name] = v.Field(i)
		known = append(known, name)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		at := strings.TrimPrefix(path+"."+key, ".")
		field, ok := fields[key]
		switch {
		case !ok:
			p.add(at, "line %d: there is no such key; known here: %s", n.Content[i].Line, strings.Join(known, ", "))
		case seen[key]:
			p.add(at, "line %d: stands twice", n.Content[i].Line)
		default:
			p.read(n.Content[i+1], field, at)
		}
		seen[key] = true
	}
}
