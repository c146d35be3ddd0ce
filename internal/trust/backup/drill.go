package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Scratch is where drills restore to. Everything in it is removed afterwards.
type Scratch struct {
	Dir     string // folder for files and keys, with room for the databases
	Root    keyring.Provider
	Schemas place.Schemas
	Key     Key

	// Database makes an empty PostgreSQL database and gives what removes it; nil
	// on SQLite.
	Database func(context.Context) (place.Config, func(), error)
}

// Drill is a restore that was tried and thrown away.
type Drill struct {
	ID       id.Backup     `json:"id"`
	Point    id.Backup     `json:"point"` // that was restored
	PointAt  time.Time     `json:"point_at"`
	At       time.Time     `json:"at"`
	Whole    bool          `json:"whole"` // everything, not a sample of the places
	Took     time.Duration `json:"took_ns"`
	Bytes    int64         `json:"bytes"`
	Places   []DrillPlace  `json:"places"`
	Behind   time.Duration `json:"behind_ns"` // the recovery point that was measured: age of the newest event that came back, against what is live
	Failures []string      `json:"failures,omitempty"`
}

// DrillPlace is what was found of one place.
type DrillPlace struct {
	Customer id.Customer `json:"customer"`
	Events   int64       `json:"events"`
	Sampled
	Failure string `json:"failure,omitempty"`
}

// Passed reports whether everything that was tried came back.
func (d Drill) Passed() bool { return len(d.Failures) == 0 && len(d.Places) > 0 }

// sampledPlaces is how many places a nightly drill restores.
const sampledPlaces = 3

// Drill restores the newest point into a scratch folder, from the targets
// alone, checks what came back and keeps the result beside the points. It is a
// fault only if it could not be tried; what did not come back stands in it.
func (s *Service) Drill(ctx context.Context, whole bool) (d Drill, err error) {
	if !s.mu.TryLock() {
		return d, errBusy
	}
	defer s.mu.Unlock()
	defer s.note(func(g *Progress) { *g = Progress{} })
	begun := s.o.Now()
	s.note(func(g *Progress) { *g = Progress{Doing: "restoring", Since: begun} })
	d = Drill{ID: id.New[id.Backup](), At: begun.UTC(), Whole: whole}
	point, err := s.latest(ctx)
	if err != nil {
		return d, err
	}
	if point.ID.IsZero() {
		return d, fault.New(fault.NotFound, "there is no backup to try yet")
	}
	d.Point, d.PointAt = point.ID, point.At
	dir, err := os.MkdirTemp(s.o.Scratch.Dir, "drill-")
	if err != nil {
		return d, fault.Wrap(err, fault.Unavailable, "the scratch folder for drills cannot be written")
	}
	defer os.RemoveAll(dir)
	if err := s.try(ctx, &d, point, dir); err != nil {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		d.Failures = append(d.Failures, reason(err))
	}
	d.Took = s.o.Now().Sub(begun)
	text, err := json.Marshal(d)
	if err != nil {
		return d, err
	}
	_, body, _ := strings.Cut(d.ID.String(), "_")
	return d, s.o.Data.Put(ctx, "drills/"+body, text)
}

func reason(err error) string {
	f := fault.Of(err)
	if f.Kind == fault.Internal {
		return err.Error()
	}
	return f.Text
}

// chosen are the places of a drill: all, or the registry and a few that change
// from night to night.
func (d Drill) chosen(point Point) []Part {
	if d.Whole || len(point.Parts) <= sampledPlaces+1 {
		return point.Parts
	}
	parts := point.Parts[:1:1]
	rest := point.Parts[1:]
	night := int(d.At.Unix() / 86400)
	for i := range sampledPlaces {
		parts = append(parts, rest[(night*sampledPlaces+i)%len(rest)])
	}
	return parts
}

func (s *Service) try(ctx context.Context, d *Drill, point Point, dir string) error {
	src := Source{Data: s.o.Data, Keys: s.o.KeysTo, Key: s.o.Scratch.Key}
	plan, err := src.Plan(ctx, Want{})
	if err != nil {
		return err
	}
	keys, cfg, done, err := s.scratch(ctx, src, plan, dir)
	if err != nil {
		return err
	}
	defer done()
	if keys != s.o.Keys {
		defer keys.Close()
	}
	b, err := place.Build(ctx, cfg, s.o.Scratch.Schemas, keys)
	if err != nil {
		return err
	}
	defer b.Close()
	parts := d.chosen(point)
	s.note(func(g *Progress) { g.Of = len(parts) })
	var newest time.Time
	for _, part := range parts {
		i := slices.IndexFunc(plan.origins, func(o origin) bool { return o.customer == part.Customer })
		if i < 0 {
			continue // destroyed since
		}
		one, at, err := s.tryPlace(ctx, src, b, keys, plan.origins[i])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			one.Failure = reason(err)
			d.Failures = append(d.Failures, placeLabel(part.Customer)+": "+one.Failure)
		}
		for _, f := range one.Failed {
			d.Failures = append(d.Failures, placeLabel(part.Customer)+": "+f)
		}
		if at.After(newest) {
			newest = at
		}
		d.Places = append(d.Places, one)
		d.Bytes += part.Bytes
		s.note(func(g *Progress) { g.Places++; g.Bytes += part.Bytes })
	}
	if !newest.IsZero() {
		d.Behind = max(0, d.At.Sub(newest))
		if live, err := s.newestEvent(ctx, parts); err == nil && !live.After(newest) {
			d.Behind = 0 // nothing was written since
		}
	}
	return nil
}

// scratch makes key stores from the copy of the keys, so that a drill proves
// that copy too. Where keys are backed up by other means, the live ones open.
func (s *Service) scratch(ctx context.Context, src Source, plan Plan, dir string) (*keyring.Keyring, place.Config, func(), error) {
	cfg, done := place.Config{Dir: filepath.Join(dir, "places")}, func() {}
	if s.o.Store.NeedsTools() {
		var err error
		if cfg, done, err = s.o.Scratch.Database(ctx); err != nil {
			return nil, cfg, func() {}, err
		}
	}
	if plan.keys == nil {
		return s.o.Keys, cfg, done, nil
	}
	o := keyring.Options{Root: s.o.Scratch.Root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "keys")}}}
	if err := src.restoreKeys(ctx, plan, Target{Keys: o}); err != nil {
		done()
		return nil, cfg, func() {}, err
	}
	keys, err := keyring.Open(ctx, o)
	if err != nil {
		done()
	}
	return keys, cfg, done, err
}

func (s *Service) tryPlace(ctx context.Context, src Source, b *place.Builder, keys *keyring.Keyring, o origin) (one DrillPlace, newest time.Time, err error) {
	one.Customer = o.customer
	if err := src.build(ctx, b, s.o.Tools, o); err != nil {
		return one, newest, err
	}
	restored := b.Place(o.customer)
	if one.Events, newest, err = lastEvent(ctx, restored); err != nil || o.customer.IsZero() {
		return one, newest, err
	}
	dead, err := keys.Buried(ctx, o.customer, time.Time{})
	if err != nil {
		return one, newest, err
	}
	if _, err := s.o.Prove.Purge(ctx, restored, dead); err != nil {
		return one, newest, err
	}
	live, err := s.o.Store.Place(ctx, o.customer)
	if err != nil {
		return one, newest, err
	}
	const recordings = 5
	one.Sampled, err = s.o.Prove.Sample(ctx, live, restored, keys, s.readable(), recordings)
	return one, newest, err
}

func lastEvent(ctx context.Context, p *place.Place) (n int64, at time.Time, err error) {
	type last struct {
		N  int64 `db:"n"`
		At int64 `db:"at"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		l, err := place.Row[last](tx, `SELECT coalesce(max(pos), 0) AS n, coalesce(max(at), 0) AS at FROM events`)
		n, at = l.N, time.UnixMilli(l.At).UTC()
		return err
	})
	return n, at, err
}

// newestEvent is when the live places that were tried last changed.
func (s *Service) newestEvent(ctx context.Context, parts []Part) (newest time.Time, err error) {
	for _, part := range parts {
		p := s.o.Store.Registry()
		if !part.Customer.IsZero() {
			if p, err = s.o.Store.Place(ctx, part.Customer); err != nil {
				continue
			}
		}
		_, at, err := lastEvent(ctx, p)
		if err != nil {
			return newest, err
		}
		if at.After(newest) {
			newest = at
		}
	}
	return newest, nil
}

// Drills lists what was tried, the newest first, at most n.
func (s *Service) Drills(ctx context.Context, n int) (all []Drill, err error) {
	names, err := s.o.Data.List(ctx, "drills/")
	if err != nil {
		return nil, err
	}
	slices.Reverse(names)
	var errs []error
	for _, name := range names[:min(n, len(names))] {
		var d Drill
		text, err := s.o.Data.Get(ctx, name)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		all = append(all, d)
	}
	return all, errors.Join(errs...)
}
