package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Point is a moment to restore to: the manifest of one backup.
type Point struct {
	Version      int         `json:"version"`
	ID           id.Backup   `json:"id"`
	Installation string      `json:"installation"`
	Program      string      `json:"program"`
	At           time.Time   `json:"at"`
	Finished     time.Time   `json:"finished"`
	Dialect      string      `json:"dialect"`
	Parts        []Part      `json:"parts"` // the registry first
	Inventory    []Inventory `json:"inventory"`
	Objects      bool        `json:"objects"` // their bytes are in the target too
	Keys         bool        `json:"keys"`    // the keys of this moment are in the keys' target
	Read         int64       `json:"read"`
	Sent         int64       `json:"sent"` // what had to be written for it
}

// Part is one place of a point.
type Part struct {
	place.Statement
	Content
	From id.Backup `json:"from,omitzero"` // unchanged since this point
}

// Inventory is what objects a customer had.
type Inventory struct {
	Customer id.Customer `json:"customer"`
	Objects  int64       `json:"objects"`
	Size     int64       `json:"size"`
	Content
}

// KeyPoint is the manifest of the keys of a point.
type KeyPoint struct {
	Version int       `json:"version"`
	ID      id.Backup `json:"id"`
	At      time.Time `json:"at"`
	Parts   []KeyPart `json:"parts"` // the installation's first
}

// KeyPart is one key store.
type KeyPart struct {
	Customer id.Customer `json:"customer"`
	Content
}

// Run makes a point: places and registry, then the inventory of objects (and
// objects, if that was chosen), then keys. A run that was cut off leaves chunks
// that the next one finds and uses. It is a fault.Conflict while another one is
// under way.
func (s *Service) Run(ctx context.Context) (p Point, err error) {
	if !s.mu.TryLock() {
		return p, errBusy
	}
	defer s.mu.Unlock()
	lock, err := s.o.Data.lock(ctx, s.o.Now)
	if err != nil {
		return p, err
	}
	defer lock.release()
	defer s.note(func(g *Progress) { *g = Progress{} })
	p = Point{Version: formatVersion, ID: id.New[id.Backup](), At: s.o.Now().UTC(), Program: s.o.Program, Objects: s.o.CopyObjects, Keys: s.o.KeysTo != nil}
	if p.Installation, err = s.o.Name(ctx); err != nil {
		return p, err
	}
	s.note(func(g *Progress) { *g = Progress{Doing: "copying", Since: p.At} })
	before := s.o.Data.sent.Load()
	for _, r := range []*Repo{s.o.Data, s.o.KeysTo} {
		if r != nil {
			if err := r.known(ctx); err != nil {
				return p, err
			}
		}
	}
	if err := s.copyPlaces(ctx, &p); err != nil {
		return p, err
	}
	if err := s.copyObjects(ctx, &p); err != nil {
		return p, err
	}
	// Keys last: of every recording that the places name the keys are in it.
	if err := s.copyKeys(ctx, p); err != nil {
		return p, err
	}
	if err := s.Ship(ctx); err != nil {
		return p, err
	}
	p.Finished, p.Sent = s.o.Now().UTC(), s.o.Data.sent.Load()-before
	text, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	if err := s.o.Data.Put(ctx, pointName(p.ID), text); err != nil {
		return p, err
	}
	return p, s.lookOldest(ctx)
}

func pointName(i id.Backup) string {
	_, body, _ := strings.Cut(i.String(), "_")
	return "points/" + body
}

// copyPlaces copies the registry and every place. What has not changed since
// the last point is taken from there without being read.
func (s *Service) copyPlaces(ctx context.Context, p *Point) error {
	customers, err := s.o.Store.Customers(ctx)
	if err != nil {
		return err
	}
	last, err := s.latest(ctx)
	if err != nil {
		return err
	}
	all := append([]id.Customer{{}}, customers...)
	s.note(func(g *Progress) { g.Of = len(all) })
	for _, c := range all {
		part, err := s.copyPlace(ctx, c, last)
		if fault.Is(err, fault.NotFound) && !c.IsZero() {
			continue // destroyed meanwhile
		}
		if err != nil {
			return fmt.Errorf("%s: %w", placeLabel(c), err)
		}
		p.Parts = append(p.Parts, part)
		p.Dialect = part.Dialect
		if part.From.IsZero() {
			p.Read += part.Bytes
		}
		s.note(func(g *Progress) { g.Places++; g.Sent = s.o.Data.sent.Load() })
	}
	return nil
}

func placeLabel(c id.Customer) string {
	if c.IsZero() {
		return "the registry"
	}
	return "the place of " + c.String()
}

func (s *Service) copyPlace(ctx context.Context, c id.Customer, last Point) (part Part, err error) {
	p := s.o.Store.Registry()
	if !c.IsZero() {
		if p, err = s.o.Store.Place(ctx, c); err != nil {
			return part, err
		}
	}
	m, err := p.Mark(ctx)
	if err != nil {
		return part, err
	}
	if i := slices.IndexFunc(last.Parts, func(o Part) bool { return o.Customer == c }); i >= 0 && !m.IsZero() && last.Parts[i].Mark == m {
		part = last.Parts[i]
		if part.From.IsZero() {
			part.From = last.ID
		}
		return part, nil
	}
	w := s.o.Data.stream(ctx, p.Dialect() == place.SQLite, func(n int) {
		s.note(func(g *Progress) { g.Bytes += int64(n) })
	})
	if part.Statement, err = p.Copy(ctx, s.o.Tools, w); err != nil {
		w.wg.Wait()
		return part, err
	}
	part.Content, err = w.end()
	return part, err
}

// copyObjects writes down which objects there are, and copies them if the
// operator says that they lie nowhere else.
func (s *Service) copyObjects(ctx context.Context, p *Point) error {
	for _, part := range p.Parts[1:] {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		inv := Inventory{Customer: part.Customer}
		w := s.o.Data.stream(ctx, false, nil)
		var missing []string
		have := map[string]bool{}
		if s.o.CopyObjects {
			names, err := s.o.Data.List(ctx, "objects/"+blob.Prefix(part.Customer))
			if err != nil {
				return err
			}
			for _, n := range names {
				have[strings.TrimPrefix(n, "objects/")] = true
			}
		}
		err := s.o.Objects.List(ctx, blob.Prefix(part.Customer), func(name string, size int64) error {
			o, err := id.Parse[id.Object]("obj_" + name[strings.LastIndexByte(name, '/')+1:])
			if err != nil {
				return nil // nothing of ours
			}
			if s.o.CopyObjects && !have[name] {
				missing = append(missing, name)
			}
			inv.Objects, inv.Size = inv.Objects+1, inv.Size+size
			return inventoryWriter{w}.add(o, size)
		})
		if err == nil {
			inv.Content, err = w.end()
		}
		if err != nil {
			return err
		}
		for _, name := range missing {
			if err := s.o.Data.takeObject(ctx, s.o.Objects, name); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		p.Inventory = append(p.Inventory, inv)
	}
	return nil
}

// copyKeys exports every key store into the target of keys.
func (s *Service) copyKeys(ctx context.Context, p Point) error {
	if s.o.KeysTo == nil {
		return nil
	}
	s.note(func(g *Progress) { g.Doing = "keys" })
	living, _, err := s.o.Keys.Customers(ctx)
	if err != nil {
		return err
	}
	k := KeyPoint{Version: formatVersion, ID: p.ID, At: s.o.Now().UTC()}
	for _, c := range append([]id.Customer{{}}, living...) {
		w := s.o.KeysTo.stream(ctx, false, nil)
		err := s.o.Keys.Export(ctx, c, w)
		if fault.Is(err, fault.Gone) {
			continue // destroyed meanwhile
		}
		if err != nil {
			w.wg.Wait()
			return err
		}
		content, err := w.end()
		if err != nil {
			return err
		}
		k.Parts = append(k.Parts, KeyPart{c, content})
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return s.o.KeysTo.Put(ctx, pointName(p.ID), text)
}

// Points lists what can be restored to, the newest first. A manifest that does
// not open is left out and told.
func (r *Repo) Points(ctx context.Context) (all []Point, err error) {
	names, err := r.List(ctx, "points/")
	if err != nil {
		return nil, err
	}
	slices.Reverse(names) // ids begin with their time
	var errs []error
	for _, n := range names {
		p, err := r.point(ctx, n)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n, err))
			continue
		}
		all = append(all, p)
	}
	return all, errors.Join(errs...)
}

func (r *Repo) point(ctx context.Context, name string) (p Point, err error) {
	text, err := r.Get(ctx, name)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, sealed.ErrAltered
	}
	if p.Version > formatVersion {
		return p, fault.New(fault.Unavailable, "this backup was made by a newer version of the program")
	}
	return p, nil
}

// KeyPoints lists the copies of keys, the newest first.
func (r *Repo) KeyPoints(ctx context.Context) (all []KeyPoint, err error) {
	names, err := r.List(ctx, "points/")
	if err != nil {
		return nil, err
	}
	slices.Reverse(names)
	var errs []error
	for _, n := range names {
		var k KeyPoint
		text, err := r.Get(ctx, n)
		if err == nil {
			err = json.Unmarshal(text, &k)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n, err))
			continue
		}
		all = append(all, k)
	}
	return all, errors.Join(errs...)
}

// latest is the newest point, or zero.
func (s *Service) latest(ctx context.Context) (Point, error) {
	names, err := s.o.Data.List(ctx, "points/")
	if err != nil || len(names) == 0 {
		return Point{}, err
	}
	p, err := s.o.Data.point(ctx, names[len(names)-1])
	if errors.Is(err, sealed.ErrAltered) {
		return Point{}, nil // then everything is read again
	}
	return p, err
}

// Points lists what can be restored to, the newest first.
func (s *Service) Points(ctx context.Context) ([]Point, error) { return s.o.Data.Points(ctx) }

// Contents are all parts of a point.
func (p Point) Contents() (all []Content) {
	for _, part := range p.Parts {
		all = append(all, part.Content)
	}
	for _, inv := range p.Inventory {
		all = append(all, inv.Content)
	}
	return all
}

// Contents are all parts of a copy of keys.
func (k KeyPoint) Contents() (all []Content) {
	for _, part := range k.Parts {
		all = append(all, part.Content)
	}
	return all
}
