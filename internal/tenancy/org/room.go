package org

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// room is how much a customer may still use, as of a moment ago.
type room struct {
	at       time.Time
	customer id.Customer
	left     map[Measure]int64 // of the node that has least left; no entry: no limit
	most     map[Measure]int64 // that node's limit
	short    map[Measure]string
	own      Quota
	rates    []Rate
}

// roomFor is how long what was found is used: places report every few seconds,
// so it is no older than that anyway. Overshoot is what comes in meanwhile.
const roomFor = 5 * time.Second

// Rate is a bound on requests in each second: the customer's own, or that of a
// node above, which all below it share.
type Rate struct {
	Node id.Node
	Most int64
}

// forget drops what was found when quotas change or the tree does.
func (s *Service) forget(c place.Commit) {
	if !c.Customer.IsZero() {
		return
	}
	for _, e := range c.Events {
		if e.Code == "quota.set" {
			s.mu.Lock()
			clear(s.rooms)
			s.mu.Unlock()
			return
		}
	}
}

// mostRooms bounds the memory of what was found.
const mostRooms = 10_000

func (s *Service) room(ctx context.Context, c id.Customer) (room, error) {
	s.mu.Lock()
	r, ok := s.rooms[c]
	s.mu.Unlock()
	if now := s.now(); ok && now.Sub(r.at) < roomFor && !now.Before(r.at) {
		return r, nil
	}
	r = room{at: s.now(), customer: c, left: map[Measure]int64{}, most: map[Measure]int64{}, short: map[Measure]string{}}
	err := s.store.Registry().View(ctx, func(tx *place.Tx) error {
		up, err := Above(tx, c)
		if err != nil {
			return err
		}
		limits, err := limitsOn(tx, append([]id.Node{c}, up...))
		if err != nil {
			return err
		}
		for _, l := range limits {
			if err := r.narrow(tx, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return room{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rooms) >= mostRooms {
		clear(s.rooms)
	}
	s.rooms[c] = r
	return r, nil
}

// narrow takes one node's limits into account.
func (r *room) narrow(tx *place.Tx, l nodeLimits) error {
	used, err := usedBelow(tx, l.node)
	if err != nil {
		return err
	}
	n, err := Read(tx, l.node)
	if err != nil {
		return err
	}
	if l.node == r.customer {
		r.own = l.quota
	}
	for m, most := range l.quota {
		if m == Requests {
			r.rates = append(r.rates, Rate{l.node, most})
			continue
		}
		left, known := r.left[m]
		if rest := most - used[m]; !known || rest < left {
			r.left[m], r.most[m], r.short[m] = rest, most, n.Name
		}
	}
	return nil
}

// what is how a measure is called in a refusal.
var what = map[Measure]string{
	Seats: "people", Gigabytes: "gigabytes of storage", Minutes: "minutes captured in a month", EngineSeconds: "seconds given to a speech engine in a month",
}

// Room is fault.Limited when a customer, or a node above it, has used up what it
// may of one of the measures. It says which node is short. Nothing is lost by
// it: what is refused waits where it is.
func (s *Service) Room(ctx context.Context, c id.Customer, measures ...Measure) error {
	r, err := s.room(ctx, c)
	if err != nil {
		return err
	}
	for _, m := range measures {
		if left, limited := r.left[m]; limited && left <= 0 {
			return fault.New(fault.Limited, "the quota is used up: “%s” may have %d %s", r.short[m], r.most[m], what[m]).After(10 * time.Minute)
		}
	}
	return nil
}

// Admit is whether something new may come into a customer's place: it is not
// suspended, and none of the measures is used up. Files wait until it is.
func (s *Service) Admit(ctx context.Context, p *place.Place, measures ...Measure) error {
	if err := Open(ctx, p); err != nil {
		return err
	}
	return s.Room(ctx, p.Customer(), measures...)
}

// MoreSeats is fault.Conflict when a customer has so many people with a role
// already that one more is not possible.
func (s *Service) MoreSeats(ctx context.Context, c id.Customer, before, after int64) error {
	r, err := s.room(ctx, c)
	if err != nil || after <= before {
		return err
	}
	own, mine := r.own[Seats]
	if left, limited := r.left[Seats]; mine && after > own || limited && after-before > left {
		return fault.New(fault.Conflict, "the quota is used up: “%s” may have %d %s", r.short[Seats], r.most[Seats], what[Seats])
	}
	return nil
}

// Rates are the bounds on a customer's requests, its own first.
func (s *Service) Rates(ctx context.Context, c id.Customer) ([]Rate, error) {
	r, err := s.room(ctx, c)
	return r.rates, err
}
