// Package form reads YAML that people write into a struct and finds every fault
// of it at once, each with the path of its key: people look for a key, not for
// a line. What the struct does not name is refused, so that a typing error does
// not pass for a default.
//
// Limits: keys come from `yaml` tags; values are structs, lists, pointers to
// either, texts, whole numbers and true or false. Aliases are refused: a few
// lines of them can stand for more than fits into memory.
package form

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"ringfence/internal/base/fault"
)

// Problems are the faults of a text, in the order in which they were found.
type Problems []fault.Detail

// Add notes a fault.
func (p *Problems) Add(path, format string, args ...any) {
	*p = append(*p, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
}

// deepest bounds how far keys are nested.
const deepest = 20

// Read fills the struct that into points to; what the text leaves out keeps its
// value. The error is that of a text which is no YAML at all.
func Read(text []byte, into any) (Problems, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var p Problems
	if err := dec.Decode(new(yaml.Node)); err != io.EOF {
		p.Add("", "want one document; after --- another one begins")
	}
	if len(doc.Content) > 0 {
		p.read(doc.Content[0], reflect.ValueOf(into).Elem(), "", 0)
	}
	return p, nil
}

// wanted is how a person calls the kinds of values that keys have.
var wanted = map[reflect.Kind]string{
	reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Bool: "true or false", reflect.String: "a text",
}

// Index is the path of one entry of a list.
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// read fills v from n.
func (p *Problems) read(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind == yaml.AliasNode || depth > deepest {
		p.Add(path, "line %d: write it out; aliases are not read", n.Line)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if n.Tag == "!!null" {
			return
		}
		fresh := reflect.New(v.Type().Elem())
		p.read(n, fresh.Elem(), path, depth)
		v.Set(fresh)
	case reflect.Struct:
		p.readStruct(n, v, path, depth)
	case reflect.Slice:
		if n.Tag == "!!null" {
			return
		}
		if n.Kind != yaml.SequenceNode {
			p.Add(path, "line %d: want a list", n.Line)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, e := range n.Content {
			p.read(e, v.Index(i), Index(path, i), depth+1)
		}
	default:
		p.readScalar(n, v, path)
	}
}

// readScalar takes a value as it is meant: a number is no text that looks like
// one, but a text may be written without quotes.
func (p *Problems) readScalar(n *yaml.Node, v reflect.Value, path string) {
	switch {
	case n.Kind != yaml.ScalarNode:
		p.Add(path, "line %d: want a single value", n.Line)
	case n.Tag == "!!null": // an empty entry leaves the default
	case v.CanInt() && n.Tag != "!!int", n.Decode(v.Addr().Interface()) != nil: // the library would cut 1.5 to 1
		p.Add(path, "line %d: %q is not %s", n.Line, n.Value, wanted[v.Kind()])
	}
}

func (p *Problems) readStruct(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.Add(path, "line %d: want keys and values", n.Line)
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
			p.Add(at, "line %d: there is no such key; known here: %s", n.Content[i].Line, strings.Join(known, ", "))
		case seen[key]:
			p.Add(at, "line %d: stands twice", n.Content[i].Line)
		default:
			p.read(n.Content[i+1], field, at, depth+1)
		}
		seen[key] = true
	}
}
