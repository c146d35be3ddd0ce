// Package health says how the service is: each part of the installation with
// since when and what to do, and each customer by figures that its place pushed
// up. No place is opened to answer, and nothing here is content: numbers, times
// and the releases of collectors.
//
//	parts      checked every half minute in this process; since is kept, so that
//	           a restart does not make an old trouble young
//	customers  pushed by app's gauge some seconds after something changed
//
// Limits: a customer whose server part does not run pushes nothing; its figures
// are then as old as ReportedAt says.
package health

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// Migrations make the tables in the registry.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 62, Name: "health", SQL: `
		CREATE TABLE health_parts (
			name {{text}} PRIMARY KEY,
			state {{text}} NOT NULL,
			since {{int}} NOT NULL
		);
		CREATE TABLE health_customers (
			customer {{id}} PRIMARY KEY,
			at {{int}} NOT NULL,
			figures {{text}} NOT NULL
		);`}}
}

// Housekeeping lists the tables that are written without an event.
func Housekeeping() []string { return []string{"health_parts", "health_customers"} }

// State is how something is.
type State string

// The states, from the best to the worst.
const (
	Off     State = "off"     // not set up, on purpose
	Well    State = "well"    // nothing to do
	Look    State = "look"    // somebody should look at it
	Failing State = "failing" // something does not work
)

var order = []State{Off, Well, Look, Failing}

// worse gives the worse of two.
func worse(a, b State) State {
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// Finding is what a check found.
type Finding struct {
	State State
	Text  string    // how it is, in a sentence; nothing personal
	Todo  string    // what to do; empty while there is nothing
	Since time.Time // where the check knows better than when it was first seen
}

// Part is a part of the installation.
type Part struct {
	Name     string // "database"
	Title    string // for people
	Vital    bool   // the server cannot work without it
	Finding         // of the last check
	SeenAt   time.Time
	check    func(context.Context) Finding
	restored bool
}

const (
	checkEvery = 30 * time.Second
	checkFor   = 5 * time.Second // each; what takes longer does not answer
)

// Service keeps both. It is safe for concurrent use.
type Service struct {
	store *place.Store
	now   func() time.Time

	mu    sync.Mutex
	parts []*Part
}

// New makes a service; nil: time.Now.
func New(store *place.Store, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store: store, now: now}
}

// Part adds a part, in the order in which they are shown. Add all before Run.
func (s *Service) Part(name, title string, vital bool, check func(context.Context) Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts = append(s.parts, &Part{Name: name, Title: title, Vital: vital, Finding: Finding{State: Well, Text: "not looked at yet"}, check: check})
}

// Run checks until ctx is done.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		s.Check(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Check looks at all parts at once; one that hangs keeps no other from being
// looked at.
func (s *Service) Check(ctx context.Context) {
	s.mu.Lock()
	parts := slices.Clone(s.parts)
	s.mu.Unlock()
	known := s.known(ctx)
	var wg sync.WaitGroup
	for _, p := range parts {
		wg.Go(func() {
			f := within(ctx, p.check)
			if ctx.Err() != nil {
				return
			}
			s.note(p, f, known[p.Name])
		})
	}
	wg.Wait()
	s.keep(ctx)
}

// within runs a check with a limit.
func within(ctx context.Context, check func(context.Context) Finding) Finding {
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	done := make(chan Finding, 1)
	go func() { done <- check(ctx) }()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
		return Finding{State: Failing, Text: "it does not answer within five seconds", Todo: "Look at the machine that it runs on, and at the way there."}
	}
}

type partRow struct {
	Name  string `db:"name"`
	State State  `db:"state"`
	Since int64  `db:"since"`
}

// note keeps since when a state holds: from before a restart, if it is the same.
func (s *Service) note(p *Part, f Finding, before partRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UTC()
	switch {
	case !f.Since.IsZero():
	case p.restored && p.State == f.State:
		f.Since = p.Since
	case !p.restored && before.State == f.State:
		f.Since = time.UnixMilli(before.Since).UTC()
	default:
		f.Since = now
	}
	p.Finding, p.SeenAt, p.restored = f, now, true
}

// known reads what was kept; nothing while the database does not answer.
func (s *Service) known(ctx context.Context) map[string]partRow {
	all := map[string]partRow{}
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	_ = s.store.Registry().View(ctx, func(tx *place.Tx) error { // since is then since now
		rows, err := place.Rows[partRow](tx, `SELECT name, state, since FROM health_parts`)
		for _, r := range rows {
			all[r.Name] = r
		}
		return err
	})
	return all
}

func (s *Service) keep(ctx context.Context) {
	before := s.known(ctx)
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	var changed []Part
	for _, p := range s.Parts() {
		if b := before[p.Name]; b.State != p.State || b.Since != p.Since.UnixMilli() {
			changed = append(changed, p)
		}
	}
	if len(changed) == 0 {
		return
	}
	_ = s.store.Registry().Keep(ctx, func(tx *place.Tx) error { // kept at the next look otherwise
		for _, p := range changed {
			if _, err := tx.Exec(`INSERT INTO health_parts (name, state, since) VALUES (?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET state = excluded.state, since = excluded.since`, p.Name, string(p.State), p.Since.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Parts gives all parts as they were last found.
func (s *Service) Parts() []Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Part, len(s.parts))
	for i, p := range s.parts {
		out[i] = *p
	}
	return out
}

// Ready looks at the vital parts now. It is fault.Unavailable with the names of
// those that do not work, and no more: whoever asks has not signed in.
func (s *Service) Ready(ctx context.Context) error {
	s.mu.Lock()
	parts := slices.Clone(s.parts)
	s.mu.Unlock()
	var mu sync.Mutex
	var wg sync.WaitGroup
	bad := ""
	for _, p := range parts {
		if !p.Vital {
			continue
		}
		wg.Go(func() {
			if f := within(ctx, p.check); f.State == Failing {
				mu.Lock()
				defer mu.Unlock()
				if bad != "" {
					bad += ", "
				}
				bad += p.Name
			}
		})
	}
	wg.Wait()
	if bad != "" {
		return fault.New(fault.Unavailable, "not ready: %s", bad)
	}
	return nil
}

func read(text string) (f Figures, err error) {
	err = json.Unmarshal([]byte(text), &f)
	return f, err
}
