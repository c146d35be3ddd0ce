package blueprint

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
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

// decision is a plan with what is to be written for it.
type decision struct {
	Plan
	quota  org.Quota // whole, as it will be
	brand  org.Brand
	inside bool // something of the inside changes
	memory stored
}

// plan compares a file with what the registry knows.
func (s *Service) plan(tx *place.Tx, at org.Node, f File) (d decision, err error) {
	if d.Node, err = target(tx, at, f.Customer); err != nil {
		return d, err
	}
	fresh := d.Node.ID.IsZero()
	before := d.Node.Name
	if before != f.Customer {
		d.Lines = append(d.Lines, Line{Path: "customer", Before: before, After: f.Customer})
	}
	if !fresh {
		if d.quota, err = org.QuotaOf(tx, d.Node.ID); err != nil {
			return d, err
		}
		if d.brand, err = org.ReadBrand(tx, d.Node.ID); err != nil {
			return d, err
		}
		if d.memory, d.State, err = remembered(tx, d.Node.ID); err != nil {
			return d, err
		}
	}
	if err := d.above(f); err != nil {
		return d, err
	}
	if err := s.within(tx, &d, f, fresh); err != nil {
		return d, err
	}
	slices.SortStableFunc(d.Lines, func(a, b Line) int { return strings.Compare(a.Path, b.Path) })
	return d, nil
}

// target is the customer that a file is about; zero: it is to be made.
func target(tx *place.Tx, at org.Node, name string) (org.Node, error) {
	if at.Kind == org.Customer {
		return at, nil
	}
	list, err := org.Named(tx, at.ID, name)
	switch {
	case err != nil || len(list) == 0:
		return org.Node{}, err
	case len(list) > 1:
		return org.Node{}, fault.Field("customer", "there are %d of this name; apply the file at the customer itself", len(list))
	case list[0].Kind != org.Customer:
		return org.Node{}, fault.Field("customer", "a %s has this name", list[0].Kind)
	}
	return list[0], nil
}

// above compares what stands in the registry itself.
func (d *decision) above(f File) error {
	was := maps.Clone(d.quota)
	if d.quota == nil {
		d.quota = org.Quota{}
	}
	for m, most := range f.Quotas.of() {
		old, had := was[m]
		if d.quota[m] = most; !had || old != most {
			before := ""
			if had {
				before = strconv.FormatInt(old, 10)
			}
			d.Lines = append(d.Lines, Line{Path: "quotas." + string(m), Before: before, After: strconv.FormatInt(most, 10)})
		}
	}
	if f.Branding == nil {
		return nil
	}
	old := d.brand
	says, err := f.Branding.of()
	if err != nil {
		return err // Parse has refused it before
	}
	if says.Name != "" {
		d.brand.Name = says.Name
	}
	if says.Accent != "" {
		d.brand.Accent, d.brand.OnAccent = says.Accent, says.OnAccent
	}
	if says.LogoHash != "" {
		d.brand.Logo, d.brand.LogoHash = says.Logo, says.LogoHash
	}
	for _, l := range []Line{
		{Path: "branding.name", Before: old.Name, After: d.brand.Name},
		{Path: "branding.accent", Before: old.Accent, After: d.brand.Accent},
		{Path: "branding.on_accent", Before: old.OnAccent, After: d.brand.OnAccent},
		{Path: "branding.logo", Before: brief(old.LogoHash), After: brief(d.brand.LogoHash)},
	} {
		if l.Before != l.After {
			d.Lines = append(d.Lines, l)
		}
	}
	return nil
}

// within compares what acts inside the place with what blueprints have said of
// it before: the place itself is not opened.
func (s *Service) within(tx *place.Tx, d *decision, f File, fresh bool) error {
	probe := d.Node.ID
	if fresh {
		probe = id.New[id.Node]() // a folder that is open to every customer, or to {customer}, will do for this one
	}
	var bad fault.Error
	for i, src := range f.Sources {
		for _, folder := range []string{src.Folder, src.Logs} {
			if src.Kind == "folder" && folder != "" && !s.o.Folder(probe, strings.ReplaceAll(folder, "{customer}", probe.String())) {
				bad.Details = append(bad.Details, fault.Detail{Path: "sources[" + strconv.Itoa(i) + "].folder", Text: "the operator of this server has not opened " + folder + " to this customer"})
			}
		}
	}
	if len(bad.Details) > 0 {
		bad.Kind, bad.Text = fault.Invalid, "the blueprint cannot be applied here"
		return &bad
	}
	settled := false
	if !fresh {
		signs, err := org.Signs(tx, d.Node.ID)
		if err != nil {
			return err
		}
		settled = slices.Contains(signs, org.SignJoined)
	}
	says := flat(f.inside())
	lines := compare(d.memory.Is, says)
	for i := range lines {
		lines[i].Kept = settled
	}
	if d.State.State == Failed && len(says) > 0 && !settled {
		lines = append(lines, Line{Path: "(again)", Before: d.State.Note, After: "what was refused before is tried again"})
	}
	d.inside = len(lines) > 0 && !settled
	d.Lines = append(d.Lines, lines...)
	if d.memory.Is == nil {
		d.memory.Is = map[string]string{}
	}
	maps.Copy(d.memory.Is, says)
	d.memory.File = f.inside()
	return nil
}

const intentInside = "blueprint"

type insideArgs struct {
	Node id.Node `json:"node"`
	Who  string  `json:"who"`
}

// decide writes all of a plan that is the registry's, and the intent for the rest.
func (s *Service) decide(tx *place.Tx, who actor.Actor, at org.Node, f File, d *decision) (err error) {
	switch {
	case d.Node.ID.IsZero():
		d.Node, err = org.Add(tx, at.ID, org.Customer, f.Customer)
	case d.Node.Name != f.Customer:
		d.Node, err = org.PutName(tx, d.Node.ID, f.Customer)
	}
	if err != nil {
		return err
	}
	if d.touches("quotas.") {
		if err := org.PutQuota(tx, d.Node.ID, d.quota); err != nil {
			return prefixed("quotas", err)
		}
	}
	if d.touches("branding.") {
		if err := org.PutBrand(tx, d.Node.ID, d.brand); err != nil {
			return prefixed("branding", err)
		}
	}
	tx.Record(place.Event{Code: "blueprint.applied", Subject: d.Node.ID.String(), Facts: map[string]string{"lines": strconv.Itoa(len(d.Lines))}})
	if !d.inside {
		return nil
	}
	if err := remember(tx, d.Node.ID, d.memory, State{State: Applying}); err != nil {
		return err
	}
	_, err = tx.Intend(intentInside, insideArgs{d.Node.ID, who.ID})
	return err
}

func (d *decision) touches(prefix string) bool {
	return slices.ContainsFunc(d.Lines, func(l Line) bool { return strings.HasPrefix(l.Path, prefix) })
}

func prefixed(path string, err error) error {
	f := fault.Of(err)
	if f.Kind != fault.Invalid {
		return err
	}
	out := fault.New(fault.Invalid, "%s", f.Text)
	for _, d := range f.Details {
		out.Details = append(out.Details, fault.Detail{Path: path + "." + d.Path, Text: d.Text})
	}
	return out
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
