package httpapi

import (
	"context"
	"fmt"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/monitor"
)

// AlertContact is somebody who is told of alerts by mail.
type AlertContact struct {
	ID       string     `json:"id"`
	MailedAt *time.Time `json:"mailed_at" doc:"Last"`
	FailedAt *time.Time `json:"failed_at" doc:"Of the last try, if it failed"`
	Failure  string     `json:"failure"`
	AlertContactSettings
}

// AlertContactSettings is what can be said of a contact.
type AlertContactSettings struct {
	Name       string   `json:"name" minLength:"1" maxLength:"200"`
	Email      string   `json:"email" minLength:"3" maxLength:"254"`
	PersonID   string   `json:"person_id,omitempty" maxLength:"60" doc:"Where the contact is a member"`
	Kinds      []string `json:"kinds" maxItems:"50" doc:"None: all kinds"`
	UrgentOnly bool     `json:"urgent_only"`
	Below      bool     `json:"below,omitempty" doc:"At a node: also of the alerts of the customers below, without content"`
	After      int      `json:"after_minutes" minimum:"0" maximum:"10080" doc:"Told only of what nobody acknowledged for so long; 0: at once"`
	QuietFrom  string   `json:"quiet_from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" default:"00:00" doc:"From this time of the day, what is not urgent waits"`
	QuietTo    string   `json:"quiet_to" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" default:"00:00" doc:"Until then; the same as quiet_from: no quiet hours"`
	TimeZone   string   `json:"time_zone" maxLength:"64" default:"UTC"`
}

// AlertSettings is whose alerts are, and when silence is meant.
type AlertSettings struct {
	Owners     map[string]string `json:"owners" doc:"Kind → id of a person; the kind \"\" stands for all that are not named"`
	ClosedDays []string          `json:"closed_days" maxItems:"200" doc:"Days on which no source is expected to send anything: 2026-12-25"`
}

// AlertKind is what is known of one kind of alert.
type AlertKind struct {
	Kind     string `json:"kind"`
	Title    string `json:"title"`
	Severity string `json:"severity" enum:"urgent,warning"`
	Todo     string `json:"what_to_do"`
}

// AlertSetup is all that a page of settings needs.
type AlertSetup struct {
	Contacts []AlertContact `json:"contacts" doc:"None: the administrators are told"`
	Settings AlertSettings  `json:"settings"`
	Kinds    []AlertKind    `json:"kinds"`
}

type (
	ContactPath struct {
		Contact string `path:"contact"`
	}
	customerContact struct {
		CustomerPath
		ContactPath
	}
	nodeContact struct {
		NodePath
		ContactPath
	}
	customerContactNew struct {
		CustomerPath
		Body AlertContactSettings
	}
	nodeContactNew struct {
		NodePath
		Body AlertContactSettings
	}
	customerContactPut struct {
		CustomerPath
		ContactPath
		Body AlertContactSettings
	}
	nodeContactPut struct {
		NodePath
		ContactPath
		Body AlertContactSettings
	}
	customerAlertSettings struct {
		CustomerPath
		Body AlertSettings
	}
	nodeAlertSettings struct {
		NodePath
		Body AlertSettings
	}
)

func (s *Server) alertContactRoutes() {
	const c, n, one = "/api/v1/customers/{customer}", "/api/v1/nodes/{node}", "/alert-contacts/{contact}"
	read, manage, nodeRead, nodeManage := inCustomer(access.AlertRead), inCustomer(access.AlertManage), onNode(access.AlertRead), onNode(access.AlertManage)
	add(s, route{gate: read, method: get, path: c + "/alert-setup", id: "alertSetup", summary: "Who is told of which alerts, and whose they are"}, func(ctx context.Context, v *visit, _ *CustomerPath) (*body[AlertSetup], error) {
		return s.alertSetup(ctx, v)
	})
	add(s, route{gate: nodeRead, method: get, path: n + "/alert-setup", id: "nodeAlertSetup", summary: "Who is told of which alerts, and whose they are"}, func(ctx context.Context, v *visit, _ *NodePath) (*body[AlertSetup], error) {
		return s.alertSetup(ctx, v)
	})
	add(s, route{gate: manage, method: put, path: c + "/alert-settings", id: "setAlertSettings", summary: "Choose whose alerts are, and the days on which nothing is expected"}, func(ctx context.Context, v *visit, in *customerAlertSettings) (*body[AlertSetup], error) {
		return s.setAlertSettings(ctx, v, in.Body)
	})
	add(s, route{gate: nodeManage, method: put, path: n + "/alert-settings", id: "setNodeAlertSettings", summary: "Choose whose alerts are"}, func(ctx context.Context, v *visit, in *nodeAlertSettings) (*body[AlertSetup], error) {
		return s.setAlertSettings(ctx, v, in.Body)
	})
	add(s, route{gate: manage, method: post, path: c + "/alert-contacts", id: "addAlertContact", summary: "Tell somebody of alerts", status: 201}, func(ctx context.Context, v *visit, in *customerContactNew) (*body[AlertContact], error) {
		return s.putContact(ctx, v, "", in.Body)
	})
	add(s, route{gate: nodeManage, method: post, path: n + "/alert-contacts", id: "addNodeAlertContact", summary: "Tell somebody of alerts", status: 201}, func(ctx context.Context, v *visit, in *nodeContactNew) (*body[AlertContact], error) {
		return s.putContact(ctx, v, "", in.Body)
	})
	add(s, route{gate: manage, method: put, path: c + one, id: "changeAlertContact", summary: "Change of what somebody is told, and when"}, func(ctx context.Context, v *visit, in *customerContactPut) (*body[AlertContact], error) {
		return s.putContact(ctx, v, in.Contact, in.Body)
	})
	add(s, route{gate: nodeManage, method: put, path: n + one, id: "changeNodeAlertContact", summary: "Change of what somebody is told, and when"}, func(ctx context.Context, v *visit, in *nodeContactPut) (*body[AlertContact], error) {
		return s.putContact(ctx, v, in.Contact, in.Body)
	})
	add(s, route{gate: manage, method: del, path: c + one, id: "removeAlertContact", summary: "Tell somebody no more", status: 204}, func(ctx context.Context, v *visit, in *customerContact) (*none, error) {
		return nil, s.contactDo(ctx, v, in.Contact, s.removeContact)
	})
	add(s, route{gate: nodeManage, method: del, path: n + one, id: "removeNodeAlertContact", summary: "Tell somebody no more", status: 204}, func(ctx context.Context, v *visit, in *nodeContact) (*none, error) {
		return nil, s.contactDo(ctx, v, in.Contact, s.removeContact)
	})
	add(s, route{gate: manage, method: post, path: c + one + "/test", id: "testAlertContact", summary: "Mail a contact now, to see that it arrives", status: 204}, func(ctx context.Context, v *visit, in *customerContact) (*none, error) {
		return nil, s.contactDo(ctx, v, in.Contact, s.testContact)
	})
	add(s, route{gate: nodeManage, method: post, path: n + one + "/test", id: "testNodeAlertContact", summary: "Mail a contact now, to see that it arrives", status: 204}, func(ctx context.Context, v *visit, in *nodeContact) (*none, error) {
		return nil, s.contactDo(ctx, v, in.Contact, s.testContact)
	})
}

func (s *Server) alertSetup(ctx context.Context, v *visit) (*body[AlertSetup], error) {
	w, err := v.watched()
	if err != nil {
		return nil, err
	}
	out := AlertSetup{Contacts: []AlertContact{}, Settings: AlertSettings{Owners: map[string]string{}, ClosedDays: []string{}}}
	contacts, err := s.deps.Monitor.Contacts(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, c := range contacts {
		out.Contacts = append(out.Contacts, showContact(c))
	}
	set, err := s.deps.Monitor.Settings(ctx, w)
	if err != nil {
		return nil, err
	}
	for k, p := range set.Owners {
		out.Settings.Owners[string(k)] = p.String()
	}
	out.Settings.ClosedDays = append(out.Settings.ClosedDays, set.ClosedDays...)
	for _, r := range monitor.Rules {
		out.Kinds = append(out.Kinds, AlertKind{string(r.Kind), r.Title, string(r.Severity), r.Todo})
	}
	return answer(out), nil
}

func showContact(c monitor.Contact) AlertContact {
	out := AlertContact{ID: c.ID.String(), MailedAt: when(c.MailedAt), FailedAt: when(c.FailedAt), Failure: c.Failure, AlertContactSettings: AlertContactSettings{
		Name: c.Name, Email: c.Email, Kinds: texts(c.Kinds), UrgentOnly: c.UrgentOnly, Below: c.Below, After: int(c.After / time.Minute),
		QuietFrom: clockTime(c.QuietFrom), QuietTo: clockTime(c.QuietTo), TimeZone: c.Zone,
	}}
	if !c.Person.IsZero() {
		out.PersonID = c.Person.String()
	}
	return out
}

func clockTime(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

func minuteOf(s string) int {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return -1 // the pattern has refused it before
	}
	return t.Hour()*60 + t.Minute()
}

func (s *Server) putContact(ctx context.Context, v *visit, text string, in AlertContactSettings) (*body[AlertContact], error) {
	w, err := v.watched()
	if err != nil {
		return nil, err
	}
	c := monitor.Contact{
		Name: in.Name, Email: in.Email, UrgentOnly: in.UrgentOnly, Below: in.Below, After: time.Duration(in.After) * time.Minute,
		QuietFrom: minuteOf(in.QuietFrom), QuietTo: minuteOf(in.QuietTo), Zone: in.TimeZone,
	}
	for _, k := range in.Kinds {
		c.Kinds = append(c.Kinds, monitor.Kind(k))
	}
	if in.PersonID != "" {
		if c.Person, err = id.Parse[id.Person](in.PersonID); err != nil {
			return nil, fault.Field("person_id", "there is no such person")
		}
	}
	if text == "" {
		c, err = s.deps.Monitor.AddContact(ctx, w, v.who, c)
	} else if c.ID, err = id.Parse[id.Contact](text); err != nil {
		return nil, errNothing
	} else {
		c, err = s.deps.Monitor.ChangeContact(ctx, w, v.who, c)
	}
	if err != nil {
		return nil, err
	}
	return answer(showContact(c)), nil
}

func (s *Server) contactDo(ctx context.Context, v *visit, text string, do func(context.Context, monitor.Where, *visit, id.Contact) error) error {
	w, err := v.watched()
	if err != nil {
		return err
	}
	i, err := id.Parse[id.Contact](text)
	if err != nil {
		return errNothing
	}
	return do(ctx, w, v, i)
}

func (s *Server) removeContact(ctx context.Context, w monitor.Where, v *visit, i id.Contact) error {
	return s.deps.Monitor.RemoveContact(ctx, w, v.who, i)
}

func (s *Server) testContact(ctx context.Context, w monitor.Where, v *visit, i id.Contact) error {
	return s.deps.Monitor.TestContact(ctx, w, v.who, i)
}

func (s *Server) setAlertSettings(ctx context.Context, v *visit, in AlertSettings) (*body[AlertSetup], error) {
	w, err := v.watched()
	if err != nil {
		return nil, err
	}
	set := monitor.Settings{Owners: map[monitor.Kind]id.Person{}, ClosedDays: in.ClosedDays}
	for k, text := range in.Owners {
		p, err := id.Parse[id.Person](text)
		if err != nil {
			return nil, fault.Field("owners."+k, "there is no such person")
		}
		set.Owners[monitor.Kind(k)] = p
	}
	if err := s.deps.Monitor.SetSettings(ctx, w, v.who, set); err != nil {
		return nil, err
	}
	return s.alertSetup(ctx, v)
}
