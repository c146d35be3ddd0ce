package keyring

import (
	"context"
	"encoding/json"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Warrant is the proof that two people decided to destroy the keys of a customer.
// There is no way to make one but Decided, which reads it in that customer's own
// journal, and DestroyCustomer does nothing without it.
type Warrant struct {
	customer id.Customer
	approval id.Approval
	reason   string
}

// IsZero reports whether it proves nothing.
func (w Warrant) IsZero() bool { return w.customer.IsZero() || w.approval.IsZero() }

// Decided reads in the journal of a customer that an act of this kind, about this
// subject, was asked for by one person, approved by another, and taken; else it
// is fault.Denied. The journal only grows and no caller writes it, so a slip in
// the code between an approval and its act is found here.
func Decided(tx *place.Tx, apr id.Approval, kind, about string) (Warrant, error) {
	type said struct {
		Code     string `db:"code"`
		Kind     string `db:"actor_kind"`
		Actor    string `db:"actor_id"`
		OnBehalf string `db:"on_behalf"`
		Facts    string `db:"facts"`
	}
	all, err := place.Rows[said](tx, `SELECT code, actor_kind, actor_id, on_behalf, facts FROM events WHERE subject = ? ORDER BY pos`, apr.String())
	if err != nil {
		return Warrant{}, err
	}
	var asked, given string
	taken := false
	for _, e := range all {
		var facts map[string]string
		if err := json.Unmarshal([]byte(e.Facts), &facts); err != nil || facts["act"] != kind || facts["about"] != about {
			continue
		}
		person := e.Actor
		if e.Kind != string(actor.Person) {
			person = e.OnBehalf
		}
		switch e.Code {
		case "approval.asked":
			asked = person
		case "approval.given":
			given = person
		case "approval.refused":
			asked, given = "", ""
		case "approval.taken":
			taken = true
		}
	}
	if tx.Place().Customer().IsZero() || asked == "" || given == "" || asked == given || !taken {
		return Warrant{}, fault.New(fault.Denied, "the keys of a customer are destroyed by two persons only: one asks, another approves, and their time to think has passed")
	}
	return Warrant{tx.Place().Customer(), apr, about + ", " + apr.String()}, nil
}

// BuryCustomer destroys the keys of a customer of which a backup's record says
// that they were destroyed: what was decided once, again after a restore.
func (k *Keyring) BuryCustomer(ctx context.Context, b Buried) error {
	return k.destroyCustomer(ctx, b.ID, b.Reason)
}

// DestroyCustomer destroys every key of a customer in every place, for good:
// nothing of that customer can be opened again, from no backup of places or
// objects. The customer's id, and which decision it was, stay in the
// installation's store. A holder is not asked: without our half, theirs is noise.
func (k *Keyring) DestroyCustomer(ctx context.Context, c id.Customer, w Warrant) error {
	if w.IsZero() || w.customer != c {
		return fault.New(fault.Denied, "the keys of a customer are destroyed by two persons only")
	}
	return k.destroyCustomer(ctx, c, w.reason)
}
