package org_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var (
	schemas = place.Schemas{Registry: org.Migrations(), Place: org.PlaceMigrations(), Housekeeping: org.Housekeeping()}
	who     = actor.ForSystem("test")
)

// keys is a key store that can fail and counts what it was asked.
type keys struct {
	fail  error
	asked int
}

func (k *keys) CreateCustomer(context.Context, id.Customer) error {
	k.asked++
	return k.fail
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// below is the nodes just below one.
func below(t *testing.T, s *org.Service, n id.Node) []org.Child {
	t.Helper()
	list, _, err := s.Children(t.Context(), n, org.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTree(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		ctx, node := t.Context(), must[org.Node](t)
		s := org.New(store, &keys{})
		if _, err := s.Root(ctx); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a root before there is one: %v", err)
		}
		top := node(s.CreateProvider(ctx, who, "Beacon Hosting"))
		if _, err := s.CreateProvider(ctx, who, "Another"); !fault.Is(err, fault.Conflict) {
			t.Fatalf("a second provider: %v", err)
		}
		mid := node(s.Create(ctx, who, top.ID, org.Reseller, "Northern Voice"))
		low := node(s.Create(ctx, who, mid.ID, org.Customer, "Harbour Dental"))
		if got := node(s.Node(ctx, low.ID)); got != low || got.Parent != mid.ID {
			t.Errorf("read back %+v, made %+v", got, low)
		}
		if _, err := store.Place(ctx, low.ID); err != nil {
			t.Errorf("the customer has no place: %v", err)
		}
		for _, c := range []struct {
			parent id.Node
			kind   org.Kind
		}{{low.ID, org.Customer}, {low.ID, org.Reseller}, {mid.ID, org.Provider}, {top.ID, org.Provider}, {top.ID, "other"}} {
			if _, err := s.Create(ctx, who, c.parent, c.kind, "x"); !fault.Is(err, fault.Invalid) {
				t.Errorf("a %s below %v: %v", c.kind, c.parent, err)
			}
		}
		if _, err := s.Create(ctx, who, id.New[id.Node](), org.Customer, "x"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a customer below nobody: %v", err)
		}
		if _, err := s.Create(ctx, who, top.ID, org.Customer, "  "); !fault.Is(err, fault.Invalid) {
			t.Errorf("a customer without a name: %v", err)
		}
		var above []id.Node
		if err := store.Registry().View(ctx, func(tx *place.Tx) (err error) {
			above, err = org.Above(tx, low.ID)
			return err
		}); err != nil || len(above) != 2 || above[0] != mid.ID || above[1] != top.ID {
			t.Errorf("above the customer: %v, %v", above, err)
		}
	})
}

func TestFiguresRiseToTheTop(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		ctx, node := t.Context(), must[org.Node](t)
		s := org.New(store, &keys{})
		top := node(s.CreateProvider(ctx, who, "Beacon"))
		mid := node(s.Create(ctx, who, top.ID, org.Reseller, "Northern"))
		a := node(s.Create(ctx, who, mid.ID, org.Customer, "A"))
		b := node(s.Create(ctx, who, mid.ID, org.Customer, "B"))
		at := time.Now().UTC().Truncate(time.Millisecond)
		for range 2 { // figures replace, they do not add up
			for _, c := range []id.Customer{a.ID, b.ID} {
				if err := s.Push(ctx, c, org.Figures{Recordings: 3, Bytes: 100, Length: time.Minute, LastCapturedAt: at}); err != nil {
					t.Fatal(err)
				}
			}
		}
		list := below(t, s, top.ID)
		if len(list) != 1 || list[0].ID != mid.ID || list[0].Recordings != 6 || list[0].Bytes != 200 || list[0].Length != 2*time.Minute || !list[0].LastCapturedAt.Equal(at) {
			t.Errorf("below the provider: %+v", list)
		}
		list = below(t, s, mid.ID)
		if len(list) != 2 || list[0].Name != "A" || list[0].Recordings != 3 || list[0].ReportedAt.IsZero() {
			t.Errorf("below the reseller: %+v", list)
		}
	})
}

func TestACrashBetweenNodeAndPlaceIsMended(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		ctx := t.Context()
		k := &keys{fail: errors.New("the key store is away")}
		s := org.New(store, k)
		top := must[org.Node](t)(s.CreateProvider(ctx, who, "Beacon"))
		n, err := s.Create(ctx, who, top.ID, org.Customer, "Harbour")
		if err == nil {
			t.Fatal("a customer without keys was made")
		}
		if _, err := s.Node(ctx, n.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the half-made customer is shown: %v", err)
		}
		if list := below(t, s, top.ID); len(list) != 0 {
			t.Errorf("the half-made customer is listed: %+v", list)
		}
		k.fail = nil
		for range 2 {
			if err := s.Recover(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if k.asked != 2 {
			t.Errorf("the key store was asked %d times, want twice", k.asked)
		}
		if _, err := s.Node(ctx, n.ID); err != nil {
			t.Error(err)
		}
		if _, err := store.Place(ctx, n.ID); err != nil {
			t.Error(err)
		}
	})
}
