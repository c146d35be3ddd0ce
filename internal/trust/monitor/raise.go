package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// maxFacts bounds what a condition may say of itself.
const maxFacts = 4096

// check refuses a condition that cannot be meant.
func (c Condition) check() (Rule, error) {
	r, ok := RuleOf(c.Kind)
	if !ok {
		return r, fault.New(fault.Internal, "%q is no kind of condition", c.Kind)
	}
	if len(c.Subject) > 200 {
		return r, fault.New(fault.Internal, "the subject of a condition is an id or a word")
	}
	if c.Urgent {
		r.Severity = Urgent
	}
	return r, nil
}

func (c Condition) facts() string {
	if c.Facts == nil {
		return "{}"
	}
	b, err := json.Marshal(c.Facts)
	if err != nil || len(b) > maxFacts {
		return "{}"
	}
	return string(b)
}

// Report says that conditions hold. The first time each becomes an alert, and
// those concerned are told; after that only its facts are renewed, and
// reporting the same again writes nothing.
func (s *Service) Report(ctx context.Context, w Where, all ...Condition) error {
	var errs []error
	for _, c := range all {
		errs = append(errs, s.report(ctx, w, c))
	}
	return errors.Join(errs...)
}

func (s *Service) report(ctx context.Context, w Where, c Condition) error {
	rule, err := c.check()
	if err != nil {
		return err
	}
	same, known := false, false
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		old, err := standing(tx, w.Node, c.Kind, c.Subject)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		known = err == nil
		same = known && old.GoneAt == 0 && old.Facts == c.facts() && old.Severity == string(rule.Severity)
		return err
	})
	if err != nil || same {
		return err
	}
	if known { // to renew what is known is housekeeping: the journal has its beginning and its end
		err = w.Place.Keep(ctx, func(tx *place.Tx) error {
			old, err := standing(tx, w.Node, c.Kind, c.Subject)
			if err != nil {
				return err
			}
			return s.renew(tx, w, old, c, rule)
		})
		if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return w.Place.Change(ctx, actor.ForSystem("monitor"), func(tx *place.Tx) error {
		return s.ReportIn(tx, w, c)
	})
}

// ReportIn is Report of one condition within the Change that made it.
func (s *Service) ReportIn(tx *place.Tx, w Where, c Condition) error {
	rule, err := c.check()
	if err != nil {
		return err
	}
	old, err := standing(tx, w.Node, c.Kind, c.Subject)
	if fault.Is(err, fault.NotFound) {
		return s.raise(tx, w, c, rule)
	}
	if err != nil {
		return err
	}
	return s.renew(tx, w, old, c, rule)
}

// renew brings an open alert up to date. One that has become urgent is told
// again, and has to be acknowledged again.
func (s *Service) renew(tx *place.Tx, w Where, old alertRow, c Condition, rule Rule) error {
	worse := old.Severity == string(Warning) && rule.Severity == Urgent
	if old.GoneAt != 0 {
		old.Flaps++ // it came back before it had ended: still the same alert
	}
	if worse {
		old.AckedAt, old.AckedBy = 0, ""
	}
	if _, err := tx.Exec(`UPDATE alerts SET facts = ?, severity = ?, gone_at = 0, flaps = ?, acked_at = ?, acked_by = ? WHERE id = ?`,
		c.facts(), string(rule.Severity), old.Flaps, old.AckedAt, old.AckedBy, old.ID); err != nil {
		return err
	}
	if worse {
		if err := s.history(tx, old.ID, "worse", "", "", ""); err != nil {
			return err
		}
		if err := s.toTell(tx, w, old.ID, rule, saysRaised); err != nil {
			return err
		}
	}
	s.changed(tx, w, old.ID)
	return nil
}

func (s *Service) raise(tx *place.Tx, w Where, c Condition, rule Rule) error {
	if c.Since.IsZero() || c.Since.After(tx.At()) {
		c.Since = tx.At()
	}
	set, err := readSettings(tx, w.Node)
	if err != nil {
		return err
	}
	a := id.At[id.Alert](tx.At())
	if _, err := tx.Exec(`INSERT INTO alerts (id, node, kind, subject, severity, facts, since, raised_at, gone_at, ended_at, flaps, owner, acked_at, acked_by, snoozed_until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, 0, '', 0)`,
		a, w.Node, string(c.Kind), c.Subject, string(rule.Severity), c.facts(), millis(c.Since), millis(tx.At()), set.owner(c.Kind)); err != nil {
		return err
	}
	tx.Record(place.Event{Code: "alert.raised", Subject: a.String(), Facts: map[string]string{"kind": string(c.Kind), "subject": c.Subject, "severity": string(rule.Severity)}})
	if err := s.history(tx, a, "raised", "", "", ""); err != nil {
		return err
	}
	if s.o.Raised != nil {
		one, err := s.one(tx, w, a)
		if err == nil {
			err = s.o.Raised(tx, one)
		}
		if err != nil {
			return err
		}
	}
	if err := s.toTell(tx, w, a, rule, saysRaised); err != nil {
		return err
	}
	s.changed(tx, w, a)
	return nil
}

// changed wakes screens, the mailer and those above.
func (s *Service) changed(tx *place.Tx, w Where, a id.Alert) {
	tx.Notify("alerts")
	tx.After(func() {
		if w.customer() {
			s.lift(context.WithoutCancel(tx.Context()), w, a)
			s.soon(id.Customer{})
		}
		s.soon(w.Place.Customer())
	})
}

// Clear says that a condition holds no more. The alert ends once that has been
// so for its kind's hold; clearing what does not stand does nothing.
func (s *Service) Clear(ctx context.Context, w Where, k Kind, subject string) error {
	var old alertRow
	err := w.Place.View(ctx, func(tx *place.Tx) (err error) {
		old, err = standing(tx, w.Node, k, subject)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && old.GoneAt != 0 {
		return nil
	}
	if err != nil {
		return err
	}
	gone := func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE alerts SET gone_at = ? WHERE id = ? AND ended_at = 0 AND gone_at = 0`, millis(tx.At()), old.ID)
		return err
	}
	if rule, _ := RuleOf(k); rule.Hold > 0 {
		return w.Place.Keep(ctx, gone)
	}
	return w.Place.Change(ctx, actor.ForSystem("monitor"), func(tx *place.Tx) error {
		if err := gone(tx); err != nil {
			return err
		}
		return s.end(tx, w, old.ID)
	})
}

// Settle says that of these kinds exactly these conditions hold: the others are
// cleared. What looks at everything uses it.
func (s *Service) Settle(ctx context.Context, w Where, kinds []Kind, all []Condition) error {
	errs := []error{s.Report(ctx, w, all...)}
	var open []alertRow
	err := w.Place.View(ctx, func(tx *place.Tx) (err error) {
		open, err = place.Rows[alertRow](tx, alertColumns+` WHERE node = ? AND ended_at = 0 AND gone_at = 0`, w.Node)
		return err
	})
	for _, a := range open {
		if !slices.Contains(kinds, Kind(a.Kind)) || slices.ContainsFunc(all, func(c Condition) bool { return string(c.Kind) == a.Kind && c.Subject == a.Subject }) {
			continue
		}
		errs = append(errs, s.Clear(ctx, w, Kind(a.Kind), a.Subject))
	}
	return errors.Join(append(errs, err)...)
}

// endings ends the alerts of a place whose conditions have been gone long enough.
func (s *Service) endings(ctx context.Context, p *place.Place) error {
	now := s.o.Now()
	var due []alertRow
	err := p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[alertRow](tx, alertColumns+` WHERE ended_at = 0 AND gone_at > 0`)
		for _, a := range rows {
			if rule, _ := RuleOf(Kind(a.Kind)); !now.Before(instant(a.GoneAt).Add(rule.Hold)) {
				due = append(due, a)
			}
		}
		return err
	})
	for _, a := range due {
		err = errors.Join(err, p.Change(ctx, actor.ForSystem("monitor"), func(tx *place.Tx) error {
			return s.end(tx, Where{p, a.Node}, a.ID)
		}))
	}
	return err
}

// end closes an alert whose condition has gone; one that came back meanwhile
// stays.
func (s *Service) end(tx *place.Tx, w Where, a id.Alert) error {
	tx.Record(place.Event{Code: "alert.ended", Subject: a.String()})
	n, err := tx.Exec(`UPDATE alerts SET ended_at = ? WHERE id = ? AND ended_at = 0 AND gone_at > 0`, millis(tx.At()), a)
	if err != nil || n == 0 {
		return err
	}
	one, err := s.one(tx, w, a)
	if err != nil {
		return err
	}
	if err := s.history(tx, a, "ended", "", one.Lasted().Round(time.Second).String(), ""); err != nil {
		return err
	}
	if s.o.Ended != nil {
		if err := s.o.Ended(tx, one); err != nil {
			return err
		}
	}
	if err := s.toldEnded(tx, w, one); err != nil {
		return err
	}
	s.changed(tx, w, a)
	return nil
}

// history writes a line of an alert's story; the note is sealed.
func (s *Service) history(tx *place.Tx, a id.Alert, what, who, detail, note string) error {
	i := id.At[id.Event](tx.At())
	var sealed []byte
	if note != "" {
		var err error
		if sealed, err = tx.Seal(place.FieldAlertNote, i, []byte(note)); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO alert_history (id, alert, at, what, who, detail, note) VALUES (?, ?, ?, ?, ?, ?, ?)`, i, a, millis(tx.At()), what, who, detail, sealed)
	return err
}

// figuresOf keeps of facts what is a number, for those above.
func figuresOf(facts map[string]string) map[string]string {
	out := maps.Clone(facts)
	maps.DeleteFunc(out, func(_, v string) bool {
		_, err := strconv.ParseFloat(v, 64)
		return err != nil
	})
	return out
}
