package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Undone is something that was done for a person, or about a breach, after the
// moment that a place was put back to. It says what, not about whom.
type Undone struct {
	At      time.Time `json:"at"`
	Code    string    `json:"code"`
	Subject string    `json:"subject"`
}

func (u Undone) String() string {
	return fmt.Sprintf("undone by this restore, to be done again: %s of %s, on %s", u.Code, u.Subject, u.At.Format(time.RFC3339))
}

// owed are the acts that somebody has a right to: one that a restore takes back is
// named. What was destroyed, emptied or erased is not among them: it stays so.
var owed = []string{
	"request.opened", "request.identified", "request.decided", "request.extended", "request.restricted", "request.unrestricted",
	"request.objected", "request.ended", "call.corrected", "breach.opened", "breach.changed", "breach.closed",
}

// mostTold is how many of them a report names one by one.
const mostTold = 100

type acted struct {
	ID      id.Event `db:"id"`
	At      int64    `db:"at"`
	Code    string   `db:"code"`
	Subject string   `db:"subject"`
}

func (a acted) undone() Undone { return Undone{time.UnixMilli(a.At).UTC(), a.Code, a.Subject} }

// actsOf are the acts that stand in a place's journal.
func actsOf(ctx context.Context, p *place.Place) (all []acted, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = place.Rows[acted](tx, `SELECT id, at, code, subject FROM events WHERE code IN (?) ORDER BY pos`, place.List(owed))
		return err
	})
	return all, err
}

// lacks are the acts of the place that was replaced that are not in the restored one.
func lacks(ctx context.Context, restored *place.Place, was []acted) (all []Undone, err error) {
	have, err := actsOf(ctx, restored)
	if err != nil {
		return nil, err
	}
	there := map[id.Event]bool{}
	for _, a := range have {
		there[a.ID] = true
	}
	for _, a := range was {
		if !there[a.ID] {
			all = append(all, a.undone())
		}
	}
	return all, nil
}

// undone reads from the log which acts come after the moment that a place is put
// back to; nothing where it comes back as late as can be.
func (s Source) undone(ctx context.Context, p Plan, w Want, c id.Customer) (all []Undone, err error) {
	i := slices.IndexFunc(p.origins, func(o origin) bool { return o.customer == c })
	if i < 0 || w.At.IsZero() && w.Point.IsZero() {
		return nil, nil
	}
	o, cut := p.origins[i], w.At
	if cut.IsZero() {
		cut = o.part.At
	}
	branches, err := s.branches(ctx, c)
	for _, b := range branches {
		if err != nil {
			return nil, err
		}
		for e, err := range s.entries(ctx, c, b.id, -1) {
			if err != nil {
				return nil, err
			}
			if !e.At.After(cut) {
				continue
			}
			events, err := e.Events()
			if err != nil {
				return nil, err
			}
			for _, l := range events {
				if slices.Contains(owed, l.Code) {
					all = append(all, Undone{l.At, l.Code, l.Subject})
				}
			}
		}
	}
	return all, err
}

// remarks are the lines of a report.
func remarks(all []Undone) (lines []string) {
	for _, u := range all[:min(len(all), mostTold)] {
		lines = append(lines, u.String())
	}
	if n := len(all) - mostTold; n > 0 {
		lines = append(lines, fmt.Sprintf("undone by this restore besides: %d more of what was done for persons or about breaches", n))
	}
	return lines
}
