package keyring

import (
	"bytes"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// world is a keyring with a real store of places that makes receipts.
type world struct {
	*Keyring
	o      Options
	places *place.Store
	c      id.Customer
	p      *place.Place
}

func options(t testing.TB) Options {
	t.Helper()
	root, err := CreateRoot(t.TempDir() + "/root.key")
	if err != nil {
		t.Fatal(err)
	}
	return Options{Root: root, Stores: []Store{{Dir: t.TempDir()}, {Dir: t.TempDir()}}}
}

func open(t testing.TB, o Options) *Keyring {
	t.Helper()
	if err := Init(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	k, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldWith(t, options(t))
}

func newWorldWith(t testing.TB, o Options) *world {
	t.Helper()
	w := &world{o: o}
	w.Keyring = open(t, w.o)
	var err error
	w.places, err = place.Open(t.Context(), place.Config{Dir: t.TempDir(), Now: o.Now}, place.Schemas{}, w.Keyring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.places.Close() })
	w.c, w.p = w.customer(t)
	return w
}

func (w *world) customer(t testing.TB) (id.Customer, *place.Place) {
	t.Helper()
	c := id.New[id.Customer]()
	if err := w.CreateCustomer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := w.places.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p, err := w.places.Place(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

// again closes the keyring and opens it as after a start.
func (w *world) again(t testing.TB) {
	t.Helper()
	w.Keyring.Close()
	w.Keyring = open(t, w.o)
}

func receipt(t testing.TB, p *place.Place, what string, keys ...id.Key) place.Receipt {
	t.Helper()
	r, err := p.Receipt(t.Context(), actor.ForSystem("test"), place.Opening{Subject: "rec_test", What: what, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reserve(t testing.TB, w *world, n int) []Reserved {
	t.Helper()
	rs, err := w.Reserve(t.Context(), w.c, n)
	if err != nil || len(rs) != n {
		t.Fatalf("Reserve gave %d of %d pairs and %v", len(rs), n, err)
	}
	return rs
}

// use opens a key with a receipt of its own.
func (w *world) use(t testing.TB, key id.Key) (secret.Key, error) {
	t.Helper()
	return w.Use(t.Context(), receipt(t, w.p, "listen", key), key)
}

func wants(t testing.TB, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Fatalf("got %v, want fault %v", err, k)
	}
}

func TestReservedKeysComeBackForAReceipt(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 70)
	for range 2 {
		for _, i := range []int{0, 31, 32, 69} {
			got, err := w.use(t, rs[i].Content.ID)
			if err != nil || !got.Equal(rs[i].Content.Key) {
				t.Fatalf("content key %d: %v", i, err)
			}
			if got, err = w.use(t, rs[i].Card.ID); err != nil || !got.Equal(rs[i].Card.Key) {
				t.Fatalf("card key %d: %v", i, err)
			}
		}
		w.again(t)
	}
	if n, err := w.Openings(t.Context(), w.c); err != nil || n != 16 {
		t.Fatalf("Openings = %d, %v, want 16", n, err)
	}
	if w.Copies() != 2 {
		t.Fatalf("Copies() = %d", w.Copies())
	}
}

func TestReceiptOpensOnce(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 1)
	key := rs[0].Content.ID
	r := receipt(t, w.p, "listen", key)
	if _, err := w.Use(t.Context(), r, key); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := w.Use(t.Context(), r, key)
		wants(t, err, fault.Conflict)
		w.again(t) // a restart does not make it good again
	}
	if n, _ := w.Openings(t.Context(), w.c); n != 1 {
		t.Fatalf("%d openings are counted, want 1", n)
	}
}

// Two requests with one receipt at the same moment: one of them gets the key.
func TestReceiptOpensOnceAtTheSameMoment(t *testing.T) {
	w := newWorld(t)
	key := reserve(t, w, 1)[0].Content.ID
	r := receipt(t, w.p, "listen", key)
	errs := make(chan error)
	for range 8 {
		go func() { _, err := w.Use(t.Context(), r, key); errs <- err }()
	}
	opened := 0
	for range 8 {
		if err := <-errs; err == nil {
			opened++
		} else if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if opened != 1 {
		t.Fatalf("%d of 8 got the key", opened)
	}
}

func TestReceiptIsForItsKeysOnly(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 2)
	_, err := w.Use(t.Context(), receipt(t, w.p, "listen", rs[0].Content.ID), rs[1].Content.ID)
	wants(t, err, fault.Denied)
	_, err = w.Use(t.Context(), place.Receipt{}, rs[0].Content.ID)
	wants(t, err, fault.Denied)
	_, err = w.Use(t.Context(), receipt(t, w.p, "listen", id.New[id.Key]()), id.New[id.Key]())
	wants(t, err, fault.Denied)
	never := id.New[id.Key]()
	_, err = w.use(t, never)
	wants(t, err, fault.NotFound)
	if n, _ := w.Openings(t.Context(), w.c); n != 1 {
		t.Fatalf("%d openings are counted: what was refused before the store must not count", n)
	}
}

// A receipt of one customer finds nothing of another, even for a known key id.
func TestReceiptOfAnotherCustomer(t *testing.T) {
	w := newWorld(t)
	key := reserve(t, w, 1)[0].Content.ID
	_, other := w.customer(t)
	_, err := w.Use(t.Context(), receipt(t, other, "listen", key), key)
	wants(t, err, fault.NotFound)
}

func TestReceiptEnds(t *testing.T) {
	w := newWorld(t)
	key := reserve(t, w, 1)[0].Content.ID
	r := receipt(t, w.p, "listen", key)
	w.now = func() time.Time { return r.Until() }
	_, err := w.Use(t.Context(), r, key)
	wants(t, err, fault.Gone)
	w.now = func() time.Time { return r.Until().Add(-time.Millisecond) }
	if _, err := w.Use(t.Context(), r, key); err != nil {
		t.Fatal(err)
	}
}

func TestCardsAreNotContent(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 3)
	keys := []id.Key{rs[0].Card.ID, rs[1].Card.ID, rs[2].Card.ID}
	if err := w.Destroy(t.Context(), w.c, "test", keys[1]); err != nil {
		t.Fatal(err)
	}
	got, err := w.Cards(t.Context(), receipt(t, w.p, "card", keys...), keys)
	if err != nil || len(got) != 2 || !got[keys[0]].Equal(rs[0].Card.Key) || !got[keys[2]].Equal(rs[2].Card.Key) {
		t.Fatalf("Cards gave %d keys and %v", len(got), err)
	}
	with := append(keys, rs[0].Content.ID)
	_, err = w.Cards(t.Context(), receipt(t, w.p, "listen", with...), with)
	wants(t, err, fault.Denied)
	_, err = w.UseMany(t.Context(), receipt(t, w.p, "card", with...), with)
	wants(t, err, fault.Denied)
	if got, err = w.UseMany(t.Context(), receipt(t, w.p, "capture-check", with...), with); err != nil || len(got) != 3 {
		t.Fatalf("UseMany gave %d keys and %v", len(got), err)
	}
	if n, _ := w.Openings(t.Context(), w.c); n != 2 {
		t.Fatalf("%d openings are counted, want 2", n)
	}
}

func TestDestroyedKeysAreGoneForEver(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 3)
	for range 2 { // twice is fine
		if err := w.Destroy(t.Context(), w.c, "retention", rs[0].Content.ID, rs[0].Card.ID); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, err := w.use(t, rs[0].Content.ID)
		wants(t, err, fault.Gone)
		if _, err := w.use(t, rs[1].Content.ID); err != nil {
			t.Fatal(err)
		}
		dead, err := w.Destroyed(t.Context(), w.c, rs[0].Content.ID, rs[1].Content.ID)
		if err != nil || len(dead) != 1 || dead[0] != rs[0].Content.ID {
			t.Fatalf("Destroyed = %v, %v", dead, err)
		}
		if all, err := w.Destroyed(t.Context(), w.c); err != nil || len(all) != 2 {
			t.Fatalf("Destroyed = %v, %v", all, err)
		}
		w.again(t)
	}
}

func TestSealerBindsCustomerFieldAndRow(t *testing.T) {
	w := newWorld(t)
	other, _ := w.customer(t)
	ctx, row := t.Context(), [16]byte{1}
	for _, c := range []id.Customer{w.c, {}} { // the installation seals for the registry
		s, err := w.Seal(ctx, c, 7, row, []byte("Ada"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.Unseal(ctx, c, 7, row, s); err != nil || string(got) != "Ada" {
			t.Fatalf("Unseal gave %q, %v", got, err)
		}
		for _, try := range []struct {
			c   id.Customer
			f   place.Field
			row [16]byte
		}{{other, 7, row}, {c, 8, row}, {c, 7, [16]byte{2}}} {
			if _, err := w.Unseal(ctx, try.c, try.f, try.row, s); err == nil {
				t.Fatalf("opened as %v", try)
			}
		}
		b1, err := w.Blind(ctx, c, 7, []byte("+442079460000"))
		if err != nil || len(b1) != 16 {
			t.Fatalf("Blind gave %d bytes, %v", len(b1), err)
		}
		b2, _ := w.Blind(ctx, c, 8, []byte("+442079460000"))
		b3, _ := w.Blind(ctx, other, 7, []byte("+442079460000"))
		if bytes.Equal(b1, b2) || bytes.Equal(b1, b3) {
			t.Fatal("a blind index shows across fields or customers")
		}
		if again, _ := w.Blind(ctx, c, 7, []byte("+442079460000")); !bytes.Equal(b1, again) {
			t.Fatal("a blind index does not find its value again")
		}
	}
}

func TestUnknownCustomer(t *testing.T) {
	w := newWorld(t)
	nobody := id.New[id.Customer]()
	_, err := w.Reserve(t.Context(), nobody, 1)
	wants(t, err, fault.NotFound)
	_, err = w.Seal(t.Context(), nobody, 1, [16]byte{}, nil)
	wants(t, err, fault.NotFound)
	wants(t, w.CreateCustomer(t.Context(), id.Customer{}), fault.Invalid)
	wants(t, w.destroyCustomer(t.Context(), id.Customer{}, "x"), fault.Invalid)
}
