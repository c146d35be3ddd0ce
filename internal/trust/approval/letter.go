package approval

import (
	"context"
	"fmt"
	"log/slog"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Job tells those who may decide, by mail. It is enqueued with the request.
const Job = "approval-letter"

type letterArgs struct {
	Approval id.Approval `json:"approval"`
}

// Kind is how the job is run.
func (s *Service) Kind() job.Kind { return job.Kind{Run: s.tell, Attempts: 5} }

// tell writes to those who may decide, except to who asked. The request stands
// whether or not the mail goes out. The mail names no count and no reason: what
// is asked for is read in the portal, after a sign-in.
func (s *Service) tell(ctx context.Context, p *place.Place, j job.Job) error {
	var args letterArgs
	if err := j.Decode(&args); err != nil {
		return err
	}
	var a Approval
	var to []Decider
	err := p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, columns+` WHERE id = ?`, args.Approval)
		if err != nil {
			return err
		}
		if a, err = s.show(tx, r); err == nil && a.State == Waiting {
			to, err = s.o.Deciders(tx, a.Act)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c := p.Customer()
	l := mail.Letter{
		Subject: "Something waits for a second person",
		Paragraphs: []string{
			"Somebody has asked to " + a.Title + ". It is not done before a second person has said yes.",
			"The request ends by itself on " + a.Until.Format("2 January 2006, 15:04 MST") + ".",
		},
		Action: mail.Action{Label: "Look at it", URL: fmt.Sprintf("%s/c/%s/approvals", s.o.URL(), c)},
	}
	if a.Alone {
		l.Paragraphs = []string{
			"Somebody has asked to " + a.Title + ". A second person can say yes at once; otherwise it takes effect on " +
				a.NotBefore.Format("2 January 2006, 15:04 MST") + ", unless it is refused before.",
		}
	}
	brand := s.o.Brand(ctx, c)
	for _, d := range to {
		if d.Person.String() == a.AskedBy {
			continue
		}
		if err := s.o.Mail.Send(ctx, l.Message(brand, d.Email, a.AskedAt)); err != nil {
			s.o.Log.LogAttrs(ctx, slog.LevelWarn, "somebody who may approve was not told", slog.String("customer", c.String()), slog.String("cause", err.Error()))
		}
	}
	return nil
}
