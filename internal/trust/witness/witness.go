// Package witness signs what a customer's change log is and gives that out of the
// house: a checkpoint each minute in which something was recorded, and whenever
// somebody asks. Who keeps checkpoints is a witness: the log can grow, but nothing
// before a checkpoint can be altered, taken out or put in without it being seen
// (package proof finds it, offline).
//
//	events ── Sequence ── tree ── sign ── checkpoint ── webhook, mail, download
//
// A checkpoint is itself an event of the log, of its next part. Those events, and
// what sending them leaves behind, are no reason for another checkpoint; else each
// would be the cause of the next for ever.
//
// After a restore to an earlier time the log goes on from there. Checkpoints that
// were sent before then name a log that is no more: whoever keeps one finds a
// fork, as he must. The event place.restored says why.
package witness

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
)

//go:embed schema.sql
var schema string

// Migrations make the tables in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 976, Name: "checkpoints of the log", SQL: schema}}
}

// Housekeeping lists the tables that are written without an event: when somebody
// was sent a checkpoint last.
func Housekeeping() []string { return []string{"log_witnesses"} }

// Every is how often checkpoints are signed while events come.
const Every = time.Minute

// Options of a Service.
type Options struct {
	Store *place.Store
	Keys  *keyring.Keyring
	Mail  mail.Sender
	Brand func(ctx context.Context, c id.Customer) mail.Brand // nil: plain
	URL   func() string                                       // of the portal
	Log   *slog.Logger
	Now   func() time.Time

	// Broken is told of a log that cannot be signed because it does not hold, with
	// why; nil: that it holds again. It may be told twice.
	Broken func(ctx context.Context, p *place.Place, why error)
}

// Service signs and sends checkpoints.
type Service struct {
	o Options

	mu    sync.Mutex
	fresh map[id.Customer]bool // places in which something was recorded
}

// New makes the service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Brand == nil {
		o.Brand = func(context.Context, id.Customer) mail.Brand { return mail.Plain() }
	}
	if o.Broken == nil {
		o.Broken = func(context.Context, *place.Place, error) {}
	}
	if o.URL == nil {
		o.URL = func() string { return "" }
	}
	return &Service{o: o, fresh: map[id.Customer]bool{}}
}

// Watch notes in which places something is new; the store calls it.
func (s *Service) Watch(c place.Commit) {
	if c.Customer.IsZero() || len(c.Events) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh[c.Customer] = true
}

// Run signs each minute until ctx is done. At the start all places are looked at:
// events of releases that had no tree are taken in then.
func (s *Service) Run(ctx context.Context) {
	all, err := s.o.Store.Customers(ctx)
	if err != nil {
		s.o.Log.ErrorContext(ctx, "checkpoints: the customers cannot be listed", "cause", err)
	}
	s.mu.Lock()
	for _, c := range all {
		s.fresh[c] = true
	}
	s.mu.Unlock()
	timer := time.NewTicker(Every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			s.Turn(ctx)
		}
	}
}

// Turn signs and sends for every place in which something is new. A place that
// fails keeps no other one waiting, and is tried again.
func (s *Service) Turn(ctx context.Context) {
	s.mu.Lock()
	due := s.fresh
	s.fresh = map[id.Customer]bool{}
	s.mu.Unlock()
	for c := range due {
		if ctx.Err() != nil {
			return
		}
		p, err := s.o.Store.Place(ctx, c)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err == nil {
			err = s.turn(ctx, p)
		}
		if err != nil && ctx.Err() == nil {
			s.o.Log.ErrorContext(ctx, "the change log was not signed", "customer", c, "cause", err)
			s.mu.Lock()
			s.fresh[c] = true
			s.mu.Unlock()
		}
	}
}

func (s *Service) turn(ctx context.Context, p *place.Place) error {
	worth, err := s.worth(ctx, p)
	if err != nil {
		return err
	}
	if worth {
		_, err := s.Sign(ctx, p, actor.ForSystem("witness"))
		if err == nil || errors.Is(err, journal.ErrBroken) {
			s.o.Broken(ctx, p, err)
		}
		if err != nil {
			return err
		}
	}
	again, err := s.send(ctx, p)
	if again {
		s.mu.Lock()
		s.fresh[p.Customer()] = true // somebody is due later, or could not be reached
		s.mu.Unlock()
	}
	return err
}

// worth reports whether something was recorded since the last checkpoint beside
// what checkpoints themselves leave behind.
func (s *Service) worth(ctx context.Context, p *place.Place) (worth bool, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err := place.Row[int64](tx, `SELECT count(*) FROM (SELECT 1 AS one FROM events WHERE pos > (SELECT coalesce(max(size), 0) FROM log_checkpoints)
			AND code NOT IN ('checkpoint.signed', 'checkpoint.cosigned', 'egress.sent') LIMIT 1) AS first`)
		worth = n > 0
		return err
	})
	return worth, err
}

// Signed is a checkpoint that was signed and kept.
type Signed struct {
	Size     int64
	At       time.Time
	Openings int64
	Root     tlog.Hash
	Note     string // what is given out
	Cosigned []Cosignature
}

// Cosignature is a witness's own signature over the same text.
type Cosignature struct {
	Size int64  `db:"size"`
	Name string `db:"name"`
	At   int64  `db:"at"`
	Line string `db:"line"`
	Key  string `db:"vkey"`
}

type row struct {
	Size     int64  `db:"size"`
	At       int64  `db:"at"`
	Openings int64  `db:"openings"`
	Root     []byte `db:"root"`
	Note     string `db:"note"`
}

const columns = `SELECT size, at, openings, root, note FROM log_checkpoints `

func (r row) show() Signed {
	out := Signed{Size: r.Size, At: time.UnixMilli(r.At).UTC(), Openings: r.Openings, Note: r.Note}
	copy(out.Root[:], r.Root)
	return out
}

// Sign takes in what is not in the tree yet and signs it. Where nothing is new
// since the last checkpoint, it gives that one. The key store's count is read
// before the log: each of its openings stood in the log first.
func (s *Service) Sign(ctx context.Context, p *place.Place, who actor.Actor) (Signed, error) {
	openings, err := s.o.Keys.Openings(ctx, p.Customer())
	if err != nil {
		return Signed{}, err
	}
	size, err := journal.Sequence(ctx, p)
	if err != nil {
		return Signed{}, err
	}
	if size == 0 {
		return Signed{}, fault.New(fault.Conflict, "nothing was recorded yet")
	}
	signer, err := s.Signer(ctx)
	if err != nil {
		return Signed{}, err
	}
	c := journal.Checkpoint{Origin: journal.Origin(signer.Public, p.Customer()), Size: size, Openings: openings, At: s.o.Now().UTC().Truncate(time.Second)}
	var last *row
	err = p.View(ctx, func(tx *place.Tx) (err error) {
		if last, err = newest(tx); err != nil || last != nil && last.Size >= size {
			return err
		}
		c.Root, err = journal.TreeOf(tx).Root(size)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	if last != nil && (last.Size >= size || last.Size == size-1 && s.onlyItself(ctx, p, last.Size)) {
		return last.show(), nil
	}
	out := Signed{Size: size, At: c.At, Openings: openings, Root: c.Root}
	if out.Note, err = signer.SignNote(c.Text()); err != nil {
		return Signed{}, err
	}
	return out, s.keep(ctx, p, who, out)
}

// onlyItself reports whether all that came since a checkpoint is that it was signed.
func (s *Service) onlyItself(ctx context.Context, p *place.Place, size int64) bool {
	only := false
	_ = p.View(ctx, func(tx *place.Tx) error { // on failure another checkpoint is signed, which does no harm
		n, err := place.Row[int64](tx, `SELECT count(*) FROM events WHERE pos > ? AND code <> 'checkpoint.signed'`, size)
		only = err == nil && n == 0
		return err
	})
	return only
}

func newest(tx *place.Tx) (*row, error) {
	r, err := place.Row[row](tx, columns+`ORDER BY size DESC LIMIT 1`)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return &r, err
}

// notice is what webhooks are told.
type notice struct {
	Customer id.Customer `json:"customer"`
	Size     int64       `json:"size"`
	Note     string      `json:"note"`
}

// keep stores a checkpoint and tells of it. Two servers may sign the same: one
// of them is kept.
func (s *Service) keep(ctx context.Context, p *place.Place, who actor.Actor, c Signed) error {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`INSERT INTO log_checkpoints (size, at, openings, root, note) VALUES (?, ?, ?, ?, ?) ON CONFLICT (size) DO NOTHING`,
			c.Size, c.At.UnixMilli(), c.Openings, c.Root[:], c.Note)
		if err != nil {
			return err
		}
		if n == 0 {
			return errKept
		}
		tx.Record(place.Event{Code: "checkpoint.signed", Subject: "journal", Facts: map[string]string{"size": itoa(c.Size), "root": c.Root.String()}})
		tx.Notify("checkpoints")
		return webhook.Enqueue(tx, webhook.CheckpointSigned, "journal", notice{p.Customer(), c.Size, c.Note})
	})
	if errors.Is(err, errKept) {
		return nil
	}
	return err
}

var errKept = errors.New("another server has signed it")

// Signer signs notes with the installation's key.
func (s *Service) Signer(ctx context.Context) (journal.Signer, error) {
	public, err := s.o.Keys.SigningKey(ctx)
	return journal.Signer{Public: public, SignRaw: func(text []byte) ([]byte, error) { return s.o.Keys.SignNote(ctx, text) }}, err
}

// State is how the log stands.
type State struct {
	Events    int64   // recorded
	Sequenced int64   // of them in the tree
	Last      *Signed // nil: none was signed yet
	Key       string  // that signatures are checked with
	Origin    string
}

// State reads how the log stands.
func (s *Service) State(ctx context.Context, p *place.Place) (out State, err error) {
	signer, err := s.Signer(ctx)
	if err != nil {
		return out, err
	}
	out.Origin = journal.Origin(signer.Public, p.Customer())
	if out.Key, err = journal.VerifierKey(signer.Public); err != nil {
		return out, err
	}
	if out.Sequenced, err = journal.Size(ctx, p); err != nil {
		return out, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		last, err := newest(tx)
		if err == nil && last != nil {
			c := last.show()
			out.Last = &c
		}
		if err == nil {
			out.Events, err = place.Row[int64](tx, `SELECT coalesce(max(pos), 0) FROM events`)
		}
		return err
	})
	return out, err
}
