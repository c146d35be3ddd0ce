package httpapi

import (
	"context"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/monitor"
)

// Alert is something that is wrong, or was, and what was done about it.
type Alert struct {
	ID             string            `json:"id"`
	Kind           string            `json:"kind" doc:"One of the kinds of alert; a new release may know more"`
	Title          string            `json:"title"`
	Todo           string            `json:"what_to_do"`
	Severity       string            `json:"severity" enum:"urgent,warning"`
	Subject        string            `json:"subject" doc:"Id of what it is about, or a word"`
	About          string            `json:"about" doc:"What the subject is called, where it has a name"`
	Text           string            `json:"text" doc:"One sentence on this very case"`
	Facts          map[string]string `json:"facts" doc:"Ids and figures"`
	Since          time.Time         `json:"since"`
	RaisedAt       time.Time         `json:"raised_at"`
	EndedAt        *time.Time        `json:"ended_at"`
	LastedSeconds  int64             `json:"lasted_seconds" doc:"How long the condition held; 0 while it does"`
	Flaps          int               `json:"flaps" doc:"How often it went and came back meanwhile"`
	OwnerID        *string           `json:"owner_id" doc:"Null: the administrators"`
	AcknowledgedAt *time.Time        `json:"acknowledged_at"`
	AcknowledgedBy *string           `json:"acknowledged_by" doc:"Id of who deals with it"`
	SnoozedUntil   *time.Time        `json:"snoozed_until"`
}

// AlertPage is some alerts, how all open ones stand, and where the list goes on.
type AlertPage struct {
	Items   []Alert `json:"items"`
	Next    *string `json:"next"`
	Open    int64   `json:"open" doc:"Open, and nobody deals with them"`
	Urgent  int64   `json:"urgent" doc:"Of these"`
	Handled int64   `json:"handled" doc:"Open, but acknowledged or snoozed"`
}

// AlertHappening is a line of an alert's story.
type AlertHappening struct {
	At     time.Time `json:"at"`
	What   string    `json:"what" doc:"raised, worse, told, acknowledged, snoozed, awake, assigned, ended"`
	Who    *string   `json:"who" doc:"Id of a person or token; null: the system"`
	Detail string    `json:"detail"`
	Note   string    `json:"note"`
}

// AlertDetail is an alert with its story.
type AlertDetail struct {
	Alert
	Story []AlertHappening `json:"story"`
}

// AlertBelow is an alert of a customer as those above see it: kind, time and
// figures, and nothing of what it is about.
type AlertBelow struct {
	ID             string            `json:"id"`
	NodeID         string            `json:"node_id"`
	NodeName       string            `json:"node_name"`
	Kind           string            `json:"kind"`
	Title          string            `json:"title"`
	Severity       string            `json:"severity" enum:"urgent,warning"`
	Figures        map[string]string `json:"figures"`
	Since          time.Time         `json:"since"`
	RaisedAt       time.Time         `json:"raised_at"`
	AcknowledgedAt *time.Time        `json:"acknowledged_at"`
}

type (
	AlertPath struct {
		Alert string `path:"alert"`
	}
	AlertQuery struct {
		State  string `query:"state" enum:"open,ended" default:"open"`
		Cursor string `query:"cursor" maxLength:"60"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	customerAlerts struct {
		CustomerPath
		AlertQuery
	}
	nodeAlerts struct {
		NodePath
		AlertQuery
	}
	customerAlert struct {
		CustomerPath
		AlertPath
	}
	nodeAlert struct {
		NodePath
		AlertPath
	}
	alertActBody struct {
		Note  string     `json:"note,omitempty" maxLength:"1000" doc:"Sealed; stands in the alert's story"`
		Until *time.Time `json:"until,omitempty" doc:"For snooze: when to be told again"`
		Owner string     `json:"owner_id,omitempty" maxLength:"60" doc:"For assign: whose it is; empty: the administrators'"`
	}
	customerAlertAct struct {
		CustomerPath
		AlertPath
		Body alertActBody
	}
	nodeAlertAct struct {
		NodePath
		AlertPath
		Body alertActBody
	}
)

func (s *Server) alertRoutes() {
	const c, n = "/api/v1/customers/{customer}", "/api/v1/nodes/{node}"
	read, manage, nodeRead, nodeManage := inCustomer(access.AlertRead), inCustomer(access.AlertManage), onNode(access.AlertRead), onNode(access.AlertManage)
	add(s, route{gate: read, method: get, path: c + "/alerts", id: "listAlerts", summary: "What is wrong, and what was"}, func(ctx context.Context, v *visit, in *customerAlerts) (*body[AlertPage], error) {
		return s.listAlerts(ctx, v, in.AlertQuery)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/alerts", id: "listNodeAlerts", summary: "What is wrong at the provider or a reseller itself"}, func(ctx context.Context, v *visit, in *nodeAlerts) (*body[AlertPage], error) {
		return s.listAlerts(ctx, v, in.AlertQuery)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/alerts-below", id: "listAlertsBelow", summary: "Open alerts of the customers below: kinds, times and figures"}, s.listAlertsBelow)
	add(s, route{gate: read, method: get, path: c + "/alerts/{alert}", id: "alert", summary: "One alert with its story"}, func(ctx context.Context, v *visit, in *customerAlert) (*body[AlertDetail], error) {
		return s.alert(ctx, v, in.Alert)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/alerts/{alert}", id: "nodeAlert", summary: "One alert with its story"}, func(ctx context.Context, v *visit, in *nodeAlert) (*body[AlertDetail], error) {
		return s.alert(ctx, v, in.Alert)
	})
	for _, act := range []struct{ name, summary string }{
		{"acknowledge", "Say that you deal with an alert: nobody is told further"},
		{"snooze", "Put an alert aside until a time"},
		{"assign", "Make an alert somebody's"},
	} {
		path := "/alerts/{alert}/" + act.name
		add(s, route{gate: manage, method: post, path: c + path, id: act.name + "Alert", summary: act.summary}, func(ctx context.Context, v *visit, in *customerAlertAct) (*body[AlertDetail], error) {
			return s.actOnAlert(ctx, v, in.Alert, act.name, in.Body)
		})
		add(s, route{gate: nodeManage, method: post, path: n + path, id: act.name + "NodeAlert", summary: act.summary}, func(ctx context.Context, v *visit, in *nodeAlertAct) (*body[AlertDetail], error) {
			return s.actOnAlert(ctx, v, in.Alert, act.name, in.Body)
		})
	}
	s.alertContactRoutes()
}

// watched is whose alerts a request is about. A customer's own are read in its
// place, by itself; those above see only what it pushed up.
func (v *visit) watched() (monitor.Where, error) {
	if v.node.ID.IsZero() {
		return monitor.In(v.place), nil
	}
	if v.node.Kind == org.Customer {
		return monitor.Where{}, fault.New(fault.Conflict, "a customer's alerts are its own: see those below the level above it")
	}
	return monitor.Where{Place: v.place, Node: v.node.ID}, nil
}

func (s *Server) listAlerts(ctx context.Context, v *visit, q AlertQuery) (*body[AlertPage], error) {
	w, err := v.watched()
	if err != nil {
		return nil, err
	}
	var after id.Alert
	if q.Cursor != "" {
		if after, err = id.Parse[id.Alert](q.Cursor); err != nil {
			return nil, fault.Field("cursor", "this is no place in this list")
		}
	}
	page, err := s.deps.Monitor.List(ctx, w, q.State == "open", after, q.Limit)
	if err != nil {
		return nil, err
	}
	st, err := s.deps.Monitor.Standing(ctx, w)
	if err != nil {
		return nil, err
	}
	names, err := s.subjects(ctx, v)
	if err != nil {
		return nil, err
	}
	out := AlertPage{Items: []Alert{}, Open: st.Open, Urgent: st.Urgent, Handled: st.Handled}
	for _, a := range page.Alerts {
		out.Items = append(out.Items, showAlert(a, names))
	}
	if !page.Next.IsZero() {
		next := page.Next.String()
		out.Next = &next
	}
	return answer(out), nil
}

// subjects are the names of what alerts of a customer can be about.
func (s *Server) subjects(ctx context.Context, v *visit) (map[string]string, error) {
	names := map[string]string{}
	if !v.node.ID.IsZero() {
		return names, nil
	}
	sources, err := s.deps.Recordings.Sources(ctx, v.place)
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		names[src.ID.String()] = src.Name
	}
	devices, err := s.deps.Collect.Devices(ctx, v.place)
	for _, d := range devices {
		names[d.ID.String()] = d.Name
	}
	return names, err
}

func showAlert(a monitor.Alert, names map[string]string) Alert {
	rule, _ := monitor.RuleOf(a.Kind)
	subject, _, _ := strings.Cut(a.Subject, " ")
	out := Alert{
		ID: a.ID.String(), Kind: string(a.Kind), Title: rule.Title, Todo: rule.Todo, Severity: string(a.Severity), Subject: a.Subject, About: names[subject],
		Text: a.Facts["text"], Facts: a.Facts, Since: a.Since, RaisedAt: a.RaisedAt, EndedAt: when(a.EndedAt), LastedSeconds: int64(a.Lasted().Seconds()), Flaps: a.Flaps,
		OwnerID: orNull(a.Owner), AcknowledgedAt: when(a.AckedAt), AcknowledgedBy: orNull(a.AckedBy), SnoozedUntil: when(a.SnoozedUntil),
	}
	if out.Facts == nil {
		out.Facts = map[string]string{}
	}
	return out
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s *Server) alert(ctx context.Context, v *visit, text string) (*body[AlertDetail], error) {
	w, err := v.watched()
	if err != nil {
		return nil, err
	}
	i, err := id.Parse[id.Alert](text)
	if err != nil {
		return nil, errNothing
	}
	a, story, err := s.deps.Monitor.Read(ctx, w, i)
	if err != nil {
		return nil, err
	}
	names, err := s.subjects(ctx, v)
	if err != nil {
		return nil, err
	}
	out := AlertDetail{Alert: showAlert(a, names), Story: []AlertHappening{}}
	for _, h := range story {
		out.Story = append(out.Story, AlertHappening{At: h.At, What: h.What, Who: orNull(h.Who), Detail: h.Detail, Note: h.Note})
	}
	return answer(out), nil
}

func (s *Server) actOnAlert(ctx context.Context, v *visit, text, act string, in alertActBody) (*body[AlertDetail], error) {
	w, err := v.watched()
	if err != nil {
		return nil, err
	}
	i, err := id.Parse[id.Alert](text)
	if err != nil {
		return nil, errNothing
	}
	switch act {
	case "acknowledge":
		err = s.deps.Monitor.Acknowledge(ctx, w, v.who, i, in.Note)
	case "snooze":
		if in.Until == nil {
			return nil, fault.Field("until", "say until when")
		}
		err = s.deps.Monitor.Snooze(ctx, w, v.who, i, *in.Until, in.Note)
	default:
		var owner id.Person
		if in.Owner != "" {
			if owner, err = id.Parse[id.Person](in.Owner); err != nil {
				return nil, fault.Field("owner_id", "there is no such person")
			}
		}
		err = s.deps.Monitor.Assign(ctx, w, v.who, i, owner)
	}
	if err != nil {
		return nil, err
	}
	return s.alert(ctx, v, text)
}

func (s *Server) listAlertsBelow(ctx context.Context, v *visit, _ *NodePath) (*body[items[AlertBelow]], error) {
	all, err := s.deps.Monitor.Below(ctx, v.node.ID, 500)
	if err != nil {
		return nil, err
	}
	var out []AlertBelow
	for _, a := range all {
		node, err := s.deps.Tree.Node(ctx, a.Node)
		if fault.Is(err, fault.NotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		rule, _ := monitor.RuleOf(a.Kind)
		one := AlertBelow{
			ID: a.ID.String(), NodeID: a.Node.String(), NodeName: node.Name, Kind: string(a.Kind), Title: rule.Title, Severity: string(a.Severity),
			Figures: a.Facts, Since: a.Since, RaisedAt: a.RaisedAt, AcknowledgedAt: when(a.AckedAt),
		}
		if one.Figures == nil {
			one.Figures = map[string]string{}
		}
		out = append(out, one)
	}
	return listed(out), nil
}
