package keyring

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }

// The whole life of a customer's keys, on each kind of place and on a mix.
func TestLifeOnEachEngine(t *testing.T) {
	folder := func(t *testing.T) Store { return Store{Dir: t.TempDir()} }
	database := func(t *testing.T) Store { return Store{Postgres: placetest.Postgres(t)} }
	for name, kinds := range map[string][]func(*testing.T) Store{
		"Folders": {folder, folder}, "Databases": {database, database},
		"FolderThenDatabase": {folder, database}, "DatabaseThenFolder": {database, folder},
		"OneDatabase": {database},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			o.Stores = nil
			for _, kind := range kinds {
				o.Stores = append(o.Stores, kind(t))
			}
			life(t, o)
		})
	}
}

func life(t *testing.T, o Options) {
	w := &world{o: o, Keyring: open(t, o)}
	var err error
	if w.places, err = place.Open(t.Context(), place.Config{Dir: t.TempDir()}, place.Schemas{}, w.Keyring); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.places.Close() })
	w.c, w.p = w.customer(t)
	rs := reserve(t, w, 40)
	sealedBefore, err := w.Seal(t.Context(), w.c, 1, [16]byte{}, []byte("Ada"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.use(t, rs[0].Content.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Destroy(t.Context(), w.c, "test", rs[1].Content.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(t.Context(), w.c); err != nil {
		t.Fatal(err)
	}
	w.again(t)
	if got, err := w.use(t, rs[39].Card.ID); err != nil || !got.Equal(rs[39].Card.Key) {
		t.Fatalf("after rotation and restart: %v", err)
	}
	_, err = w.use(t, rs[1].Content.ID)
	wants(t, err, fault.Gone)
	if got, err := w.Unseal(t.Context(), w.c, 1, [16]byte{}, sealedBefore); err != nil || string(got) != "Ada" {
		t.Fatalf("a field sealed before: %q, %v", got, err)
	}
	if n, err := w.Openings(t.Context(), w.c); err != nil || n != 3 {
		t.Fatalf("Openings = %d, %v", n, err)
	}
	_, err = w.Reserve(t.Context(), id.New[id.Customer](), 1)
	wants(t, err, fault.NotFound)
	if err := w.destroyCustomer(t.Context(), w.c, "test"); err != nil {
		t.Fatal(err)
	}
	w.again(t)
	_, err = w.Reserve(t.Context(), w.c, 1)
	wants(t, err, fault.Gone)
	wants(t, w.CreateCustomer(t.Context(), w.c), fault.Gone)
}
