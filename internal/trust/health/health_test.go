package health_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/health"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var schemas = place.Schemas{
	Registry: slices.Concat(job.Migrations, org.Migrations(), health.Migrations()), Place: slices.Concat(job.Migrations, org.PlaceMigrations()),
	Housekeeping: slices.Concat(job.Housekeeping, org.Housekeeping(), health.Housekeeping()),
}

func TestAPartsStateIsKeptOverRestarts(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
		found := health.Finding{State: health.Failing, Text: "no"}
		begin := func() *health.Service {
			s := health.New(store, func() time.Time { return now })
			s.Part("mail", "Mail", false, func(context.Context) health.Finding { return found })
			return s
		}
		s := begin()
		s.Check(t.Context())
		begun := now
		now = now.Add(time.Hour)
		s = begin()
		s.Check(t.Context())
		if p := s.Parts()[0]; !p.Since.Equal(begun) || p.State != health.Failing || !p.SeenAt.Equal(now) {
			t.Errorf("%+v", p)
		}
		found.State = health.Well
		s.Check(t.Context())
		if p := s.Parts()[0]; !p.Since.Equal(now) || p.State != health.Well {
			t.Errorf("%+v", p)
		}
	})
}

// A part that hangs keeps no other from being looked at, and the server that
// cannot work without it is not ready.
func TestAPartThatHangs(t *testing.T) {
	store := placetest.New(t, schemas)
	synctest.Test(t, func(t *testing.T) {
		s := health.New(store, nil)
		hang := func(ctx context.Context) health.Finding { <-ctx.Done(); time.Sleep(time.Hour); return health.Finding{} }
		s.Part("objects", "Objects", true, hang)
		s.Part("mail", "Mail", false, func(context.Context) health.Finding { return health.Finding{State: health.Failing} })
		s.Part("keys", "Keys", true, func(context.Context) health.Finding { return health.Finding{State: health.Look} })
		begun := time.Now()
		err := s.Ready(t.Context())
		if !fault.Is(err, fault.Unavailable) || err.Error() != "not ready: objects" || time.Since(begun) > 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(2 * time.Hour) // what hangs ends within the bubble
	})
}

func TestCustomersBelow(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		tree := org.New(store, nobodysKeys{})
		who := actor.ForSystem("test")
		top, err := tree.CreateProvider(t.Context(), who, "Beacon")
		must(t, err)
		var resellers, customers []id.Node
		for _, name := range []string{"North", "South"} {
			r, err := tree.Create(t.Context(), who, top.ID, org.Reseller, name)
			must(t, err)
			resellers = append(resellers, r.ID)
			for _, c := range []string{"B", "A"} {
				n, err := tree.Create(t.Context(), who, r.ID, org.Customer, name+" "+c)
				must(t, err)
				customers = append(customers, n.ID)
			}
		}
		s := health.New(store, nil)
		at := time.Now()
		must(t, s.Push(t.Context(), customers[0], health.Figures{Recordings: 5, CollectorsSilent: 1, Collectors: map[string]int64{"0.4.0": 2}, OldestUnverifiedAt: at.Add(-time.Hour), Unverified: 1}))
		must(t, s.Push(t.Context(), customers[1], health.Figures{Recordings: 7, Collectors: map[string]int64{"0.3.0": 1}}))
		list, err := s.Below(t.Context(), resellers[0], 0, 0)
		must(t, err)
		if len(list) != 2 || list[0].Name != "North A" || list[0].State(at) != health.Well || list[1].State(at) != health.Failing || len(list[1].Findings(at)) != 2 {
			t.Errorf("%+v", list)
		}
		for _, f := range list[1].Findings(at) {
			if f.Todo == "" || strings.Contains(f.Text, "North") {
				t.Errorf("%+v", f)
			}
		}
		if page, err := s.Below(t.Context(), top.ID, 1, 3); err != nil || len(page) != 1 || page[0].Name != "South B" || page[0].State(at) != health.Look {
			t.Errorf("%+v %v", page, err)
		}
		// Figures that were gathered while their customer left are not kept.
		must(t, store.Registry().Change(t.Context(), who, func(tx *place.Tx) error {
			_, err := org.Remove(tx, customers[3])
			return err
		}))
		must(t, s.Push(t.Context(), customers[3], health.Figures{Recordings: 9}))
		must(t, tree.Push(t.Context(), customers[3], org.Figures{Recordings: 9}))
		must(t, store.Registry().View(t.Context(), func(tx *place.Tx) error {
			for _, table := range []string{"health_customers WHERE customer", "node_figures WHERE node", "node_usage WHERE node"} {
				if n, err := place.Row[int](tx, `SELECT count(*) FROM `+table+` = ?`, customers[3]); err != nil || n != 0 {
					t.Errorf("%s: %d rows of a customer who has left, %v", table, n, err)
				}
			}
			return nil
		}))
		total, err := s.Totals(t.Context())
		must(t, err)
		if total.Customers != 2 || total.Recordings != 12 || total.Failing != 1 || total.Collectors["0.3.0"] != 1 || total.OldestUnverifiedAt.IsZero() {
			t.Errorf("%+v", total)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type nobodysKeys struct{}

func (nobodysKeys) CreateCustomer(context.Context, id.Customer) error { return nil }
