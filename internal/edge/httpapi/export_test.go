package httpapi

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/tenancy/access"
)

// RouteInfo is what tests that walk the table may know of a route.
type RouteInfo struct {
	Method, Path, ID string
	Public, Personal bool
	AtNode           bool
	Act              access.Act
	Creates          bool
	Fresh            bool
}

// Routes is the table from which the API was built.
func (s *Server) Routes() []RouteInfo {
	var out []RouteInfo
	for _, r := range s.routes {
		out = append(out, RouteInfo{
			Method: r.method, Path: r.path, ID: r.id, Act: r.gate.act, Creates: r.creates, Fresh: r.fresh,
			Public: r.gate.kind == public, Personal: r.gate.kind == personal, AtNode: r.gate.kind == atNode,
		})
	}
	return out
}

// NothingHere is what missing, foreign and forbidden say.
const NothingHere = nothingHere

// EndsEvery is how often another server's word is looked for.
const EndsEvery = endsEvery

// BenchRoutes adds two routes that do nothing, one open and one behind the gate
// of a customer: their difference is what the gate costs.
func (s *Server) BenchRoutes() {
	add(s, route{gate: anyone(), method: get, path: "/api/v1/bench/open", id: "benchOpen"},
		func(context.Context, *visit, *none) (*body[bool], error) { return answer(true), nil })
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: "/api/v1/customers/{customer}/bench", id: "benchGate"},
		func(context.Context, *visit, *CustomerPath) (*body[bool], error) { return answer(true), nil })
}

// ExposedRoles are those that the page of who could reach what knows.
func ExposedRoles() (roles []access.Role) {
	for _, r := range reaches {
		roles = append(roles, r.role)
	}
	return roles
}

// Misfits says where an example is not what the description says. What is given
// as it is (a signed paper) and SCIM's resources (RFC 7643) have shapes of their
// own, which the description leaves to them.
func (s *Server) Misfits(op string, e Example) (all []string) {
	for _, rt := range s.routes {
		if rt.id == op && (rt.gives != "" || rt.gate.kind == pushing) {
			return nil
		}
	}
	for _, item := range s.api.OpenAPI().Paths {
		for _, o := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if o == nil || o.OperationID != op || len(e.Answer) == 0 {
				continue
			}
			r := o.Responses[strconv.Itoa(e.Status)]
			if r == nil || r.Content["application/json"] == nil {
				return []string{"the description knows no such answer: " + strconv.Itoa(e.Status)}
			}
			var v any
			if err := json.Unmarshal(e.Answer, &v); err != nil {
				return []string{err.Error()}
			}
			res := &huma.ValidateResult{}
			huma.Validate(s.api.OpenAPI().Components.Schemas, r.Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
			for _, err := range res.Errors {
				all = append(all, err.Error())
			}
		}
	}
	return all
}
