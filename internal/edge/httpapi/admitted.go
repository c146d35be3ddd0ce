package httpapi

import (
	"context"
	"log/slog"

	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
)

// What a request needs to be let in by.
var (
	portal         = []entry.Surface{entry.Portal}
	api            = []entry.Surface{entry.API}
	administration = []entry.Surface{entry.Administration}
)

// admitted asks a place's access lists about the address. Whoever is refused
// gets what a missing thing answers; the place's administrators read of it.
func (s *Server) admitted(ctx context.Context, v *visit, w entry.Where, list entry.List, surfaces []entry.Surface) error {
	refusing, ok := list.AdmitsAll(surfaces, v.from.Address, v.at)
	if ok {
		return nil
	}
	s.tell(ctx, v, w, refusing)
	return errNothing
}

// tell writes a refusal into the journal of the place. That it cannot be written
// must not let anybody in, nor show that somebody was refused.
func (s *Server) tell(ctx context.Context, v *visit, w entry.Where, refusing entry.Surface) {
	if err := s.entry.Refused(ctx, w, v.who, refusing, v.at); err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "a refusal by an access list was not recorded",
			slog.String("request", requestID(ctx)), slog.String("node", w.Node.String()), slog.String("error", err.Error()))
	}
}

// holdAbove keeps of the roles above customers those that count from where the
// request comes.
func (s *Server) holdAbove(v *visit, p identity.Present) {
	for _, m := range p.Held {
		if p.Entry[m.At].Admits(entry.Administration, v.from.Address, v.at) {
			v.held = append(v.held, m)
		} else {
			v.away = append(v.away, m)
		}
	}
}

// tellAway records that a role would have been enough, were it not for where
// its holder is.
func (s *Server) tellAway(ctx context.Context, v *visit, a access.Act) {
	for _, m := range v.away {
		if access.Allow([]access.Membership{m}, a, v.thing, v.at).Allowed {
			s.tell(ctx, v, entry.Where{Place: s.deps.Store.Registry(), Node: m.At}, entry.Administration)
			return
		}
	}
}

// entryOf is whose rules a route is about.
func (s *Server) entryOf(v *visit) entry.Where {
	return entry.Where{Place: v.place, Node: v.thing.Place}
}
