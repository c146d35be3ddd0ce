package coverage

import (
	"context"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Forget removes the numbers and names of a call that has no recording, before
// their time: the call stays in the counts. Forgotten twice is no error.
func (s *Service) Forget(ctx context.Context, p *place.Place, who actor.Actor, i id.Expectation) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "expectation.forgotten", Subject: i.String()})
		tx.Notify("coverage")
		n, err := tx.Exec(`UPDATE expectations SET card = NULL, changed_at = ? WHERE id = ?`, millis(tx.At()), i)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "there is no such call")
		}
		return err
	})
}
