package httpapi

import (
	"context"

	"ringfence/internal/archive/capture"
	"ringfence/internal/tenancy/access"
)

// Profile is how one kind of telephone system is read, and on what that was checked.
type Profile struct {
	Name     string `json:"name" doc:"As settings write it"`
	Title    string `json:"title"`
	Reads    string `json:"reads" doc:"What it reads, in one sentence"`
	Verified bool   `json:"verified" doc:"Checked against recordings and logs of a real system"`
	Checked  string `json:"checked" doc:"On what it was checked, and what that leaves open"`
	Logs     bool   `json:"logs" doc:"It joins recordings with logs"`
	Pattern  bool   `json:"pattern" doc:"Names of files can be described by a pattern"`
}

func (s *Server) profileRoutes() {
	add(s, route{
		gate: inCustomer(access.SourceManage), method: get, path: "/api/v1/customers/{customer}/profiles", id: "listProfiles",
		summary: "Telephone systems that can be read, and on what that was checked",
	}, s.listProfiles)
}

func (s *Server) listProfiles(context.Context, *visit, *CustomerPath) (*body[items[Profile]], error) {
	var out []Profile
	for _, p := range capture.Profiles() {
		out = append(out, Profile(p))
	}
	return listed(out), nil
}
