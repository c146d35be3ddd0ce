package scim_test

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
	"ringfence/internal/tenancy/scim"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var system = actor.ForSystem("test")

// world is one customer with an administrator and an identity provider.
type world struct {
	*testing.T
	store  *place.Store
	people *identity.Service
	s      *scim.Service
	box    *mail.Mailbox
	p      *place.Place
	boss   identity.Person
	now    time.Time
}

func everywhere(t *testing.T, fn func(*world)) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) { fn(newWorld(t, store)) })
}

func here(t *testing.T, fn func(*world)) { fn(newWorld(t, placetest.New(t, schemas()))) }

func newWorld(t *testing.T, store *place.Store) *world {
	w := &world{T: t, store: store, box: &mail.Mailbox{}, now: time.Now().UTC()}
	clock := func() time.Time { return w.now }
	w.people = identity.New(identity.Options{Light: true, Store: store, Mail: w.box, Now: clock})
	w.s = scim.New(scim.Options{Store: store, People: w.people, Mail: w.box, Now: clock, Name: func(context.Context, id.Customer) string { return "Harbour Dental" }})
	w.p = placetest.Customer(t, store)
	w.boss = w.member("boss@example.com", access.CustomerAdmin)
	return w
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) member(email string, r access.Role) identity.Person {
	w.Helper()
	p, err := w.people.Add(w.Context(), system, email, "Somebody", secret.NewText("violet tractor mends nine kites"))
	w.no(err)
	_, err = w.people.AddMember(w.Context(), w.p, system, p.ID, identity.Grant{Roles: []access.Role{r}})
	w.no(err)
	return p
}

// roles is what the person with an address holds here now.
func (w *world) roles(email string) (roles []access.Role) {
	w.Helper()
	members, err := w.people.Members(w.Context(), w.p)
	w.no(err)
	for _, m := range members {
		if strings.EqualFold(m.Email, email) {
			roles = m.Roles
		}
	}
	return roles
}

type reply struct {
	status int
	body   map[string]any
}

// send is one request as it comes through the routes.
func (w *world) send(method, target string, body any) reply {
	w.Helper()
	u, err := url.Parse(target)
	w.no(err)
	var text []byte
	if body != nil {
		text, err = json.Marshal(body)
		w.no(err)
	}
	kind, one, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	q := u.Query()
	r := scim.Request{
		Place: w.p, Who: actor.ForProvisioner(id.New[id.Provisioner](), "192.0.2.9"), Base: "https://calls.example/scim/v2", ID: one, Body: text,
		Query: scim.Query{Filter: q.Get("filter"), StartIndex: q.Get("startIndex"), Count: q.Get("count"), Attributes: q.Get("attributes"), Excluded: q.Get("excludedAttributes")},
	}
	a, err := w.route(method, kind, one)(w.Context(), r)
	if err != nil {
		if fault.KindOf(err) == fault.Internal && scim.ErrorOf(err).Status == 500 {
			w.Fatalf("%s %s: %v", method, target, err)
		}
		a = scim.Failed(err)
	}
	out := reply{status: a.Status}
	if len(a.Body) > 0 {
		w.no(json.Unmarshal(a.Body, &out.body))
	}
	return out
}

type handler func(context.Context, scim.Request) (scim.Answer, error)

func (w *world) route(method, kind, one string) handler {
	switch method + " " + kind {
	case "GET Users":
		if one != "" {
			return w.s.GetUser
		}
		return w.s.ListUsers
	case "POST Users":
		return w.s.CreateUser
	case "PUT Users":
		return w.s.ReplaceUser
	case "PATCH Users":
		return w.s.PatchUser
	case "DELETE Users":
		return w.s.DeleteUser
	case "GET Groups":
		if one != "" {
			return w.s.GetGroup
		}
		return w.s.ListGroups
	case "POST Groups":
		return w.s.CreateGroup
	case "PUT Groups":
		return w.s.ReplaceGroup
	case "PATCH Groups":
		return w.s.PatchGroup
	case "DELETE Groups":
		return w.s.DeleteGroup
	case "POST Bulk":
		return w.s.Bulk
	}
	return func(context.Context, scim.Request) (scim.Answer, error) {
		return scim.ServiceProviderConfig("https://calls.example/scim/v2")
	}
}

// step is one exchange of a replay.
type step struct {
	Say, Method, Path, Save string
	Status                  int
	Body                    any
	Want                    map[string]any
}

// replay plays a file of exchanges; $names stand for ids of what was made.
func (w *world) replay(file string) {
	w.Helper()
	text, err := os.ReadFile(file)
	w.no(err)
	var steps []step
	w.no(json.Unmarshal(text, &steps))
	made := map[string]string{}
	for _, st := range steps {
		fill := func(s string) string {
			for name, i := range made {
				s = strings.ReplaceAll(s, "$"+name, i)
			}
			return s
		}
		body := st.Body
		if body != nil {
			b, err := json.Marshal(body)
			w.no(err)
			body = json.RawMessage(fill(string(b)))
		}
		got := w.send(st.Method, fill(st.Path), body)
		if got.status != st.Status {
			w.Fatalf("%s: status %d, %v", st.Say, got.status, got.body)
		}
		if st.Save != "" {
			made[st.Save], _ = got.body["id"].(string)
		}
		for path, want := range st.Want {
			if s, ok := want.(string); ok {
				want = fill(s)
			}
			if have := at(got.body, path); !reflect.DeepEqual(have, want) {
				w.Errorf("%s: %s is %v, want %v", st.Say, path, have, want)
			}
		}
	}
}

// at reads "emails.0.value" in an answer.
func at(v any, path string) any {
	for _, part := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

type m = map[string]any

func (w *world) push(email string, more m) string {
	w.Helper()
	u := m{"userName": email, "displayName": "Pushed " + email, "emails": []m{{"value": email, "type": "work", "primary": true}}}
	for k, v := range more {
		u[k] = v
	}
	got := w.send("POST", "/Users", u)
	if got.status != 201 {
		w.Fatalf("%s: %v", email, got)
	}
	return got.body["id"].(string)
}

func (w *world) group(name string, users ...string) string {
	w.Helper()
	var list []m
	for _, u := range users {
		list = append(list, m{"value": u})
	}
	got := w.send("POST", "/Groups", m{"displayName": name, "members": list})
	if got.status != 201 {
		w.Fatal(name, got)
	}
	return got.body["id"].(string)
}

func (w *world) set(s scim.Settings) {
	w.Helper()
	w.no(w.s.Set(w.Context(), w.p, system, s))
}

func groupID(w *world, text string) id.ScimGroup {
	g, err := id.Parse[id.ScimGroup](text)
	w.no(err)
	return g
}

func patch(ops ...m) m { return m{"Operations": ops} }

func schemas() place.Schemas {
	return place.Schemas{
		Registry:     slices.Concat(org.Migrations(), identity.RegistryMigrations()),
		Place:        slices.Concat(identity.PlaceMigrations(), scim.Migrations()),
		Housekeeping: slices.Concat(org.Housekeeping(), identity.Housekeeping(), scim.Housekeeping()),
	}
}
