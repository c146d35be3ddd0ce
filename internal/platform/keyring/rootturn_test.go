package keyring

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// rooted is a world whose root key lies in files.
func rooted(t *testing.T) (*world, *RootFiles) {
	t.Helper()
	path := t.TempDir() + "/root.key"
	if _, err := CreateRoot(path); err != nil {
		t.Fatal(err)
	}
	f, err := LoadRoots(path)
	if err != nil {
		t.Fatal(err)
	}
	return newWorldWith(t, Options{Root: f, Stores: []Store{{Dir: t.TempDir()}, {Dir: t.TempDir()}}}), f
}

// A root key is rotated while two servers work; afterwards the old one is needed
// by nothing, and a key store from before still opens while it is at hand.
func TestRootRotation(t *testing.T) {
	w, files := rooted(t)
	rs := reserve(t, w, 3)
	h := &fakeHolder{name: "transit acme", key: secret.NewKey()}
	w.Ask(func(context.Context, id.Customer, string) (Holder, error) { return h, nil })
	heldBy, _ := w.customer(t)
	if _, err := w.Turn(t.Context(), heldBy, Turn{To: h}); err != nil {
		t.Fatal(err)
	}
	var before, beforeOwn bytes.Buffer
	if err := errors.Join(w.Export(t.Context(), w.c, &before), w.Export(t.Context(), installation, &beforeOwn)); err != nil {
		t.Fatal(err)
	}
	old := files.Name()
	next := Root{secret.NewKey()}
	if err := w.RotateRoot(t.Context(), next.Name(), nil); !fault.Is(err, fault.Unavailable) {
		t.Fatal("a root key that nobody has was taken up:", err)
	}
	otherFiles, err := LoadRoots(files.path) // another server, on the same files
	if err != nil {
		t.Fatal(err)
	}
	o := w.o
	o.Root = otherFiles
	other := open(t, o)
	if err := files.Offer(next); err != nil {
		t.Fatal(err)
	}
	h.say(fault.New(fault.Denied, "no")) // no holder is asked for a root key
	if err := w.RotateRoot(t.Context(), next.Name(), nil); err != nil {
		t.Fatal(err)
	}
	h.say(nil)
	made := id.New[id.Customer]()
	if err := other.CreateCustomer(t.Context(), made); err != nil { // has the old root in its place still
		t.Fatal(err)
	}
	if err := files.TakeUp(next.Name()); err != nil {
		t.Fatal(err)
	}
	need, err := w.Rooted(t.Context())
	if err != nil || len(need) != 1 || need[next.Name()] != 4 {
		t.Fatalf("needed are %v, %v", need, err)
	}
	if main, waits, former, err := files.Names(); err != nil || main != next.Name() || waits != "" || former != old {
		t.Fatal(main, waits, former, err)
	}
	w.again(t)
	if got, err := w.use(t, rs[0].Content.ID); err != nil || !got.Equal(rs[0].Content.Key) {
		t.Fatal(err)
	}
	if _, err := other.Reserve(t.Context(), w.c, 1); err != nil {
		t.Fatal(err)
	}
	restoresWith(t, w, files, before.Bytes(), beforeOwn.Bytes(), rs[0])
}

// restoresWith restores an export from under the former root key, with it and
// without.
func restoresWith(t *testing.T, w *world, files *RootFiles, customer, own []byte, r Reserved) {
	t.Helper()
	in := func(root Provider) (*Keyring, error) {
		o := Options{Root: root, Stores: []Store{{Dir: t.TempDir()}, {Dir: t.TempDir()}}, Now: w.o.Now}
		for c, text := range map[id.Customer][]byte{installation: own, w.c: customer} {
			if err := Import(t.Context(), o, c, nil, bytes.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		return Open(t.Context(), o)
	}
	k, err := in(files)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := k.RotateRoot(t.Context(), files.Name(), nil); err == nil {
		t.Fatal("a customer whose store is missing was passed over in silence")
	}
	got, err := k.Use(t.Context(), receipt(t, w.p, "listen", r.Content.ID), r.Content.ID)
	if err != nil || !got.Equal(r.Content.Key) {
		t.Fatal(err)
	}
	if err := files.Retire(); err != nil {
		t.Fatal(err)
	}
	if _, err := in(files); !fault.Is(err, fault.Unavailable) {
		t.Fatal("opened without the former root key:", err)
	}
}

// The files of a root key are never without one, wherever taking it up ends.
func TestTakingUpARootKey(t *testing.T) {
	_, files := rooted(t)
	old := files.root()
	next := Root{secret.NewKey()}
	if err := files.TakeUp(next.Name()); err != nil || files.Name() != old.Name() {
		t.Fatal("taken up without having been offered:", err)
	}
	if err := files.Offer(next); err != nil {
		t.Fatal(err)
	}
	if err := files.Offer(Root{secret.NewKey()}); !fault.Is(err, fault.Conflict) {
		t.Fatal("a second next root key:", err)
	}
	if err := files.TakeUp("another"); err != nil || files.Name() != old.Name() {
		t.Fatal("another was taken up", err)
	}
	// As after a crash between keeping the former and the exchange.
	if err := files.keepFormer(old); err != nil {
		t.Fatal(err)
	}
	if err := files.TakeUp(next.Name()); err != nil || files.Name() != next.Name() {
		t.Fatal(err)
	}
	if r, ok := files.Find(old.Name()); !ok || r.Name() != old.Name() {
		t.Fatal("the former is not found")
	}
	if err := os.Chmod(files.path+formerEnd, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRoots(files.path); err == nil {
		t.Fatal("a former root key that others may read was accepted")
	}
}
