package person

import (
	"context"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Done is what an erasure did, for its certificate: counts and reasons, nothing
// by which anybody could be told.
type Done struct {
	Case    id.PersonRequest
	Run     id.Destruction
	Ordered time.Time
	Parts   []Part
}

// Part is one store of it.
type Part struct {
	Store, Title string
	Erased       int
	Kept         []Reason
}

// Reason is why something was kept, and how often.
type Reason struct {
	Why   string
	Count int
}

// done counts what one erasure erased and kept, store by store. What somebody
// wrote as their reason is left out: it may name people. The ground stays.
func (s *Service) done(tx *place.Tx, e erasure) (Done, error) {
	out := Done{Case: e.Case, Run: e.Run, Ordered: e.Run.Time()}
	all, err := s.items(tx, e.Case, ` AND (outcome = 'erased' OR outcome = 'kept') ORDER BY store, id`)
	for _, it := range all {
		if it.Run != e.Run {
			continue // an earlier erasure's, which was certified
		}
		n := slices.IndexFunc(out.Parts, func(p Part) bool { return p.Store == it.Store })
		if n < 0 {
			n = len(out.Parts)
			out.Parts = append(out.Parts, Part{Store: it.Store, Title: it.Title})
		}
		part := &out.Parts[n]
		if it.Outcome == Erased {
			part.Erased++
			continue
		}
		why := it.Kept
		if ground := Grounds[it.Ground]; ground != "" && strings.HasPrefix(why, ground+": ") {
			why = ground
		}
		r := slices.IndexFunc(part.Kept, func(k Reason) bool { return k.Why == why })
		if r < 0 {
			r = len(part.Kept)
			part.Kept = append(part.Kept, Reason{Why: why})
		}
		part.Kept[r].Count++
	}
	return out, err
}

// certify has the erasure signed; again, nothing more is signed.
func (s *Service) certify(ctx context.Context, p *place.Place, e erasure) error {
	if s.o.Certify == nil {
		return nil
	}
	var done Done
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		done, err = s.done(tx, e)
		return err
	})
	if err != nil {
		return err
	}
	return s.o.Certify(ctx, p, done)
}
