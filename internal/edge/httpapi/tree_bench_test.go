package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// crowd is a reseller with 2,000 customers and 10,000 people, of whom none has a
// place that could be opened: a page that tried would fail.
func crowd(b *testing.B, cfg place.Config) (handler http.Handler, provider, reseller org.Node, cookie string) {
	b.Helper()
	store := placetest.Open(b, cfg, place.Schemas{
		Registry:     join(job.Migrations, org.Migrations(), identity.RegistryMigrations(), httpapi.Migrations()),
		Place:        join(job.Migrations, identity.PlaceMigrations(), httpapi.Migrations()),
		Housekeeping: join(job.Housekeeping, org.Housekeeping(), identity.Housekeeping(), httpapi.Housekeeping()),
	})
	ctx, tree := b.Context(), org.New(store, nil)
	people := identity.New(identity.Options{Store: store, Mail: &mail.Mailbox{}, MailedCodeForNodes: true})
	b.Cleanup(people.Stop)
	provider = must[org.Node](b)(tree.CreateProvider(ctx, system, "Beacon"))
	reseller = must[org.Node](b)(tree.Create(ctx, system, provider.ID, org.Reseller, "Northern"))
	who := must[identity.Person](b)(people.Add(ctx, system, "nora@example.com", "Nora", secret.NewText(password)))
	if err := people.GiveNodeRole(ctx, system, provider.ID, access.ProviderAdmin, who.ID); err != nil {
		b.Fatal(err)
	}
	var customers []id.Node
	err := store.Registry().Change(ctx, system, func(tx *place.Tx) error {
		for i := range 2000 {
			n := id.New[id.Node]()
			customers = append(customers, n)
			name := fmt.Sprintf("customer %04d", i*7919%10_000)
			if _, err := tx.Exec(`INSERT INTO nodes (id, parent, kind, name, folded, created_at, ready) VALUES (?, ?, 'customer', ?, ?, ?, 1)`,
				n, reseller.ID, name, name, tx.At().UnixMilli()); err != nil {
				return err
			}
			tx.Record(place.Event{Code: "customer.created", Subject: n.String(), Facts: map[string]string{"name": name}})
		}
		for i := range 10_000 {
			p := id.New[id.Person]()
			if _, err := tx.Exec(`INSERT INTO persons (id, email_blind, email, name, created_at) VALUES (?, ?, ?, ?, 0)`, p, p[:], p[:], p[:]); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO person_places (person, customer) VALUES (?, ?)`, p, customers[i%2000]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for i, c := range customers {
		f := org.Figures{Recordings: int64(i), Bytes: 1e9, Seats: 5, LastCapturedAt: time.Now(), Month: org.Month{Captured: time.Hour, Requests: 9}}
		if err := tree.Push(ctx, c, f); err != nil {
			b.Fatal(err)
		}
	}
	if err := tree.SetQuota(ctx, system, reseller.ID, org.Quota{org.Seats: 20_000}); err != nil {
		b.Fatal(err)
	}
	placetest.Settle(b, cfg)
	signed := must[identity.Signed](b)(people.Begin(ctx, who.ID, identity.Proof{Methods: []identity.Method{identity.ByPassword, identity.ByMail}},
		identity.Origin{Address: netip.MustParseAddr("192.0.2.1")}))
	api := httpapi.New(httpapi.Deps{Store: store, Tree: tree, People: people})
	return api.Handler(), provider, reseller, "ringfence_session=" + signed.Token.Reveal()
}

// BenchmarkTree asks every page of a tree with 2,000 customers and 10,000 people
// under one reseller: at most 100 ms at the 95th percentile.
func BenchmarkTree(b *testing.B) {
	const most = 100 * time.Millisecond
	for name, cfg := range map[string]place.Config{"sqlite": {Dir: b.TempDir()}, "postgres": {Postgres: placetest.Postgres(b)}} {
		handler, provider, reseller, cookie := crowd(b, cfg)
		at := func(n org.Node, path string) string { return "/api/v1/nodes/" + n.ID.String() + path }
		ask := func(b *testing.B, path string) (took time.Duration, body string) {
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr = "192.0.2.1:4711"
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			began := time.Now()
			handler.ServeHTTP(w, r)
			took = time.Since(began)
			if w.Code != http.StatusOK {
				b.Fatal(path, w.Code, w.Body.String())
			}
			return took, w.Body.String()
		}
		for _, page := range []struct{ name, path string }{
			{"provider's children", at(provider, "/children")},
			{"reseller's children", at(reseller, "/children")},
			{"200 at once", at(reseller, "/children?limit=200")},
			{"search", at(provider, "/children?q=99")},
			{"node", at(reseller, "")},
			{"quota", at(reseller, "/quota")},
			{"usage", at(reseller, "/usage")},
			{"log", at(reseller, "/events")},
		} {
			b.Run(name+"/"+page.name, func(b *testing.B) {
				ask(b, page.path)
				var all []time.Duration
				for b.Loop() {
					took, _ := ask(b, page.path)
					all = append(all, took)
				}
				slices.Sort(all)
				p95 := all[len(all)*95/100]
				b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(p95.Microseconds())/1000, "p95-ms")
				b.ReportMetric(p95.Seconds()/most.Seconds(), "p95/bound")
			})
		}
	}
}
