package backup

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/platform/place"
)

// Asked is what somebody wants done now.
type Asked string

// What can be asked for.
const (
	AskPoint Asked = "backup"
	AskDrill Asked = "drill"
)

// Ask has something done beside the schedule. It is recorded who asked, and
// done by the loop: the answer does not wait for it.
func (s *Service) Ask(ctx context.Context, who actor.Actor, what Asked) error {
	select {
	case s.asked <- what:
	default:
		return errBusy
	}
	return s.o.Store.Registry().Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "backup.asked", Facts: map[string]string{"what": string(what)}})
		return nil
	})
}
