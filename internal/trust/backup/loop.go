package backup

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Schedule says when things are done by themselves.
type Schedule struct {
	Hour, Minute int // of the daily backup, in the zone of Now
	Drills       bool

	// Report tells of a trouble, and Mended that it is over: what is "run", "ship"
	// or "drill".
	Report func(ctx context.Context, what, text string, since time.Time)
	Mended func(ctx context.Context, what string)
}

// every is how often what is new is sent.
const every = time.Minute

// Loop makes backups until the context ends: each minute what is new of the log,
// each day a point and a drill, on Sundays a whole one. After the start a point
// is made at once if the last one is too old or if some place has none that its
// log could be replayed on.
func (s *Service) Loop(ctx context.Context, at Schedule) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := s.first(ctx, at)
	for {
		select {
		case <-ctx.Done():
			return
		case what := <-s.asked:
			s.now(ctx, at, what)
			continue
		case <-timer.C:
		}
		s.outcome(ctx, at, "ship", s.Ship(ctx))
		if now := s.o.Now(); !now.Before(next) {
			s.daily(ctx, at)
			next = nextDay(s.o.Now(), at)
		}
		timer.Reset(every)
	}
}

// now does what was asked for.
func (s *Service) now(ctx context.Context, at Schedule, what Asked) {
	if what == AskDrill {
		s.drill(ctx, at, true)
		return
	}
	_, err := s.Run(ctx)
	s.outcome(ctx, at, "run", err)
}

// outcome reports what failed, or that it works again.
func (s *Service) outcome(ctx context.Context, at Schedule, what string, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.o.Logger.Error("backup: "+what+" failed; it is tried again", "cause", err)
		if at.Report != nil {
			at.Report(ctx, what, reason(err), s.o.Now())
		}
	case at.Mended != nil:
		at.Mended(ctx, what)
	}
}

// daily makes the point of the day and tries to restore it.
func (s *Service) daily(ctx context.Context, at Schedule) {
	p, err := s.Run(ctx)
	if err == nil {
		s.o.Logger.Info("backup: made", "id", p.ID, "places", len(p.Parts), "read", p.Read, "sent", p.Sent, "took", p.Finished.Sub(p.At))
	}
	s.outcome(ctx, at, "run", err)
	if err != nil || ctx.Err() != nil {
		return
	}
	if !at.Drills {
		s.outcome(ctx, at, "tidy", s.Tidy(ctx))
		return
	}
	// Old points go only after the new one was tried: the last good one stays.
	if s.drill(ctx, at, s.o.Now().Weekday() == time.Sunday) {
		s.outcome(ctx, at, "tidy", s.Tidy(ctx))
	}
}

func (s *Service) drill(ctx context.Context, at Schedule, whole bool) bool {
	d, err := s.Drill(ctx, whole)
	if err == nil && !d.Passed() {
		err = &failedDrill{d}
	}
	if err == nil {
		s.o.Logger.Info("backup: a restore was tried and is whole", "places", len(d.Places), "bytes", d.Bytes, "took", d.Took)
	}
	s.outcome(ctx, at, "drill", err)
	return err == nil
}

type failedDrill struct{ d Drill }

func (f *failedDrill) Error() string {
	if len(f.d.Failures) == 0 {
		return "a restore was tried and nothing came back"
	}
	return "a restore was tried and failed: " + f.d.Failures[0]
}

// first is when the first point after a start is due.
func (s *Service) first(ctx context.Context, at Schedule) time.Time {
	now := s.o.Now()
	if err := s.lookOldest(ctx); err != nil {
		s.o.Logger.Error("backup: the points cannot be read", "cause", err)
	}
	last, err := s.latest(ctx)
	if err != nil || last.ID.IsZero() || now.Sub(last.At) > 25*time.Hour || !s.covered(ctx, last) {
		return now
	}
	return nextDay(now, at)
}

// covered reports whether each place has a copy on the branch that it is on.
func (s *Service) covered(ctx context.Context, last Point) bool {
	if s.o.Log == nil {
		return true
	}
	on := map[id.Customer]place.Mark{}
	for _, part := range last.Parts {
		on[part.Customer] = part.Mark
	}
	customers, err := s.o.Store.Customers(ctx)
	if err != nil {
		return false
	}
	for _, c := range append([]id.Customer{{}}, customers...) {
		now, err := s.o.Log.Last(c)
		if err != nil || !now.IsZero() && now.Branch != on[c].Branch {
			return false
		}
	}
	return true
}

func nextDay(now time.Time, at Schedule) time.Time {
	y, m, d := now.Date()
	for day := d; ; day++ {
		if t := time.Date(y, m, day, at.Hour, at.Minute, 0, 0, now.Location()); t.After(now) {
			return t
		}
	}
}

// Status is how backups stand.
type Status struct {
	Last     *Point   `json:"last"`
	Drill    *Drill   `json:"drill"`  // the newest
	Proven   *Drill   `json:"proven"` // the newest that passed
	Logged   bool     `json:"logged"`
	Apart    bool     `json:"apart"` // keys go to a target of their own
	Progress Progress `json:"progress"`
}

// Status reads how backups stand from the target.
func (s *Service) Status(ctx context.Context) (st Status, err error) {
	st.Logged, st.Apart, st.Progress = s.o.Log != nil, s.o.KeysTo != nil, s.Progress()
	last, err := s.latest(ctx)
	if err != nil {
		return st, err
	}
	if !last.ID.IsZero() {
		st.Last = &last
	}
	drills, err := s.Drills(ctx, 20)
	for i := range drills {
		if st.Drill == nil {
			st.Drill = &drills[i]
		}
		if st.Proven == nil && drills[i].Passed() {
			st.Proven = &drills[i]
		}
	}
	return st, err
}

// CustomerStatus is the line of one customer, without content.
type CustomerStatus struct {
	LastAt   time.Time     `json:"last_at,omitzero"`
	Bytes    int64         `json:"bytes"`
	Objects  int64         `json:"objects"`
	ProvenAt time.Time     `json:"proven_at,omitzero"` // when a restore of it was last tried and was whole
	Took     time.Duration `json:"took_ns"`            // the whole drill
	Failure  string        `json:"failure,omitempty"`  // of the newest drill, if it failed for this one
}

// Lines reads the line of every customer that has one.
func (s *Service) Lines(ctx context.Context) (map[id.Customer]CustomerStatus, error) {
	last, err := s.latest(ctx)
	if err != nil {
		return nil, err
	}
	out := map[id.Customer]CustomerStatus{}
	for _, part := range last.Parts {
		if !part.Customer.IsZero() {
			out[part.Customer] = CustomerStatus{LastAt: last.At, Bytes: part.Bytes}
		}
	}
	for _, inv := range last.Inventory {
		one := out[inv.Customer]
		one.Objects = inv.Objects
		out[inv.Customer] = one
	}
	drills, err := s.Drills(ctx, 40) // more than a month of nights
	seen := map[id.Customer]bool{}
	for _, d := range drills {
		for _, p := range d.Places {
			one, known := out[p.Customer]
			if !known {
				continue
			}
			failed := p.Failure != "" || len(p.Failed) > 0
			if failed && !seen[p.Customer] {
				if one.Failure = p.Failure; one.Failure == "" {
					one.Failure = "some recordings did not open"
				}
			}
			if !failed && one.ProvenAt.IsZero() {
				one.ProvenAt, one.Took = d.At, d.Took
			}
			seen[p.Customer] = true
			out[p.Customer] = one
		}
	}
	return out, err
}
