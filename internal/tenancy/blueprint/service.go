package blueprint

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// Options are what the service stands on.
type Options struct {
	Store      *place.Store
	Tree       *org.Service
	People     *identity.Service
	Recordings *recording.Service
	Speech     *speech.Service
	// Folder reports whether a customer may have a folder of this server watched;
	// nil: none may.
	Folder func(c id.Customer, folder string) bool
	// Retain sets how long recordings are kept; nil: the archive's own way.
	Retain func(ctx context.Context, p *place.Place, who actor.Actor, days int) error
	// Step is told the name of each step before it is taken; tests end the
	// process there.
	Step func(name string)
}

// Service applies blueprints.
type Service struct {
	o  Options
	mu sync.Mutex // intents are carried out one at a time
}

// New makes the service; the store must have been opened with Migrations.
func New(o Options) *Service {
	if o.Folder == nil {
		o.Folder = func(id.Customer, string) bool { return false }
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Retain == nil {
		o.Retain = o.Recordings.SetRetention
	}
	return &Service{o: o}
}

// Migrations of the registry.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 112, Name: "blueprints", SQL: `
		CREATE TABLE blueprints (
			node {{id}} PRIMARY KEY REFERENCES nodes (id),
			doc {{bytes}} NOT NULL,
			state {{text}} NOT NULL,
			note {{text}} NOT NULL,
			applied_at {{int}} NOT NULL
		);`}}
}

// The states of what a blueprint says of a customer's inside.
const (
	Applying = "applying" // decided, and being carried out
	Done     = "done"
	Failed   = "failed" // a step was refused; Note says which
)

// State is how far the last blueprint of a customer has come.
type State struct {
	State     string // "": none was applied
	Note      string
	AppliedAt time.Time
}

// Plan is what applying a file would do, or has done.
type Plan struct {
	Node  org.Node // the customer; its ID is zero while it is to be made
	Lines []Line
	State State
}

// Changes reports whether applying would change anything.
func (p Plan) Changes() bool {
	return slices.ContainsFunc(p.Lines, func(l Line) bool { return !l.Kept })
}

// stored is what is remembered of a customer's blueprints, sealed: it names people.
type stored struct {
	Is   map[string]string `json:"is"`   // all that blueprints have said of the inside
	File inside            `json:"file"` // what the last one says, to be carried out
}

// inside is the part of a file that acts within the place.
type inside struct {
	Retention *Retention `yaml:"retention" json:"retention,omitempty"`
	Speech    *Speech    `yaml:"speech" json:"speech,omitempty"`
	SignIn    *SignIn    `yaml:"sign_in" json:"sign_in,omitempty"`
	Sources   []Source   `yaml:"sources" json:"sources,omitempty"`
	People    []Person   `yaml:"people" json:"people,omitempty"`
}

func (f File) inside() inside { return inside{f.Retention, f.Speech, f.SignIn, f.Sources, f.People} }

// Preview is what applying the text at a node would change: nothing is done.
func (s *Service) Preview(ctx context.Context, at org.Node, text []byte) (p Plan, err error) {
	f, err := Parse(text)
	if err != nil {
		return Plan{}, err
	}
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		d, err := s.plan(tx, at, f)
		p = d.Plan
		return err
	})
	if err == nil && p.Node.ID.IsZero() {
		err = s.fitsSeats(ctx, at.ID, f)
	}
	return p, err
}

// errSame ends a Change that has nothing to change.
var errSame = errors.New("nothing differs")

// Apply makes the customer be as the text says. It returns when everything was
// carried out, or with Failed and a note if a step within the place was refused.
func (s *Service) Apply(ctx context.Context, who actor.Actor, at org.Node, text []byte) (Plan, error) {
	f, err := Parse(text)
	if err == nil {
		err = s.o.Tree.Recover(ctx)
	}
	if err == nil && at.Kind != org.Customer {
		err = s.fitsSeats(ctx, at.ID, f)
	}
	if err != nil {
		return Plan{}, err
	}
	var d decision
	s.o.Step("decide")
	err = s.o.Store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		if d, err = s.plan(tx, at, f); err != nil {
			return err
		}
		if !d.Changes() {
			return errSame
		}
		return s.decide(tx, who, at, f, &d)
	})
	if err != nil && !errors.Is(err, errSame) {
		return Plan{}, err
	}
	s.o.Step("decided")
	if err := s.recover(ctx, d.Node.ID); err != nil {
		return d.Plan, err
	}
	d.State, err = s.State(ctx, d.Node.ID)
	return d.Plan, err
}

// fitsSeats refuses more people than there are seats before anything is made.
func (s *Service) fitsSeats(ctx context.Context, at id.Node, f File) error {
	if f.Quotas != nil && f.Quotas.Seats != nil && int64(len(f.People)) > *f.Quotas.Seats {
		return fault.Field("people", "%d people do not fit into %d seats", len(f.People), *f.Quotas.Seats)
	}
	err := s.o.Tree.MoreSeats(ctx, at, 0, int64(len(f.People)))
	if fault.Is(err, fault.Conflict) {
		return fault.Field("people", "%s", fault.Of(err).Text)
	}
	return err
}

// State is how far the last blueprint of a customer has come.
func (s *Service) State(ctx context.Context, n id.Node) (st State, err error) {
	err = s.o.Store.Registry().View(ctx, func(tx *place.Tx) error {
		_, st, err = remembered(tx, n)
		return err
	})
	return st, err
}

func remembered(tx *place.Tx, n id.Node) (m stored, st State, err error) {
	type row struct {
		Doc       []byte `db:"doc"`
		State     string `db:"state"`
		Note      string `db:"note"`
		AppliedAt int64  `db:"applied_at"`
	}
	r, err := place.Row[row](tx, `SELECT doc, state, note, applied_at FROM blueprints WHERE node = ?`, n)
	if fault.Is(err, fault.NotFound) {
		return m, st, nil
	}
	if err != nil {
		return m, st, err
	}
	plain, err := tx.Unseal(place.FieldBlueprint, n, r.Doc)
	if err != nil {
		return m, st, err
	}
	return m, State{r.State, r.Note, time.UnixMilli(r.AppliedAt).UTC()}, json.Unmarshal(plain, &m)
}

func remember(tx *place.Tx, n id.Node, m stored, st State) error {
	plain, err := json.Marshal(m)
	if err != nil {
		return err
	}
	doc, err := tx.Seal(place.FieldBlueprint, n, plain)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO blueprints (node, doc, state, note, applied_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (node) DO UPDATE SET doc = excluded.doc, state = excluded.state, note = excluded.note, applied_at = excluded.applied_at`,
		n, doc, st.State, st.Note, tx.At().UnixMilli())
	return err
}
