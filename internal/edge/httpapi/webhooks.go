package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/tenancy/access"
)

// Webhook is an endpoint of another system that is told what happens.
type Webhook struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	URL          string     `json:"url"`
	Events       []string   `json:"events"`
	Purpose      string     `json:"purpose"`
	Region       string     `json:"region"`
	State        string     `json:"state" enum:"active,paused,disabled" doc:"disabled: switched off by Ringfence; reason says why"`
	Reason       string     `json:"reason"`
	TwoSecrets   *time.Time `json:"two_secrets_until" doc:"Until when the secret before the present one counts too"`
	CreatedAt    time.Time  `json:"created_at"`
	FailingSince *time.Time `json:"failing_since"`
	TriedAt      *time.Time `json:"tried_at"`
	DeliveredAt  *time.Time `json:"delivered_at"`
	LastAnswer   string     `json:"last_answer"`
	Waiting      int64      `json:"waiting" doc:"Messages that are still being tried"`
	Dead         int64      `json:"dead" doc:"Messages that were given up"`
}

// NewWebhook is a webhook with its secret, which is shown this once.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"whsec_…: what the receiver verifies signatures with"`
}

// WebhookDraft is a webhook as somebody wants it.
type WebhookDraft struct {
	Name    string   `json:"name" minLength:"1" maxLength:"100"`
	URL     string   `json:"url" minLength:"1" maxLength:"2000" doc:"https; kept sealed, as it may hold a key of the receiver's"`
	Events  []string `json:"events" minItems:"1" maxItems:"20" doc:"recording.captured, recording.transcribed, recording.missing, recording.destroyed, alert.raised, alert.ended, checkpoint.signed"`
	Purpose string   `json:"purpose" minLength:"1" maxLength:"200" doc:"Why the receiver is told; recorded with each message that leaves"`
	Region  string   `json:"region" minLength:"1" maxLength:"100" doc:"Where the receiver stands; recorded too"`
	Paused  bool     `json:"paused,omitempty"`
}

func (d WebhookDraft) draft() webhook.Draft {
	out := webhook.Draft{Name: d.Name, URL: d.URL, Purpose: d.Purpose, Region: d.Region, Paused: d.Paused}
	for _, e := range d.Events {
		out.Events = append(out.Events, webhook.Kind(e))
	}
	return out
}

// WebhookDelivery is one message to one webhook and what became of it.
type WebhookDelivery struct {
	ID       string     `json:"id" doc:"The header webhook-id: the same each time it is sent"`
	Event    string     `json:"event"`
	Subject  string     `json:"subject" doc:"Id of what it is about"`
	At       time.Time  `json:"at"`
	State    string     `json:"state" enum:"waiting,delivered,dead"`
	Attempts int        `json:"attempts"`
	NextAt   *time.Time `json:"next_at" doc:"While it waits: when it is tried next"`
	TriedAt  *time.Time `json:"tried_at"`
	Status   int        `json:"status" doc:"Of the last answer; 0: there was none"`
	Answer   string     `json:"answer" doc:"The last answer in words; never what the receiver wrote"`
}

// WebhookDeliveryPage is one page of a webhook's deliveries.
type WebhookDeliveryPage struct {
	Items      []WebhookDelivery `json:"items"`
	NextCursor string            `json:"next_cursor"`
}

type WebhookPath struct {
	CustomerPath
	Webhook string `path:"webhook"`
}

type createWebhookInput struct {
	CustomerPath
	Creating
	Body WebhookDraft
}

type setWebhookInput struct {
	WebhookPath
	Body WebhookDraft
}

type rotateWebhookInput struct {
	WebhookPath
	Body struct {
		OverlapHours int `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" doc:"How long the secret so far counts too; 0: it ends at once"`
	}
}

type deliveriesInput struct {
	WebhookPath
	State  string `query:"state" enum:"waiting,delivered,dead" required:"false"`
	Cursor string `query:"cursor" maxLength:"60"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type replayWebhookInput struct {
	WebhookPath
	Body struct {
		Message string     `json:"message,omitempty" maxLength:"60" doc:"One message"`
		Since   *time.Time `json:"since,omitempty" doc:"All that this webhook wants since then, also what came while it was off; messages are kept for 30 days"`
		Failed  bool       `json:"failed,omitempty" doc:"All that were given up"`
	}
}

// WebhookReplay says how many messages wait to be sent again.
type WebhookReplay struct {
	Messages int64 `json:"messages"`
}

// WebhookTest names the test message.
type WebhookTest struct {
	Message string `json:"message"`
}

func (s *Server) webhookRoutes() {
	const base = "/api/v1/customers/{customer}/webhooks"
	const one = base + "/{webhook}"
	may := inCustomer(access.WebhookManage)
	add(s, route{gate: may, method: get, path: base, id: "listWebhooks", summary: "Other systems that are told what happens"}, s.listWebhooks)
	add(s, route{gate: may, fresh: true, method: post, path: base, id: "createWebhook", summary: "Have another system told; gives the secret it verifies messages with", status: 201, creates: true}, s.createWebhook)
	add(s, route{gate: may, method: get, path: one, id: "getWebhook", summary: "One webhook"}, s.getWebhook)
	add(s, route{gate: may, fresh: true, method: put, path: one, id: "setWebhook", summary: "Change, pause or switch on a webhook; its secret stays"}, s.setWebhook)
	add(s, route{gate: may, method: del, path: one, id: "removeWebhook", summary: "End a webhook", status: 204}, s.removeWebhook)
	add(s, route{gate: may, fresh: true, method: post, path: one + "/secret", id: "rotateWebhookSecret", summary: "Give a webhook a new secret; the one before counts on for a while"}, s.rotateWebhookSecret)
	add(s, route{gate: may, method: post, path: one + "/test", id: "testWebhook", summary: "Send a test message", status: 202}, s.testWebhook)
	add(s, route{gate: may, method: get, path: one + "/deliveries", id: "listWebhookDeliveries", summary: "Messages and what became of them, newest first"}, s.listWebhookDeliveries)
	add(s, route{gate: may, method: post, path: one + "/replay", id: "replayWebhook", summary: "Send messages again: one, all since a time, or all that failed", status: 202}, s.replayWebhook)
}

func showWebhook(e webhook.Endpoint) Webhook {
	out := Webhook{
		ID: e.ID.String(), Name: e.Name, URL: e.URL, Events: []string{}, Purpose: e.Purpose, Region: e.Region, State: string(e.State), Reason: e.Reason,
		TwoSecrets: when(e.TwoUntil), CreatedAt: e.CreatedAt, FailingSince: when(e.FailingSince), TriedAt: when(e.TriedAt),
		DeliveredAt: when(e.DeliveredAt), LastAnswer: e.Answer, Waiting: e.Waiting, Dead: e.Dead,
	}
	for _, k := range e.Events {
		out.Events = append(out.Events, string(k))
	}
	return out
}

func (s *Server) listWebhooks(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Webhook]], error) {
	list, err := s.deps.Webhooks.Endpoints(ctx, v.place)
	var out []Webhook
	for _, e := range list {
		out = append(out, showWebhook(e))
	}
	return listed(out), err
}

func (s *Server) createWebhook(ctx context.Context, v *visit, in *createWebhookInput) (*body[NewWebhook], error) {
	e, text, err := s.deps.Webhooks.Add(ctx, v.place, v.who, in.Body.draft())
	if err != nil {
		return nil, err
	}
	return answer(NewWebhook{showWebhook(e), text.Reveal()}), nil
}

func (s *Server) getWebhook(ctx context.Context, v *visit, in *WebhookPath) (*body[Webhook], error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	e, err := s.deps.Webhooks.Endpoint(ctx, v.place, w)
	return answer(showWebhook(e)), err
}

func (s *Server) setWebhook(ctx context.Context, v *visit, in *setWebhookInput) (*body[Webhook], error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	e, err := s.deps.Webhooks.Set(ctx, v.place, v.who, w, in.Body.draft())
	return answer(showWebhook(e)), err
}

func (s *Server) removeWebhook(ctx context.Context, v *visit, in *WebhookPath) (*none, error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Webhooks.Remove(ctx, v.place, v.who, w)
}

func (s *Server) rotateWebhookSecret(ctx context.Context, v *visit, in *rotateWebhookInput) (*body[NewWebhook], error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	e, text, err := s.deps.Webhooks.Rotate(ctx, v.place, v.who, w, time.Duration(in.Body.OverlapHours)*time.Hour)
	if err != nil {
		return nil, err
	}
	return answer(NewWebhook{showWebhook(e), text.Reveal()}), nil
}

func (s *Server) testWebhook(ctx context.Context, v *visit, in *WebhookPath) (*body[WebhookTest], error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	m, err := s.deps.Webhooks.Try(ctx, v.place, v.who, w)
	return answer(WebhookTest{m.String()}), err
}

func (s *Server) listWebhookDeliveries(ctx context.Context, v *visit, in *deliveriesInput) (*linked[WebhookDeliveryPage], error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	page, err := s.deps.Webhooks.Deliveries(ctx, v.place, w, in.State, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &linked[WebhookDeliveryPage]{Body: WebhookDeliveryPage{Items: []WebhookDelivery{}, NextCursor: page.Next}}
	if page.Next != "" {
		out.Link = nextLink(v, page.Next)
	}
	for _, d := range page.Items {
		out.Body.Items = append(out.Body.Items, WebhookDelivery{
			d.Message.String(), string(d.Kind), d.Subject, d.At, d.State, d.Attempts, when(d.DueAt), when(d.TriedAt), d.Status, d.Answer,
		})
	}
	return out, nil
}

func (s *Server) replayWebhook(ctx context.Context, v *visit, in *replayWebhookInput) (*body[WebhookReplay], error) {
	w, err := id.Parse[id.Webhook](in.Webhook)
	if err != nil {
		return nil, errNothing
	}
	which, given := webhook.Which{Dead: in.Body.Failed}, 0
	if in.Body.Message != "" {
		if which.Message, err = id.Parse[id.Message](in.Body.Message); err != nil {
			return nil, fault.Field("message", "this is no id of a message")
		}
		given++
	}
	if in.Body.Since != nil {
		which.Since = *in.Body.Since
		given++
	}
	if in.Body.Failed {
		given++
	}
	if given != 1 {
		// A webhook that is not theirs answers as if it were not there, before what is wrong with the request.
		if _, err := s.deps.Webhooks.Endpoint(ctx, v.place, w); err != nil {
			return nil, err
		}
		return nil, fault.Field("message", "give one of message, since and failed")
	}
	n, err := s.deps.Webhooks.Replay(ctx, v.place, v.who, w, which)
	return answer(WebhookReplay{n}), err
}
