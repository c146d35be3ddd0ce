package review_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var system = actor.ForSystem("test")

type noKeys struct{}

func (noKeys) CreateCustomer(context.Context, id.Customer) error { return nil }

// world is a provider with a reseller with a customer, and a clock.
type world struct {
	*testing.T
	store                        *place.Store
	tree                         *org.Service
	people                       *identity.Service
	s                            *review.Service
	box                          *mail.Mailbox
	provider, reseller, customer org.Node
	here, atReseller, atProvider review.Where
	now                          time.Time
	reach                        int64
}

func schemas() place.Schemas {
	return place.Schemas{
		Registry:     slices.Concat(org.Migrations(), identity.RegistryMigrations(), review.RegistryMigrations()),
		Place:        slices.Concat(identity.PlaceMigrations(), review.Migrations()),
		Housekeeping: slices.Concat(org.Housekeeping(), identity.Housekeeping(), review.Housekeeping()),
	}
}

func everywhere(t *testing.T, fn func(*world)) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) { fn(newWorld(t, store)) })
}

func here(t *testing.T, fn func(*world)) { fn(newWorld(t, placetest.New(t, schemas()))) }

func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{T: t, store: store, box: &mail.Mailbox{}, now: time.Now().UTC().Truncate(time.Millisecond), reach: 7}
	clock := func() time.Time { return w.now }
	w.people = identity.New(identity.Options{Light: true, Store: store, Mail: w.box, Now: clock})
	w.tree = org.New(store, noKeys{})
	w.s = review.New(review.Options{
		Store: store, Tree: w.tree, People: w.people, Mail: w.box, Now: clock, URL: func() string { return "https://calls.example" },
		Reach: func(context.Context, *place.Place, []access.Membership) (int64, error) { return w.reach, nil },
	})
	var err error
	w.provider, err = w.tree.CreateProvider(t.Context(), system, "Beacon Hosting")
	w.no(err)
	w.reseller, err = w.tree.Create(t.Context(), system, w.provider.ID, org.Reseller, "Northern Voice")
	w.no(err)
	w.customer, err = w.tree.Create(t.Context(), system, w.reseller.ID, org.Customer, "Harbour Dental")
	w.no(err)
	p, err := store.Place(t.Context(), w.customer.ID)
	w.no(err)
	w.here = review.Where{Place: p, Node: w.customer.ID}
	w.atReseller = review.Where{Place: store.Registry(), Node: w.reseller.ID}
	w.atProvider = review.Where{Place: store.Registry(), Node: w.provider.ID}
	return w
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) want(k fault.Kind, err error) {
	w.Helper()
	if !fault.Is(err, k) {
		w.Errorf("want a fault %q, got %v", k, err)
	}
}

func (w *world) add(email string) identity.Person {
	w.Helper()
	p, err := w.people.Add(w.Context(), system, email, "Name of "+email, secret.NewText("violet tractor mends nine kites"))
	w.no(err)
	return p
}

func (w *world) member(email string, r ...access.Role) identity.Person {
	w.Helper()
	p := w.add(email)
	_, err := w.people.AddMember(w.Context(), w.here.Place, system, p.ID, identity.Grant{Roles: r})
	w.no(err)
	return p
}

func (w *world) nodeRole(node id.Node, email string, r access.Role) identity.Person {
	w.Helper()
	p := w.add(email)
	w.no(w.people.GiveNodeRole(w.Context(), system, node, r, p.ID))
	return p
}

func (w *world) held(p identity.Person) []access.Role {
	w.Helper()
	held, err := w.people.Held(w.Context(), w.here.Place, p.ID)
	w.no(err)
	var out []access.Role
	for _, m := range held {
		out = append(out, m.Role)
	}
	return out
}

func (w *world) open(at review.Where) review.Review {
	w.Helper()
	r, err := w.s.Open(w.Context(), at, system)
	w.no(err)
	return r
}

func (w *world) lines(at review.Where, r id.Review) map[string]review.Line {
	w.Helper()
	_, lines, err := w.s.Read(w.Context(), at, r)
	w.no(err)
	out := map[string]review.Line{}
	for _, l := range lines {
		out[l.Email] = l
	}
	return out
}

func (w *world) decide(at review.Where, by identity.Person, r id.Review, email string, v review.Verdict) error {
	w.Helper()
	_, err := w.s.Decide(w.Context(), at, actor.ForPerson(by.ID, id.Session{}, ""), by, r, w.lines(at, r)[email].ID, v)
	return err
}

func (w *world) turn(at review.Where) {
	w.Helper()
	w.no(w.s.Turn(w.Context(), at))
}

// mails empties the mailbox and gives what was in it, oldest first, by reader.
func (w *world) mails() (out []mail.Message) {
	out = w.box.Mails()
	slices.Reverse(out)
	*w.box = mail.Mailbox{}
	return out
}
