package identity_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// suspend writes what the tree's own part writes into a place.
func (w *world) suspend(at int64) {
	w.Helper()
	w.no(w.p.Change(w.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "customer.suspended"})
		_, err := tx.Exec(`INSERT INTO standing (one, suspended_at, why) VALUES (1, ?, '')
			ON CONFLICT (one) DO UPDATE SET suspended_at = excluded.suspended_at`, at)
		return err
	}))
}

func TestNobodyEntersASuspendedCustomer(t *testing.T) {
	everywhere(t, func(w *world) {
		ctx := w.Context()
		admin, stranger := w.add("anna@example.com"), w.add("eve@example.com")
		_, err := w.s.AddMember(ctx, w.p, system, admin.ID, identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
		w.no(err)
		_, text, err := w.s.CreateToken(ctx, w.p, system, admin.ID, identity.TokenDraft{Name: "t", Acts: []access.Act{access.UsageRead}, Until: w.clock().Add(time.Hour)})
		w.no(err)
		enter := func(p identity.Person) ([]access.Membership, error) {
			e, err := w.s.Enter(ctx, w.p, identity.Session{Person: p.ID, StartedAt: w.clock(), Proof: identity.Proof{Methods: []identity.Method{identity.ByPassword, identity.ByMail}}})
			return e.Held, errors.Join(e.Unmet, err)
		}
		for _, suspended := range []bool{false, true, false} {
			at := int64(0)
			if suspended {
				at = 42
			}
			w.suspend(at)
			held, err := enter(admin)
			if suspended != errors.Is(err, org.ErrSuspended) || suspended != (len(held) == 0) {
				t.Errorf("suspended %v: a member holds %v, %v", suspended, held, err)
			}
			if held, err := enter(stranger); len(held) != 0 || err != nil {
				t.Errorf("a stranger learns something: %v, %v", held, err)
			}
			_, err = w.s.Machine(ctx, text, from("192.0.2.7"))
			if suspended != errors.Is(err, org.ErrSuspended) {
				t.Errorf("suspended %v: a machine gets %v", suspended, err)
			}
			if _, err := w.s.Machine(ctx, secret.NewText(text.Reveal()+"x"), from("192.0.2.7")); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("a token of nobody learns something: %v", err)
			}
		}
	})
}

func TestASeatThatIsRefusedIsNotGiven(t *testing.T) {
	everywhere(t, func(w *world) {
		ctx := w.Context()
		most := int64(1)
		s := identity.New(identity.Options{Store: w.store, Mail: w.box, Seats: func(_ context.Context, _ id.Customer, before, after int64) error {
			if after > before && after > most {
				return fault.New(fault.Conflict, "full")
			}
			return nil
		}})
		user := identity.Grant{Roles: []access.Role{access.CustomerAdmin}}
		a, b := w.add("anna@example.com"), w.add("ben@example.com")
		_, err := s.AddMember(ctx, w.p, system, a.ID, user)
		w.no(err)
		_, err = s.AddMember(ctx, w.p, system, b.ID, user)
		w.want(fault.Conflict, err)
		if members, err := s.Members(ctx, w.p); err != nil || len(members) != 1 {
			t.Errorf("%d members, %v", len(members), err)
		}
		most = 2
		_, err = s.AddMember(ctx, w.p, system, b.ID, user)
		w.no(err)
		w.no(w.p.View(ctx, func(tx *place.Tx) error {
			n, err := identity.Seats(tx)
			settled, err2 := identity.Settled(tx)
			if n != 2 || !settled {
				t.Errorf("%d seats, settled %v", n, settled)
			}
			return errors.Join(err, err2)
		}))
	})
}
