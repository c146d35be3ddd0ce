package httpapi

import (
	"context"

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
