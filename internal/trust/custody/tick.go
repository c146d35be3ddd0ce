package custody

import (
	"context"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/monitor"
)

// maxMonths is more than anybody waits for.
const maxMonths = 60

// SetRhythm says after how many months a key is to be rotated; 0: nobody is
// reminded. The registry's is that of the root key.
func (s *Service) SetRhythm(ctx context.Context, p *place.Place, who actor.Actor, months int) error {
	if months < 0 || months > maxMonths {
		return fault.Field("months", "must be from 0 to %d", maxMonths)
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "key.rhythm-set", Facts: map[string]string{"months": itoa(months)}})
		tx.Notify(Topic)
		return nil
	})
	if err != nil {
		return err
	}
	return s.o.Store.Registry().Keep(ctx, func(tx *place.Tx) error {
		if c := p.Customer(); !c.IsZero() {
			if err := tx.There(c); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO key_rhythms (customer, months) VALUES (?, ?) ON CONFLICT (customer) DO UPDATE SET months = excluded.months`, rhythmOf(p.Customer()), months)
		return err
	})
}

func itoa(n int) string { return strconv.Itoa(n) }

func rhythmOf(c id.Customer) string {
	if c.IsZero() {
		return ""
	}
	return c.String()
}

func (s *Service) rhythm(ctx context.Context, c id.Customer, made time.Time) (r Rhythm, err error) {
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		r.Months, err = place.Row[int](tx, `SELECT months FROM key_rhythms WHERE customer = ?`, rhythmOf(c))
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return err
	})
	if r.Months > 0 {
		r.Due = made.AddDate(0, r.Months, 0).UTC()
	}
	return r, err
}

// Run looks after keys until the context ends.
func (s *Service) Run(ctx context.Context) {
	for n := 0; ; n++ {
		if err := s.Tick(ctx, n%120 == 0); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("keys: not everything was looked after", "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(30 * time.Second):
		}
	}
}

// Tick tells the other servers which root keys this one can read, follows a
// rotation of the root key, has keys that waited for their holder put under the
// customer key, and reports key servers that fail. Hourly it also looks whether
// rotations are overdue, and whether key servers that nobody asked still lend.
func (s *Service) Tick(ctx context.Context, hourly bool) error {
	if err := s.follow(ctx); err != nil {
		return err
	}
	var held []id.Customer
	err := s.o.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		held, err = place.Rows[id.Customer](tx, `SELECT customer FROM keys_held ORDER BY customer`)
		return err
	})
	for _, c := range held {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if one := s.look(ctx, c, hourly); one != nil && ctx.Err() == nil {
			s.o.Log.Warn("keys: a customer's key server", "customer", c, "cause", one)
		}
	}
	if err != nil || !hourly {
		return err
	}
	return s.overdue(ctx)
}

// follow says which root keys are here, and takes up one that others have taken
// up.
func (s *Service) follow(ctx context.Context) error {
	if s.o.Roots == nil {
		return nil
	}
	here, next, former, err := s.o.Roots.Names()
	if err != nil {
		return err
	}
	if next != "" {
		st, err := s.o.Keys.State(ctx, id.Customer{})
		if err != nil {
			return err
		}
		var running int64
		err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
			running, err = place.Row[int64](tx, `SELECT count(*) FROM key_rotations WHERE ended_at = 0`)
			return err
		})
		if err != nil {
			return err
		}
		if st.Root == next && running == 0 {
			if err := s.o.Roots.TakeUp(next); err != nil {
				return err
			}
		}
	}
	return s.o.Store.Registry().Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO key_machines (name, at, roots) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at, roots = excluded.roots`,
			s.o.Server, s.o.Now().UnixMilli(), strings.Join(strings.Fields(here+" "+next+" "+former), " "))
		return err
	})
}

// look is one customer whose key is held elsewhere.
func (s *Service) look(ctx context.Context, c id.Customer, hourly bool) error {
	p, err := s.o.Store.Place(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return s.held(ctx, c, false)
	}
	if err != nil {
		return err
	}
	st, err := s.o.Keys.State(ctx, c)
	if fault.Is(err, fault.Gone) || err == nil && st.Holder == "" && !st.Turning {
		return s.held(ctx, c, false)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	problem, known := s.failing[c]
	s.mu.Unlock()
	switch {
	case st.Waiting > 0 && !st.Turning:
		_, err = s.o.Keys.Settle(ctx, c)
	case problem != "" || hourly || !known:
		err = s.o.Keys.Still(ctx, c)
	}
	if err != nil {
		s.noted(p, err)
	}
	s.mu.Lock()
	problem = s.failing[c]
	s.mu.Unlock()
	return s.tell(ctx, p, problem)
}

// overdue reports rotations that are.
func (s *Service) overdue(ctx context.Context) error {
	if s.o.Monitor == nil {
		return nil
	}
	type row struct {
		Customer string `db:"customer"`
		Months   int    `db:"months"`
	}
	var rows []row
	err := s.o.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		rows, err = place.Rows[row](tx, `SELECT customer, months FROM key_rhythms ORDER BY customer`)
		return err
	})
	for _, r := range rows {
		if one := s.judge(ctx, r.Customer); one != nil && !fault.Is(one, fault.Gone) && !fault.Is(one, fault.NotFound) && ctx.Err() == nil {
			s.o.Log.Warn("keys: whether a rotation is overdue is not known", "customer", r.Customer, "cause", one)
		}
	}
	return err
}

func (s *Service) judge(ctx context.Context, customer string) error {
	var w monitor.Where
	var r Rhythm
	var what string
	if customer == "" {
		st, err := s.Root(ctx)
		if err != nil {
			return err
		}
		if w, err = s.o.Monitor.Installation(ctx); err != nil {
			return err
		}
		r, what = st.Rhythm, "root"
	} else {
		c, err := id.Parse[id.Customer](customer)
		if err != nil {
			return err
		}
		p, err := s.o.Store.Place(ctx, c)
		if err != nil {
			return err
		}
		st, err := s.State(ctx, p)
		if err != nil {
			return err
		}
		w, r, what = monitor.In(p), st.Rhythm, "key"
	}
	if r.Due.IsZero() || s.o.Now().Before(r.Due) {
		return s.o.Monitor.Clear(ctx, w, monitor.KeyRotationOverdue, what)
	}
	return s.o.Monitor.Report(ctx, w, monitor.Condition{Kind: monitor.KeyRotationOverdue, Subject: what, Since: r.Due, Facts: map[string]string{
		"text": "It was to be rotated every " + itoa(r.Months) + " months; that was due on " + r.Due.Format("2006-01-02") + ".",
	}})
}

// RotateAll asks for a rotation of every customer's key, and gives how many it
// noted; those that are on their way already are left out.
func (s *Service) RotateAll(ctx context.Context, who actor.Actor) (n int, err error) {
	all, err := s.o.Store.Customers(ctx)
	if err != nil {
		return 0, err
	}
	for _, c := range all {
		p, err := s.o.Store.Place(ctx, c)
		if err == nil {
			_, err = s.Ask(ctx, p, who, Rotate, "", "")
		}
		switch {
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.Gone), fault.Is(err, fault.NotFound):
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}
