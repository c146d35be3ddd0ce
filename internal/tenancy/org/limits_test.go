package org_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

func TestAChildNeverExceedsItsParent(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		for _, step := range []struct {
			node  org.Node
			seats int64
			short string // name of the node that has not enough; "": it is taken
		}{
			{b.mid, 10, ""},
			{b.left, 11, "Northern"}, // more than two levels up
			{b.left, 6, ""},
			{b.right, 5, "Northern"}, // together too much
			{b.right, 4, ""},
			{b.deep, 9, "Northern Lakes"}, // between them: less than it has promised
			{b.deep, 10, ""},
			{b.mid, 9, "Northern"}, // less than it has promised
			{b.right, 5, "Northern Lakes"},
			{b.high, 1_000, ""}, // in another branch
		} {
			err := b.SetQuota(ctx, who, step.node.ID, org.Quota{org.Seats: step.seats})
			if step.short == "" && err != nil || step.short != "" && !fault.Is(err, fault.Invalid) {
				t.Fatalf("%d for %s: %v", step.seats, step.node.Name, err)
			}
			if err != nil && !strings.HasPrefix(fault.Of(err).Details[0].Text, "“"+step.short+"” ") {
				t.Errorf("%d for %s: want %s short, got %v", step.seats, step.node.Name, step.short, err)
			}
		}
		before := events(t, store)
		if err := b.SetQuota(ctx, who, b.left.ID, org.Quota{org.Seats: 6}); err != nil || events(t, store) != before {
			t.Errorf("the same quota again: %v", err)
		}
		for _, bad := range []org.Quota{{"beer": 1}, {org.Seats: -1}, {org.Minutes: 1 << 40}} {
			if err := b.SetQuota(ctx, who, b.left.ID, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		meters := must[[]org.Meter](t)(b.Meters(ctx, b.deep.ID))
		if m := meters[0]; m.Measure != org.Seats || *m.Own != 10 || *m.Most != 10 || m.By.ID != b.deep.ID || m.Promised != 10 {
			t.Errorf("the reseller's seats: %+v", m)
		}
		if m := meters[1]; m.Own != nil || m.Most != nil {
			t.Errorf("storage has no limit: %+v", m)
		}
	})
}

func TestRoomIsThatOfTheNodeWhichIsShort(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		no := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		no(b.Room(ctx, b.left.ID, org.Measures()...))
		no(b.Push(ctx, b.right.ID, org.Figures{Seats: 4, Bytes: 3e9, Month: org.Month{Captured: 90 * time.Minute}}))
		no(b.SetQuota(ctx, who, b.mid.ID, org.Quota{org.Gigabytes: 3, org.Seats: 5, org.Requests: 50}))
		err := b.Room(ctx, b.left.ID, org.Seats, org.Gigabytes)
		if !fault.Is(err, fault.Limited) || !strings.Contains(err.Error(), "“Northern” may have 3 gigabytes") || fault.Of(err).RetryAfter == 0 {
			t.Errorf("a sibling has used it all: %v", err)
		}
		no(b.Room(ctx, b.left.ID, org.Minutes))
		no(b.Room(ctx, b.high.ID, org.Gigabytes))
		no(b.MoreSeats(ctx, b.left.ID, 0, 1))
		if err := b.MoreSeats(ctx, b.left.ID, 0, 2); !fault.Is(err, fault.Conflict) {
			t.Errorf("two more seats where one is left: %v", err)
		}
		no(b.MoreSeats(ctx, b.left.ID, 9, 8)) // fewer is always possible
		no(b.SetQuota(ctx, who, b.left.ID, org.Quota{org.Seats: 1, org.Requests: 5}))
		if err := b.MoreSeats(ctx, b.left.ID, 1, 2); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "Älgby") {
			t.Errorf("beyond the own quota, before the place has told: %v", err)
		}
		rates := must[[]org.Rate](t)(b.Rates(ctx, b.left.ID))
		if len(rates) != 2 || rates[0] != (org.Rate{Node: b.left.ID, Most: 5}) || rates[1] != (org.Rate{Node: b.mid.ID, Most: 50}) {
			t.Errorf("rates: %+v", rates)
		}
	})
}

func TestSuspendAndResume(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		p := must[*place.Place](t)(store.Place(ctx, b.left.ID))
		if err := b.Admit(ctx, p, org.Minutes); err != nil {
			t.Fatal(err)
		}
		n := must[org.Node](t)(b.Suspend(ctx, who, b.left.ID, "has not paid"))
		if n.SuspendedAt.IsZero() || !errors.Is(b.Admit(ctx, p), org.ErrSuspended) {
			t.Fatalf("not suspended: %+v, %v", n, b.Admit(ctx, p))
		}
		if top := below(t, b.Service, b.top.ID)[1]; top.Suspended != 1 {
			t.Errorf("the reseller's line says %d suspended", top.Suspended)
		}
		for name, err := range map[string]error{
			"again": second(b.Suspend(ctx, who, b.left.ID, "x")), "a reseller": second(b.Suspend(ctx, who, b.mid.ID, "x")), "what is not": second(b.Resume(ctx, who, b.right.ID, "x")),
		} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := second(b.Suspend(ctx, who, b.right.ID, " ")); !fault.Is(err, fault.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		if n = must[org.Node](t)(b.Resume(ctx, who, b.left.ID, "has paid")); !n.SuspendedAt.IsZero() || b.Admit(ctx, p) != nil {
			t.Errorf("not resumed: %+v", n)
		}
		var codes []string
		if err := p.View(ctx, func(tx *place.Tx) (err error) {
			codes, err = place.Rows[string](tx, `SELECT code FROM events WHERE code LIKE 'customer.%' AND why <> '' ORDER BY pos`)
			return err
		}); err != nil || strings.Join(codes, " ") != "customer.suspended customer.resumed" {
			t.Errorf("the customer's own log says %q, %v", codes, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// What the registry has decided reaches the place after a crash too, and the
// last decision stands, however often the steps are run.
func TestACrashBetweenRegistryAndPlaceIsMended(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		p := must[*place.Place](t)(store.Place(ctx, b.left.ID))
		intend := func(suspended bool) {
			at := int64(0)
			if suspended {
				at = 42
			}
			err := store.Registry().Change(ctx, who, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "test"})
				_, err := tx.Intend("org.standing", map[string]any{"node": b.left.ID, "at": at, "why": "x"})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, last := range []bool{true, false} {
			intend(!last)
			intend(last) // the process ends before either was carried
			for range 2 {
				if err := org.New(store, &keys{}).Recover(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if got := errors.Is(b.Admit(ctx, p), org.ErrSuspended); got != last {
				t.Errorf("suspended: %v, want %v", got, last)
			}
		}
		if left := must[[]place.Intent](t)(store.Registry().Pending(ctx, "")); len(left) != 0 {
			t.Errorf("%d intents are left", len(left))
		}
	})
}

func TestMetersCount(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		p := must[*place.Place](t)(store.Place(ctx, b.left.ID))
		for range 2 {
			if err := p.Keep(ctx, func(tx *place.Tx) error { return org.Count(tx, time.Minute, time.Second) }); err != nil {
				t.Fatal(err)
			}
		}
		var m org.Month
		if err := p.View(ctx, func(tx *place.Tx) (err error) {
			m, err = org.Metered(tx)
			return err
		}); err != nil || m.Captured != 2*time.Minute || m.Heard != 2*time.Second {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

func TestChecklist(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		signer := who
		signer.Kind, signer.ID = "person", id.New[id.Person]().String()
		if err := second(b.SignChecklist(ctx, signer, b.left.ID)); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "captured") {
			t.Fatalf("signed with nothing found: %v", err)
		}
		old := must[string](t)(b.TestMail(ctx, who, b.left.ID))
		token := must[string](t)(b.TestMail(ctx, who, b.left.ID))
		if err := b.ConfirmMail(ctx, old); !fault.Is(err, fault.Gone) {
			t.Errorf("a link that was replaced: %v", err)
		}
		if err := b.ConfirmMail(ctx, token); err != nil {
			t.Fatal(err)
		}
		if err := b.ConfirmMail(ctx, token); !fault.Is(err, fault.Gone) {
			t.Errorf("a link that was used: %v", err)
		}
		full := org.Figures{LastCapturedAt: time.Now(), Signs: []org.Sign{org.SignJoined, org.SignOpened, org.SignFactor, org.SignCopies}}
		for drop := range full.Signs { // each missing sign alone keeps it from being signed
			f := full
			f.Signs = append(append([]org.Sign{}, full.Signs[:drop]...), full.Signs[drop+1:]...)
			if err := b.Push(ctx, b.left.ID, f); err != nil {
				t.Fatal(err)
			}
			if err := second(b.SignChecklist(ctx, signer, b.left.ID)); !fault.Is(err, fault.Conflict) {
				t.Errorf("signed without %s: %v", full.Signs[drop], err)
			}
		}
		if err := b.Push(ctx, b.left.ID, full); err != nil {
			t.Fatal(err)
		}
		if err := second(b.SignChecklist(ctx, who, b.left.ID)); !fault.Is(err, fault.Denied) {
			t.Errorf("signed by a machine: %v", err)
		}
		c := must[org.Checklist](t)(b.SignChecklist(ctx, signer, b.left.ID))
		if !c.Complete() || c.SignedAt.IsZero() || c.SignedBy != signer.ID {
			t.Errorf("%+v", c)
		}
		if err := second(b.SignChecklist(ctx, signer, b.left.ID)); !fault.Is(err, fault.Conflict) {
			t.Errorf("signed twice: %v", err)
		}
		if err := second(b.Checklist(ctx, b.mid.ID)); !fault.Is(err, fault.Conflict) {
			t.Errorf("a reseller's checklist: %v", err)
		}
	})
}
