//go:build bench

package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

// Tests of a package's inside have the package compiled once more, and this one
// takes a minute: so there are none but for benchmarks.

// BenchRoutes adds two routes that do nothing, one open and one behind the gate
// of a customer: their difference is what the gate costs.
func (s *Server) BenchRoutes() {
	add(s, route{gate: anyone(), method: get, path: "/api/v1/bench/open", id: "benchOpen"},
		func(context.Context, *visit, *none) (*body[bool], error) { return answer(true), nil })
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: "/api/v1/customers/{customer}/bench", id: "benchGate"},
		func(context.Context, *visit, *CustomerPath) (*body[bool], error) { return answer(true), nil })
}
