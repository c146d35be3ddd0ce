package server

import (
	"context"

	"ringfence/internal/platform/place"
)

// Night goes through one customer's nightly round, with more to be taken away.
func (s *Server) Night(ctx context.Context, p *place.Place, more ...func(context.Context, *place.Place) (int, error)) error {
	w := &sweeper{places: s.Places, privacy: s.privacy, objects: s.Objects, collectors: s.collectors, entry: s.entry, monitor: s.monitor, purges: append(s.purges(), more...), log: s.log}
	_, err := w.one(ctx, p)
	return err
}
