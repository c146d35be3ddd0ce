// Package parcel makes what takes long to make and is then taken away: evidence
// files, access packs, bundles of customers who leave. A parcel is a zip, made by
// a job with progress, sealed under a key of its own, to be had for a stated time
// by who asked for it, and destroyed after that.
//
//	Ask ── making ── ready ── its time, or Remove ── ended
//	          └──── failed ──────────────────────────┘
//
// What a parcel is asked about may be personal (a telephone number, a name): the
// whole order is sealed in its row. The zip is written straight into its sealed
// object; no plain byte of it ever lies on a disk. Each try has a key and an
// object of its own, and the key of an earlier try is destroyed: half a parcel
// opens for nobody. Each taking away is an opening with a receipt of its own.
//
// A parcel goes with what it was made from: when one of its subjects is
// destroyed, its time has come (Gone).
package parcel

import (
	"context"
	_ "embed"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

//go:embed schema.sql
var schema string

// Migrations make the tables in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 975, Name: "parcels", SQL: schema}}
}

// Housekeeping lists the tables that are written without an event: how far the
// making has come. That one was asked for, is ready or has ended are events.
func Housekeeping() []string { return []string{"parcels"} }

// The kinds of job: making one, and ending those whose time has come.
const (
	JobMake = "parcel.make"
	JobEnd  = "parcel.end"
)

// Topic is the live topic of this package.
const Topic = "exports"

// State is how far a parcel has come.
type State string

// The states.
const (
	Making State = "making" // waits for a free hand, or is being made
	Ready  State = "ready"  // can be taken until Until
	Failed State = "failed" // Reason says why
	Ended  State = "ended"  // its key is destroyed
)

// KeptFor is how long a parcel can be taken where its maker does not say.
const KeptFor = 7 * 24 * time.Hour

// unfinished is how many parcels somebody can have in the making: more would fill
// the disk before the first is taken.
const unfinished = 5

// Parcel is one parcel, as who asked for it sees it.
type Parcel struct {
	ID      id.Parcel
	Kind    string
	Name    string // of the file
	State   State
	Done    int64 // of Total, in the maker's own steps
	Total   int64 // 0: not known yet
	Bytes   int64 // of the zip, once ready
	Reason  string
	Purpose string
	Act     string // that taking it needs
	AskedAt time.Time
	ReadyAt time.Time // zero: not yet
	Until   time.Time // zero: not known yet
	EndedAt time.Time // zero: not yet
}

// Maker says how parcels of one kind are made.
type Maker struct {
	// Act is the act, as tenancy/access calls it, that taking the parcel needs:
	// a right that was taken away meanwhile keeps it closed.
	Act string
	// Keep is how long it can be taken; 0: KeptFor.
	Keep time.Duration
	// Estimate says about how many bytes it will have, and refuses an order that
	// cannot be carried out. args are those of the order.
	Estimate func(ctx context.Context, p *place.Place, args json.RawMessage) (int64, error)
	// Make fills the box. It may be run again from the start after a crash.
	Make func(ctx context.Context, p *place.Place, b *Box) error
	// Ended, if given, is told in the Change in which a parcel ends.
	Ended func(tx *place.Tx, i id.Parcel) error
}

// Order is what somebody asks for.
type Order struct {
	Kind     string
	Name     string   // of the file, nothing personal
	Args     any      // for the maker; may be personal, sealed
	Purpose  string   // why; stands in the change log
	Subjects []string // text forms of ids of what it is made from
}

// Options of a Service.
type Options struct {
	Store   *place.Store
	Keys    *keyring.Keyring
	Objects blob.Bucket
	Free    func() (int64, bool) // bytes free where objects lie; false: not known. nil: never known
	Log     *slog.Logger
	Now     func() time.Time
	Step    func(name string) // told of each step, for tests that end the process there; nil: nobody
}

// Service makes parcels and hands them out.
type Service struct {
	o      Options
	makers map[string]Maker

	mu   sync.Mutex
	open map[id.Receipt]*Opening
}

// New makes the service; Register tells it of kinds before jobs run.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Free == nil {
		o.Free = func() (int64, bool) { return 0, false }
	}
	return &Service{o: o, makers: map[string]Maker{}, open: map[id.Receipt]*Opening{}}
}

// Register adds a kind. It is called while the program is put together.
func (s *Service) Register(kind string, m Maker) {
	if m.Keep == 0 {
		m.Keep = KeptFor
	}
	s.makers[kind] = m
}

// order is what lies sealed in a row.
type order struct {
	Name    string          `json:"name"`
	Args    json.RawMessage `json:"args"`
	Purpose string          `json:"purpose"`
	From    string          `json:"from"`
	Session id.Session      `json:"session"`
	Behalf  string          `json:"behalf,omitempty"`
}

// row is a parcel as it lies in its table.
type row struct {
	ID        id.Parcel `db:"id"`
	Kind      string    `db:"kind"`
	State     State     `db:"state"`
	ActorKind string    `db:"actor_kind"`
	ActorID   string    `db:"actor_id"`
	Sealed    []byte    `db:"sealed"`
	Estimate  int64     `db:"estimate"`
	Done      int64     `db:"done"`
	Total     int64     `db:"total"`
	Bytes     int64     `db:"bytes"`
	Key       id.Key    `db:"key_id"`
	Object    id.Object `db:"object"`
	Reason    string    `db:"reason"`
	AskedAt   int64     `db:"asked_at"`
	ReadyAt   int64     `db:"ready_at"`
	Until     int64     `db:"until_at"`
	EndedAt   int64     `db:"ended_at"`
}

const columns = `SELECT id, kind, state, actor_kind, actor_id, sealed, estimate, done, total, bytes, key_id, object, reason, asked_at, ready_at, until_at, ended_at FROM parcels WHERE `

func (r row) order(tx *place.Tx) (o order, err error) {
	if len(r.Sealed) == 0 {
		return o, nil
	}
	plain, err := tx.Unseal(place.FieldParcel, r.ID, r.Sealed)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(plain, &o)
}

func (r row) actor(o order) actor.Actor {
	return actor.Actor{Kind: actor.Kind(r.ActorKind), ID: r.ActorID, OnBehalf: o.Behalf, Session: o.Session, From: o.From, Purpose: o.Purpose}
}

func (r row) show(o order, act string) Parcel {
	return Parcel{
		ID: r.ID, Kind: r.Kind, Name: o.Name, State: r.State, Done: r.Done, Total: r.Total, Bytes: r.Bytes, Reason: r.Reason, Purpose: o.Purpose, Act: act,
		AskedAt: instant(r.AskedAt), ReadyAt: instant(r.ReadyAt), Until: instant(r.Until), EndedAt: instant(r.EndedAt),
	}
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// List gives the parcels that who asked for, the newest first, the ended ones of
// the last days among them.
func (s *Service) List(ctx context.Context, p *place.Place, who actor.Actor) (all []Parcel, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, columns+`actor_kind = ? AND actor_id = ? ORDER BY id DESC LIMIT 200`, string(who.Kind), who.ID)
		for _, r := range rows {
			o, err := r.order(tx)
			if err != nil {
				return err
			}
			all = append(all, r.show(o, s.makers[r.Kind].Act))
		}
		return err
	})
	return all, err
}

// Read gives one parcel. Another person's is fault.NotFound.
func (s *Service) Read(ctx context.Context, p *place.Place, who actor.Actor, i id.Parcel) (out Parcel, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, o, err := find(tx, who, i)
		out = r.show(o, s.makers[r.Kind].Act)
		return err
	})
	return out, err
}

func find(tx *place.Tx, who actor.Actor, i id.Parcel) (row, order, error) {
	r, err := place.Row[row](tx, columns+`id = ? AND actor_kind = ? AND actor_id = ?`, i, string(who.Kind), who.ID)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "there is no such export of yours")
	}
	if err != nil {
		return r, order{}, err
	}
	o, err := r.order(tx)
	return r, o, err
}
