package httpapi

import (
	"context"
	"encoding/csv"
	"regexp"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// Quota is how much a node may use; null: no limit of its own.
type Quota struct {
	Seats             *int64 `json:"seats" required:"false" minimum:"0" maximum:"1000000000" doc:"People with a role"`
	Gigabytes         *int64 `json:"gigabytes" required:"false" minimum:"0" maximum:"1000000000" doc:"Stored, of 10⁹ bytes"`
	Minutes           *int64 `json:"minutes" required:"false" minimum:"0" maximum:"1000000000" doc:"Captured in a calendar month (UTC)"`
	EngineSeconds     *int64 `json:"engine_seconds" required:"false" minimum:"0" maximum:"1000000000" doc:"Of sound given to a speech engine in a calendar month (UTC)"`
	RequestsPerSecond *int64 `json:"requests_per_second" required:"false" minimum:"0" maximum:"1000000000" doc:"Of the API, by everybody together"`
}

// of is the quota as the tree takes it.
func (q Quota) of() org.Quota {
	out := org.Quota{}
	for m, most := range map[org.Measure]*int64{
		org.Seats: q.Seats, org.Gigabytes: q.Gigabytes, org.Minutes: q.Minutes, org.EngineSeconds: q.EngineSeconds, org.Requests: q.RequestsPerSecond,
	} {
		if most != nil {
			out[m] = *most
		}
	}
	return out
}

// Meter is one measure: what may be used and what is.
type Meter struct {
	Measure  string `json:"measure" enum:"seats,gigabytes,minutes,engine_seconds,requests_per_second"`
	Own      *int64 `json:"own" doc:"Limit of this node; null: none"`
	Most     *int64 `json:"most" doc:"The limit that holds, the node's or that of one above; null: none"`
	By       string `json:"by" doc:"Name of the node whose limit that is"`
	Promised int64  `json:"promised" doc:"To nodes below"`
	Used     int64  `json:"used" doc:"By the node and all below; requests: in the last second"`
}

// NodeMonth is what one customer used in one month.
type NodeMonth struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	Under         string  `json:"under" doc:"The nodes between, from the top"`
	Period        string  `json:"period" example:"2026-11"`
	Seats         int64   `json:"seats" doc:"The most at any time"`
	Bytes         int64   `json:"bytes" doc:"Stored at the end, or now"`
	Recordings    int64   `json:"recordings"`
	Minutes       float64 `json:"minutes" doc:"Captured"`
	EngineSeconds float64 `json:"engine_seconds"`
	Requests      int64   `json:"requests"`
}

// NodeMonthPage is one page of usage.
type NodeMonthPage struct {
	Items      []NodeMonth `json:"items"`
	NextCursor string      `json:"next_cursor"`
}

type usageInput struct {
	NodePath
	Period string `query:"period" maxLength:"7" doc:"Calendar month (UTC) such as 2026-11; none: this one"`
	Cursor string `query:"cursor" maxLength:"20"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type quotaInput struct {
	NodePath
	Body Quota
}

type periodInput struct {
	NodePath
	Period string `query:"period" maxLength:"7" doc:"Calendar month (UTC) such as 2026-11; none: this one"`
}

func (s *Server) quotaRoutes() {
	const base = "/api/v1/nodes/{node}"
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base + "/quota", id: "getNodeQuota", summary: "What a node may use, and what it does"}, s.getNodeQuota)
	add(s, route{gate: onNode(access.QuotaSet), method: put, path: base + "/quota", id: "setNodeQuota", summary: "Set what a node may use; never more than those above have"}, s.setNodeQuota)
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base + "/usage", id: "listNodeUsage", summary: "What each customer below used in a month"}, s.listNodeUsage)
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base + "/usage.csv", id: "nodeUsageCSV", summary: "The same as a table", gives: "text/csv"}, s.nodeUsageCSV)
	add(s, route{gate: inCustomer(access.UsageRead), method: get, path: "/api/v1/customers/{customer}/quota", id: "getQuota", summary: "What this customer may use, and what it does"}, s.getQuota)
}

func (s *Server) getNodeQuota(ctx context.Context, v *visit, _ *NodePath) (*body[items[Meter]], error) {
	return s.meters(ctx, v.node.ID)
}

func (s *Server) getQuota(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Meter]], error) {
	return s.meters(ctx, v.place.Customer())
}

func (s *Server) meters(ctx context.Context, n id.Node) (*body[items[Meter]], error) {
	list, err := s.deps.Tree.Meters(ctx, n)
	var out []Meter
	for _, m := range list {
		if m.Measure == org.Requests {
			m.Used = s.flow.now(n, s.now())
		}
		out = append(out, Meter{string(m.Measure), m.Own, m.Most, m.By.Name, m.Promised, m.Used})
	}
	return listed(out), err
}

func (s *Server) setNodeQuota(ctx context.Context, v *visit, in *quotaInput) (*body[items[Meter]], error) {
	if err := s.deps.Tree.SetQuota(ctx, v.who, v.node.ID, in.Body.of()); err != nil {
		return nil, err
	}
	return s.meters(ctx, v.node.ID)
}

var month = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)

func (s *Server) usageBelow(ctx context.Context, v *visit, period string, limit, skip int) ([]org.Usage, string, error) {
	if period == "" {
		period = org.PeriodOf(v.at)
	}
	if !month.MatchString(period) {
		return nil, "", fault.Field("query.period", "want a month such as 2026-11")
	}
	list, err := s.deps.Tree.UsageBelow(ctx, v.node.ID, period, limit, skip)
	return list, period, err
}

// listNodeUsage pages by number: a month that is over does not change.
func (s *Server) listNodeUsage(ctx context.Context, v *visit, in *usageInput) (*linked[NodeMonthPage], error) {
	skip := 0
	if in.Cursor != "" {
		n, err := strconv.Atoi(in.Cursor)
		if err != nil || n < 1 || n > 10_000_000 {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of usage")
		}
		skip = n
	}
	list, _, err := s.usageBelow(ctx, v, in.Period, in.Limit+1, skip)
	if err != nil {
		return nil, err
	}
	out := &linked[NodeMonthPage]{Body: NodeMonthPage{Items: []NodeMonth{}}}
	for i, u := range list {
		if i == in.Limit {
			out.Body.NextCursor = strconv.Itoa(skip + i)
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Items = append(out.Body.Items, NodeMonth{
			u.Node.ID.String(), u.Node.Name, u.Under, u.Period, u.Seats, u.Bytes, u.Recordings, recording.Minutes(u.Captured), recording.Seconds(u.Heard), u.Requests,
		})
	}
	return out, nil
}

func (s *Server) nodeUsageCSV(ctx context.Context, v *visit, in *periodInput) (*huma.StreamResponse, error) {
	list, period, err := s.usageBelow(ctx, v, in.Period, 0, 0)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/csv; charset=utf-8")
		hc.SetHeader("Content-Disposition", "attachment; filename=usage-"+period+".csv")
		w := csv.NewWriter(hc.BodyWriter())
		_ = w.Write([]string{"id", "name", "under", "period", "seats", "bytes", "recordings", "minutes", "engine_seconds", "requests"})
		for _, u := range list {
			_ = w.Write([]string{
				u.Node.ID.String(), harmless(u.Node.Name), harmless(u.Under), u.Period, strconv.FormatInt(u.Seats, 10), strconv.FormatInt(u.Bytes, 10),
				strconv.FormatInt(u.Recordings, 10), strconv.FormatFloat(u.Captured.Minutes(), 'f', 2, 64),
				strconv.FormatFloat(u.Heard.Seconds(), 'f', 0, 64), strconv.FormatInt(u.Requests, 10),
			})
		}
		w.Flush() // the caller has gone: there is nobody to tell
	}}, nil
}

// harmless keeps a name from being taken for a formula where the table is
// opened: names are chosen by those below, and read by those above.
func harmless(s string) string {
	if s != "" && regexp.MustCompile(`^[=+\-@\t\r]`).MatchString(s) {
		return "'" + s
	}
	return s
}
