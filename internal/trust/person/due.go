package person

import (
	"context"
	"fmt"
	"time"

	"ringfence/internal/platform/place"
)

// remindBefore is how long before the law's day those who handle requests are reminded.
const remindBefore = 7 * 24 * time.Hour

// Reminder is a request whose answer is nearly due, or late. It holds nothing personal.
type Reminder struct {
	Case  Case
	Late  bool
	Text  string
	Since time.Time
}

// Remind gives what is due within a week, or late, and when to look again.
func (s *Service) Remind(ctx context.Context, p *place.Place, at time.Time) (all []Reminder, again time.Time, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[caseRow](tx, caseColumns+` WHERE ended_at = 0 ORDER BY due_at`)
		for _, r := range rows {
			due := instant(r.Due)
			first := due.Add(-remindBefore)
			if at.Before(first) {
				if again.IsZero() || first.Before(again) {
					again = first
				}
				continue
			}
			m := Reminder{Case: Case{ID: r.ID, Right: Right(r.Right), State: State(r.State), DueAt: due}, Late: !at.Before(due), Since: first}
			m.Text = fmt.Sprintf("a person's request for %s is to be answered before %s", titleOf(m.Case.Right), due.Format("2 January 2006 15:04 UTC"))
			if m.Late {
				m.Text = fmt.Sprintf("a person's request for %s was to be answered before %s, and is not", titleOf(m.Case.Right), due.Format("2 January 2006 15:04 UTC"))
			} else if again.IsZero() || due.Before(again) {
				again = due
			}
			all = append(all, m)
		}
		return err
	})
	return all, again, err
}

// late reports whether an ended case was answered after its time.
func (c Case) late() bool { return c.EndedAt.After(c.DueAt) }

func articleOf(r Right) int {
	for _, known := range Rights {
		if known.Right == r {
			return known.Article
		}
	}
	return 0
}

func titleOf(r Right) string {
	for _, known := range Rights {
		if known.Right == r {
			return known.Title
		}
	}
	return string(r)
}
