package sso_test

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/ssotest"
	"ringfence/internal/tenancy/sso/vouch"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var system = actor.ForSystem("test")

var from = identity.Origin{Address: netip.MustParseAddr("192.0.2.7"), Agent: "Browser/1"}

// world is a customer with an administrator, and a provider that says what the
// test wants.
type world struct {
	*testing.T
	store  *place.Store
	people *identity.Service
	s      *sso.Service
	p      *place.Place
	idp    *ssotest.Mimic
	zone   zone

	boss identity.Session // of the administrator
	one  sso.Provider

	mu  sync.Mutex
	now time.Time
}

// zone is a DNS that holds what the test writes.
type zone struct {
	mu    sync.Mutex
	texts map[string][]string
	ill   bool
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case z.ill:
		return nil, &net.DNSError{Err: "no answer", IsTemporary: true}
	case z.texts[name] == nil:
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	return z.texts[name], nil
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func schemas() place.Schemas {
	return place.Schemas{
		Registry:     slices.Concat(identity.RegistryMigrations(), sso.RegistryMigrations()),
		Place:        slices.Concat(egress.Migrations(), identity.PlaceMigrations(), sso.PlaceMigrations()),
		Housekeeping: slices.Concat(egress.Housekeeping(), identity.Housekeeping(), sso.Housekeeping()),
	}
}

func everywhere(t *testing.T, fn func(*world)) {
	t.Parallel()
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) { fn(newWorld(t, store)) })
}

func here(t *testing.T, fn func(*world)) {
	t.Parallel()
	fn(newWorld(t, placetest.New(t, schemas())))
}

func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{T: t, store: store, now: time.Now().UTC(), idp: ssotest.NewMimic(t), zone: zone{texts: map[string][]string{}}}
	w.people = identity.New(identity.Options{Light: true, Store: store, Mail: &mail.Mailbox{}, BaseURL: func() string { return "https://calls.example" }, Now: w.clock})
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	w.no(err)
	w.s = sso.New(sso.Options{Store: store, People: w.people, Egress: out, BaseURL: func() string { return "https://calls.example" }, Resolver: &w.zone, Now: w.clock, Patience: 2 * time.Second})
	w.p = placetest.Customer(t, store)
	w.boss = identity.Session{ID: id.New[id.Session](), Person: w.member("boss@calls.example", access.CustomerAdmin)}
	return w
}

// provide sets the usual provider up: agents may enter, chiefs administer.
func (w *world) provide(change ...func(*sso.Provider)) sso.Provider {
	w.Helper()
	one := sso.Provider{
		Kind: sso.OIDC, Name: "Example", Enabled: true, Issuer: w.idp.URL, ClientID: ssotest.Client, Secret: secret.NewText("hush-hush"), Newcomers: true,
		Mapping: sso.Mapping{Rules: []sso.Rule{{"groups", "agents", access.Agent}, {"groups", "chiefs", access.CustomerAdmin}, {"groups", "ears", access.SuperUser}}, Extensions: "extension"},
	}
	for _, c := range change {
		c(&one)
	}
	var err error
	w.one, err = w.s.Add(w.Context(), w.p, actor.ForPerson(w.boss.Person, w.boss.ID, ""), one)
	w.no(err)
	return w.one
}

func (w *world) member(email string, roles ...access.Role) id.Person {
	w.Helper()
	p, err := w.people.Add(w.Context(), system, email, "Somebody Here", secret.NewText("violet tractor mends nine kites"))
	w.no(err)
	_, err = w.people.AddMember(w.Context(), w.p, system, p.ID, identity.Grant{Roles: roles})
	w.no(err)
	return p.ID
}

type claims = map[string]any

func alice(more ...claims) claims {
	c := claims{"sub": "alice-1", "email": "alice@calls.example", "name": "Alice Example", "groups": []string{"agents"}}
	for _, m := range more {
		maps.Copy(c, m)
	}
	return c
}

// signIn goes all the way, as whom the claims say.
func (w *world) signIn(c claims) (sso.Came, error) {
	w.Helper()
	return w.come(sso.Wish{Aim: sso.SignIn, Next: "/next"}, c)
}

func (w *world) come(wish sso.Wish, c claims) (sso.Came, error) {
	w.Helper()
	started, err := w.s.Start(w.Context(), w.p, w.one.ID, wish, from)
	if err != nil {
		return sso.Came{}, err
	}
	return w.s.Callback(w.Context(), w.p, w.one.ID, started.Token, w.idp.Return(w, started.URL, c), from)
}

// in is a sign-in that has to succeed.
func (w *world) in(c claims) sso.Came {
	w.Helper()
	came, err := w.signIn(c)
	w.no(err)
	return came
}

func (w *world) test(c claims) sso.Report {
	w.Helper()
	came, err := w.come(sso.Wish{Aim: sso.Tested, Session: w.boss}, c)
	w.no(err)
	if came.Signed.Token != (secret.Text{}) {
		w.Error("a test signed somebody in")
	}
	r, err := w.s.Report(w.Context(), w.p, w.one.ID, came.Test)
	w.no(err)
	return r
}

func (w *world) roles(p id.Person) (roles []access.Role) {
	w.Helper()
	w.no(w.p.View(w.Context(), func(tx *place.Tx) error {
		m, err := identity.MemberIn(tx, p)
		roles = m.Roles
		return err
	}))
	return roles
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) refused(c vouch.Cause, err error) {
	w.Helper()
	if f := vouch.Of(err); f == nil || f.Cause != c {
		w.Errorf("want %q, got %v", c, err)
	}
}

func (w *world) want(k fault.Kind, err error) {
	w.Helper()
	if !fault.Is(err, k) {
		w.Errorf("want a fault %q, got %v", k, err)
	}
}

func (w *world) links(state sso.LinkState) []sso.Link {
	w.Helper()
	page, err := w.s.Links(w.Context(), w.p, state, "", 0)
	w.no(err)
	return page.Items
}

func (w *world) health() sso.Health {
	w.Helper()
	one, err := w.s.Provider(w.Context(), w.p, w.one.ID)
	w.no(err)
	return one.Health
}

func (w *world) who() actor.Actor { return actor.ForPerson(w.boss.Person, w.boss.ID, "") }
