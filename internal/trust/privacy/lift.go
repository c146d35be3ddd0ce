package privacy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/approval"
)

// KindLift is the act of lifting a legal hold.
const KindLift = "hold.lift"

// Lift asks that a hold is lifted; it stays until a second person agrees.
func (s *Service) Lift(ctx context.Context, p *place.Place, who actor.Actor, hold id.Hold, reason string, confirm int64) (apr id.Approval, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		h, err := s.holdIn(tx, hold)
		if err != nil {
			return err
		}
		if !h.LiftedAt.IsZero() {
			return fault.New(fault.Conflict, "this hold was lifted already")
		}
		if confirm != int64(h.Count) {
			return fault.Field("confirm", "%d recordings are under this hold: confirm with exactly this number", h.Count)
		}
		apr, err = s.o.Approvals.Ask(tx, who, approval.Act{
			Kind: KindLift, Subject: hold.String(), Count: confirm, Reason: reason, Facts: map[string]string{"recordings": strconv.Itoa(h.Count)},
		})
		tx.Record(place.Event{Code: "hold.lifting-asked", Subject: hold.String(), Facts: map[string]string{"approval": apr.String()}})
		tx.Notify(Topic)
		return err
	})
	return apr, err
}

// holdState is what a request to lift a hold is about. What has come under it
// since does not change that: a hold on a busy queue could never be lifted.
func (s *Service) holdState(tx *place.Tx, subject string) ([]byte, error) {
	hold, err := id.Parse[id.Hold](subject)
	if err != nil {
		return nil, fault.New(fault.NotFound, "there is no such hold")
	}
	r, err := place.Row[holdRow](tx, holdColumns+` WHERE id = ?`, hold)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d", r.Card, r.LiftedAt))
	return sum[:], nil
}

// heldNow is how many recordings are under a hold.
func (s *Service) heldNow(tx *place.Tx, subject string) (int64, error) {
	hold, err := id.Parse[id.Hold](subject)
	if err != nil {
		return 0, err
	}
	return place.Row[int64](tx, `SELECT count(*) FROM recording_holds WHERE hold = ?`, hold)
}

// release lifts a hold, in the Change in which a second person agreed.
func (s *Service) release(tx *place.Tx, a approval.Approval) error {
	hold, err := id.Parse[id.Hold](a.Subject)
	if err != nil {
		return err
	}
	n, err := s.o.Recordings.Release(tx, hold)
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "hold.lifted", Subject: hold.String(), Facts: map[string]string{"approval": a.ID.String(), "recordings": strconv.Itoa(n)}})
	tx.Notify(Topic)
	_, err = tx.Exec(`UPDATE holds SET lifted_at = ?, lifted_by = ?, lifted = ? WHERE id = ?`, tx.At().UnixMilli(), a.AskedBy, n, hold)
	return err
}
