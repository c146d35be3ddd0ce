package recording

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Retention is how long recordings are kept, counted from the call's start.
type Retention struct {
	Chosen   bool
	Days     int // 0: for ever
	ChosenAt time.Time
	ChosenBy string // text form of the actor's id
}

// maxRetention is a hundred years: beyond it somebody means "for ever".
const maxRetention = 36_525

// Retention is what the customer has chosen; nothing is captured before.
func (s *Service) Retention(ctx context.Context, p *place.Place) (r Retention, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err = chosen(tx)
		if fault.Is(err, fault.Conflict) {
			return nil
		}
		return err
	})
	return r, err
}

// SetRetention chooses how many days recordings are kept; 0 is for ever. A
// shorter time than before reaches what is there already, at the next Sweep.
func (s *Service) SetRetention(ctx context.Context, p *place.Place, who actor.Actor, days int) error {
	if days < 0 || days > maxRetention {
		return fault.Field("days", "must be between 1 and %d, or null to keep recordings for ever", maxRetention)
	}
	return p.Change(ctx, who, func(tx *place.Tx) error { return SetRetentionIn(tx, who.ID, days) })
}

// SetRetentionIn is SetRetention within a Change, for days that were checked.
func SetRetentionIn(tx *place.Tx, by string, days int) error {
	old, err := chosen(tx)
	if err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	var stored *int
	if days > 0 {
		stored = &days
	}
	tx.Record(place.Event{Code: "retention.set", Facts: map[string]string{"days": daysText(true, days), "before": daysText(old.Chosen, old.Days)}})
	tx.Notify("retention")
	_, err = tx.Exec(`INSERT INTO retention (one, days, chosen_at, chosen_by) VALUES (1, ?, ?, ?)
		ON CONFLICT (one) DO UPDATE SET days = excluded.days, chosen_at = excluded.chosen_at, chosen_by = excluded.chosen_by`,
		stored, millis(tx.At()), by)
	return err
}

// RetentionIn is Retention within a transaction.
func RetentionIn(tx *place.Tx) (Retention, error) {
	r, err := chosen(tx)
	if fault.Is(err, fault.Conflict) {
		err = nil
	}
	return r, err
}

func daysText(chosen bool, days int) string {
	switch {
	case !chosen:
		return "not chosen"
	case days == 0:
		return "for ever"
	default:
		return strconv.Itoa(days)
	}
}

// chosen reads the retention, or is fault.Conflict while there is none.
func chosen(tx *place.Tx) (Retention, error) {
	type row struct {
		Days *int   `db:"days"`
		At   int64  `db:"chosen_at"`
		By   string `db:"chosen_by"`
	}
	r, err := place.Row[row](tx, `SELECT days, chosen_at, chosen_by FROM retention`)
	if fault.Is(err, fault.NotFound) {
		return Retention{}, fault.New(fault.Conflict, "nothing is captured before it is chosen how long recordings are kept: settings, retention")
	}
	if err != nil {
		return Retention{}, err
	}
	out := Retention{Chosen: true, ChosenAt: fromMillis(r.At), ChosenBy: r.By}
	if r.Days != nil {
		out.Days = *r.Days
	}
	return out, nil
}

// retentionDays is nil when recordings are kept for ever, or nothing is chosen.
func retentionDays(tx *place.Tx) (*int64, error) {
	days, err := place.Row[*int64](tx, `SELECT days FROM retention`)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return days, err
}

// dueAt is when retention destroys a recording that began at a time.
func dueAt(startedAt, days int64) time.Time { return fromMillis(startedAt).AddDate(0, 0, int(days)) }

// Sweep destroys what is due, and gives how many recordings that were. Run it
// nightly; it may be stopped and run again at any time.
func (s *Service) Sweep(ctx context.Context, p *place.Place) (int, error) {
	done, run := 0, id.New[id.Destruction]()
	if err := s.ClearAside(ctx, p); err != nil {
		return 0, err
	}
	for {
		var recs []id.Recording
		err := p.View(ctx, func(tx *place.Tx) error {
			days, err := retentionDays(tx)
			if err != nil || days == nil {
				return err
			}
			limit := s.now().UTC().AddDate(0, 0, -int(*days))
			recs, err = place.Rows[id.Recording](tx, `SELECT id FROM recordings WHERE started_at <= ?
				AND n NOT IN (SELECT n FROM recording_holds) ORDER BY started_at, n LIMIT 200`, millis(limit))
			return err
		})
		if err != nil || len(recs) == 0 {
			return done, err
		}
		n, err := s.DestroyDue(ctx, p, actor.ForSystem("retention"), recs, "its retention has ended", Authority{Kind: "retention", Run: run}, nil)
		if err != nil || n == 0 { // a hold came in between: the next night looks again
			return done, err
		}
		done += n
	}
}
