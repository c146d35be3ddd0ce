package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// lift pushes an alert of a customer up to the registry: kind, times, figures.
// Pages of the provider and resellers read it there and never open the place.
func (s *Service) lift(ctx context.Context, w Where, i id.Alert) {
	var a Alert
	err := w.Place.View(ctx, func(tx *place.Tx) (err error) {
		a, err = s.one(tx, w, i)
		return err
	})
	if err == nil {
		err = s.liftOne(ctx, a)
	}
	if err != nil && ctx.Err() == nil {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "an alert was not pushed upwards; it is at the next look", slog.String("alert", i.String()), slog.String("cause", err.Error()))
	}
}

func (s *Service) liftOne(ctx context.Context, a Alert) error {
	figures, err := json.Marshal(figuresOf(a.Facts))
	if err != nil {
		return err
	}
	// Asked before: what walks the tree is read in a View alone, and Keep refuses it.
	var above []id.Node
	if err := s.o.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		above, err = s.o.Above(tx, a.Node)
		return err
	}); err != nil {
		return err
	}
	return s.o.Store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if err := tx.There(a.Node); err != nil {
			if fault.Is(err, fault.NotFound) {
				return nil // who has left meanwhile is not written down again
			}
			return err
		}
		type row struct {
			Severity string `db:"severity"`
			Ended    int64  `db:"ended_at"`
		}
		old, err := place.Row[row](tx, `SELECT severity, ended_at FROM alerts_below WHERE id = ?`, a.ID)
		fresh := fault.Is(err, fault.NotFound)
		if err != nil && !fresh {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO alerts_below (id, node, kind, severity, figures, since, raised_at, ended_at, acked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, figures = excluded.figures, ended_at = excluded.ended_at, acked_at = excluded.acked_at`,
			a.ID, a.Node, string(a.Kind), string(a.Severity), string(figures), millis(a.Since), millis(a.RaisedAt), millis(a.EndedAt), millis(a.AckedAt)); err != nil {
			return err
		}
		tx.Notify("alerts")
		switch {
		case a.Open() && (fresh || old.Severity != string(a.Severity)):
			return s.tellAbove(tx, a, above)
		case !a.Open() && !fresh && old.Ended == 0:
			return s.toldEndedAbove(tx, a)
		}
		return nil
	})
}

// tellAbove queues mails to contacts of the nodes above who want to know of
// their customers' alerts.
func (s *Service) tellAbove(tx *place.Tx, a Alert, above []id.Node) error {
	for _, n := range above {
		contacts, err := contactsOf(tx, n)
		if err != nil {
			return err
		}
		for _, c := range contacts {
			if !c.Below || !c.wants(a.Kind, a.Severity) {
				continue
			}
			if err := queue(tx, n, a.ID, c.ID.String(), saysRaised, c.dueAt(tx.At(), a.Severity).Add(gather)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) toldEndedAbove(tx *place.Tx, a Alert) error {
	if _, err := tx.Exec(`DELETE FROM alert_mails WHERE alert = ?`, a.ID); err != nil {
		return err
	}
	told, err := place.Rows[string](tx, `SELECT DISTINCT detail FROM alert_history WHERE alert = ? AND what = 'told'`, a.ID)
	for _, name := range told {
		c, err := id.Parse[id.Contact](name)
		if err != nil {
			continue
		}
		n, err := place.Row[id.Node](tx, `SELECT node FROM alert_contacts WHERE id = ?`, c)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err == nil {
			err = queue(tx, n, a.ID, name, saysEnded, tx.At().Add(gather))
		}
		if err != nil {
			return err
		}
	}
	return err
}

type belowRow struct {
	ID       id.Alert `db:"id"`
	Node     id.Node  `db:"node"`
	Kind     string   `db:"kind"`
	Severity string   `db:"severity"`
	Figures  string   `db:"figures"`
	Since    int64    `db:"since"`
	Raised   int64    `db:"raised_at"`
	Ended    int64    `db:"ended_at"`
	Acked    int64    `db:"acked_at"`
}

const belowColumns = `SELECT b.id, b.node, b.kind, b.severity, b.figures, b.since, b.raised_at, b.ended_at, b.acked_at FROM alerts_below b`

func (r belowRow) alert() (Alert, error) {
	a := Alert{
		ID: r.ID, Node: r.Node, Kind: Kind(r.Kind), Severity: Severity(r.Severity), Since: instant(r.Since), RaisedAt: instant(r.Raised),
		EndedAt: instant(r.Ended), GoneAt: instant(r.Ended), AckedAt: instant(r.Acked),
	}
	return a, json.Unmarshal([]byte(r.Figures), &a.Facts)
}

func below(tx *place.Tx, i id.Alert) (Alert, error) {
	r, err := place.Row[belowRow](tx, belowColumns+` WHERE b.id = ?`, i)
	if err != nil {
		return Alert{}, err
	}
	return r.alert()
}

// Below lists the open alerts of the customers below a node, as they were pushed
// up: the urgent ones first, at most limit.
func (s *Service) Below(ctx context.Context, n id.Node, limit int) (all []Alert, err error) {
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[belowRow](tx, `WITH RECURSIVE under(id) AS (
				SELECT id FROM nodes WHERE parent = ?
				UNION ALL SELECT n.id FROM under JOIN nodes n ON n.parent = under.id)
			SELECT b.id, b.node, b.kind, b.severity, b.figures, b.since, b.raised_at, b.ended_at, b.acked_at
			FROM under JOIN alerts_below b ON b.node = under.id WHERE b.ended_at = 0
			ORDER BY b.acked_at > 0, b.severity, b.raised_at DESC, b.id LIMIT ?`, n, limit)
		for _, r := range rows {
			a, err := r.alert()
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		return err
	})
	return all, err
}

// liftAll makes the registry agree with a place, as after a crash between the two.
func (s *Service) liftAll(ctx context.Context, w Where) error {
	var open []Alert
	err := w.Place.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[alertRow](tx, alertColumns+` WHERE node = ? AND ended_at = 0`, w.Node)
		for _, r := range rows {
			a, err := r.alert()
			if err != nil {
				return err
			}
			open = append(open, a)
		}
		return err
	})
	if err != nil {
		return err
	}
	var known []id.Alert
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		known, err = place.Rows[id.Alert](tx, `SELECT id FROM alerts_below WHERE node = ? AND ended_at = 0`, w.Node)
		return err
	})
	errs := []error{err}
	for _, a := range open {
		if !slices.Contains(known, a.ID) {
			errs = append(errs, s.liftOne(ctx, a))
		}
	}
	for _, i := range known {
		if !slices.ContainsFunc(open, func(a Alert) bool { return a.ID == i }) {
			s.lift(ctx, w, i)
		}
	}
	return errors.Join(errs...)
}
