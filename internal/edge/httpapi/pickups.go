package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// PickupSettings are where files of a source are fetched from.
type PickupSettings struct {
	Protocol string     `json:"protocol" enum:"sftp,ftps,ftps-implicit" doc:"Plain FTP is refused"`
	Host     string     `json:"host" minLength:"1" maxLength:"260" doc:"Host, with :port where it is not the usual one"`
	User     string     `json:"user" maxLength:"200"`
	Password string     `json:"password,omitempty" maxLength:"500" doc:"Left out, it stays for the same host and user; with none, SFTP signs in by a key. It is never shown"`
	Folder   string     `json:"folder" maxLength:"500"`
	Patterns []string   `json:"patterns" maxItems:"20" doc:"Of file names, such as *.wav; none: all files"`
	Dated    string     `json:"dated" maxLength:"100" doc:"Subfolders by date, written as of 2 January 2006, such as 2006/01/02; empty: all subfolders"`
	Since    *time.Time `json:"since" doc:"Files written before stay where they are; null: all are fetched"`
	Minutes  int        `json:"minutes" minimum:"1" maximum:"1440" doc:"Between two looks"`
	KBps     int        `json:"kbps" minimum:"0" maximum:"10000000" doc:"At most so many KiB a second; 0: no limit"`
	MoveTo   string     `json:"move_to" maxLength:"500" doc:"Folder over there for what is archived, where the source is set to move; empty: .ringfence-done"`
}

// FetchedSource is a source whose files are fetched, and how that goes.
type FetchedSource struct {
	SourceID    string         `json:"source_id"`
	Configured  bool           `json:"configured"`
	Settings    PickupSettings `json:"settings"`
	PasswordSet bool           `json:"password_set"`
	PublicKey   string         `json:"public_key" doc:"To be let in over there, where no password is set"`
	Pin         string         `json:"pin" doc:"Fingerprint of the other side that was confirmed"`
	Shown       string         `json:"shown" doc:"Fingerprint that waits to be confirmed; empty: none"`
	LookedAt    *time.Time     `json:"looked_at"`
	Fault       string         `json:"fault" doc:"Of the last look; empty: it went well"`
	Running     bool           `json:"running"`
	Found       int64          `json:"found" doc:"Files that the last look saw"`
	Waiting     int64          `json:"waiting" doc:"Of these, not fetched yet"`
	Fetched     int64          `json:"fetched"`
	Bytes       int64          `json:"bytes"`
}

// PickupTest is what a test of the connection saw.
type PickupTest struct {
	Files []WaitingFile `json:"files" doc:"At most 50; none was taken"`
	More  bool          `json:"more"`
}

type setPickupInput struct {
	SourcePath
	Body PickupSettings
}

type confirmPickupInput struct {
	SourcePath
	Body struct {
		Fingerprint string `json:"fingerprint" minLength:"1" maxLength:"200" doc:"As it was shown and compared"`
	}
}

func (s *Server) pickupRoutes() {
	const base = "/api/v1/customers/{customer}/sources/{source}/pickup"
	may := inCustomer(access.SourceManage)
	add(s, route{gate: may, method: get, path: base, id: "getPickup", summary: "Where files of a source are fetched from, and how that goes"}, s.getPickup)
	add(s, route{gate: may, fresh: true, method: put, path: base, id: "setPickup", summary: "Set where files of a source are fetched from"}, s.setPickup)
	add(s, route{gate: may, method: post, path: base + "/test", id: "testPickup", summary: "Connect and list what would be fetched, without taking anything"}, s.testPickup)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/confirm", id: "confirmPickup", summary: "Confirm who the other side is, by the fingerprint that it has shown"}, s.confirmPickup)
	add(s, route{gate: may, method: post, path: base + "/look", id: "lookPickup", summary: "Look for new files now"}, s.lookPickup)
}

func (s *Server) fetched(ctx context.Context, v *visit, in SourcePath) (id.Source, error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return i, errNothing
	}
	src, err := s.deps.Recordings.Source(ctx, v.place, i)
	if err == nil && src.Kind != recording.Pickup {
		err = fault.New(fault.Conflict, "files of this source are not fetched")
	}
	return i, err
}

func (s *Server) getPickup(ctx context.Context, v *visit, in *SourcePath) (*body[FetchedSource], error) {
	i, err := s.fetched(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	set, st, err := s.deps.Pickups.Get(ctx, v.place, i)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	out := FetchedSource{
		SourceID: i.String(), Configured: err == nil, PasswordSet: set.Password != "", PublicKey: set.PublicKey, Pin: set.Pin, Shown: st.Shown,
		LookedAt: when(st.LookedAt), Fault: st.Fault, Running: st.Running, Found: st.Found, Waiting: st.Waiting, Fetched: st.Fetched, Bytes: st.Bytes,
		Settings: PickupSettings{
			Protocol: string(set.Protocol), Host: set.Host, User: set.User, Folder: set.Folder, Patterns: append([]string{}, set.Patterns...), Dated: set.Dated,
			Since: when(set.Since), Minutes: set.Minutes, KBps: set.KBps, MoveTo: set.MoveTo,
		},
	}
	if !out.Configured {
		out.Settings.Protocol, out.Settings.Folder, out.Settings.Minutes = "sftp", "/", 5
	}
	return answer(out), nil
}

func (s *Server) setPickup(ctx context.Context, v *visit, in *setPickupInput) (*body[FetchedSource], error) {
	i, err := s.fetched(ctx, v, in.SourcePath)
	if err != nil {
		return nil, err
	}
	b := in.Body
	set := pickup.Settings{
		Protocol: pickup.Protocol(b.Protocol), Host: b.Host, User: b.User, Password: b.Password, Folder: b.Folder, Patterns: b.Patterns,
		Dated: b.Dated, Minutes: b.Minutes, KBps: b.KBps, MoveTo: b.MoveTo,
	}
	if b.Since != nil {
		set.Since = b.Since.UTC()
	}
	if _, err := s.deps.Pickups.Set(ctx, v.place, v.who, i, set); err != nil {
		return nil, err
	}
	return s.getPickup(ctx, v, &in.SourcePath)
}

func (s *Server) testPickup(ctx context.Context, v *visit, in *SourcePath) (*body[PickupTest], error) {
	i, err := s.fetched(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	all, more, err := s.deps.Pickups.Test(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	out := PickupTest{Files: []WaitingFile{}, More: more}
	for _, f := range all {
		out.Files = append(out.Files, WaitingFile{f.Name, f.Bytes, f.At, true})
	}
	return answer(out), nil
}

func (s *Server) confirmPickup(ctx context.Context, v *visit, in *confirmPickupInput) (*body[FetchedSource], error) {
	i, err := s.fetched(ctx, v, in.SourcePath)
	if err == nil {
		err = s.deps.Pickups.Confirm(ctx, v.place, v.who, i, in.Body.Fingerprint)
	}
	if err != nil {
		return nil, err
	}
	return s.getPickup(ctx, v, &in.SourcePath)
}

func (s *Server) lookPickup(ctx context.Context, v *visit, in *SourcePath) (*body[FetchedSource], error) {
	i, err := s.fetched(ctx, v, *in)
	if err != nil {
		return nil, err
	}
	s.deps.Pickups.Look(i)
	return s.getPickup(ctx, v, in)
}
