package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

// Exposure is who could reach what of this customer.
type Exposure struct {
	Who []Reach `json:"who"`
}

func (s *Server) exposureRoutes() {
	const base = "/api/v1/customers/{customer}"
	add(s, route{gate: inCustomer(access.ExposureRead), method: get, path: base + "/exposure", id: "getExposure", summary: "Who could reach what, the host's operator included"}, s.getExposure)
	add(s, route{gate: inCustomer(access.UsageRead), method: get, path: base + "/usage", id: "getUsage", summary: "How much is stored"}, s.getUsage)
}

func (s *Server) getExposure(ctx context.Context, v *visit, in *CustomerPath) (*body[Exposure], error) {
	return nil, errNoVisit
}

func (s *Server) getUsage(ctx context.Context, v *visit, in *CustomerPath) (*body[Usage], error) {
	return nil, errNoVisit
}
