// Package destruction writes down what became of every copy of what was
// destroyed, and signs it.
//
//	recording.DestroyAll ──▶ keys, objects, rows gone ──▶ destroyed items, in the same Change
//	                                                          │ Issue: minutes later, and each night
//	                                                          ▼
//	             indexes and logs cleaned ──▶ signed certificate (JSON, PDF), one for a run
//	                                                          │ a copy's state changed since
//	                                                          ▼
//	                                          supplement that takes its place
//
// A certificate is made from what the destruction itself recorded, never from
// what ought to be. It names each copy as gone, remaining until a time, remaining
// out of reach (a telephone system that keeps its original), or unknown, and
// holds ids, times, counts and keyed hashes: nothing of what was said, by whom.
//
// Limits: the signature proves that the installation said so, not that it was
// true; that its keys are gone can be held against the tombstones of the key
// stores and of every backup made since. Copies that people made are not known.
package destruction

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Options is what the service is built on.
type Options struct {
	Store *place.Store
	// Sign signs a text (PKCS #7, detached) and Paper a PDF, with the
	// installation's key for documents.
	Sign  func(ctx context.Context, text []byte) ([]byte, error)
	Paper func(ctx context.Context, pdf []byte, title string, at time.Time) ([]byte, error)
	Name  func(ctx context.Context, n id.Node) string
	// Clean takes what was deleted out of indexes and logs before it is certified.
	Clean func(ctx context.Context, p *place.Place) error
	// Backups says until when copies made before a time can last.
	Backups func(at time.Time) Backups
	// Boxes are the collectors, which are asked to remove what they have. Register
	// Heard with them. nil: there are none.
	Boxes Boxes
	// SourceName is the name that the customer gave a source; nil: its id.
	SourceName func(tx *place.Tx, s id.Source) (string, error)
	// StillMoved reports whether a file of a recording, which its source moved aside,
	// is still to go. Register Swept beside it. nil: there are none.
	StillMoved func(tx *place.Tx, rec id.Recording) (bool, error)
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: silent
}

// Boxes are the collectors beside telephone systems.
type Boxes interface {
	// Remove orders what those of some sources have of a recording.
	Remove(tx *place.Tx, rec id.Recording, sources []id.Source) ([]collect.Word, error)
	// Words are what they have said, and who has not yet.
	Words(tx *place.Tx, recs []id.Recording) ([]collect.Word, error)
}

// Backups is until when copies can last that were made before a destruction. A
// zero time without Unknown: there are none.
type Backups struct {
	On     bool      // this installation makes them
	Places time.Time // of rows and of the log of changes: search tokens, sealed fields
	Keys   time.Time // of wrapped keys: until then the key of a backup and the root key together open what was destroyed
}

// AtSource is what is known of the copy that a source had.
type AtSource string

// What can be known of it.
const (
	SourceGone     AtSource = "gone"      // it was removed, and that was confirmed
	SourceRemains  AtSource = "remaining" // out of reach: the other side keeps its original
	SourceUnknown  AtSource = "unknown"   // it cannot be said: who had it is gone, or of a release that does not tell
	SourceWaiting  AtSource = "waiting"   // a collector, or who watches the folder, was asked and has not answered yet
	SourceNever    AtSource = "none"      // there never was a file: sound came over the wire
	settledFor              = 2 * time.Minute
	itemsAtOnce             = 10_000 // in one certificate
	housekeepActor          = "destruction"
)

// Service records destructions and issues certificates.
type Service struct {
	o  Options
	mu sync.Mutex // one Issue at a time: two must not certify the same items
}

// New makes the service; the store must have been opened with Migrations in
// places. Register Record with recording.Service.OnEnded.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clean == nil {
		o.Clean = func(ctx context.Context, p *place.Place) error { return p.Scrub(ctx) }
	}
	if o.Backups == nil {
		o.Backups = func(time.Time) Backups { return Backups{} }
	}
	if o.StillMoved == nil {
		o.StillMoved = func(*place.Tx, id.Recording) (bool, error) { return false, nil }
	}
	if o.Name == nil {
		o.Name = func(_ context.Context, n id.Node) string { return n.String() }
	}
	return &Service{o: o}
}

// Record writes down a destruction in the Change that ends it; again, it changes
// nothing. It is for recording.Service.OnEnded.
func (s *Service) Record(tx *place.Tx, e recording.Ending) error {
	if len(e.Items) == 0 {
		return nil // ordered by a program that did not write down what goes
	}
	at := tx.At().UnixMilli()
	_, err := tx.Exec(`INSERT INTO destructions (run, kind, rule, request, approval, ordered_by, ordered_at, ended_at, two_keys, two_objects)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET ended_at = excluded.ended_at`,
		e.Run, e.By.Kind, e.By.Rule, e.By.Request, e.By.Approval, e.Who, e.OrderedAt, at, e.TwoKeys, e.TwoObjects)
	if err != nil {
		return err
	}
	for _, i := range e.Items {
		var keys, paths []byte
		for _, k := range i.Keys {
			keys = append(keys, k[:]...)
		}
		for _, p := range i.Paths {
			paths = append(paths, p...)
		}
		elsewhere := beside(i, e.TwoKeys && e.TwoObjects)
		state, err := s.askBoxes(tx, i, elsewhere)
		if err != nil {
			return err
		}
		if len(i.Moved) > 0 {
			state = worst(state, SourceWaiting)
		}
		_, err = tx.Exec(`INSERT INTO destroyed (recording, run, at, source, source_kind, at_source, elsewhere, sounds, texts, bytes, keys, paths)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (recording) DO NOTHING`,
			i.Recording, e.Run, at, i.Source, string(i.Kind), string(state), string(elsewhere), i.Sounds, i.Texts, i.Bytes, keys, paths)
		if err != nil {
			return err
		}
	}
	tx.Notify(Topic)
	return nil
}

// Topic is the live topic that is woken when certificates change, or may: more was
// destroyed, or became known.
const Topic = "certificates"
