package person

import (
	"context"
	"encoding/json"
	"errors"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// PlanLine is what would be done with one confirmed find, and why.
type PlanLine struct {
	Item  Item
	Erase bool
	Why   string // why it is kept; empty where it is erased
}

// Plan is what an erasure would do: nothing is done by making one.
type Plan struct {
	Lines     []PlanLine
	Erase     int64
	Keep      int64
	Undecided int64 // finds of which nobody has said whether they are the person's
}

// Plan says of each confirmed find whether it would be erased, or why not.
func (s *Service) Plan(ctx context.Context, p *place.Place, i id.PersonRequest) (Plan, error) {
	var all []Item
	var plan Plan
	err := p.View(ctx, func(tx *place.Tx) error {
		c, err := read(tx, i)
		if err != nil {
			return err
		}
		plan.Undecided = c.Figures.Undecided
		all, err = s.items(tx, i, ` AND verdict = 'confirmed' ORDER BY id`)
		return err
	})
	if err != nil {
		return plan, err
	}
	for _, it := range all {
		l := PlanLine{Item: it}
		if it.Outcome == Erased {
			continue
		}
		if l.Why, err = s.keeps(ctx, p, it); err != nil {
			return plan, err
		}
		if l.Erase = l.Why == ""; l.Erase {
			plan.Erase++
		} else {
			plan.Keep++
		}
		plan.Lines = append(plan.Lines, l)
	}
	return plan, nil
}

// keeps says why a find is kept; empty: it is erased. What a store cannot erase,
// or a hold keeps, no word of anybody erases.
func (s *Service) keeps(ctx context.Context, p *place.Place, it Item) (string, error) {
	st, ok := s.store(it.Store)
	switch {
	case !ok:
		return "this release does not know the store " + it.Store, nil
	case st.Erase == nil:
		return st.Kept, nil
	}
	if st.Keep != nil {
		if why, err := st.Keep(ctx, p, it.Ref); err != nil || why != "" {
			return why, err
		}
	}
	switch {
	case it.Ground == "erase":
		return "", nil
	case it.Ground != "":
		return Grounds[it.Ground] + ": " + it.Because, nil
	case st.Usually != "":
		return st.Usually, nil
	case it.Role == "spoken of":
		return "it is another person's call in which this one is only spoken of: redact the stretch instead, or say that it is to be erased", nil
	}
	return "", nil
}

// intentErase is an erasure that was confirmed.
const intentErase = "person.erase"

type erasure struct {
	Case id.PersonRequest `json:"case"`
	Run  id.Destruction   `json:"run"`
	By   string           `json:"by"` // id of who confirmed it
}

// Erase carries out the plan. confirm is how many finds it erases: it must be
// exact, as nothing brings them back. What was confirmed is run to its end, also
// after a crash; a hold that was placed meanwhile wins.
func (s *Service) Erase(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, confirm int64) error {
	plan, err := s.Plan(ctx, p, i)
	if err != nil {
		return err
	}
	switch {
	case plan.Undecided > 0:
		return fault.New(fault.Conflict, "%d finds are neither confirmed nor rejected: say first whether they are this person's", plan.Undecided)
	case plan.Erase == 0:
		return fault.New(fault.Conflict, "by this plan nothing is erased")
	case confirm != plan.Erase:
		return fault.Field("confirm", "this erases %d finds for ever; repeat the number to go on", plan.Erase)
	}
	e := erasure{Case: i, Run: id.New[id.Destruction](), By: who.ID}
	var intent id.Intent
	_, err = s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		switch {
		case c.State.Ended():
			return place.Event{}, errOver
		case c.State != Open:
			return place.Event{}, errErasing
		case c.Right != Erase:
			return place.Event{}, fault.New(fault.Conflict, "this request is not for erasure")
		case c.CheckedAt.IsZero():
			return place.Event{}, fault.New(fault.Conflict, "first note how it was made sure that the person is who they say")
		}
		for _, l := range plan.Lines {
			now, err := s.items(tx, i, ` AND id = ?`, l.Item.ID)
			if err != nil {
				return place.Event{}, err
			}
			if len(now) != 1 || now[0].Verdict != Confirmed || now[0].Ground != l.Item.Ground {
				return place.Event{}, fault.New(fault.Conflict, "the finds were decided anew meanwhile: look at the plan again")
			}
			it := now[0]
			it.Outcome, it.Kept, it.Run = Ordered, "", e.Run
			if !l.Erase {
				it.Outcome, it.Kept, it.DoneAt = Kept, l.Why, tx.At()
			}
			if err := putItem(tx, it); err != nil {
				return place.Event{}, err
			}
		}
		c.State = Erasing
		if intent, err = tx.Intend(intentErase, e); err != nil {
			return place.Event{}, err
		}
		return place.Event{Code: "request.erasure-ordered", Facts: map[string]string{"erase": text(plan.Erase), "keep": text(plan.Keep), "run": e.Run.String()}}, nil
	})
	if err != nil {
		return err
	}
	s.o.Step("person: ordered")
	// Ordered is ordered: who asked may have gone away.
	return s.finish(context.WithoutCancel(ctx), p, intent, e)
}

// Recover runs erasures to their end that a crash interrupted.
func (s *Service) Recover(ctx context.Context, p *place.Place) error {
	pending, err := p.Pending(ctx, intentErase)
	if err != nil {
		return err
	}
	var errs []error
	for _, i := range pending {
		var e erasure
		if err := json.Unmarshal(i.Args, &e); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, s.finish(ctx, p, i.ID, e))
	}
	return errors.Join(errs...)
}

// finish erases what was ordered, find by find. Each may be erased twice.
func (s *Service) finish(ctx context.Context, p *place.Place, intent id.Intent, e erasure) error {
	who := s.system(e.Case, actor.Actor{ID: e.By})
	var left []Item
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		left, err = s.items(tx, e.Case, ` AND outcome = 'ordered' ORDER BY id`)
		return err
	})
	if err != nil {
		return err
	}
	for _, it := range left {
		s.o.Step("person: erase")
		was := it
		if it, err = s.eraseOne(ctx, p, who, it, e); err == nil && it.Outcome == Erased {
			err = s.buryErased(ctx, p, was)
		}
		if err != nil {
			return err
		}
		s.o.Step("person: erased")
		if err := p.Keep(ctx, func(tx *place.Tx) error {
			it.DoneAt = tx.At()
			return putItem(tx, it)
		}); err != nil {
			return err
		}
		s.o.Step("person: noted")
	}
	if err := s.certify(ctx, p, e); err != nil {
		return err
	}
	s.o.Step("person: certified")
	_, err = s.change(ctx, p, who, e.Case, func(tx *place.Tx, c *Case) (place.Event, error) {
		if c.State == Erasing {
			c.State = Open
		}
		return place.Event{Code: "request.erased", Facts: map[string]string{"erased": text(c.Figures.Erased), "kept": text(c.Figures.Kept), "run": e.Run.String()}}, tx.Done(intent)
	})
	return err
}

// eraseOne erases a find, unless by now something keeps it. What is erased is no
// longer described: its label was personal.
func (s *Service) eraseOne(ctx context.Context, p *place.Place, who actor.Actor, it Item, e erasure) (Item, error) {
	why, err := s.keeps(ctx, p, it)
	if err == nil && why == "" {
		st, _ := s.store(it.Store)
		if err = st.Erase(ctx, p, who, it.Ref, By{e.Case, e.Run}); fault.Is(err, fault.Conflict) {
			why, err = fault.Of(err).Text, nil
		} else if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
			err = nil
		}
	}
	if err != nil {
		return it, err
	}
	if why != "" {
		it.Outcome, it.Kept = Kept, why
		return it, nil
	}
	it.Outcome, it.Label, it.Why, it.Kept = Erased, "", nil, ""
	return it, nil
}

// Certificates are the ids of the certificates of a case's erasures, of which
// there can be several: what a hold kept is erased once it was lifted.
func (s *Service) Certificates(ctx context.Context, p *place.Place, i id.PersonRequest) (all []string, err error) {
	erasures, err := s.erasures(ctx, p, i)
	for _, e := range erasures {
		all = append(all, e.Certificates...)
	}
	return all, err
}

// erasures are those of a case, in their order, with their certificates.
func (s *Service) erasures(ctx context.Context, p *place.Place, i id.PersonRequest) (all []Erasure, err error) {
	var ordered []string
	err = p.View(ctx, func(tx *place.Tx) error {
		ordered, err = place.Rows[string](tx, `SELECT facts FROM events WHERE subject = ? AND code = 'request.erasure-ordered' ORDER BY pos`, i.String())
		return err
	})
	for _, facts := range ordered {
		var e struct {
			Run id.Destruction `json:"run"`
		}
		if err == nil {
			err = json.Unmarshal([]byte(facts), &e)
		}
		of := []string{}
		if err == nil && s.o.Certified != nil {
			of, err = s.o.Certified(ctx, p, e.Run)
		}
		all = append(all, Erasure{e.Run.String(), of})
	}
	return all, err
}
