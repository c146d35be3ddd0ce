package httpapi

import (
	"context"

	"ringfence/internal/tenancy/access"
)

type DevicePath struct {
	CustomerPath
	Device string `path:"device"`
}

type createDeviceInput struct {
	CustomerPath
	Creating
	Body struct {
		Name     string `json:"name" minLength:"1" maxLength:"100"`
		SourceID string `json:"source_id"`
	}
}

func (s *Server) deviceRoutes() {
	const base = "/api/v1/customers/{customer}/devices"
	may := inCustomer(access.DeviceManage)
	add(s, route{gate: may, method: get, path: base, id: "listDevices", summary: "Collectors beside telephone systems"}, s.listDevices)
	add(s, route{gate: may, method: post, path: base, id: "createDevice", summary: "Name a collector and get the code that enrols it once", status: 201, creates: true}, s.createDevice)
	add(s, route{gate: may, method: del, path: base + "/{device}", id: "revokeDevice", summary: "Refuse everything a collector sends from now on", status: 204}, s.revokeDevice)
}

func (s *Server) listDevices(ctx context.Context, v *visit, in *CustomerPath) (*body[items[Device]], error) {
	return nil, errNoVisit
}

func (s *Server) createDevice(ctx context.Context, v *visit, in *createDeviceInput) (*body[NewDevice], error) {
	return nil, errNoVisit
}

func (s *Server) revokeDevice(ctx context.Context, v *visit, in *DevicePath) (*none, error) {
	return nil, errNoVisit
}
