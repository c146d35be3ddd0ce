package server

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/trust/detect"
	"ringfence/internal/trust/monitor"
)

// buildMonitor builds what counts calls and what tells people; the services that
// they look at are there already.
func (s *Server) buildMonitor() {
	s.coverage = coverage.New(coverage.Options{
		Store: s.Places, Sign: s.reviews.SignText, Paper: s.reviews.SignPaper, Name: s.nameOf, OnMissing: tellMissing, Log: s.log,
	})
	s.Recordings.OnTaken(s.coverage.Taken)
	s.Recordings.OnDestroyed(s.coverage.Destroyed)
	s.monitor = monitor.New(monitor.Options{
		Store: s.Places, Mail: s.sender, URL: s.URL, Brand: s.Tree.LetterBrand, Name: s.nameOf, Admins: s.administrators, Above: org.Above, Root: s.root,
		Raised: tellRaised, Ended: tellEnded, Log: s.log,
	})
}

// detect says what is looked at. It is called once all services are built.
func (s *Server) detect() {
	d := detect.Parts{Monitor: s.monitor, Recordings: s.Recordings, Coverage: s.coverage, Collect: s.collectors, Pickups: s.pickups, Tree: s.Tree, People: s.People}
	s.monitor.Detect(d.Customer()...)
	s.monitor.Detect(s.payments())
	h := detect.Host{
		Disks: s.disks(), Room: disk.Room, Device: disk.Device, Drops: s.drops.Failing, Registry: s.Places.Registry(), Boxes: (&boxClocks{places: s.Places, collectors: s.collectors}).offsets,
		Certificate: s.certificateUntil,
	}
	if s.Keys.Copies() > 1 {
		h.Keys = s.keysAgree
	}
	s.monitor.Detect(h.Detectors()...)
	s.Places.OnCommit(s.monitor.Committed)
}

// root is the provider's node.
func (s *Server) root(ctx context.Context) (id.Node, error) {
	n, err := s.Tree.Root(ctx)
	return n.ID, err
}

// administrators are told of alerts where no contact is named.
func (s *Server) administrators(ctx context.Context, w monitor.Where) (all []monitor.Addressee, err error) {
	list, err := s.reviews.Administrators(ctx, review.Where{Place: w.Place, Node: w.Node})
	for _, l := range list {
		all = append(all, monitor.Addressee{Person: l.Person, Name: l.Name, Email: l.Email})
	}
	return all, err
}

// disks are the folders that must not fill up.
func (s *Server) disks() map[string]string {
	all := map[string]string{"data": s.cfg.Data, "uploads": filepath.Join(s.cfg.Data, "uploads")}
	for what, folder := range map[string]string{"keys": s.cfg.Keys.Store, "the second copy of the keys": s.cfg.Keys.Mirror, "objects": s.cfg.Objects.First.Folder, "the second copy of the objects": s.cfg.Objects.Second.Folder} {
		if folder != "" {
			all[what] = folder
		}
	}
	return all
}

// certificateUntil is when the certificate runs out that this server shows, and of
// several the first; not ok: there is none.
func (s *Server) certificateUntil() (until time.Time, ok bool) {
	if s.certs != nil {
		until = s.certs.Until()
	}
	return until, !until.IsZero()
}

// keysAgree compares the two places of the key stores, one customer at a time:
// to open one makes both places equal or says why it cannot.
func (s *Server) keysAgree(ctx context.Context) error {
	customers, err := s.Places.Customers(ctx)
	for _, c := range customers {
		if err == nil {
			err = s.Keys.Agree(ctx, c)
		}
	}
	return err
}

// counter looks at night after what coverage keeps: statements, and what becomes
// figures.
type counter struct {
	places    *place.Store
	coverage  *coverage.Service
	retention func(context.Context, *place.Place) (int, error)
	log       *slog.Logger
}

// run states the days that are over once an hour, for sources may lie in any time
// zone, and folds every night.
func (c *counter) run(ctx context.Context) {
	folded := time.Time{}
	for {
		fold := time.Since(folded) > 20*time.Hour
		if fold {
			folded = time.Now()
		}
		c.turn(ctx, fold)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}

func (c *counter) turn(ctx context.Context, fold bool) {
	customers, err := c.places.Customers(ctx)
	if err != nil && ctx.Err() == nil {
		c.log.Error("coverage: the customers cannot be listed", "cause", err)
	}
	for _, one := range customers {
		p, err := c.places.Place(ctx, one)
		if err == nil {
			_, err = c.coverage.State(ctx, p)
		}
		if err == nil && fold {
			var days int
			if days, err = c.retention(ctx, p); err == nil {
				err = c.coverage.Fold(ctx, p, days)
			}
		}
		if err != nil && ctx.Err() == nil {
			c.log.Error("coverage: a customer's days could not be stated", "customer", one, "cause", err)
		}
	}
}

// boxClocks gathers what the collectors' clocks say of the server's.
type boxClocks struct {
	places     *place.Store
	collectors *collect.Server

	mu    sync.Mutex
	asked time.Time
	last  []time.Duration
}

// offsets asks all customers' collectors, at most every ten minutes: the places
// have to be opened for it.
func (b *boxClocks) offsets(ctx context.Context) ([]time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.asked) < 10*time.Minute {
		return b.last, nil
	}
	customers, err := b.places.Customers(ctx)
	if err != nil {
		return nil, err
	}
	b.asked, b.last = time.Now(), nil
	for _, c := range customers {
		p, err := b.places.Place(ctx, c)
		if err != nil {
			continue // one customer's trouble is not the others'
		}
		devices, err := b.collectors.Devices(ctx, p)
		if err != nil {
			continue
		}
		for _, d := range devices {
			if d.Clock != nil && time.Since(d.SeenAt) < time.Hour {
				b.last = append(b.last, *d.Clock)
			}
		}
	}
	return b.last, nil
}

// What other systems are told: ids, times and figures.

type missingNotice struct {
	Customer    id.Customer    `json:"customer"`
	Expectation id.Expectation `json:"expectation"`
	Source      id.Source      `json:"source"`
	StartedAt   time.Time      `json:"started_at"`
	EndedAt     time.Time      `json:"ended_at"`
}

func tellMissing(tx *place.Tx, all []coverage.Expectation) error {
	for _, e := range all {
		if err := webhook.Enqueue(tx, webhook.RecordingMissing, e.ID.String(), missingNotice{tx.Place().Customer(), e.ID, e.Source, e.StartedAt, e.EndedAt}); err != nil {
			return err
		}
	}
	return nil
}

type alertNotice struct {
	Alert    id.Alert   `json:"alert"`
	Node     id.Node    `json:"node"`
	Kind     string     `json:"kind"`
	Severity string     `json:"severity"`
	Since    time.Time  `json:"since"`
	RaisedAt time.Time  `json:"raised_at"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
}

func noticeOf(a monitor.Alert) alertNotice {
	n := alertNotice{a.ID, a.Node, string(a.Kind), string(a.Severity), a.Since, a.RaisedAt, nil}
	if !a.Open() {
		n.EndedAt = &a.EndedAt
	}
	return n
}

func tellRaised(tx *place.Tx, a monitor.Alert) error {
	return webhook.Enqueue(tx, webhook.AlertRaised, a.ID.String(), noticeOf(a))
}

func tellEnded(tx *place.Tx, a monitor.Alert) error {
	return webhook.Enqueue(tx, webhook.AlertEnded, a.ID.String(), noticeOf(a))
}

// retentionDays is how long a customer keeps recordings; 0: for ever, or not
// chosen.
func (s *Server) retentionDays(ctx context.Context, p *place.Place) (int, error) {
	r, err := s.Recordings.Retention(ctx, p)
	return r.Days, err
}
