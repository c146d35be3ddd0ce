package coverage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Overdue is how many calls of a source's day are missing, for an alert.
type Overdue struct {
	Source id.Source `db:"source"`
	Day    Day       `db:"day"`
	Calls  int64     `db:"n"`
	Since  int64     `db:"since"` // of the earliest, Unix milliseconds
}

// overdueFor is how long missing calls keep an alert open: after that they stand
// in the statements.
const overdueFor = 7

// Turn calls missing what is, folds what is old, and gives what is overdue and
// when the next expectation is due. It may be run at any time.
func (s *Service) Turn(ctx context.Context, p *place.Place) (all []Overdue, next time.Time, err error) {
	if err := s.overdue(ctx, p); err != nil {
		return nil, next, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		due, err := place.Row[*int64](tx, `SELECT min(due_at) FROM expectations WHERE state = 'waiting'`)
		if err != nil {
			return err
		}
		if due != nil {
			next = instant(*due)
		}
		oldest := DayOf(s.o.Now(), time.UTC).Add(-overdueFor)
		all, err = place.Rows[Overdue](tx, `SELECT source, day, count(*) AS n, min(ended_at) AS since FROM expectations
			WHERE state = 'missing' AND day >= ? GROUP BY source, day ORDER BY day, source`, int(oldest))
		return err
	})
	return all, next, err
}

// overdueBatch bounds one Change of calls that are missing.
const overdueBatch = 1000

func (s *Service) overdue(ctx context.Context, p *place.Place) error {
	for {
		now := millis(s.o.Now())
		n := 0
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			n, err = place.Row[int](tx, `SELECT count(*) FROM (SELECT 1 AS one FROM expectations WHERE state = 'waiting' AND due_at <= ? LIMIT 1) AS due`, now)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		if err := p.Change(ctx, actor.ForSystem("coverage"), func(tx *place.Tx) error { return s.call(tx, now) }); err != nil {
			return err
		}
	}
}

// call decides on what is due: missing where a log names it and nothing came,
// unnamed where it is there and no log names it though the source has logs.
func (s *Service) call(tx *place.Tx, now int64) error {
	rows, err := place.Rows[row](tx, columns+` WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT ?`, now, overdueBatch)
	if err != nil {
		return err
	}
	bySource := map[id.Source]int{}
	sources := map[id.Source]about{}
	var missing []Expectation
	elsewhere := others{tx: tx}
	for _, r := range rows {
		a, known := sources[r.Source]
		if !known {
			if a, err = aboutSource(tx, r.Source); err != nil {
				return err
			}
			sources[r.Source] = a
		}
		state := Unnamed
		switch {
		case r.Named && r.Recording == nil:
			found, err := elsewhere.captured(r)
			if err != nil {
				return err
			}
			if !found.ID.IsZero() {
				if err := elsewhere.settle(r, found); err != nil {
					return err
				}
				continue
			}
			state = Missing
			bySource[r.Source]++
			missing = append(missing, r.expectation())
		case r.Named || !a.Named:
			state = Captured // there, and there is no log that should have named it
		}
		if _, err := tx.Exec(`UPDATE expectations SET state = ?, changed_at = ? WHERE id = ?`, string(state), now, r.ID); err != nil {
			return err
		}
	}
	for source, n := range bySource {
		tx.Record(place.Event{Code: "expectation.missing", Subject: source.String(), Facts: map[string]string{"calls": fmt.Sprint(n)}})
	}
	if len(bySource) == 0 {
		tx.Record(place.Event{Code: "expectation.settled", Facts: map[string]string{"calls": fmt.Sprint(len(rows))}})
	}
	tx.Notify("coverage")
	if s.o.OnMissing != nil && len(missing) > 0 {
		return s.o.OnMissing(tx, missing)
	}
	return nil
}

func (r row) expectation() Expectation {
	e := Expectation{
		ID: r.ID, Source: r.Source, Day: Day(r.Day), State: State(r.State), Named: r.Named, StartedAt: instant(r.Started), EndedAt: instant(r.Ended), DueAt: instant(r.Due),
		ChangedAt: instant(r.Changed), Direction: r.Direction, Disposition: r.Disposition, Talk: time.Duration(r.Talk) * time.Millisecond, Excuse: r.excused(), Why: r.Authority,
	}
	if r.Recording != nil {
		e.Recording = *r.Recording
	}
	if r.By != nil {
		e.By = *r.By
	}
	return e
}

// Settings are what a customer chose.
type Settings struct {
	KeepDays int                         // names of what is missing
	Grace    map[id.Source]time.Duration // from the end of a call to its sound, where it is not the usual
}

// Settings reads them.
func (s *Service) Settings(ctx context.Context, p *place.Place) (set Settings, err error) {
	type grace struct {
		Source id.Source `db:"source"`
		Grace  int64     `db:"grace"`
	}
	set.Grace = map[id.Source]time.Duration{}
	err = p.View(ctx, func(tx *place.Tx) error {
		if set.KeepDays, err = keepDays(tx); err != nil {
			return err
		}
		rows, err := place.Rows[grace](tx, `SELECT source, grace FROM coverage_sources WHERE grace > 0`)
		for _, r := range rows {
			set.Grace[r.Source] = time.Duration(r.Grace) * time.Second
		}
		return err
	})
	return set, err
}

func keepDays(tx *place.Tx) (int, error) {
	n, err := place.Row[int](tx, `SELECT keep_days FROM coverage_settings`)
	if fault.Is(err, fault.NotFound) {
		return usualKeep, nil
	}
	return n, err
}

// SetSettings replaces them. A grace is at most 45 minutes, so that a missing
// recording is told within the hour.
func (s *Service) SetSettings(ctx context.Context, p *place.Place, who actor.Actor, set Settings) error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the settings are not valid"}
	if set.KeepDays < 30 || set.KeepDays > 3660 {
		bad.Details = append(bad.Details, fault.Detail{Path: "keep_days", Text: "must be between 30 and 3,660"})
	}
	for source, g := range set.Grace {
		if g < shortest || g > longest {
			bad.Details = append(bad.Details, fault.Detail{Path: "grace_minutes." + source.String(), Text: "must be between 2 and 45 minutes"})
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "coverage.set", Facts: map[string]string{"keep_days": fmt.Sprint(set.KeepDays), "graces": fmt.Sprint(len(set.Grace))}})
		tx.Notify("coverage")
		if _, err := tx.Exec(`INSERT INTO coverage_settings (one, keep_days) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET keep_days = excluded.keep_days`, set.KeepDays); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE coverage_sources SET grace = 0`); err != nil {
			return err
		}
		for source, g := range set.Grace {
			if n, err := place.Row[int](tx, `SELECT count(*) FROM sources WHERE id = ?`, source); err != nil || n == 0 {
				return errors.Join(err, fault.Field("grace_minutes", "there is no source %s", source))
			}
			if _, err := tx.Exec(`INSERT INTO coverage_sources (source, since, named, grace, last_line) VALUES (?, ?, 0, ?, 0)
				ON CONFLICT (source) DO UPDATE SET grace = excluded.grace`, source, millis(tx.At().Add(-before)), int64(g/time.Second)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ExcuseOne excuses a single call that is missing, with a reason.
func (s *Service) ExcuseOne(ctx context.Context, p *place.Place, who actor.Actor, e id.Expectation, reason string) error {
	if reason == "" || len(reason) > 500 {
		return fault.Field("reason", "say why this call needs no recording; it stands in the signed statements")
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, columns+` WHERE id = ?`, e)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), "there is no such call")
		}
		if State(r.State) != Missing && State(r.State) != Waiting || !r.Named {
			return fault.New(fault.Conflict, "only a call that is missing can be excused; this one is %s", r.State)
		}
		tx.Record(place.Event{Code: "expectation.excused", Subject: e.String(), Why: reason})
		tx.Notify("coverage")
		_, err = tx.Exec(`UPDATE expectations SET state = 'excused', excuse = NULL, authority = ?, changed_at = ? WHERE id = ?`, reason, millis(tx.At()), e)
		return err
	})
}

// Fold turns what ended well, days after its statement, into figures, and
// forgets names whose time is over. Run it nightly.
func (s *Service) Fold(ctx context.Context, p *place.Place, retention int) error {
	now := s.o.Now()
	old := DayOf(now.Add(-finalAfter-foldAfter), time.UTC).Add(-1)
	for {
		more := false
		err := p.Keep(ctx, func(tx *place.Tx) (err error) {
			more, err = fold(tx, old)
			return err
		})
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		keep, err := keepDays(tx)
		if err != nil {
			return err
		}
		names := keep
		if retention > 0 {
			names = min(keep, retention)
		}
		if _, err := tx.Exec(`UPDATE expectations SET card = NULL WHERE card IS NOT NULL AND day < ?`, int(DayOf(now, time.UTC).Add(-names))); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM coverage_gaps WHERE day < ?`, int(DayOf(now, time.UTC).Add(-keep))); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM coverage_hours WHERE hour < ?`, hourOf(now.Add(-hoursKept)))
		return err
	})
}

const foldBatch = 5000

func fold(tx *place.Tx, old Day) (more bool, err error) {
	type group struct {
		Source id.Source      `db:"source"`
		ID     id.Expectation `db:"id"`
		Day    int            `db:"day"`
		State  string         `db:"state"`
		Excuse []byte         `db:"excuse"`
		By     *id.Source     `db:"by_source"`
	}
	rows, err := place.Rows[group](tx, `SELECT source, id, day, state, excuse, by_source FROM expectations WHERE day <= ? AND state IN ('captured', 'excused', 'erased') ORDER BY day LIMIT ?`, int(old), foldBatch)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	type key struct {
		source        id.Source
		day           int
		state, excuse string
	}
	sums, elsewhere := map[key]int{}, map[key]int{}
	var gone []id.Expectation
	for _, r := range rows {
		k := key{r.Source, r.Day, r.State, string(r.Excuse)}
		sums[k]++
		if State(r.State) == Captured && r.By != nil {
			elsewhere[k]++
		}
		gone = append(gone, r.ID)
	}
	for k, n := range sums {
		if _, err := tx.Exec(`INSERT INTO coverage_base (source, day, state, excuse, n, elsewhere) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, day, state, excuse) DO UPDATE SET n = coverage_base.n + excluded.n, elsewhere = coverage_base.elsewhere + excluded.elsewhere`,
			k.source, k.day, k.state, []byte(k.excuse), n, elsewhere[k]); err != nil {
			return false, err
		}
	}
	for _, st := range []string{`DELETE FROM expectation_idents WHERE expectation IN (?)`, `DELETE FROM expectations WHERE id IN (?)`} {
		if _, err := tx.Exec(st, place.List(gone)); err != nil {
			return false, err
		}
	}
	return len(rows) == foldBatch, nil
}
