package org_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

// branch is a provider, resellers two deep, and three customers.
type branch struct {
	*org.Service
	store             *place.Store
	top, mid, deep    org.Node
	left, right, high org.Node // customers: two below deep, one below top
}

func grow(t *testing.T, store *place.Store) *branch {
	t.Helper()
	b, node, ctx := &branch{Service: org.New(store, &keys{}), store: store}, must[org.Node](t), t.Context()
	b.top = node(b.CreateProvider(ctx, who, "Beacon"))
	b.mid = node(b.Create(ctx, who, b.top.ID, org.Reseller, "Northern"))
	b.deep = node(b.Create(ctx, who, b.mid.ID, org.Reseller, "Northern Lakes"))
	b.left = node(b.Create(ctx, who, b.deep.ID, org.Customer, "Älgby Dental"))
	b.right = node(b.Create(ctx, who, b.deep.ID, org.Customer, "Quay 100% Fish"))
	b.high = node(b.Create(ctx, who, b.top.ID, org.Customer, "Harbour"))
	return b
}

func names(list []org.Child) (all []string) {
	for _, c := range list {
		all = append(all, c.Name)
	}
	return all
}

func TestResellersStandBelowResellers(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		one := must[org.Child](t)(b.One(ctx, b.left.ID))
		if len(one.Path) != 3 || one.Path[0].ID != b.top.ID || one.Path[2].ID != b.deep.ID {
			t.Errorf("the way to the customer: %+v", one.Path)
		}
		if list := below(t, b.Service, b.top.ID); !slices.Equal(names(list), []string{"Harbour", "Northern"}) || list[1].Below != 3 {
			t.Errorf("below the provider: %+v", list)
		}
		renamed := must[org.Node](t)(b.Rename(ctx, who, b.mid.ID, " Südwind "))
		if renamed.Name != "Südwind" || names(below(t, b.Service, b.top.ID))[1] != "Südwind" {
			t.Error("the reseller kept its name")
		}
		before := events(t, store)
		if _, err := b.Rename(ctx, who, b.mid.ID, "Südwind"); err != nil || events(t, store) != before {
			t.Errorf("the same name again: %v, %d events", err, events(t, store)-before)
		}
		last := b.deep.ID
		for range 40 {
			n, err := b.Create(ctx, who, last, org.Reseller, "deeper")
			if fault.Is(err, fault.Conflict) {
				return
			}
			last = n.ID
		}
		t.Error("the tree has no bottom")
	})
}

func events(t *testing.T, store *place.Store) (n int) {
	t.Helper()
	err := store.Registry().View(t.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int](tx, `SELECT count(*) FROM events`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSearchAndPages(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		for words, want := range map[string][]string{
			"ÄLG": {"Älgby Dental"}, "100%": {"Quay 100% Fish"}, "100_": nil, "n": {"Northern", "Northern Lakes", "Älgby Dental"}, "!": nil,
		} {
			list, _, err := b.Children(ctx, b.top.ID, org.Query{Words: words})
			got := names(list)
			slices.Sort(got)
			slices.Sort(want)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("search for %q: %q, %v", words, got, err)
			}
		}
		if list, _, _ := b.Children(ctx, b.mid.ID, org.Query{Words: "harbour"}); list != nil {
			t.Errorf("a reseller finds what is not below it: %q", names(list))
		}
		for i := range 7 {
			if _, err := b.Create(ctx, who, b.high.Parent, org.Reseller, fmt.Sprintf("R%d", i%3)); err != nil { // names repeat
				t.Fatal(err)
			}
		}
		seen, after := map[id.Node]bool{}, ""
		for pages := 1; ; pages++ {
			list, next, err := b.Children(ctx, b.top.ID, org.Query{Limit: 2, After: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				if seen[c.ID] {
					t.Errorf("%s stands on two pages", c.Name)
				}
				seen[c.ID] = true
			}
			if after = next; next == "" {
				if pages != 5 || len(seen) != 9 {
					t.Errorf("%d nodes on %d pages", len(seen), pages)
				}
				break
			}
		}
		if _, _, err := b.Children(ctx, b.top.ID, org.Query{After: "nonsense"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a cursor that nobody gave: %v", err)
		}
	})
}

func TestHealthRises(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		now := time.Now()
		push := func(c id.Customer, f org.Figures) {
			t.Helper()
			if err := b.Push(ctx, c, f); err != nil {
				t.Fatal(err)
			}
		}
		push(b.left.ID, org.Figures{Failing: 1, QuietSince: now.Add(-25 * time.Hour), FailedJobs: 2, Signs: []org.Sign{org.SignOpened}, Seats: 3})
		push(b.right.ID, org.Figures{QuietSince: now.Add(-time.Hour), Attention: 4, Month: org.Month{Captured: time.Hour, Heard: time.Minute, Requests: 5}})
		top := below(t, b.Service, b.top.ID)[1]
		if top.Failing != 1 || top.Silent != 1 || top.FailedJobs != 2 || top.Attention != 4 || top.Seats != 3 || top.Month.Captured != time.Hour {
			t.Errorf("what the reseller's line says: %+v", top.Figures)
		}
		if one := must[org.Child](t)(b.One(ctx, b.left.ID)); !slices.Equal(one.Signs, []org.Sign{org.SignOpened}) {
			t.Errorf("signs: %v", one.Signs)
		}
		push(b.right.ID, org.Figures{Seats: 1, Month: org.Month{Captured: time.Hour, Requests: 7}})
		use := must[[]org.Usage](t)(b.UsageBelow(ctx, b.top.ID, org.PeriodOf(now), 0, 0))
		if len(use) != 2 || use[0].Under != "Northern / Northern Lakes" || use[0].Requests != 12 || use[0].Captured != time.Hour {
			t.Errorf("usage: %+v", use)
		}
		if use := must[[]org.Usage](t)(b.UsageBelow(ctx, b.top.ID, org.PeriodOf(now), 1, 1)); len(use) != 1 || use[0].Node.ID != b.left.ID {
			t.Errorf("the second page: %+v", use)
		}
		if use := must[[]org.Usage](t)(b.UsageBelow(ctx, b.right.ID, org.PeriodOf(now), 0, 0)); len(use) != 1 || use[0].Under != "" {
			t.Errorf("usage of one customer: %+v", use)
		}
	})
}
