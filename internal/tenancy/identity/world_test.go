package identity_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
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
)

func TestMain(m *testing.M) { placetest.Main(m) }

const (
	good  = "violet tractor mends nine kites"
	other = "copper lanterns drift past midnight"
)

var system = actor.ForSystem("test")

// world is a store, a mailbox, a clock that only tests move, and a customer.
type world struct {
	*testing.T
	store *place.Store
	s     *identity.Service
	box   *mail.Mailbox
	p     *place.Place

	mu  sync.Mutex
	now time.Time
}

// real is the clock's start: sealed rows and ids are stamped by the store with
// the real time, so the two must not be years apart.
func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{T: t, store: store, box: &mail.Mailbox{}, now: time.Now().UTC()}
	w.s = identity.New(identity.Options{Light: true, Store: store, Mail: w.box, BaseURL: func() string { return "https://calls.example" }, Now: w.clock})
	w.p = placetest.Customer(t, store)
	return w
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

func everywhere(t *testing.T, fn func(*world)) {
	schemas := place.Schemas{Registry: slices.Concat(org.Migrations(), identity.RegistryMigrations()), Place: identity.PlaceMigrations(), Housekeeping: identity.Housekeeping()}
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) { fn(newWorld(t, store)) })
}

func here(t *testing.T, fn func(*world)) {
	schemas := place.Schemas{Registry: slices.Concat(org.Migrations(), identity.RegistryMigrations()), Place: identity.PlaceMigrations(), Housekeeping: identity.Housekeeping()}
	fn(newWorld(t, placetest.New(t, schemas)))
}

func (w *world) add(email string) identity.Person {
	w.Helper()
	p, err := w.s.Add(w.Context(), system, email, "Anna Example", secret.NewText(good))
	w.no(err)
	return p
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

func from(address string) identity.Origin {
	return identity.Origin{Address: netip.MustParseAddr(address), Agent: "Browser/1"}
}

var eight = regexp.MustCompile(`\b\d{8}\b`)

func (w *world) code() string {
	w.Helper()
	mails := w.box.Mails()
	if len(mails) == 0 {
		w.Fatal("no mail")
	}
	return eight.FindString(mails[0].Text)
}

func (w *world) signIn(email, password string) identity.Signed {
	w.Helper()
	step, err := w.s.SignIn(w.Context(), email, secret.NewText(password), from("192.0.2.7"))
	w.no(err)
	signed, err := w.s.Code(w.Context(), step.Token, w.code(), from("192.0.2.7"))
	w.no(err)
	return signed
}

func (w *world) link() secret.Text {
	w.Helper()
	_, token, ok := strings.Cut(w.box.Mails()[0].Text, "/welcome#token=")
	if !ok {
		w.Fatal("the mail has no link:", w.box.Mails()[0].Text)
	}
	return secret.NewText(strings.Fields(token)[0])
}

func person(p id.Person) actor.Actor { return actor.ForPerson(p, id.New[id.Session](), "192.0.2.7") }

func roles(r ...access.Role) identity.Grant { return identity.Grant{Roles: r} }
