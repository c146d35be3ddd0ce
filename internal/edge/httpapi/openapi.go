package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"
)

// config is huma's, without what would call out: its documentation page loads
// scripts from a public server, and its schema links would stand in every body.
func config() huma.Config {
	c := huma.DefaultConfig("Ringfence", "1")
	c.Info.Description = "Recordings of calls: sealed, searchable, and opened by nobody without a receipt. " +
		"Times are RFC 3339 in UTC, ids are text with a prefix, lists page by `next_cursor`. Errors are problem+json and list every fault. " +
		"Collectors beside telephone systems speak a signed protocol of their own under `/api/v1/collect`."
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaNames)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: "__Host-ringfence_session", Description: "Set by signing in; over plain HTTP on loopback its name is ringfence_session"},
		"token":   {Type: "http", Scheme: "bearer", Description: "A token of one customer, with acts and an end"},
	}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Transformers = []huma.Transformer{withoutValues}
	c.RejectUnknownQueryParameters = true
	return c
}

// describe finishes the description once all routes are there and serves it. It
// is written when it is first asked for: that takes longer than all else that a
// server does before it is ready.
func (s *Server) describe() {
	s.api.OpenAPI().AddOperation(liveOperation())
	for path, item := range s.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			namePlaces(path, op)
		}
	}
	for _, sc := range s.api.OpenAPI().Components.Schemas.Map() {
		noNullArrays(sc)
	}
	text := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) })
	s.mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		text, err := text()
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // the caller has gone: there is nobody to tell
	})
}

// OpenAPI is the description as it is built, for whoever holds something against it.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// liveOperation describes the WebSocket, which OpenAPI has no word for.
func liveOperation() *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Operation{
		OperationID: "live", Method: get, Path: "/api/v1/live", Tags: []string{"live"},
		Summary:     "WebSocket: hints that something has changed, never what",
		Description: "Each message is `{\"topic\": …, \"id\": …, \"at\": …, \"reset\": …}`; read the API anew for what changed, and everything after a reset. Ends with the session.",
		Security:    []map[string][]string{{"session": {}}, {"token": {}}},
		Parameters: []*huma.Param{
			{Name: "customer", In: "query", Required: true, Schema: text, Description: "Id of the customer"},
			{Name: "since", In: "query", Schema: text, Description: "The `at` of the last hint that was seen"},
		},
		Responses: map[string]*huma.Response{"101": {Description: "Switching to WebSocket"}},
	}
}

// namePlaces describes what stands in braces in a path where the operation has
// not: generators of clients refuse a path without.
func namePlaces(path string, op *huma.Operation) {
	if op == nil {
		return
	}
	for part := range strings.SplitSeq(path, "/") {
		name, ok := strings.CutPrefix(part, "{")
		name = strings.TrimRight(name, ".}")
		if ok && !slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == name }) {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
}

// noNullArrays says of every list that it is never null, as it never is.
func noNullArrays(sc *huma.Schema) {
	if sc == nil {
		return
	}
	if sc.Type == huma.TypeArray {
		sc.Nullable = false
	}
	noNullArrays(sc.Items)
	for _, p := range sc.Properties {
		noNullArrays(p)
	}
}

// DescriptionJSON is the API as OpenAPI 3.1: what the server answers under
// /api/openapi.json and the command line is built from.
func DescriptionJSON() ([]byte, error) { return json.Marshal(New(Deps{}).api.OpenAPI()) }

// MachinesJSON is the part of the API that a token can ask, as OpenAPI 3.0: for
// generators of clients that do not know 3.1 yet.
func MachinesJSON() ([]byte, error) {
	api := New(Deps{}).api.OpenAPI()
	for path, item := range api.Paths {
		for _, op := range []**huma.Operation{&item.Get, &item.Put, &item.Post, &item.Delete, &item.Patch} {
			if *op != nil && (!forMachines(*op) || strings.HasPrefix(path, "/scim")) {
				*op = nil
			}
		}
		if item.Get == nil && item.Put == nil && item.Post == nil && item.Delete == nil && item.Patch == nil {
			delete(api.Paths, path)
		}
	}
	text, err := api.Downgrade()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, text, "", " ")
	out.WriteByte('\n')
	return out.Bytes(), err
}

func forMachines(op *huma.Operation) bool {
	for _, s := range op.Security {
		if _, ok := s["token"]; ok {
			return true
		}
	}
	return false
}

// Description is the same in YAML: the file openapi.yaml of the repository,
// from which the portal's types are made.
func Description() ([]byte, error) {
	text, err := DescriptionJSON()
	if err != nil {
		return nil, err
	}
	var tree yaml.Node // keeps the order of the JSON, which a map would lose
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	plain(&tree)
	var b bytes.Buffer
	b.WriteString("# Generated from internal/edge/httpapi: go test ./internal/edge/httpapi -run TestOpenAPI -update\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&tree); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// plain drops the braces and quotes that the tree brought from JSON.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}
