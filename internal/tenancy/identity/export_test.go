package identity

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// AsBefore keeps extensions with a member as it was done before there was a
// directory.
func (s *Service) AsBefore(ctx context.Context, p *place.Place, who actor.Actor, person id.Person, extensions ...string) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		m, err := memberByID(tx, person)
		if err != nil {
			return err
		}
		m.old = extensions
		tx.Record(place.Event{Code: "member.changed"})
		return storeMember(tx, m)
	})
}
