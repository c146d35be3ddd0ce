package backup

import (
	"context"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
)

// Plan says what a restore would do, before it does it.
type Plan struct {
	Installation string        `json:"installation"`
	At           time.Time     `json:"at,omitzero"` // zero: as late as can be
	Places       []PlannedPart `json:"places"`
	Bytes        int64         `json:"bytes"`
	Destroyed    int           `json:"destroyed"` // keys destroyed since: what they closed does not come back
	Gone         []id.Customer `json:"gone,omitempty"`
	KeysFrom     string        `json:"keys_from"`
	Remarks      []string      `json:"remarks,omitempty"`

	origins []origin
	dead    map[id.Customer][]keyring.Buried
	keys    *KeyPoint
	points  []Point
}

// PlannedPart is one place of a plan.
type PlannedPart struct {
	Customer id.Customer `json:"customer"` // zero: the registry
	Point    id.Backup   `json:"point,omitzero"`
	CopyOf   time.Time   `json:"copy_of,omitzero"`
	Replay   bool        `json:"replay"` // the log after it is replayed
	Bytes    int64       `json:"bytes"`
}

// Plan looks at what there is and changes nothing.
func (s Source) Plan(ctx context.Context, w Want) (p Plan, err error) {
	p.At = w.At
	if s.Data != nil {
		if p.points, err = s.Data.Points(ctx); err != nil {
			if len(p.points) == 0 {
				return p, err
			}
			p.Remarks = append(p.Remarks, "some backups cannot be read: "+err.Error())
		}
		if len(p.points) > 0 {
			p.Installation = p.points[0].Installation
		}
	}
	if p.dead, err = destroyed(ctx, s.Data, s.Keys); err != nil {
		return p, err
	}
	if err := p.chooseKeys(ctx, s); err != nil {
		return p, err
	}
	for _, b := range p.dead[id.Customer{}] {
		p.Gone = append(p.Gone, b.ID)
	}
	all := []id.Customer{w.Customer}
	if w.Customer.IsZero() {
		if all, err = s.places(p.points, w); err != nil {
			return p, err
		}
	}
	if len(all) == 0 {
		return p, fault.New(fault.NotFound, "there is nothing to restore: no backup and no log")
	}
	for _, c := range all {
		if slices.Contains(p.Gone, c) {
			if c == w.Customer {
				return p, fault.New(fault.Gone, "this customer was destroyed, keys and all: nothing of it can be opened from any backup")
			}
			continue
		}
		o, err := s.choose(ctx, c, p.points, w)
		if fault.Is(err, fault.NotFound) && !c.IsZero() && w.Customer.IsZero() {
			p.Remarks = append(p.Remarks, fault.Of(err).Text)
			continue
		}
		if err != nil {
			return p, err
		}
		p.add(o)
	}
	return p, nil
}

func (p *Plan) add(o origin) {
	part := PlannedPart{Customer: o.customer, Point: o.point, Replay: o.replay}
	if o.part != nil {
		part.CopyOf, part.Bytes = o.part.At, o.part.Bytes
	}
	if o.short != "" {
		p.Remarks = append(p.Remarks, placeLabel(o.customer)+": "+o.short)
	}
	p.Bytes += part.Bytes
	if !o.customer.IsZero() { // those of nobody are customers
		p.Destroyed += len(p.dead[o.customer])
	}
	p.Places = append(p.Places, part)
	p.origins = append(p.origins, o)
}

// chooseKeys takes the newest copy of keys that opens, whatever the time that
// is wanted: an older one has keys that were destroyed since.
func (p *Plan) chooseKeys(ctx context.Context, s Source) error {
	if s.Keys == nil {
		p.KeysFrom = "the key stores that are there"
		return nil
	}
	all, err := s.Keys.KeyPoints(ctx)
	if err != nil && len(all) == 0 {
		return err
	}
	if len(all) == 0 {
		p.KeysFrom = "the key stores that are there"
		return nil
	}
	p.keys = &all[0]
	p.KeysFrom = "the copy of " + all[0].At.Format(time.RFC3339)
	return nil
}
