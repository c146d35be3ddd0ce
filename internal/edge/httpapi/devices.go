package httpapi

import (
	"context"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
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
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "createDevice", summary: "Name a collector and get the code that enrols it once", status: 201, creates: true}, s.createDevice)
	add(s, route{gate: may, method: del, path: base + "/{device}", id: "revokeDevice", summary: "Refuse everything a collector sends from now on", status: 204}, s.revokeDevice)
}

func (s *Server) listDevices(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Device]], error) {
	list, err := s.deps.Collect.Devices(ctx, v.place)
	var out []Device
	for _, d := range list {
		out = append(out, showDevice(d))
	}
	return listed(out), err
}

func showDevice(d collect.Device) Device {
	out := Device{
		ID: d.ID.String(), Name: d.Name, SourceID: d.Source.String(), State: "waiting", CreatedAt: d.CreatedAt,
		EnrolledAt: when(d.EnrolledAt), LastSeenAt: when(d.SeenAt), LastAddress: d.SeenFrom, Waiting: int64(d.Waiting),
	}
	if !d.EnrolledAt.IsZero() {
		out.State = "enrolled"
	}
	if !d.RevokedAt.IsZero() {
		out.State = "revoked"
	}
	return out
}

func (s *Server) createDevice(ctx context.Context, v *visit, in *createDeviceInput) (*body[NewDevice], error) {
	src, err := id.Parse[id.Source](in.Body.SourceID)
	if err != nil {
		return nil, fault.Field("source_id", "there is no such source")
	}
	source, err := s.deps.Recordings.Source(ctx, v.place, src)
	if fault.Is(err, fault.NotFound) || err == nil && source.Kind != recording.Collector {
		return nil, fault.Field("source_id", "choose a source whose kind is collector")
	}
	if err != nil {
		return nil, err
	}
	d, code, err := s.deps.Collect.Add(ctx, v.place, v.who, in.Body.Name, src)
	if err != nil {
		return nil, err
	}
	return answer(NewDevice{Device: showDevice(d), EnrolmentCode: code.Reveal(), CodeUntil: d.CodeUntil}), nil
}

func (s *Server) revokeDevice(ctx context.Context, v *visit, in *DevicePath) (*none, error) {
	d, err := id.Parse[id.Device](in.Device)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Collect.Revoke(ctx, v.place, v.who, d)
}
