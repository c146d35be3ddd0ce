package pseudonym

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const aliasesAtOnce = 500

// Aliases gives the pseudonyms of names for an export that leaves without them,
// while the archive keeps what it has. They are those that stand in recordings,
// where there are any; a new one has no way back of its own, for the archive still
// knows the name. A text that is no name stands for nobody and is left out.
func (s *Service) Aliases(ctx context.Context, p *place.Place, who actor.Actor, names []string) (map[string]string, error) {
	out := map[string]string{}
	var all []wanted
	for _, n := range names {
		if v, ok := nameOf(n); ok {
			all = append(all, wanted{[]value{v}, []string{n}})
		}
	}
	if len(all) == 0 {
		return out, nil
	}
	b, err := s.open(ctx, p, who)
	if err != nil {
		return nil, err
	}
	for len(all) > 0 {
		some := all[:min(len(all), aliasesAtOnce)]
		all = all[len(some):]
		found, err := b.find(ctx, some, false)
		if err != nil {
			return nil, err
		}
		if err := b.keep(ctx, who, found); err != nil {
			return nil, err
		}
		for _, w := range some {
			out[w.written[0]] = found[w.values[0]].String()
		}
	}
	return out, nil
}

// keep writes what an export gave, so that it is the same the next time.
func (b *book) keep(ctx context.Context, who actor.Actor, found map[value]*entry) error {
	fresh := 0
	for _, e := range found {
		fresh += number(e.unknown)
	}
	if fresh == 0 {
		return nil
	}
	return b.p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "pseudonym.exported", Subject: b.p.Customer().String()})
		return b.put(tx, found, id.PersonRequest{})
	})
}
