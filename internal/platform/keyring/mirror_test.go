package keyring

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// copyFile puts back an earlier state of a store, as a restore does.
func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"-wal", "-shm"} {
		os.Remove(to + end)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// dump reads what a store holds, so that two can be compared.
func dump(t testing.TB, o Options, i int, c id.Customer) string {
	t.Helper()
	st, err := newStore(o.Stores[i])
	if err != nil {
		t.Fatal(err)
	}
	db, err := st.open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out strings.Builder
	err = db.View(t.Context(), func(tx *place.Tx) error {
		for _, text := range []string{
			`SELECT customer || ' ' || made_at || ' ' || seq FROM state`,
			`SELECT version || ' ' || root || ' ' || hex(wrapped) FROM customer_keys ORDER BY version`,
			`SELECT kind || ' ' || version || ' ' || hex(wrapped) FROM named_keys ORDER BY kind`,
			`SELECT hex(id) || ' ' || kind || ' ' || version || ' ' || hex(wrapped) FROM keys ORDER BY id`,
			`SELECT hex(id) || ' ' || reason FROM tombstones ORDER BY id`,
			`SELECT hex(receipt) || ' ' || what || ' ' || keys FROM openings ORDER BY receipt`,
			`SELECT hex(id) || ' ' || made_at || ' ' || destroyed_at || ' ' || reason FROM customers ORDER BY id`,
		} {
			lines, err := place.Rows[string](tx, text)
			if err != nil {
				return err
			}
			out.WriteString(strings.Join(lines, "\n") + "\n--\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// equal fails unless both places hold the same.
func equal(t testing.TB, o Options, c id.Customer) {
	t.Helper()
	if a, b := dump(t, o, 0, c), dump(t, o, 1, c); a != b {
		t.Fatalf("the places differ:\n%s\nand\n%s", a, b)
	}
}

func TestBothPlacesHoldTheSame(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 40)
	if _, err := w.use(t, rs[3].Content.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Destroy(t.Context(), w.c, "test", rs[4].Content.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(t.Context(), w.c); err != nil {
		t.Fatal(err)
	}
	w.Keyring.Close()
	equal(t, w.o, w.c)
	equal(t, w.o, installation)
}

// One place was restored from an older backup: what was destroyed since stays
// destroyed, what was made since is there, whichever place it was.
func TestOlderPlaceIsBroughtUp(t *testing.T) {
	for older := range 2 {
		w := newWorld(t)
		rs := reserve(t, w, 3)
		r := receipt(t, w.p, "listen", rs[1].Content.ID)
		w.Keyring.Close()
		backup := filepath.Join(t.TempDir(), "backup")
		copyFile(t, file(w.o, older, w.c), backup)

		w.again(t)
		if err := w.Destroy(t.Context(), w.c, "since", rs[0].Content.ID); err != nil {
			t.Fatal(err)
		}
		since := reserve(t, w, 2)
		if _, err := w.Use(t.Context(), r, rs[1].Content.ID); err != nil {
			t.Fatal(err)
		}
		w.Keyring.Close()
		copyFile(t, backup, file(w.o, older, w.c))

		w.again(t)
		_, err := w.use(t, rs[0].Content.ID)
		wants(t, err, fault.Gone)
		_, err = w.Use(t.Context(), r, rs[1].Content.ID)
		wants(t, err, fault.Conflict)
		if got, err := w.use(t, since[1].Card.ID); err != nil || !got.Equal(since[1].Card.Key) {
			t.Fatal(err)
		}
		w.Keyring.Close()
		equal(t, w.o, w.c)
	}
}

// Both places moved on apart, as after a split: neither loses keys, and a
// tombstone of either holds.
func TestPlacesThatWentApart(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 4)
	w.Keyring.Close()
	fork := filepath.Join(t.TempDir(), "fork")
	copyFile(t, file(w.o, 0, w.c), fork)
	alone := w.o
	alone.Stores = w.o.Stores[:1]
	var made [2][]Reserved
	for i := range 2 {
		k := open(t, alone)
		var err error
		if made[i], err = k.Reserve(t.Context(), w.c, i+1); err != nil {
			t.Fatal(err)
		}
		if err := k.Destroy(t.Context(), w.c, "apart", rs[i].Content.ID); err != nil {
			t.Fatal(err)
		}
		k.Close()
		if i == 0 {
			copyFile(t, file(w.o, 0, w.c), file(w.o, 1, w.c))
			copyFile(t, fork, file(w.o, 0, w.c))
			// The second goes two steps further, or the numbers would be equal.
			k := open(t, alone)
			if _, err := k.Reserve(t.Context(), w.c, 1); err != nil {
				t.Fatal(err)
			}
			k.Close()
		}
	}
	w.again(t)
	for i := range 2 {
		if _, err := w.use(t, made[i][0].Content.ID); err != nil {
			t.Fatalf("keys made by place %d are lost: %v", i, err)
		}
		_, err := w.use(t, rs[i].Content.ID)
		wants(t, err, fault.Gone)
	}
	w.Keyring.Close()
	equal(t, w.o, w.c)
}

func TestSecondDiskIsReplaced(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 2)
	w.Keyring.Close()
	lost := w.o.Stores[1].Dir
	if err := os.Rename(lost, lost+"-lost"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), w.o) // first it is only missed
	wants(t, err, fault.Unavailable)
	if !strings.Contains(err.Error(), "not mounted") || !strings.Contains(err.Error(), lost) {
		t.Fatalf("the fault does not say what to do: %v", err)
	}
	if _, err := os.Stat(lost); err == nil {
		t.Fatal("the folder of the missing disk was made anew without being asked")
	}
	w.again(t) // with Init: the new disk is filled
	if _, err := w.use(t, rs[0].Content.ID); err != nil {
		t.Fatal(err)
	}
	w.Keyring.Close()
	equal(t, w.o, w.c)
	equal(t, w.o, installation)
}

// An empty folder where the first disk was must not become a new installation.
func TestFirstDiskIsMissing(t *testing.T) {
	w := newWorld(t)
	w.Keyring.Close()
	o := w.o
	o.Stores = []Store{{Dir: t.TempDir()}, w.o.Stores[1]}
	_, err := Open(t.Context(), o)
	wants(t, err, fault.Unavailable)
	if files, _ := os.ReadDir(o.Stores[0].Dir); len(files) != 0 {
		t.Fatalf("something was written: %v", files)
	}
}

func TestPlacesOfTwoInstallationsAreNotMixed(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	a.Keyring.Close()
	b.Keyring.Close()
	before := contents(t, a.o)
	o := a.o
	o.Stores = []Store{a.o.Stores[0], b.o.Stores[1]}
	// The numbers of the two may be equal by chance: make them differ.
	a.again(t)
	if err := a.CreateCustomer(t.Context(), id.New[id.Customer]()); err != nil {
		t.Fatal(err)
	}
	a.Keyring.Close()
	_, err := Open(t.Context(), o)
	wants(t, err, fault.Unavailable)
	if len(before) == 0 {
		t.Fatal("nothing was compared")
	}
	a.again(t)
	b.again(t)
	reserve(t, a, 1)
	reserve(t, b, 1)
}

func TestOnePlaceTwiceIsRefused(t *testing.T) {
	o := options(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(o.Stores[0].Dir, link); err != nil {
		t.Fatal(err)
	}
	for _, second := range []string{o.Stores[0].Dir, o.Stores[0].Dir + "/", link} {
		wants(t, Init(t.Context(), Options{Root: o.Root, Stores: []Store{o.Stores[0], {Dir: second}}}), fault.Invalid)
	}
	wants(t, Init(t.Context(), Options{Root: o.Root}), fault.Invalid)
	wants(t, Init(t.Context(), Options{Stores: o.Stores}), fault.Invalid)
	wants(t, Init(t.Context(), Options{Root: o.Root, Stores: []Store{{}}}), fault.Invalid)
}

func TestOnePlaceIsOneCopy(t *testing.T) {
	o := options(t)
	o.Stores = o.Stores[:1]
	k := open(t, o)
	if k.Copies() != 1 {
		t.Fatalf("Copies() = %d", k.Copies())
	}
	c := id.New[id.Customer]()
	if err := k.CreateCustomer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Reserve(t.Context(), c, 3); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedPlaceIsNamedAndRefused(t *testing.T) {
	for i := range 2 {
		w := newWorld(t)
		rs := reserve(t, w, 50)
		w.Keyring.Close()
		path := file(w.o, i, w.c)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Repeat([]byte("broken! "), len(b)/8), 0o600); err != nil {
			t.Fatal(err)
		}
		w.again(t) // the installation and other customers are not touched by it
		_, err = w.Reserve(t.Context(), w.c, 1)
		wants(t, err, fault.Unavailable)
		if !strings.Contains(err.Error(), path) {
			t.Fatalf("the fault does not name the file: %v", err)
		}
		// What the fault says helps: move it away.
		w.Keyring.Close()
		if err := os.Rename(path, path+".broken"); err != nil {
			t.Fatal(err)
		}
		w.again(t)
		if got, err := w.use(t, rs[49].Content.ID); err != nil || !got.Equal(rs[49].Content.Key) {
			t.Fatal(err)
		}
		w.Keyring.Close()
		equal(t, w.o, w.c)
	}
}

func TestKeyStoreThatIsMissingEverywhere(t *testing.T) {
	w := newWorld(t)
	w.Keyring.Close()
	for i := range 2 {
		if err := os.Remove(file(w.o, i, w.c)); err != nil {
			t.Fatal(err)
		}
	}
	w.again(t)
	_, err := w.Reserve(t.Context(), w.c, 1)
	wants(t, err, fault.Unavailable)
	// Making it again would give other keys, under which nothing opens.
	wants(t, w.CreateCustomer(t.Context(), w.c), fault.Unavailable)
}

// A store that was copied under another customer's name gives no keys.
func TestStoreOfAnotherCustomerIsRefused(t *testing.T) {
	w := newWorld(t)
	other, _ := w.customer(t)
	w.Keyring.Close()
	for i := range 2 {
		copyFile(t, file(w.o, i, other), file(w.o, i, w.c))
	}
	w.again(t)
	_, err := w.Reserve(t.Context(), w.c, 1)
	wants(t, err, fault.Unavailable)
}

// The first place fails after the second has committed, without a crash: the
// act is refused, and the next one mends the difference first.
func TestFailureBetweenTwoCommits(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 1)
	ctx, cancel := context.WithCancel(t.Context())
	w.step = func(step string) {
		if step == "second committed" {
			cancel()
		}
	}
	if err := w.Destroy(ctx, w.c, "cut", rs[0].Content.ID); err == nil {
		t.Fatal("Destroy was acknowledged though the first place did not commit")
	}
	w.step = nil
	more := reserve(t, w, 1)
	_, err := w.use(t, rs[0].Content.ID)
	wants(t, err, fault.Gone) // one place has the tombstone: it holds
	if _, err := w.use(t, more[0].Content.ID); err != nil {
		t.Fatal(err)
	}
	w.Keyring.Close()
	equal(t, w.o, w.c)
}
