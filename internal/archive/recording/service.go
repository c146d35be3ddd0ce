package recording

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// JobTranscribe is the kind of the job that is enqueued with each recording,
// in the same transaction.
const JobTranscribe = "transcribe"

// TranscribeArgs are the arguments of that job.
type TranscribeArgs struct {
	Recording id.Recording `json:"recording"`
}

// Topic is the live topic that is woken when the list of recordings changes.
const Topic = "recordings"

// Options are what a Service stands on.
type Options struct {
	Store   *place.Store
	Keys    *keyring.Keyring
	Objects blob.Bucket
	Log     *slog.Logger     // nil: silent
	Now     func() time.Time // nil: the clock of this machine
	// Admit is asked before anything new comes into a place; its error's text
	// tells the customer why nothing does. nil: everything may come.
	Admit func(ctx context.Context, p *place.Place) error
	// Oldest is when the oldest backup that is kept was made: objects that it
	// names stay until it has gone. nil: there are no backups.
	Oldest func(ctx context.Context) (at time.Time, some bool)
	// Step is told the name of each step before it is taken. Only tests use it:
	// they end the process there and look at what is left.
	Step func(name string)
}

// Service archives, opens and destroys recordings in any customer's place. It
// is safe for concurrent use.
type Service struct {
	store   *place.Store
	keys    *keyring.Keyring
	objects blob.Bucket
	log     *slog.Logger
	now     func() time.Time
	admit   func(context.Context, *place.Place) error
	oldest  func(context.Context) (time.Time, bool)
	step    func(string)
	cards   *cardKeys

	onDestroy []func(tx *place.Tx, n int64) error
	onCapture []func(tx *place.Tx, c Captured) error
	onGone    []func(tx *place.Tx, rec id.Recording, reason string) error
	onTaken   []func(tx *place.Tx, all []Captured) error
	onEnded   []func(tx *place.Tx, e Ending) error
	onSwept   []func(tx *place.Tx, rec id.Recording, fate Fate) error

	onDestroying []func(tx *place.Tx, ns []int64) error
	onTagGone    []func(tx *place.Tx, tag id.Tag) error

	mu       sync.Mutex
	openings map[id.Receipt]*Opening
	working  map[id.Intent]bool // intents under way in this process
}

// New makes a service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Admit == nil {
		o.Admit = func(context.Context, *place.Place) error { return nil }
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return &Service{
		store: o.Store, keys: o.Keys, objects: o.Objects, log: o.Log, now: o.Now, admit: o.Admit, oldest: o.Oldest, step: o.Step,
		cards: newCardKeys(), openings: map[id.Receipt]*Opening{}, working: map[id.Intent]bool{},
	}
}

// OnDestroy registers what else is removed in the Change that removes a
// recording's rows, such as search tokens. Register before the first use.
func (s *Service) OnDestroy(fn func(tx *place.Tx, n int64) error) {
	s.onDestroy = append(s.onDestroy, fn)
}

// Captured is a recording that has just come in.
type Captured struct {
	Recording id.Recording
	Source    id.Source
	StartedAt time.Time
	Length    time.Duration
	Replaced  bool // a longer capture took the place of one that was there
	// CallTokens are the blinded names of its call, as CallTokens makes them.
	CallTokens [][]byte
}

// OnCapture registers what else is written in the Change that takes a recording
// in, such as meters. Register before the first use.
func (s *Service) OnCapture(fn func(tx *place.Tx, c Captured) error) {
	s.onCapture = append(s.onCapture, fn)
}

// OnTaken is OnCapture for all recordings that a Change takes in, at once and at
// its end. Register before the first use.
func (s *Service) OnTaken(fn func(tx *place.Tx, all []Captured) error) {
	s.onTaken = append(s.onTaken, fn)
}

// OnDestroyed registers who is told in the Change that ends a recording; reason
// holds nothing personal. It may be told twice of one. Register before the first use.
func (s *Service) OnDestroyed(fn func(tx *place.Tx, rec id.Recording, reason string) error) {
	s.onGone = append(s.onGone, fn)
}

// Admit is fault.Unavailable, with the reason, while nothing new may come into a
// place. Sources are then left as they are: what waits in them waits there.
func (s *Service) Admit(ctx context.Context, p *place.Place) error {
	err := p.View(ctx, s.stays)
	if err == nil {
		err = s.admit(ctx, p)
	}
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	if f.Kind == fault.Internal {
		return err
	}
	return fault.New(fault.Unavailable, "nothing is captured: %s", f.Text).After(max(f.RetryAfter, time.Minute))
}

// TwoPlaces reports whether objects and keys are each kept in two places. Only
// then may a source be moved or deleted.
func (s *Service) TwoPlaces() bool {
	return len(blob.Replicas(s.objects)) >= 2 && s.keys.Copies() >= 2
}

// Recover finishes what a crash left undone in one place. Call it before
// anything is archived there.
func (s *Service) Recover(ctx context.Context, p *place.Place) error {
	return s.recover(ctx, p)
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func optional(t *time.Time) *int64 {
	if t == nil || t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}
