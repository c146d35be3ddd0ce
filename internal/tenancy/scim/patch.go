package scim

import (
	"encoding/json"
	"slices"
	"strings"
)

// Changes by parts, RFC 7644 §3.5.2, with the habits of those who send them:
// Entra ID writes operations with a capital, booleans as text and paths as the
// keys of a value without a path; Okta sends whole maps and id along.
//
// A path that nobody knows is refused: had "activ" = false been passed over,
// somebody would keep their access and nobody would learn of it.

const mostOperations = 1000

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

type patchRequest struct {
	Operations []operation `json:"Operations"`
}

// target is where an operation works.
type target struct {
	path   attrPath
	filter *filter // of the elements of a list; nil: all
}

func parsePatch(body []byte) ([]operation, error) {
	var r patchRequest
	if err := decode(body, &r); err != nil {
		return nil, err
	}
	if len(r.Operations) == 0 || len(r.Operations) > mostOperations {
		return nil, refuse(400, "invalidSyntax", "Operations has 1 to %d entries", mostOperations)
	}
	return r.Operations, nil
}

func decode(body []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return refuse(400, "invalidSyntax", "the body is no JSON of the wanted form")
	}
	return nil
}

// parsePath reads the path of an operation: name, or name[filter], or
// name[filter].part.
func parsePath(text string, kind *schema) (target, error) {
	bad := refuse(400, "invalidPath", "there is no attribute %q", short(text))
	if len(text) > longestFilter {
		return target{}, bad
	}
	p := &parser{text: text, kind: kind}
	name := p.name()
	path, ok := kind.find(name)
	if !ok {
		return target{}, bad
	}
	t := target{path: path}
	if p.at < len(text) && text[p.at] == '[' {
		inner := kind.within(path.attr)
		if inner == nil || path.sub != "" || !kind.attrs[strings.ToLower(path.attr)].many {
			return target{}, bad
		}
		q := &parser{text: text, at: p.at, kind: inner}
		f, err := q.within('[', ']')
		if err != nil {
			return target{}, err
		}
		t.filter, p.at = f, q.at
		if p.at < len(text) && text[p.at] == '.' {
			p.at++
			sub, ok := inner.find(p.name())
			if !ok || sub.sub != "" {
				return target{}, bad
			}
			t.path.sub = sub.attr
		}
	}
	if p.at < len(text) {
		return target{}, bad
	}
	return t, nil
}

// change applies operations to a resource in its canonical form, in order.
func change(o object, ops []operation, kind *schema) error {
	for _, op := range ops {
		op.Op = strings.ToLower(op.Op)
		if !slices.Contains([]string{"add", "replace", "remove"}, op.Op) {
			return refuse(400, "invalidSyntax", "op is add, replace or remove")
		}
		if op.Path != "" {
			if err := changeAt(o, op, kind); err != nil {
				return err
			}
			continue
		}
		parts, ok := op.Value.(object)
		if !ok || op.Op == "remove" {
			return refuse(400, "noTarget", "%s needs a path, or a value with the names of attributes", op.Op)
		}
		// Two keys may be about one attribute: the order must not be the map's.
		names := make([]string, 0, len(parts))
		for name := range parts {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if a := kind.attrs[strings.ToLower(name)]; a != nil && a.fixed {
				continue // sent along, not meant
			}
			if err := changeAt(o, operation{op.Op, name, parts[name]}, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func changeAt(o object, op operation, kind *schema) error {
	if kind.idle(op.Path) {
		return nil
	}
	t, err := parsePath(op.Path, kind)
	if err != nil {
		return err
	}
	a := kind.attrs[strings.ToLower(t.path.attr)]
	switch {
	case a.fixed:
		return refuse(400, "mutability", "%s is not yours to set", a.name)
	case a.many:
		return changeList(o, a, t, op)
	case t.path.sub != "":
		return changePart(o, a, t.path.sub, op)
	case op.Op == "remove" || op.Value == nil:
		delete(o, a.name)
		return nil
	}
	v, err := a.normal(op.Value)
	if err != nil {
		return err
	}
	if had, ok := o[a.name].(object); ok && a.subs != nil {
		for k, x := range v.(object) { // RFC 7644 §3.5.2.3: parts that are not named stay
			had[k] = x
		}
		return nil
	}
	o[a.name] = v
	return nil
}

func changePart(o object, a *attribute, sub string, op operation) error {
	whole, _ := o[a.name].(object)
	if whole == nil {
		whole = object{}
	}
	if op.Op == "remove" || op.Value == nil {
		delete(whole, sub)
	} else {
		v, err := a.subs.attrs[strings.ToLower(sub)].normal(op.Value)
		if err != nil {
			return err
		}
		whole[sub] = v
	}
	o[a.name] = whole
	return nil
}

func changeList(o object, a *attribute, t target, op operation) error {
	list := elements(o[a.name])
	if t.filter == nil && t.path.sub == "" {
		next, err := changeWhole(list, a, op)
		if err != nil {
			return err
		}
		o[a.name] = asList(next)
		return nil
	}
	var hit, rest []object
	for _, e := range list {
		if t.filter == nil || t.filter.matches(e, a.subs) {
			hit = append(hit, e)
		} else {
			rest = append(rest, e)
		}
	}
	if op.Op == "remove" {
		if t.path.sub == "" {
			o[a.name] = asList(rest)
			return nil
		}
		for _, e := range hit {
			delete(e, t.path.sub)
		}
		return nil
	}
	if len(hit) == 0 {
		// Entra ID sets the value of an address that is not there yet this way.
		fresh := object{}
		if t.filter != nil && !t.filter.conjunction(fresh) {
			return refuse(400, "noTarget", "nothing matches the filter of the path")
		}
		fresh, err := a.subs.normal(fresh)
		if err != nil {
			return err
		}
		list, hit = append(list, fresh), []object{fresh}
	}
	for _, e := range hit {
		if err := setPart(e, a, t.path.sub, op.Value); err != nil {
			return err
		}
	}
	o[a.name] = asList(list)
	return nil
}

func setPart(e object, a *attribute, sub string, value any) error {
	if sub == "" {
		v, err := a.single(value)
		if err != nil {
			return err
		}
		for k, x := range v.(object) {
			e[k] = x
		}
		return nil
	}
	if value == nil {
		delete(e, sub)
		return nil
	}
	v, err := a.subs.attrs[strings.ToLower(sub)].normal(value)
	if err == nil {
		e[sub] = v
	}
	return err
}

// changeWhole changes a list itself: its elements come, are replaced, or go.
func changeWhole(list []object, a *attribute, op operation) ([]object, error) {
	if op.Value == nil {
		if op.Op == "remove" {
			return nil, nil
		}
		op.Value = []any{}
	}
	v, err := a.normal(op.Value)
	if err != nil {
		return nil, err
	}
	sent := elements(v)
	switch op.Op {
	case "replace":
		return distinct(sent), nil
	case "remove": // some name in a value what shall go
		gone := map[string]bool{}
		for _, e := range sent {
			gone[valueOf(e)] = true
		}
		return slices.DeleteFunc(list, func(e object) bool { return gone[valueOf(e)] }), nil
	}
	for _, e := range sent {
		if p, _ := e["primary"].(bool); p {
			for _, old := range list {
				delete(old, "primary") // RFC 7643 §2.4: at most one
			}
		}
	}
	return distinct(append(list, sent...)), nil
}

func valueOf(e object) string {
	s, _ := e["value"].(string)
	return s
}

// distinct drops what stands in a list twice; the later wins.
func distinct(list []object) []object {
	last := map[string]int{}
	key := func(e object) string {
		kind, _ := e["type"].(string)
		return valueOf(e) + "\x00" + kind
	}
	for i, e := range list {
		last[key(e)] = i
	}
	var out []object
	for i, e := range list {
		if last[key(e)] == i {
			out = append(out, e)
		}
	}
	return out
}

func asList(list []object) []any {
	out := make([]any, 0, len(list))
	for _, e := range list {
		out = append(out, e)
	}
	return out
}

// short keeps what was sent out of long answers.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
