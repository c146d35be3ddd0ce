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
	"ringfence/internal/platform/place/placetest"
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

// Who was let in the last time is not therefore let in now: what a request asks
// ahead is asked by it alone.
func TestAskingAheadLetsNobodyIn(t *testing.T) {
	everywhere(t, func(w *world) {
		ctx := w.Context()
		type one struct {
			identity.Person
			token secret.Text
		}
		begin := func(email string) one {
			p := w.add(email)
			signed, err := w.s.Begin(ctx, p.ID, identity.Proof{Methods: []identity.Method{identity.ByPasskey}}, from("192.0.2.7"))
			w.no(err)
			return one{p, signed.Token}
		}
		anna, ben, carl := begin("anna@example.com"), begin("ben@example.com"), begin("carl@example.com")
		enters := func(who one, p *place.Place) (bool, error) {
			ctx := w.s.Ahead(ctx, who.token, w.p.Customer())
			present, err := w.s.Session(ctx, who.token)
			if err != nil {
				return false, err
			}
			e, err := w.s.Enter(ctx, p, present.Session)
			return len(e.Held) > 0 && present.Session.Person == who.ID, err
		}
		want := func(when string, who one, in bool) {
			w.Helper()
			for range 2 {
				if got, err := enters(who, w.p); got != in || err != nil {
					w.Errorf("%s: let in %v, want %v (%v)", when, got, in, err)
				}
			}
		}
		admin := identity.Grant{Roles: []access.Role{access.CustomerAdmin}}
		_, err := w.s.AddMember(ctx, w.p, system, carl.ID, admin) // who stays
		w.no(err)
		for range 2 {
			want("before", anna, false)
			_, err := w.s.AddMember(ctx, w.p, system, anna.ID, admin)
			w.no(err)
			want("a member", anna, true)
			want("the other", ben, false)
			other := placetest.Customer(w.T, w.store)
			if got, err := enters(anna, other); got || err != nil {
				w.Errorf("what was asked ahead of one customer counts at another: %v, %v", got, err)
			}
			_, err = w.s.AddMember(ctx, w.p, system, ben.ID, admin)
			w.no(err)
			w.no(w.s.RemoveMember(ctx, w.p, system, anna.ID))
			want("removed", anna, false)
			want("the other", ben, true)
			w.no(w.s.RemoveMember(ctx, w.p, system, ben.ID))
		}
		present, err := w.s.Session(ctx, anna.token)
		w.no(err)
		w.no(w.s.End(ctx, system, anna.ID, present.Session.ID))
		_, err = enters(anna, w.p)
		w.want(fault.Unauthenticated, err)
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
