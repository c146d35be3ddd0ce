package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// The reference under /api/docs: a page without a script, made from the
// description that the server serves and from examples that a test has asked a
// real server for. It loads nothing from anywhere.

//go:embed reference.html
var referencePage string

//go:embed reference.css
var referenceStyle string

//go:embed examples.json
var examplesText []byte

// Example is one request and its answer, as they were.
type Example struct {
	Request string          `json:"request"` // method and path
	Body    json.RawMessage `json:"body,omitempty"`
	Status  int             `json:"status"`
	Answer  json.RawMessage `json:"answer,omitempty"`
	Type    string          `json:"type,omitempty"` // of an answer that is no JSON
}

// Examples are all there are, by the operation's id.
func Examples() (all map[string]Example, err error) {
	err = json.Unmarshal(examplesText, &all)
	return all, err
}

// referencePolicy lets the page have its own style, and nothing else.
const referencePolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

func (s *Server) referenceRoutes() {
	page := sync.OnceValues(s.reference) // the first who asks waits a moment; a server that nobody asks does not make it
	s.mux.HandleFunc("GET /api/docs", func(w http.ResponseWriter, r *http.Request) {
		text, err := page()
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Security-Policy", referencePolicy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(text) // the caller has gone: there is nobody to tell
	})
	s.mux.HandleFunc("GET /api/docs/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(referenceStyle))
	})
}

type referenceGroup struct {
	Name       string
	Operations []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, Description string
	Who                                    string
	Takes, Body, Gives                     []referenceField
	Status                                 string
	Example                                *shownExample
}

type referenceField struct {
	Name, Type, Where, Doc string
	Required               bool
}

type shownExample struct{ Request, Body, Answer, Note string }

func (s *Server) reference() ([]byte, error) {
	examples, err := Examples()
	if err != nil {
		return nil, err
	}
	api := s.api.OpenAPI()
	groups := map[string]*referenceGroup{}
	for path, item := range api.Paths {
		for method, op := range map[string]*huma.Operation{get: item.Get, put: item.Put, post: item.Post, del: item.Delete, patch: item.Patch} {
			if op == nil {
				continue
			}
			g := groups[op.Tags[0]]
			if g == nil {
				g = &referenceGroup{Name: op.Tags[0]}
				groups[op.Tags[0]] = g
			}
			g.Operations = append(g.Operations, describeOperation(api, method, path, op, examples[op.OperationID]))
		}
	}
	var list []*referenceGroup
	for _, g := range groups {
		slices.SortFunc(g.Operations, func(a, b referenceOperation) int {
			return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
		})
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *referenceGroup) int { return strings.Compare(a.Name, b.Name) })
	t, err := template.New("reference").Parse(referencePage)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{"Title": api.Info.Title, "About": strings.ReplaceAll(api.Info.Description, "`", ""), "Groups": list})
	return out.Bytes(), err
}

func describeOperation(api *huma.OpenAPI, method, path string, op *huma.Operation, e Example) referenceOperation {
	out := referenceOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: strings.ReplaceAll(op.Description, "`", "")}
	var who []string
	for _, s := range op.Security {
		for name := range s {
			who = append(who, map[string]string{"session": "a signed-in person", "token": "a token"}[name])
		}
	}
	if out.Who = strings.Join(who, " or "); out.Who == "" {
		out.Who = "anybody"
	}
	for _, p := range op.Parameters {
		out.Takes = append(out.Takes, referenceField{p.Name, typeOf(p.Schema), p.In, p.Description, p.Required})
	}
	if op.RequestBody != nil {
		for _, c := range op.RequestBody.Content {
			out.Body = fieldsOf(api, c.Schema)
		}
	}
	for status, r := range op.Responses {
		if !strings.HasPrefix(status, "2") && status != "101" {
			continue
		}
		out.Status = status
		for _, c := range r.Content {
			out.Gives = fieldsOf(api, c.Schema)
		}
	}
	if e.Request != "" {
		out.Example = &shownExample{e.Request, pretty(e.Body), pretty(e.Answer), e.Type}
	}
	return out
}

// fieldsOf lists the fields of a shape, in the order of their names.
func fieldsOf(api *huma.OpenAPI, sc *huma.Schema) (all []referenceField) {
	if sc != nil && sc.Ref != "" {
		sc = api.Components.Schemas.SchemaFromRef(sc.Ref)
	}
	if sc == nil {
		return nil
	}
	for name, p := range sc.Properties {
		if name != "$schema" {
			all = append(all, referenceField{Name: name, Type: typeOf(p), Doc: p.Description, Required: slices.Contains(sc.Required, name)})
		}
	}
	slices.SortFunc(all, func(a, b referenceField) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func typeOf(sc *huma.Schema) string {
	switch {
	case sc == nil:
		return ""
	case sc.Ref != "":
		return sc.Ref[strings.LastIndex(sc.Ref, "/")+1:]
	case sc.Type == huma.TypeArray:
		return "list of " + typeOf(sc.Items)
	}
	text := sc.Type
	if sc.Format != "" {
		text += " (" + sc.Format + ")"
	}
	for i, e := range sc.Enum {
		sep := " | "
		if i == 0 {
			sep = ": "
		}
		word, _ := json.Marshal(e)
		text += sep + strings.Trim(string(word), `"`)
	}
	return text
}

func pretty(text json.RawMessage) string {
	if len(text) == 0 {
		return ""
	}
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}
