package httpapi

import (
	"context"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/release"
	"ringfence/internal/tenancy/access"
)

// HeldRelease is a file on the server's shelf of releases.
type HeldRelease struct {
	Release   string    `json:"release"`
	Platform  string    `json:"platform" example:"linux/amd64"`
	Megabytes int64     `json:"megabytes"`
	Since     time.Time `json:"since"`
	Offered   bool      `json:"offered"`
	Problem   string    `json:"problem" doc:"Why it is not offered; empty: it is"`
}

// FleetLine is how many boxes of one customer run one release.
type FleetLine struct {
	CustomerID string `json:"customer_id"`
	Customer   string `json:"customer"`
	Release    string `json:"release" doc:"Empty: they have never said (before 0.4)"`
	Platform   string `json:"platform"`
	Boxes      int64  `json:"boxes"`
	Newest     string `json:"newest" doc:"Newest release that is offered for this platform; empty: none"`
	Behind     bool   `json:"behind"`
}

// NodeReleases is what boxes could run, and what they do.
type NodeReleases struct {
	Server string        `json:"server" doc:"Release of this server"`
	Keys   []string      `json:"keys" doc:"Public keys that releases are signed with"`
	Held   []HeldRelease `json:"held"`
	Fleet  []FleetLine   `json:"fleet" doc:"By customer; at most 10,000 lines"`
	Boxes  int64         `json:"boxes"`
	Behind int64         `json:"behind"`
}

func (s *Server) releaseRoutes() {
	add(s, route{gate: onNode(access.UsageRead), method: get, path: "/api/v1/nodes/{node}/releases", id: "getNodeReleases", summary: "Releases of the collector that this server holds, and which boxes below are behind"}, s.getNodeReleases)
}

func (s *Server) getNodeReleases(ctx context.Context, v *visit, _ *NodePath) (*body[NodeReleases], error) {
	out := NodeReleases{Server: release.Number(), Keys: []string{}, Held: []HeldRelease{}, Fleet: []FleetLine{}}
	newest := map[string]string{}
	if shelf := s.deps.Collect.Shelf(); shelf != nil {
		held, err := shelf.List()
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, shelf.Keys().Texts()...)
		for _, h := range held {
			on := h.OS + "/" + h.Arch
			out.Held = append(out.Held, HeldRelease{h.Release, on, h.Size >> 20, h.At, h.Problem == "", h.Problem})
			if h.Problem == "" && newest[on] == "" {
				newest[on] = h.Release
			}
		}
	}
	boxes, err := s.deps.Collect.Boxes(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	for _, b := range boxes {
		l := FleetLine{b.Customer.String(), b.Name, b.Release, b.Platform, b.Boxes, newest[b.Platform], false}
		l.Behind = b.Release == "" || l.Newest != "" && upgrade.Newer(l.Newest, b.Release)
		out.Boxes += l.Boxes
		if l.Behind {
			out.Behind += l.Boxes
		}
		out.Fleet = append(out.Fleet, l)
	}
	return answer(out), nil
}
