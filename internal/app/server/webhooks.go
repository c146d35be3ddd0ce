package server

import (
	"context"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/trust/monitor"
)

// buildWebhooks makes what tells other systems. Receivers are other people's: a
// runner of their own, so that a slow one keeps no other work waiting.
func (s *Server) buildWebhooks(out *egress.Client) {
	s.webhooks = webhook.New(webhook.Options{Egress: out, Log: s.log, Failing: s.webhookFails, Mended: s.webhookMended, Sent: func(k webhook.Kind, outcome string, took time.Duration) {
		s.metrics.Webhook(string(k), outcome, took)
	}})
	s.notices = job.NewRunner(s.Places, map[string]job.Kind{webhook.JobDeliver: s.webhooks.Kind()}, s.runnerOptions(64))
}

// webhookFails raises the alert; it is urgent once nothing is tried any more.
func (s *Server) webhookFails(ctx context.Context, p *place.Place, t webhook.Trouble) {
	err := s.monitor.Report(ctx, monitor.In(p), monitor.Condition{
		Kind: monitor.WebhookFailing, Subject: t.Endpoint.String(), Since: t.Since, Urgent: t.Disabled, Facts: map[string]string{"text": t.Reason},
	})
	if err != nil {
		s.log.ErrorContext(ctx, "a webhook's trouble was not told", "customer", p.Customer(), "webhook", t.Endpoint, "cause", err)
	}
}

func (s *Server) webhookMended(ctx context.Context, p *place.Place, w id.Webhook) {
	if err := s.monitor.Clear(ctx, monitor.In(p), monitor.WebhookFailing, w.String()); err != nil {
		s.log.ErrorContext(ctx, "the end of a webhook's trouble was not told", "customer", p.Customer(), "webhook", w, "cause", err)
	}
}

// What other systems are told of recordings. Ids, times and figures: whoever
// wants to know more asks the API, which asks who they are.

type capturedNotice struct {
	Customer  id.Customer  `json:"customer"`
	Recording id.Recording `json:"recording"`
	Source    id.Source    `json:"source"`
	StartedAt time.Time    `json:"started_at"`
	Seconds   float64      `json:"seconds"`
	Replaced  bool         `json:"replaced"`
}

func tellCaptured(tx *place.Tx, c recording.Captured) error {
	return webhook.Enqueue(tx, webhook.RecordingCaptured, c.Recording.String(), capturedNotice{
		tx.Place().Customer(), c.Recording, c.Source, c.StartedAt, recording.Seconds(c.Length), c.Replaced,
	})
}

type transcribedNotice struct {
	Customer  id.Customer  `json:"customer"`
	Recording id.Recording `json:"recording"`
	Language  string       `json:"language"`
}

func tellTranscribed(tx *place.Tx, rec id.Recording, language string) error {
	return webhook.Enqueue(tx, webhook.RecordingTranscribed, rec.String(), transcribedNotice{tx.Place().Customer(), rec, language})
}

type destroyedNotice struct {
	Customer  id.Customer  `json:"customer"`
	Recording id.Recording `json:"recording"`
	Reason    string       `json:"reason"`
}

func tellDestroyed(tx *place.Tx, rec id.Recording, reason string) error {
	return webhook.Enqueue(tx, webhook.RecordingDestroyed, rec.String(), destroyedNotice{tx.Place().Customer(), rec, reason})
}
