package httpapi

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/health"
)

// HealthPart is a part of the installation.
type HealthPart struct {
	Name  string     `json:"name" example:"database"`
	Title string     `json:"title"`
	State string     `json:"state" enum:"off,well,look,failing"`
	Since *time.Time `json:"since" doc:"Since when it is so"`
	Text  string     `json:"text" doc:"How it is, in words"`
	Todo  string     `json:"todo" doc:"What to do; empty while there is nothing"`
}

// HealthFinding is something that somebody should look at.
type HealthFinding struct {
	State string `json:"state" enum:"off,well,look,failing"`
	Text  string `json:"text"`
	Todo  string `json:"todo"`
}

// CustomerHealth is how one customer is, in figures without content.
type CustomerHealth struct {
	ID               string           `json:"id"`
	Name             string           `json:"name"`
	State            string           `json:"state" enum:"off,well,look,failing" doc:"The worst of its findings"`
	Findings         []HealthFinding  `json:"findings"`
	ReportedAt       *time.Time       `json:"reported_at" doc:"How old the figures are; null: there are none"`
	LastCapturedAt   *time.Time       `json:"last_captured_at"`
	Recordings       int64            `json:"recordings"`
	Bytes            int64            `json:"bytes"`
	Unverified       int64            `json:"unverified" doc:"Captured and not read back yet"`
	Sources          int64            `json:"sources"`
	SourcesFailing   int64            `json:"sources_failing"`
	Attention        int64            `json:"attention" doc:"Files that could not be captured"`
	Collectors       map[string]int64 `json:"collectors" doc:"How many of each release"`
	CollectorsSilent int64            `json:"collectors_silent"`
	JobsWaiting      int64            `json:"jobs_waiting"`
	JobsDead         int64            `json:"jobs_dead"`
	Webhooks         int64            `json:"webhooks"`
	WebhooksFailing  int64            `json:"webhooks_failing"`
	Alerts           int64            `json:"alerts"`
	AlertsUrgent     int64            `json:"alerts_urgent"`
}

// HealthReport is how the service is at a node and below.
type HealthReport struct {
	Parts      []HealthPart     `json:"parts" doc:"Of the installation; only the provider is told"`
	Customers  []CustomerHealth `json:"customers" doc:"By name"`
	Collectors map[string]int64 `json:"collectors" doc:"Of the whole installation, by release; only the provider is told"`
	NextCursor string           `json:"next_cursor"`
}

type nodeHealthInput struct {
	NodePath
	Cursor string `query:"cursor" maxLength:"20"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) healthRoutes() {
	add(s, route{gate: onNode(access.HealthRead), method: get, path: "/api/v1/nodes/{node}/health", id: "getNodeHealth", summary: "How the service is: the parts of the installation, and each customer below by figures"}, s.getNodeHealth)
	add(s, route{gate: inCustomer(access.HealthRead), method: get, path: "/api/v1/customers/{customer}/health", id: "getHealth", summary: "How this customer is, in figures"}, s.getHealth)
}

func (s *Server) getNodeHealth(ctx context.Context, v *visit, in *nodeHealthInput) (*linked[HealthReport], error) {
	skip := 0
	if in.Cursor != "" {
		n, err := strconv.Atoi(in.Cursor)
		if err != nil || n < 1 || n > 10_000_000 {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of health")
		}
		skip = n
	}
	list, err := s.deps.Health.Below(ctx, v.node.ID, in.Limit+1, skip)
	if err != nil {
		return nil, err
	}
	out := &linked[HealthReport]{Body: HealthReport{Parts: []HealthPart{}, Customers: []CustomerHealth{}, Collectors: map[string]int64{}}}
	for i, c := range list {
		if i == in.Limit {
			out.Body.NextCursor = strconv.Itoa(skip + i)
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Customers = append(out.Body.Customers, showHealth(c, v.at))
	}
	if v.node.Kind == org.Provider {
		for _, p := range s.deps.Health.Parts() {
			out.Body.Parts = append(out.Body.Parts, HealthPart{p.Name, p.Title, string(p.State), when(p.Since), p.Text, p.Todo})
		}
		total, err := s.deps.Health.Totals(ctx)
		if err != nil {
			return nil, err
		}
		out.Body.Collectors = total.Collectors
	}
	return out, nil
}

func (s *Server) getHealth(ctx context.Context, v *visit, _ *CustomerPath) (*body[CustomerHealth], error) {
	c, err := s.deps.Health.Of(ctx, v.place.Customer())
	return answer(showHealth(c, v.at)), err
}

func showHealth(c health.Customer, at time.Time) CustomerHealth {
	out := CustomerHealth{
		ID: c.ID.String(), Name: c.Name, State: string(c.State(at)), Findings: []HealthFinding{}, ReportedAt: when(c.ReportedAt), LastCapturedAt: when(c.LastCapturedAt),
		Recordings: c.Recordings, Bytes: c.Bytes, Unverified: c.Unverified, Sources: c.Sources, SourcesFailing: c.SourcesFailing, Attention: c.Attention,
		Collectors: map[string]int64{}, CollectorsSilent: c.CollectorsSilent, JobsWaiting: c.JobsWaiting, JobsDead: c.JobsDead,
		Webhooks: c.Webhooks, WebhooksFailing: c.WebhooksFailing, Alerts: c.Alerts, AlertsUrgent: c.AlertsUrgent,
	}
	if c.Collectors != nil {
		out.Collectors = c.Collectors
	}
	for _, f := range c.Findings(at) {
		out.Findings = append(out.Findings, HealthFinding{string(f.State), f.Text, f.Todo})
		if c.Suspended {
			out.State = string(health.Off)
		}
	}
	return out
}
