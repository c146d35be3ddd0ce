package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/tenancy/access"
)

// gate says who comes through to a route. The zero value lets nobody be built:
// a route cannot exist without somebody having said who may take it.
type gate struct {
	kind gateKind
	act  access.Act
}

type gateKind int

const (
	unset    gateKind = iota
	public            // no sign-in: only what leads to one, and what is public
	personal          // a signed-in person, about themselves
	atNode            // an act at a node of the tree
	within            // an act within one customer's place
	pushing           // what an identity provider pushes, with a token of its own kind
	brought           // files of one source, with that source's own token
)

func anyone() gate                 { return gate{kind: public} }
func signedIn() gate               { return gate{kind: personal} }
func onNode(a access.Act) gate     { return gate{kind: atNode, act: a} }
func inCustomer(a access.Act) gate { return gate{kind: within, act: a} }

// provisioning lets through the token of an identity provider, and nobody else.
func provisioning(a access.Act) gate { return gate{kind: pushing, act: a} }

// route is one line of the API: who may, how, where, and what it is for.
type route struct {
	gate    gate
	method  string
	path    string
	id      string
	summary string
	status  int   // of success; zero: 200, or 204 without a body
	creates bool  // honours Idempotency-Key
	limit   int64 // of the body in bytes; zero: 64 KiB
	gives   string
	fresh   bool // a dangerous act: people have to have shown a factor within five minutes
}

const bodyLimit = 64 << 10

// RouteInfo is what may be known of a route by whoever walks the table.
type RouteInfo struct {
	Method, Path, ID string
	Public, Personal bool
	AtNode           bool
	Act              access.Act
	Creates          bool
	Fresh            bool
	Plain            bool // its answers are not of the description's making: files, and what an identity provider's standard says
}

// Routes is the table from which the API was built.
func (s *Server) Routes() []RouteInfo {
	out := make([]RouteInfo, 0, len(s.routes))
	for _, r := range s.routes {
		out = append(out, RouteInfo{
			Method: r.method, Path: r.path, ID: r.id, Act: r.gate.act, Creates: r.creates, Fresh: r.fresh,
			Public: r.gate.kind == public, Personal: r.gate.kind == personal, AtNode: r.gate.kind == atNode,
			Plain: r.gives != "" || r.gate.kind == pushing,
		})
	}
	return out
}

// add makes a route live. It is compiled once for each route, so it holds what
// needs the types and no more: the rest is prepare's and once's.
func add[I, O any](s *Server, rt route, handle func(context.Context, *visit, *I) (*O, error)) {
	huma.Register(s.api, s.prepare(rt), func(ctx context.Context, in *I) (*O, error) {
		out, err := s.once(ctx, rt, in, func(v *visit) (any, error) { return handle(ctx, v, in) }, func() any { return new(O) })
		o, _ := out.(*O)
		return o, err
	})
}

// prepare takes down a route, and lets the gate run before a byte of the request
// is read or checked, so that whoever may not pass learns nothing from validation.
func (s *Server) prepare(rt route) huma.Operation {
	if rt.gate.kind == unset || (rt.gate.kind == within || rt.gate.kind == atNode || rt.gate.kind == pushing || rt.gate.kind == brought) && !known(rt.gate.act) {
		panic(fmt.Sprintf("httpapi: %s %s has no act", rt.method, rt.path))
	}
	s.routes = append(s.routes, rt)
	op := rt.operation()
	op.Middlewares = huma.Middlewares{func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		v, err := s.admit(r, rt)
		v.left.headers(w.Header())
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		next(huma.WithValue(hc, visitKey{}, v))
	}}
	return op
}

const freshNote = "A person must have shown a factor within the last five minutes, else 403 with the type `step-up`: see `stepUp`, then ask again."

func known(a access.Act) bool {
	for _, k := range access.Acts() {
		if k == a {
			return true
		}
	}
	return false
}

func (rt route) operation() huma.Operation {
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.summary,
		DefaultStatus: rt.status, MaxBodyBytes: rt.limit, BodyReadTimeout: 15 * time.Second,
		Tags:     []string{tagOf(rt.path)},
		Security: []map[string][]string{{"session": {}}, {"token": {}}},
	}
	if rt.limit == 0 {
		op.MaxBodyBytes = bodyLimit
	}
	switch rt.gate.kind {
	case public:
		op.Security = []map[string][]string{}
	case personal:
		op.Security = []map[string][]string{{"session": {}}}
	default:
		op.Description = "Needs `" + string(rt.gate.act) + "`. What is missing, foreign or not allowed answers alike: 404."
	}
	if rt.fresh {
		op.Description = strings.TrimSpace(op.Description + " " + freshNote)
	}
	if rt.gives != "" {
		op.Responses = map[string]*huma.Response{"200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{rt.gives: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
		}}
	}
	return op
}

// tagOf groups routes by the first word of their path that names a resource.
func tagOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/api/v1/"), "/")
	if parts[0] == "customers" && len(parts) > 2 {
		return parts[2]
	}
	return parts[0]
}

// The shapes that operations share.
type (
	// body is an answer with a JSON body.
	body[T any] struct{ Body T }

	// items is a list that comes whole.
	items[T any] struct {
		Items []T `json:"items"`
	}

	// none is an answer or a request without content.
	none struct{}

	// CustomerPath names the customer; the gate has read it before.
	CustomerPath struct {
		Customer string `path:"customer" doc:"Id of the customer" example:"org_06b3k0000000000000000000000"`
	}

	// Creating carries the key that makes a repeated POST one.
	Creating struct {
		IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Same key and same body within 24 hours: same answer, done once"`
	}
)

func answer[T any](v T) *body[T] { return &body[T]{v} }

// listed answers with a whole list; never null.
func listed[T any](v []T) *body[items[T]] {
	if v == nil {
		v = []T{}
	}
	return &body[items[T]]{items[T]{v}}
}

// schemaNames keeps the names of generic shapes readable in the description:
// items[Source] becomes SourceItems.
func schemaNames(t reflect.Type, hint string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if inner, ok := strings.CutPrefix(t.Name(), "items["); ok {
		inner = strings.TrimSuffix(inner, "]")
		return inner[strings.LastIndex(inner, ".")+1:] + "Items"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// method names, short enough for a table.
const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)
