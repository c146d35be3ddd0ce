// Package monitor tells people when something is wrong, and when it is right
// again. Whoever knows of a condition reports it:
//
//	condition ── Report ──▶ alert ── told by mail, at most one mail for many ──▶ acknowledged │ snoozed
//	                          │
//	condition gone ── Clear ──┴── held for its kind's time ──▶ ended, with how long it lasted
//
// An alert is one condition of one subject: while it is open, reporting again
// only renews its facts, and what comes and goes within the hold of its kind
// stays one alert. It stands where the condition is: in the customer's place, or
// in the registry for provider and resellers. Those above a customer get kinds,
// times and figures, pushed upwards, and never open the place.
//
// Mails and figures hold nothing of calls: no names, no numbers, no files. Facts
// are ids and counts; whoever has the right to see more looks in the portal.
package monitor

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Condition is something that is wrong with something.
type Condition struct {
	Kind    Kind
	Subject string            // id of what it is about, or a word such as "data"; with Kind it names the condition
	Since   time.Time         // when it began; zero: now
	Facts   map[string]string // ids, counts and plain words; nothing personal. "text" is a sentence for people
	Urgent  bool              // worse than its kind: told at any hour
}

// Where is a customer's place, or a node in the registry.
type Where struct {
	Place *place.Place
	Node  id.Node
}

// In is where a customer's conditions are reported.
func In(p *place.Place) Where { return Where{p, p.Customer()} }

// customer reports whether it is a customer's place.
func (w Where) customer() bool { return !w.Place.Customer().IsZero() }

// Addressee is somebody who is told.
type Addressee struct {
	Person id.Person // zero: only an address
	Name   string
	Email  string
}

// Options is what the service is built on.
type Options struct {
	Store  *place.Store
	Mail   mail.Sender
	URL    func() string                                           // of the portal, for mails; nil: none
	Brand  func(ctx context.Context, at id.Node) mail.Brand        // nil: mail.Plain
	Name   func(ctx context.Context, at id.Node) string            // of an organisation, for mails; nil: none
	Admins func(ctx context.Context, w Where) ([]Addressee, error) // told where no contact is named; nil: nobody
	Above  func(tx *place.Tx, n id.Node) ([]id.Node, error)        // the nodes above one, in the registry
	Root   func(ctx context.Context) (id.Node, error)              // the provider
	// Raised and Ended are told within the Change; nil: nobody is.
	Raised, Ended func(tx *place.Tx, a Alert) error
	Now           func() time.Time // nil: time.Now
	Log           *slog.Logger     // nil: silent
}

// Service is the alerts of all places and nodes. It is safe for concurrent use.
type Service struct {
	o         Options
	detectors []Detector

	mu    sync.Mutex
	dirty map[id.Customer]bool      // to be looked at soon
	next  map[id.Customer]time.Time // when each place is to be looked at again
}

// New makes the service; the store must have been opened with Migrations in
// places and in the registry.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL == nil {
		o.URL = func() string { return "" }
	}
	if o.Brand == nil {
		o.Brand = func(context.Context, id.Node) mail.Brand { return mail.Plain() }
	}
	if o.Name == nil {
		o.Name = func(context.Context, id.Node) string { return "" }
	}
	if o.Above == nil {
		o.Above = func(*place.Tx, id.Node) ([]id.Node, error) { return nil, nil }
	}
	return &Service{o: o, dirty: map[id.Customer]bool{}, next: map[id.Customer]time.Time{}}
}

// Node is where conditions of a node are reported.
func (s *Service) Node(n id.Node) Where { return Where{s.o.Store.Registry(), n} }

// Installation is where conditions of the whole installation are reported: the
// provider's node. It is fault.NotFound before there is one.
func (s *Service) Installation(ctx context.Context) (Where, error) {
	if s.o.Root == nil {
		return Where{}, fault.New(fault.NotFound, "nobody runs this installation")
	}
	n, err := s.o.Root(ctx)
	return s.Node(n), err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
