package httpapi_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// door is a server with one customer, whose portal has an access list of twenty
// rules, and one person in it.
type door struct {
	people  *identity.Service
	server  *httpapi.Server
	handler http.Handler
	path    string
	cookie  string
	token   string
}

func newDoor(b testing.TB, cfg place.Config) *door {
	b.Helper()
	store := placetest.Open(b, cfg, place.Schemas{
		Registry:     join(job.Migrations, org.Migrations(), identity.RegistryMigrations(), httpapi.Migrations()),
		Place:        join(job.Migrations, identity.PlaceMigrations(), httpapi.Migrations()),
		Housekeeping: join(job.Housekeeping, org.Housekeeping(), identity.Housekeeping(), httpapi.Housekeeping()),
	})
	people := identity.New(identity.Options{Store: store, Mail: &mail.Mailbox{}})
	b.Cleanup(people.Stop)
	p := placetest.Customer(b, store)
	who := must[identity.Person](b)(people.Add(b.Context(), system, "cora@example.com", "Cora", secret.NewText(password)))
	must[identity.Member](b)(people.AddMember(b.Context(), p, system, who.ID, identity.Grant{Roles: []access.Role{access.CustomerAdmin}}))
	rules := entry.New(nil)
	for i := range 20 {
		_, _, err := rules.Add(b.Context(), entry.Where{Place: p, Node: p.Customer()}, entry.Saver{Who: system, Free: true},
			entry.Draft{Surface: entry.Portal, Network: fmt.Sprintf("192.0.2.%d", i), Owner: "Cora", Reason: "x"}, false)
		if err != nil {
			b.Fatal(err)
		}
	}
	from := identity.Origin{Address: netip.MustParseAddr("192.0.2.1")}
	signed := must[identity.Signed](b)(people.Begin(b.Context(), who.ID, identity.Proof{Methods: []identity.Method{identity.ByPassword, identity.ByMail}}, from))
	_, text, err := people.CreateToken(b.Context(), p, system, who.ID, identity.TokenDraft{Name: "t", Acts: []access.Act{access.RecordingList}, Until: time.Now().Add(time.Hour)})
	if err != nil {
		b.Fatal(err)
	}
	placetest.Settle(b, cfg)
	s := httpapi.New(httpapi.Deps{Store: store, Tree: org.New(store, nil), People: people})
	return &door{
		people: people, server: s, handler: s.Handler(), path: "/api/v1/customers/" + p.Customer().String(),
		cookie: "ringfence_session=" + signed.Token.Reveal(), token: text.Reveal(),
	}
}
