package review

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// occasion is why a mail about a review is written.
type occasion int

const (
	asked     occasion = iota // it was opened
	reminded                  // a week has passed, or two days are left
	overdue                   // it was due
	escalated                 // to the level above
)

// reminders are how long after the opening reviewers are told again.
var reminders = []time.Duration{7 * 24 * time.Hour, 12 * 24 * time.Hour, dueAfter}

// press reminds of an open review, and does at its end what the rule says.
func (s *Service) press(ctx context.Context, w Where, r reviewRow, now time.Time) error {
	stage := 0
	for _, after := range reminders {
		if now.Sub(instant(r.OpenedAt)) >= after {
			stage++
		}
	}
	due := !now.Before(instant(r.DueAt))
	if stage > r.Reminded && r.Decided < r.Total {
		if err := s.mark(ctx, w, r, stage); err != nil {
			return err
		}
		what := reminded
		if due {
			what = overdue
		}
		s.tell(ctx, w, r.review(), what)
	}
	if !due || r.Decided == r.Total || r.EscalatedAt > 0 {
		return nil
	}
	return s.end(ctx, w, r)
}

func (s *Service) mark(ctx context.Context, w Where, r reviewRow, stage int) error {
	return w.Place.Change(ctx, actor.ForSystem("review"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "review.reminded", Subject: r.ID.String(), Facts: map[string]string{"undecided": fmt.Sprint(r.Total - r.Decided)}})
		_, err := tx.Exec(`UPDATE reviews SET reminded = ? WHERE id = ?`, stage, r.ID)
		return err
	})
}

// end is the due date of a review with undecided lines: they are suspended where
// the rule says so, the last administrator never. What is left is told to the
// level above.
func (s *Service) end(ctx context.Context, w Where, r reviewRow) error {
	who := actor.ForSystem("review")
	left := r.Total - r.Decided
	if r.Suspend {
		_, lines, err := s.Read(ctx, w, r.ID)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l.Decision != "" {
				continue
			}
			// One by one: the last administrator must not keep the others' access.
			err := s.suspend(ctx, w, who, l)
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil {
				left--
			}
		}
	}
	if left > 0 {
		err := w.Place.Change(ctx, who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "review.escalated", Subject: r.ID.String(), Facts: map[string]string{"undecided": fmt.Sprint(left)}})
			tx.Notify("reviews")
			_, err := tx.Exec(`UPDATE reviews SET escalated_at = ? WHERE id = ?`, s.o.Now().UnixMilli(), r.ID)
			return err
		})
		if err != nil {
			return err
		}
		s.tell(ctx, w, r.review(), escalated)
		return nil
	}
	return s.close(ctx, w, who, r.ID, true)
}

func (s *Service) suspend(ctx context.Context, w Where, who actor.Actor, l Line) error {
	err := w.Place.Change(ctx, who, func(tx *place.Tx) (err error) {
		if w.customer() {
			_, err = identity.SuspendIn(tx, l.Person)
		} else {
			err = identity.SetNodeRolesIn(tx, w.Node, l.Person, nil)
		}
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "review.line-suspended", Subject: l.Person.String(), Facts: map[string]string{"line": l.ID.String()}})
		tx.Notify("reviews")
		_, err = tx.Exec(`UPDATE review_lines SET decision = ?, decided_at = ? WHERE id = ?`, string(Suspended), s.o.Now().UnixMilli(), l.ID)
		return err
	})
	if err == nil && !w.customer() {
		err = s.o.People.StopHelping(ctx, l.Person)
	}
	return err
}

// tell writes to those whose turn it is. The review stands whether or not the
// mails go out.
func (s *Service) tell(ctx context.Context, w Where, r Review, what occasion) {
	to, name, err := s.addressees(ctx, w, what)
	if err == nil {
		for _, l := range to {
			err = errors.Join(err, s.o.Mail.Send(ctx, s.letter(w, r, name, what).Message(s.o.Brand(ctx, w.Node), l.Email, s.o.Now())))
		}
	}
	if err != nil {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "an access review was not told to everybody", slog.String("node", w.Node.String()), slog.String("cause", err.Error()))
	}
}

// addressees are the administrators of the node, or of the nearest level above
// that has any.
func (s *Service) addressees(ctx context.Context, w Where, what occasion) (to []Line, name string, err error) {
	node, err := s.o.Tree.Node(ctx, w.Node)
	if err != nil {
		return nil, "", err
	}
	if what != escalated {
		err = w.Place.View(ctx, func(tx *place.Tx) error {
			to, err = administrators(tx, w)
			return err
		})
	}
	if err != nil || len(to) > 0 {
		return to, node.Name, err
	}
	registry := s.o.Store.Registry()
	err = registry.View(ctx, func(tx *place.Tx) error {
		above, err := org.Above(tx, w.Node)
		if err != nil {
			return err
		}
		if len(above) == 0 {
			above = []id.Node{w.Node} // nobody is above the provider
		}
		for _, n := range above {
			if to, err = administrators(tx, Where{registry, n}); err != nil || len(to) > 0 {
				return err
			}
		}
		return nil
	})
	return to, node.Name, err
}

func (s *Service) letter(w Where, r Review, name string, what occasion) mail.Letter {
	page := s.o.URL() + "/n/" + w.Node.String() + "/reviews/" + r.ID.String()
	if w.customer() {
		page = s.o.URL() + "/c/" + w.Node.String() + "/reviews/" + r.ID.String()
	}
	l := mail.Letter{Action: mail.Action{Label: "Review the roles", URL: page}}
	due := r.DueAt.Format("2 January 2006")
	switch what {
	case asked:
		l.Subject = "Please review who has access to " + name
		l.Paragraphs = []string{
			fmt.Sprintf("It is time to look at who holds which roles at %s: %d people, %d of them have not used their access for 45 days or more.", name, r.Total, r.Unused),
			"Decide line by line until " + due + ": keep, change or remove.",
		}
	case reminded:
		l.Subject = fmt.Sprintf("%d decisions are open in the access review of %s", r.Total-r.Decided, name)
		l.Paragraphs = []string{"The review is due on " + due + "."}
	case overdue:
		l.Subject = "The access review of " + name + " is due"
		l.Paragraphs = []string{fmt.Sprintf("%d people still wait for a decision.", r.Total-r.Decided)}
	case escalated:
		l.Subject = "The access review of " + name + " was not finished in time"
		l.Paragraphs = []string{
			"The administrators of " + name + " have not decided on everybody, and somebody has to: the last administrator is never suspended by itself.",
			"Please make sure that the review is finished.",
		}
		l.Action = mail.Action{}
	}
	if r.Suspend && (what == asked || what == reminded) {
		l.Paragraphs = append(l.Paragraphs, "Whoever is undecided then is suspended until an administrator gives the access back.")
	}
	return l
}
