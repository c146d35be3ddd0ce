package blueprint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var who = actor.ForSystem("test")

// world is an installation with a provider and a reseller.
type world struct {
	*testing.T
	store    *place.Store
	box      *mail.Mailbox
	options  blueprint.Options
	s        *blueprint.Service
	reseller org.Node
}

func everywhere(t *testing.T, fn func(*world)) {
	schemas := place.Schemas{
		Registry: slices.Concat(job.Migrations, org.Migrations(), identity.RegistryMigrations(), blueprint.Migrations()),
		Place:    slices.Concat(job.Migrations, identity.PlaceMigrations(), recording.Migrations(), speech.Migrations(), search.Migrations(), egress.Migrations()),
		Housekeeping: slices.Concat(job.Housekeeping, org.Housekeeping(), identity.Housekeeping(), recording.Housekeeping,
			search.Housekeeping(), egress.Housekeeping()),
	}
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		w := &world{T: t, store: store, box: &mail.Mailbox{}}
		keys := keyringtest.New(t)
		bucket, err := blob.OpenFolder(t.TempDir())
		w.no(err)
		out, err := egress.New(egress.Options{})
		w.no(err)
		tree := org.New(store, keys)
		recordings := recording.New(recording.Options{Store: store, Keys: keys, Objects: bucket})
		w.options = blueprint.Options{
			Store: store, Tree: tree, Recordings: recordings,
			People: identity.New(identity.Options{Light: true, Store: store, Mail: w.box, Seats: tree.MoreSeats}),
			Speech: speech.New(speech.Options{Recordings: recordings, Egress: out}),
			Folder: func(c id.Customer, folder string) bool { return strings.HasPrefix(folder, "/srv/"+c.String()+"/") },
		}
		w.s = blueprint.New(w.options)
		top, err := tree.CreateProvider(t.Context(), who, "Beacon")
		w.no(err)
		w.reseller, err = tree.Create(t.Context(), who, top.ID, org.Reseller, "Northern")
		w.no(err)
		fn(w)
	})
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) apply(text string) blueprint.Plan {
	w.Helper()
	p, err := w.s.Apply(w.Context(), who, w.reseller, []byte(text))
	w.no(err)
	return p
}

func (w *world) preview(text string) blueprint.Plan {
	w.Helper()
	p, err := w.s.Preview(w.Context(), w.reseller, []byte(text))
	w.no(err)
	return p
}

func (w *world) place(n org.Node) *place.Place {
	w.Helper()
	p, err := w.store.Place(w.Context(), n.ID)
	w.no(err)
	return p
}

// events counts what stands in the journals of the registry and of all places.
func (w *world) events() (n int) {
	w.Helper()
	customers, err := w.store.Customers(w.Context())
	w.no(err)
	for _, p := range append([]*place.Place{w.store.Registry()}, w.places(customers)...) {
		w.no(p.View(w.Context(), func(tx *place.Tx) error {
			here, err := place.Row[int](tx, `SELECT count(*) FROM events`)
			n += here
			return err
		}))
	}
	return n
}

func (w *world) places(customers []id.Customer) (all []*place.Place) {
	for _, c := range customers {
		all = append(all, w.place(org.Node{ID: c}))
	}
	return all
}

// picture is everything that a blueprint can set, as it is now.
func (w *world) picture() string {
	w.Helper()
	ctx := w.Context()
	list, _, err := w.options.Tree.Children(ctx, w.reseller.ID, org.Query{})
	w.no(err)
	var b strings.Builder
	for _, c := range list {
		p := w.place(c.Node)
		r, err := w.options.Recordings.Retention(ctx, p)
		w.no(err)
		set, err := w.options.Speech.Settings(ctx, p)
		w.no(err)
		sources, err := w.options.Recordings.Sources(ctx, p)
		w.no(err)
		policy, err := w.options.People.Policy(ctx, p)
		w.no(err)
		members, err := w.options.People.Members(ctx, p)
		w.no(err)
		meters, err := w.options.Tree.Meters(ctx, c.ID)
		w.no(err)
		brand, err := w.options.Tree.OwnBrand(ctx, c.ID)
		w.no(err)
		fmt.Fprintf(&b, "%s: %v %d %s %s %s %d %v|", c.Name, r.Chosen, r.Days, set.Engine, set.Language, policy.Factor, policy.DeviceDays, brand)
		for _, m := range meters {
			if m.Own != nil {
				fmt.Fprintf(&b, " %s %d", m.Measure, *m.Own)
			}
		}
		for _, src := range sources {
			fmt.Fprintf(&b, "| %s %s %s", src.Name, strings.ReplaceAll(src.Folder, c.ID.String(), "ID"), src.TimeZone)
		}
		for _, m := range members {
			fmt.Fprintf(&b, "| %s %v", m.Email, m.Roles)
		}
		b.WriteString("\n")
	}
	return b.String()
}
