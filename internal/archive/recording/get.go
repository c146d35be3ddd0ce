package recording

import (
	"context"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Get gives one recording with all that is known about it. What is out of scope
// is fault.NotFound like what does not exist; what was destroyed is fault.Gone.
func (s *Service) Get(ctx context.Context, p *place.Place, who actor.Actor, rec id.Recording, scope Scope) (Detail, error) {
	var row Row
	var days *int64
	var d Detail
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		if row, err = s.Lookup(tx, rec); err != nil {
			return err
		}
		if err = scope.sees(tx, row); err != nil {
			return err
		}
		if days, err = retentionDays(tx); err != nil {
			return err
		}
		if d.Siblings, err = s.siblings(tx, row.Call, scope); err != nil {
			return err
		}
		if d.Openings, err = pastOpenings(tx, rec); err != nil {
			return err
		}
		all, err := renditions(tx, row.N)
		for _, r := range all {
			if r.Kind != transcript && r.Kind != outline && r.Kind != findings {
				d.Renditions = append(d.Renditions, r)
			}
		}
		return err
	})
	if err != nil {
		return Detail{}, err
	}
	items, err := s.dress(ctx, p, who, rec.String(), []Row{row}, days)
	if err != nil {
		return Detail{}, err
	}
	d.Recording = items[0]
	for i, r := range d.Renditions {
		d.Renditions[i].SHA256 = d.Card.Sums[r.ID.String()].SHA256
	}
	return d, nil
}

// May reports through its fault whether a recording is in scope: nil, NotFound
// or Gone. Ask it before Open.
func (s *Service) May(ctx context.Context, p *place.Place, rec id.Recording, scope Scope) error {
	return p.View(ctx, func(tx *place.Tx) error {
		row, err := s.Lookup(tx, rec)
		if err != nil {
			return err
		}
		return scope.sees(tx, row)
	})
}

// siblings are the recordings of a call that are in scope.
func (s *Service) siblings(tx *place.Tx, call id.Call, scope Scope) ([]id.Recording, error) {
	all, err := place.Rows[id.Recording](tx, `SELECT id FROM recordings WHERE call_id = ? ORDER BY started_at, n`, call)
	if err != nil || scope.All {
		return all, err
	}
	var in []id.Recording
	for _, rec := range all {
		row, err := s.Lookup(tx, rec)
		if err != nil {
			return nil, err
		}
		err = scope.sees(tx, row)
		if err == nil {
			in = append(in, rec)
		} else if !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return in, nil
}

// pastOpenings are the lines of the journal about who opened a recording.
func pastOpenings(tx *place.Tx, rec id.Recording) ([]PastOpening, error) {
	type row struct {
		At    int64  `db:"at"`
		Kind  string `db:"actor_kind"`
		Actor string `db:"actor_id"`
		Why   string `db:"why"`
		Facts []byte `db:"facts"`
	}
	rows, err := place.Rows[row](tx, `SELECT at, actor_kind, actor_id, why, facts FROM events
		WHERE subject = ? AND code = 'opening.granted' ORDER BY pos DESC LIMIT 200`, rec.String())
	var all []PastOpening
	for _, r := range rows {
		what := factOf(r.Facts, "what")
		if what == "card" { // looking at the page is not listening
			continue
		}
		all = append(all, PastOpening{At: fromMillis(r.At), Kind: r.Kind, Who: r.Actor, What: what, Purpose: r.Why})
	}
	return all, err
}

// CallFilter says which calls are wanted.
type CallFilter = Filter

// CallPage is one page of calls.
type CallPage struct {
	Items []Call
	Next  string
}

// Calls gives a page of calls that have recordings, the newest first, or the
// oldest first if so asked. The filter is that of recordings.
func (s *Service) Calls(ctx context.Context, p *place.Place, who actor.Actor, f CallFilter, ask PageAsk) (CallPage, error) {
	if ask.Sort != "" && ask.Sort != Newest && ask.Sort != Oldest {
		return CallPage{}, fault.Field("query.sort", "calls are sorted by -started_at or started_at")
	}
	page, err := s.List(ctx, p, who, f, ask)
	if err != nil {
		return CallPage{}, err
	}
	out := CallPage{Next: page.Next}
	for _, r := range page.Items {
		if slices.ContainsFunc(out.Items, func(c Call) bool { return c.ID == r.Call }) {
			continue
		}
		call := r.Card.Call
		call.ID = r.Call
		out.Items = append(out.Items, call)
	}
	return out, p.View(ctx, func(tx *place.Tx) error {
		for i := range out.Items {
			if out.Items[i].Recordings, err = s.siblings(tx, out.Items[i].ID, f.Scope); err != nil {
				return err
			}
		}
		return nil
	})
}

// CallOf gives one call with the recordings that are in scope.
func (s *Service) CallOf(ctx context.Context, p *place.Place, who actor.Actor, call id.Call, scope Scope) (Call, error) {
	var recs []id.Recording
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		recs, err = s.siblings(tx, call, scope)
		return err
	})
	if err != nil {
		return Call{}, err
	}
	if len(recs) == 0 {
		return Call{}, fault.New(fault.NotFound, "there is no such call")
	}
	d, err := s.Get(ctx, p, who, recs[0], scope)
	if err != nil {
		return Call{}, err
	}
	out := d.Card.Call
	out.ID, out.Recordings = call, recs
	return out, nil
}
