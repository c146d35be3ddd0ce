package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// Device is a collector: a box beside a telephone system.
type Device struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	SourceID    string     `json:"source_id"`
	State       string     `json:"state" enum:"waiting,enrolled,revoked"`
	CreatedAt   time.Time  `json:"created_at"`
	EnrolledAt  *time.Time `json:"enrolled_at"`
	LastSeenAt  *time.Time `json:"last_seen_at"`
	LastAddress string     `json:"last_address" doc:"From where; empty: never seen"`
	Waiting     int64      `json:"waiting" doc:"Files beside the telephone system that are not archived yet, as it last said"`
	OldestAt    *time.Time `json:"oldest_at" doc:"Since when the oldest of them has waited; null: nothing waits, or its release does not say"`
	SpooledMB   int64      `json:"spooled_megabytes" doc:"Sealed on the box"`

	Release       string     `json:"release" doc:"That it last said it runs; empty: it has not said (before 0.4)"`
	Platform      string     `json:"platform" example:"linux/amd64"`
	TooOld        bool       `json:"too_old" doc:"Nothing is taken from it until it is upgraded; its sources stay where they are"`
	ClockSeconds  *float64   `json:"clock_seconds" doc:"Its clock minus the server's; null: not measured"`
	ClockOff      bool       `json:"clock_off" doc:"By more than 2 seconds"`
	Upgrades      string     `json:"upgrades" enum:"ask,always" doc:"Whether it takes releases by itself"`
	Offered       string     `json:"offered" doc:"Newer release that it could take; empty: none"`
	UpgradeTo     string     `json:"upgrade_to" doc:"Release that it was asked to take and has not taken yet"`
	Unanswered    int        `json:"unanswered" doc:"Destroyed recordings whose files it was asked to remove, and has not answered for"`
	UnansweredAt  *time.Time `json:"unanswered_since" doc:"Since when the oldest of them waits"`
	UpgradeFailed string     `json:"upgrade_failed" doc:"Release that it last went back from, and why"`
}

type changeDeviceInput struct {
	DevicePath
	Body struct {
		Name     string `json:"name" minLength:"1" maxLength:"100"`
		Upgrades string `json:"upgrades" enum:"ask,always"`
	}
}

// AskedUpgrade is what a collector was asked to take.
type AskedUpgrade struct {
	Release string `json:"release"`
}

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
	add(s, route{gate: may, method: put, path: base + "/{device}", id: "changeDevice", summary: "Name a collector anew, or say whether it takes releases by itself", status: 204}, s.changeDevice)
	add(s, route{gate: may, method: post, path: base + "/{device}/upgrade", id: "upgradeDevice", summary: "Have a collector take the newest release that this server holds, when it next asks"}, s.upgradeDevice)
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
		OldestAt: when(d.OldestAt), SpooledMB: d.Spooled >> 20, Release: d.Release, Platform: d.Platform, TooOld: !d.EnrolledAt.IsZero() && d.Protocol < 1,
		Upgrades: d.Upgrades, Offered: d.Offered, UpgradeTo: d.UpgradeTo, UpgradeFailed: d.UpgradeFailed,
		Unanswered: d.Unanswered.Recordings, UnansweredAt: when(d.Unanswered.Since),
	}
	if d.Clock != nil {
		off := recording.Seconds(*d.Clock)
		out.ClockSeconds, out.ClockOff = &off, d.Clock.Abs() > collect.ClockBound
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

func (s *Server) changeDevice(ctx context.Context, v *visit, in *changeDeviceInput) (*none, error) {
	d, err := id.Parse[id.Device](in.Device)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Collect.Change(ctx, v.place, v.who, d, in.Body.Name, in.Body.Upgrades)
}

func (s *Server) upgradeDevice(ctx context.Context, v *visit, in *DevicePath) (*body[AskedUpgrade], error) {
	d, err := id.Parse[id.Device](in.Device)
	if err != nil {
		return nil, errNothing
	}
	number, err := s.deps.Collect.Upgrade(ctx, v.place, v.who, d)
	return answer(AskedUpgrade{number}), err
}

func (s *Server) revokeDevice(ctx context.Context, v *visit, in *DevicePath) (*none, error) {
	d, err := id.Parse[id.Device](in.Device)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Collect.Revoke(ctx, v.place, v.who, d)
}
