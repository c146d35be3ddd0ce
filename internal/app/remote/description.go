// Package remote asks a running server through its API, for people at a command
// line and for their scripts. It knows no operation: names, parameters and help
// come from the description that the same program serves, so that what the API
// can do the command line can do.
//
//	description ──▶ operation ──▶ flags ──▶ request ──▶ JSON, or the problem fault by fault
//
// Secrets come from files or from standard input, never from arguments, which
// every user of the machine can list. TLS is verified; plain HTTP is for
// loopback alone; redirects are not followed, as they would carry the secret.
package remote

import (
	"encoding/json"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
)

// API is what a server can do, read from its description.
type API struct {
	ops     []Operation // in the order of the tags, then of the names
	schemas map[string]*schema
}

// Operation is one thing that the API can do.
type Operation struct {
	ID, Method, Path, Summary, Description, Tag string

	params []param
	body   *schema // of the JSON body; nil: none, or not JSON
	raw    string  // media type of a body that is not JSON
	needed bool    // the body is
	person bool    // machines cannot: it is about the signed-in person, or leads to one
}

type param struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Explode     bool   `json:"explode"`
	Schema      schema `json:"schema"`
}

type schema struct {
	Ref         string             `json:"$ref"`
	Type        kinds              `json:"type"`
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Default     any                `json:"default"`
	Items       *schema            `json:"items"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	WriteOnly   bool               `json:"writeOnly"`
}

// kinds is a schema's type, which OpenAPI writes as one word or as a list.
type kinds []string

// UnmarshalJSON takes both ways of writing.
func (k *kinds) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*k = kinds{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(k))
}

func (k kinds) String() string {
	for _, s := range k {
		if s != "null" {
			return s
		}
	}
	return "object"
}

// Read takes a description in JSON, OpenAPI 3.1.
func Read(description []byte) (*API, error) {
	var d struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]*schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(description, &d); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the description of the API cannot be read")
	}
	a := &API{schemas: d.Components.Schemas}
	for path, methods := range d.Paths {
		for method, text := range methods {
			o, err := readOperation(text)
			if err != nil {
				return nil, fault.Wrap(err, fault.Invalid, "the description of the API cannot be read at %s", path)
			}
			if o.ID == "" || o.ID == "live" {
				continue // a WebSocket is no answer
			}
			o.Method, o.Path = strings.ToUpper(method), path
			a.ops = append(a.ops, o)
		}
	}
	slices.SortFunc(a.ops, func(x, y Operation) int {
		return strings.Compare(x.Tag+" "+x.ID, y.Tag+" "+y.ID)
	})
	return a, nil
}

func readOperation(text []byte) (Operation, error) {
	var d struct {
		ID          string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Description string                `json:"description"`
		Tags        []string              `json:"tags"`
		Parameters  []param               `json:"parameters"`
		Security    []map[string][]string `json:"security"`
		RequestBody struct {
			Required bool                                `json:"required"`
			Content  map[string]struct{ Schema *schema } `json:"content"`
		} `json:"requestBody"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return Operation{}, err
	}
	o := Operation{
		ID: d.ID, Summary: d.Summary, Description: d.Description, params: d.Parameters, needed: d.RequestBody.Required,
		person: !slices.ContainsFunc(d.Security, func(m map[string][]string) bool { _, ok := m["token"]; return ok }),
	}
	if len(d.Tags) > 0 {
		o.Tag = d.Tags[0]
	}
	o.params = slices.DeleteFunc(o.params, func(p param) bool { return p.In == "cookie" })
	for media, c := range d.RequestBody.Content {
		if strings.HasSuffix(media, "json") {
			o.body = c.Schema
		} else if o.body == nil {
			o.raw = media
		}
	}
	return o, nil
}

// Operations is all of them, sorted by tag and name.
func (a *API) Operations() []Operation { return a.ops }

// Find gives an operation by its name; list-tokens is listTokens.
func (a *API) Find(name string) (Operation, bool) {
	i := slices.IndexFunc(a.ops, func(o Operation) bool { return folded(o.ID) == folded(name) })
	if i < 0 {
		return Operation{}, false
	}
	return a.ops[i], true
}

func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "")) }

// Like lists names that hold a word of the one that was asked for, for whoever
// mistyped.
func (a *API) Like(name string) (out []string) {
	for _, o := range a.ops {
		if len(name) > 2 && (strings.Contains(folded(o.ID), folded(name)) || strings.Contains(folded(o.Tag), folded(name))) {
			out = append(out, o.ID)
		}
	}
	return out
}

// resolve follows references; a description that refers to itself ends.
func (a *API) resolve(s *schema) *schema {
	for range 8 {
		if s == nil || s.Ref == "" {
			break
		}
		s = a.schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}
