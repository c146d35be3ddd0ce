package monitor

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Detector looks for conditions. What it does not find of its kinds is cleared.
type Detector struct {
	Kinds []Kind
	// Look gives all conditions that hold at an instant, and when it wants to look
	// again if nothing happens before; zero: at the usual time.
	Look func(ctx context.Context, w Where, at time.Time) (all []Condition, again time.Time, err error)
	// Installation says that it looks at the whole installation, not at customers.
	Installation bool
}

// How often is looked: after something happened, soon; else when a detector
// asked for it; at the latest every ten minutes.
const (
	tick     = 5 * time.Second
	atMost   = 10 * time.Minute
	atLeast  = 15 * time.Second // between two looks at a busy place
	ownEvery = 30 * time.Second // at the installation itself
)

// Detect adds detectors. Call it before Run.
func (s *Service) Detect(all ...Detector) { s.detectors = append(s.detectors, all...) }

// relevant are the events after which a place is looked at soon.
var relevant = map[string]bool{
	"source.added": true, "source.changed": true, "source.removed": true, "source.state-changed": true, "file.needs-attention": true, "files.settled": true,
	"file.retried": true, "device.enrolled": true, "device.revoked": true, "transcript.state-changed": true, "recording.captured": true, "speech.set": true,
	"token.created": true, "token.removed": true, "alert-settings.set": true, "expectation.missing": true, "expectation.excused": true, "quota.set": true,
	"recording.marked": true, "recording.unmarked": true, "recording.redacted": true, "pseudonym.run-ended": true,
}

// Committed notes where to look; it is given to Store.OnCommit.
func (s *Service) Committed(c place.Commit) {
	if slices.Contains(c.Topics, place.Conditions) {
		s.mark(c.Customer)
		return
	}
	for _, e := range c.Events {
		if relevant[e.Code] {
			s.mark(c.Customer)
			return
		}
	}
}

func (s *Service) mark(c id.Customer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[c] = true
}

// soon has a place looked at when what was just raised there is due to be mailed.
func (s *Service) soon(c id.Customer) {
	at := s.o.Now().Add(gather)
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, known := s.next[c]; known && at.Before(next) {
		s.next[c] = at
	}
}

// Run looks, mails and ends alerts until ctx is done.
func (s *Service) Run(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	looked := map[id.Customer]time.Time{}
	for {
		s.turn(ctx, looked)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Turn looks at everything once, as if all were due.
func (s *Service) Turn(ctx context.Context) error {
	customers, err := s.o.Store.Customers(ctx)
	for _, c := range append([]id.Customer{{}}, customers...) {
		if e := s.place(ctx, c); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// turn looks at the places that are due.
func (s *Service) turn(ctx context.Context, looked map[id.Customer]time.Time) {
	customers, err := s.o.Store.Customers(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.o.Log.LogAttrs(ctx, slog.LevelError, "alerts: the customers cannot be listed", slog.String("cause", err.Error()))
		}
		return
	}
	for _, c := range append([]id.Customer{{}}, customers...) {
		now := s.o.Now()
		s.mu.Lock()
		next, known := s.next[c]
		due := !known || !now.Before(next) || s.dirty[c] && now.Sub(looked[c]) >= atLeast
		if due {
			delete(s.dirty, c)
		}
		s.mu.Unlock()
		if !due {
			continue
		}
		looked[c] = now
		if err := s.place(ctx, c); err != nil && ctx.Err() == nil {
			s.o.Log.LogAttrs(ctx, slog.LevelWarn, "alerts: not all could be looked at", slog.String("customer", c.String()), slog.String("cause", err.Error()))
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// place looks at one place, or at the registry for the zero customer, and sets
// when it is looked at again.
func (s *Service) place(ctx context.Context, c id.Customer) error {
	now := s.o.Now()
	next := now.Add(atMost)
	var w Where
	if c.IsZero() {
		w.Place, next = s.o.Store.Registry(), now.Add(ownEvery)
		if own, err := s.Installation(ctx); err == nil {
			w = own // else it is not set up yet, and only mails for those above are looked after
		}
	} else {
		p, err := s.o.Store.Place(ctx, c)
		if err != nil {
			s.plan(c, next)
			return err
		}
		w = In(p)
	}
	var errs []error
	s.mu.Lock()
	_, known := s.next[c]
	s.mu.Unlock()
	if !known && w.customer() {
		errs = append(errs, s.liftAll(ctx, w))
	}
	for _, d := range s.detectors {
		if d.Installation == w.customer() || w.Node.IsZero() {
			continue
		}
		all, again, err := d.Look(ctx, w, now)
		if err == nil {
			err = s.Settle(ctx, w, d.Kinds, all)
		}
		errs = append(errs, err)
		if !again.IsZero() && again.Before(next) {
			next = again
		}
	}
	errs = append(errs, s.endings(ctx, w.Place), s.awake(ctx, w.Place), s.mail(ctx, w.Place))
	soon, err := s.soonest(ctx, w.Place)
	if !soon.IsZero() && soon.Before(next) {
		next = soon
	}
	s.plan(c, next)
	return errors.Join(append(errs, err)...)
}

func (s *Service) plan(c id.Customer, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next[c] = next
}

// soonest is when something waits in a place: a mail, an ending, a snooze.
func (s *Service) soonest(ctx context.Context, p *place.Place) (at time.Time, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		earlier := func(t time.Time) {
			if !t.IsZero() && (at.IsZero() || t.Before(at)) {
				at = t
			}
		}
		due, err := place.Row[*int64](tx, `SELECT min(due_at) FROM alert_mails`)
		if err != nil {
			return err
		}
		if due != nil {
			earlier(instant(*due))
		}
		rows, err := place.Rows[alertRow](tx, alertColumns+` WHERE ended_at = 0 AND (gone_at > 0 OR snoozed_until > 0)`)
		for _, a := range rows {
			if a.GoneAt > 0 {
				rule, _ := RuleOf(Kind(a.Kind))
				earlier(instant(a.GoneAt).Add(rule.Hold))
			}
			earlier(instant(a.Snoozed))
		}
		return err
	})
	return at, err
}

// awake tells again of alerts whose snooze is over.
func (s *Service) awake(ctx context.Context, p *place.Place) error {
	now := millis(s.o.Now())
	var due []alertRow
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		due, err = place.Rows[alertRow](tx, alertColumns+` WHERE ended_at = 0 AND snoozed_until > 0 AND snoozed_until <= ?`, now)
		return err
	})
	for _, a := range due {
		err = errors.Join(err, p.Keep(ctx, func(tx *place.Tx) error {
			w := Where{p, a.Node}
			if n, err := tx.Exec(`UPDATE alerts SET snoozed_until = 0 WHERE id = ? AND ended_at = 0 AND snoozed_until = ?`, a.ID, a.Snoozed); err != nil || n == 0 {
				return err
			}
			if err := s.history(tx, a.ID, "awake", "", "", ""); err != nil {
				return err
			}
			rule, _ := RuleOf(Kind(a.Kind))
			rule.Severity = Severity(a.Severity)
			if err := s.toTell(tx, w, a.ID, rule, saysRaised); err != nil {
				return err
			}
			s.changed(tx, w, a.ID)
			return nil
		}))
	}
	return err
}
