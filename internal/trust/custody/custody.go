// Package custody looks after keys over the years: it rotates root and customer
// keys, lets a customer's key be held by a key server of their own, keeps the
// history of both, and tells when a rotation is overdue or a key server fails.
//
//	Ask → a rotation that is noted ── job ──▶ keyring.Turn, in steps ──▶ done, with how many keys
//	settings of a key server, sealed ── Try ──▶ what arrived ── Ask{To: holder} ──▶ in force
//
// What a rotation does to keys is package keyring's: a crash at any moment leaves
// each key under the old or the new one, and the job goes on. What stands here is
// who asked, when, and how far it has come.
//
// The settings and the secret of a key server lie in the customer's place under
// the field key, which the installation holds: they can be mended while the key
// server refuses.
package custody

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/transit"
	"ringfence/internal/trust/monitor"
)

// Options are what a Service stands on.
type Options struct {
	Store   *place.Store
	Keys    *keyring.Keyring
	Roots   *keyring.RootFiles // nil: the root key is no file of this machine
	Monitor *monitor.Service   // nil: nobody is told
	Egress  egress.Options     // the operator's, for key servers
	Server  string             // which machine this is
	Now     func() time.Time   // nil: time.Now
	Log     *slog.Logger       // nil: silent
}

// Service is safe for concurrent use.
type Service struct {
	o Options

	mu      sync.Mutex
	clients map[clientKey]*transit.Client
	failing map[id.Customer]string // why a key server did not lend last
}

type clientKey struct {
	customer id.Customer
	name     string
	version  int64 // of the settings
}

// New makes a service, and lets the keyring ask it for key servers.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{o: o, clients: map[clientKey]*transit.Client{}, failing: map[id.Customer]string{}}
	o.Keys.Ask(s.holder)
	return s
}

// What a rotation is for.
const (
	Rotate = "rotate" // a new key, held by whom the old one is
	ToThem = "hand-over"
	ToUs   = "take-back"
	Root   = "root" // of the installation
)

// Rotation is one rotation and what became of it.
type Rotation struct {
	ID       id.Rotation
	What     string
	Holder   string // to whom; empty: the installation
	AskedBy  string // text form of the person's id, or who else it was
	AskedAt  time.Time
	EndedAt  time.Time // zero: it is not done
	Version  int64     // of the customer key after it
	Done     int64     // keys, or customers for a root key
	All      int64
	Problem  string // why it does not go on; it is tried again
	RootName string // for a root key: the new one
}

// Rhythm is how often a key is to be rotated.
type Rhythm struct {
	Months int       // 0: nobody is reminded
	Due    time.Time // zero: never
}

type rotationRow struct {
	ID      id.Rotation `db:"id"`
	What    string      `db:"what"`
	Holder  string      `db:"holder"`
	AskedBy string      `db:"asked_by"`
	AskedAt int64       `db:"asked_at"`
	EndedAt int64       `db:"ended_at"`
	Version int64       `db:"version"`
	Done    int64       `db:"done"`
	Total   int64       `db:"total"`
	Problem string      `db:"problem"`
	Root    string      `db:"root"`
}

const rotationColumns = `SELECT id, what, holder, asked_by, asked_at, ended_at, version, done, total, problem, root FROM key_rotations`

func (r rotationRow) rotation() Rotation {
	return Rotation{r.ID, r.What, r.Holder, r.AskedBy, from(r.AskedAt), from(r.EndedAt), r.Version, r.Done, r.Total, r.Problem, r.Root}
}

// historyAtOnce is how many rotations are listed; they are some in a year.
const historyAtOnce = 200

// History lists the rotations of a place's key, the newest first; the registry's
// are those of the root key.
func (s *Service) History(ctx context.Context, p *place.Place) (all []Rotation, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[rotationRow](tx, rotationColumns+` ORDER BY asked_at DESC, id DESC LIMIT ?`, historyAtOnce)
		for _, r := range rows {
			all = append(all, r.rotation())
		}
		return err
	})
	return all, err
}

// State is how a customer's key is.
type State struct {
	keyring.State
	Age     time.Duration
	Rhythm  Rhythm
	Failing string    // why the key server did not lend the key last
	Asked   *Settings // of a key server that is set; nil: none
	Running *Rotation
}

// State tells how a customer's key is, without asking anybody.
func (s *Service) State(ctx context.Context, p *place.Place) (out State, err error) {
	if out.State, err = s.o.Keys.State(ctx, p.Customer()); err != nil {
		return out, err
	}
	made := time.UnixMilli(out.MadeAt)
	out.Age = s.o.Now().Sub(made)
	if out.Rhythm, err = s.rhythm(ctx, p.Customer(), made); err != nil {
		return out, err
	}
	s.mu.Lock()
	out.Failing = s.failing[p.Customer()]
	s.mu.Unlock()
	err = p.View(ctx, func(tx *place.Tx) error {
		row, err := place.Row[rotationRow](tx, rotationColumns+` WHERE ended_at = 0`)
		if err == nil {
			r := row.rotation()
			out.Running = &r
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		set, err := readSettings(tx)
		if err == nil {
			out.Asked = &set.Settings
		}
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return err
	})
	return out, err
}

func from(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
