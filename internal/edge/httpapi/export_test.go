package httpapi

import "ringfence/internal/tenancy/access"

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
