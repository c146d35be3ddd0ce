package privacy

import (
	"context"
	"maps"
	"slices"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Labelling puts a label on recordings, or takes it off them.
type Labelling struct {
	Tag        id.Tag
	Off        bool
	Recordings []id.Recording
	Confirm    *int64 // how many of them would go tonight by it, exactly; nil where none would
}

// Label labels all of the recordings or none. A rule may name the label: how many
// would go tonight, wholly or their sound, and would not without the change, has
// to be confirmed by its exact count.
func (s *Service) Label(ctx context.Context, p *place.Place, who actor.Actor, l Labelling) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := s.goesBy(tx, l)
		if err != nil {
			return err
		}
		if err := confirmed(n, l.Confirm); err != nil {
			return err
		}
		do := s.o.Recordings.Tag
		if l.Off {
			do = s.o.Recordings.Untag
		}
		for _, rec := range l.Recordings {
			if err := do(tx, rec, l.Tag); err != nil {
				return err
			}
		}
		return nil
	})
}

// LabelPreview counts what Label would want confirmed. It changes nothing.
func (s *Service) LabelPreview(ctx context.Context, p *place.Place, l Labelling) (n int64, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		n, err = s.goesBy(tx, l)
		return err
	})
	return n, err
}

// loss orders what is done to a recording by how much of it is left.
var loss = map[Action]int{Keep: 0, RemoveSound: 1, DestroyKeepingFigures: 2, Destroy: 3}

// goesBy counts the recordings of which less would be left tonight than without
// the change, and which nothing holds.
func (s *Service) goesBy(tx *place.Tx, l Labelling) (n int64, err error) {
	set, err := s.SettingsIn(tx)
	if err != nil || !set.Chosen {
		return 0, err
	}
	policy, err := set.Policy.blinded(tx)
	if err != nil {
		return 0, err
	}
	rows := map[int64]recording.Row{} // by number: named twice is once
	for _, rec := range l.Recordings {
		r, err := s.o.Recordings.Lookup(tx, rec)
		if err != nil {
			return 0, err
		}
		rows[r.N] = r
	}
	facts, err := s.factsOf(tx, slices.Collect(maps.Values(rows)))
	if err != nil {
		return 0, err
	}
	ranked, at := policy.ranked(), s.o.Now().UTC()
	var worse []int64
	for i := range rows {
		f := facts[i]
		before := due(ranked, policy.Sets, f, at).Now
		f.Tags = slices.DeleteFunc(slices.Clone(f.Tags), func(t id.Tag) bool { return t == l.Tag })
		if !l.Off {
			f.Tags = append(f.Tags, l.Tag)
		}
		if loss[due(ranked, policy.Sets, f, at).Now] > loss[before] {
			worse = append(worse, i)
		}
	}
	if len(worse) == 0 {
		return 0, nil
	}
	return s.unheld(tx, worse)
}

// unheld counts those that nothing keeps from going, neither a hold, also one
// that they are put under before anything goes, nor a restriction.
func (s *Service) unheld(tx *place.Tx, ns []int64) (int64, error) {
	soon, err := s.soonHeld(tx)
	if err != nil {
		return 0, err
	}
	return place.Row[int64](tx, `SELECT count(*) FROM recordings r WHERE `+free+` AND r.n IN (?)`, place.List(soon), place.List(ns))
}
