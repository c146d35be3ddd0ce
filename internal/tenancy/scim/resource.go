package scim

import (
	"encoding/json"
	"strings"
)

// object is a resource, or a part of one, as JSON with the names of the schema.
type object = map[string]any

// attribute is one attribute of the schema.
type attribute struct {
	name  string
	flag  bool    // true or false; else text
	many  bool    // a list
	exact bool    // letters' case counts
	fixed bool    // ours to say: what is sent is left aside
	subs  *schema // parts, if it has any
}

// schema is a kind of resource, or the parts of an attribute, by name in lower case.
type schema struct {
	urn     string
	attrs   map[string]*attribute
	ignored map[string]bool // of the standard, accepted and not kept: we have no use for them
}

const (
	urnUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	urnGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	urnEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	urnList       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	urnPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	urnError      = "urn:ietf:params:scim:api:messages:2.0:Error"
	urnBulk       = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	urnBulkAnswer = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

func schemaOf(urn string, attrs ...*attribute) *schema {
	k := &schema{urn: urn, attrs: map[string]*attribute{}, ignored: map[string]bool{}}
	for _, a := range attrs {
		k.attrs[strings.ToLower(a.name)] = a
	}
	return k
}

func (k *schema) ignoring(names ...string) *schema {
	for _, n := range names {
		k.ignored[strings.ToLower(n)] = true
	}
	return k
}

func text(name string) *attribute { return &attribute{name: name} }

// Users: what is kept is what a membership needs. Telephone numbers, addresses,
// photographs and passwords are accepted, as identity providers send them, and
// are not kept.
var users = schemaOf(urnUser,
	&attribute{name: "id", fixed: true, exact: true}, &attribute{name: "meta", fixed: true, subs: schemaOf("", text("resourceType"), text("created"), text("lastModified"), text("location"))},
	&attribute{name: "schemas", fixed: true, many: true}, &attribute{name: "groups", fixed: true, many: true, subs: schemaOf("", &attribute{name: "value", exact: true}, text("display"))},
	text("userName"), &attribute{name: "externalId", exact: true}, text("displayName"), &attribute{name: "active", flag: true},
	&attribute{name: "name", subs: schemaOf("", text("formatted"), text("familyName"), text("givenName")).ignoring("middleName", "honorificPrefix", "honorificSuffix")},
	&attribute{name: "emails", many: true, subs: schemaOf("", text("value"), text("type"), &attribute{name: "primary", flag: true}).ignoring("display", "$ref")},
	&attribute{name: "roles", many: true, subs: schemaOf("", &attribute{name: "value", exact: true}, text("display"), text("type"), &attribute{name: "primary", flag: true}).ignoring("$ref")},
).ignoring("nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone", "password", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "x509Certificates")

var groups = schemaOf(urnGroup,
	&attribute{name: "id", fixed: true, exact: true}, &attribute{name: "meta", fixed: true, subs: schemaOf("", text("resourceType"), text("created"), text("lastModified"), text("location"))},
	&attribute{name: "schemas", fixed: true, many: true},
	text("displayName"), &attribute{name: "externalId", exact: true},
	&attribute{name: "members", many: true, subs: schemaOf("", &attribute{name: "value", exact: true}, text("display"), text("type")).ignoring("$ref")},
)

// find reads an attribute's name: any case, with or without the schema's URN.
func (k *schema) find(name string) (attrPath, bool) {
	name = k.bare(name)
	attr, sub, dotted := strings.Cut(name, ".")
	a := k.attrs[strings.ToLower(attr)]
	if a == nil {
		return attrPath{}, false
	}
	if !dotted {
		return attrPath{attr: a.name}, true
	}
	if a.subs == nil {
		return attrPath{}, false
	}
	b := a.subs.attrs[strings.ToLower(sub)]
	if b == nil {
		return attrPath{}, false
	}
	return attrPath{a.name, b.name}, true
}

// bare takes the schema's URN off a name.
func (k *schema) bare(name string) string {
	if k.urn != "" && len(name) > len(k.urn)+1 && strings.EqualFold(name[:len(k.urn)+1], k.urn+":") {
		return name[len(k.urn)+1:]
	}
	return name
}

// idle reports whether a name is one of the standard that we do not keep.
func (k *schema) idle(name string) bool {
	name = strings.ToLower(k.bare(name))
	if strings.HasPrefix(name, strings.ToLower(urnEnterprise)) {
		return true
	}
	attr, sub, _ := strings.Cut(name, ".")
	attr, _, _ = strings.Cut(attr, "[")
	if k.ignored[attr] {
		return true
	}
	a := k.attrs[attr]
	return a != nil && a.subs != nil && a.subs.ignored[sub]
}

func (k *schema) within(attr string) *schema {
	if a := k.attrs[strings.ToLower(attr)]; a != nil {
		return a.subs
	}
	return nil
}

func (k *schema) attr(p attrPath) *attribute {
	a := k.attrs[strings.ToLower(p.attr)]
	if a != nil && a.subs != nil {
		if p.sub == "" {
			return a.subs.attrs["value"]
		}
		return a.subs.attrs[strings.ToLower(p.sub)]
	}
	return a
}

// truth reads a boolean; Entra ID sends "True" and "False" as text.
func truth(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// normal brings what was sent into the form of the schema: names in its
// spelling, booleans as booleans, lists as lists. What we do not keep is left
// out, and so is what nobody knows: RFC 7644 §3.3 wants it ignored.
func (k *schema) normal(in object) (object, error) {
	out := object{}
	for name, v := range in {
		a := k.attrs[strings.ToLower(k.bare(name))]
		if a == nil || a.fixed || v == nil {
			continue
		}
		n, err := a.normal(v)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out[a.name] = n
		}
	}
	return out, nil
}

func (a *attribute) normal(v any) (any, error) {
	if !a.many {
		return a.single(v)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := []any{}
	for _, e := range list {
		n, err := a.single(e)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out = append(out, n)
		}
	}
	return out, nil
}

func (a *attribute) single(v any) (any, error) {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0] // some send a list of one where one value belongs
	}
	if a.subs != nil {
		switch v := v.(type) {
		case object:
			return a.subs.normal(v)
		case string:
			if a.many {
				return a.subs.normal(object{"value": v})
			}
		}
		return nil, refuse(400, "invalidValue", "%s has parts; a single value does not do", a.name)
	}
	if a.flag {
		b, ok := truth(v)
		if !ok {
			return nil, refuse(400, "invalidValue", "%s is true or false", a.name)
		}
		return b, nil
	}
	switch v := v.(type) {
	case string:
		if len(v) > 1000 {
			return nil, refuse(400, "invalidValue", "%s has more than 1,000 characters", a.name)
		}
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return nil, refuse(400, "invalidValue", "%s is a text", a.name)
}

// elements are the objects of a list.
func elements(v any) (out []object) {
	list, _ := v.([]any)
	for _, e := range list {
		if o, ok := e.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// valuesAt gathers the values at a path; a list of objects stands for its
// elements' value.
func valuesAt(o object, p attrPath) (out []any) {
	v, there := o[p.attr]
	if !there {
		return nil
	}
	sub := p.sub
	switch v := v.(type) {
	case []any:
		if sub == "" {
			sub = "value"
		}
		for _, e := range v {
			if part, ok := e.(object); ok {
				if x, there := part[sub]; there {
					out = append(out, x)
				}
			} else {
				out = append(out, e)
			}
		}
		return out
	case object:
		if x, there := v[sub]; there && sub != "" {
			return []any{x}
		}
		if sub == "" && len(v) > 0 {
			return []any{v}
		}
		return nil
	}
	return []any{v}
}
