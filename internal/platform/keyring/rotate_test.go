package keyring

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// The archive goes on while the customer key is rotated, and afterwards nothing
// depends on the old one.
func TestRotationWhileTheArchiveGoesOn(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, rewrapAtOnce) // more than one step, as each has two keys
	var wait sync.WaitGroup
	var mu sync.Mutex
	var meanwhile []Reserved
	stop := make(chan struct{})
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			more, err := w.Reserve(t.Context(), w.c, 2)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			meanwhile = append(meanwhile, more...)
			mu.Unlock()
			if _, err := w.use(t, more[0].Content.ID); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 {
		if err := w.Rotate(t.Context(), w.c); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wait.Wait()
	w.again(t)
	m, err := w.material(t.Context(), w.c)
	if err != nil || len(m.lent.boxes) != 1 || m.newest != 4 {
		t.Fatalf("versions %v, newest %d, %v", len(m.lent.boxes), m.newest, err)
	}
	err = w.look(t.Context(), w.c, func(tx *place.Tx) error {
		n, err := place.Row[int64](tx, `SELECT count(*) FROM keys WHERE version <> 4`)
		if err == nil && n != 0 {
			err = fmt.Errorf("%d keys are under an old version", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(rs[len(rs)-3:], meanwhile[len(meanwhile)-1]) {
		if got, err := w.use(t, r.Content.ID); err != nil || !got.Equal(r.Content.Key) {
			t.Fatal(err)
		}
	}
}

// Rotation does not touch what is found by: blind indexes and the public key.
func TestRotationKeepsIndexesAndPublicKey(t *testing.T) {
	w := newWorld(t)
	blind, err := w.Blind(t.Context(), w.c, 3, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := w.Public(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(t.Context(), w.c); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(t.Context(), installation); err != nil {
		t.Fatal(err)
	}
	w.again(t)
	if b, err := w.Blind(t.Context(), w.c, 3, []byte("x")); err != nil || !bytes.Equal(b, blind) {
		t.Fatalf("the blind index changed: %v", err)
	}
	if p, err := w.Public(t.Context(), w.c); err != nil || !bytes.Equal(p, public) {
		t.Fatalf("the public key changed: %v", err)
	}
}

// A server has more customers than it holds open key stores.
func TestManyCustomersFewOpenStores(t *testing.T) {
	o := options(t)
	o.MaxOpen = 3
	k := open(t, o)
	var cs []id.Customer
	for range 10 {
		c := id.New[id.Customer]()
		if err := k.CreateCustomer(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		cs = append(cs, c)
	}
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for i := range 20 {
				if _, err := k.Reserve(t.Context(), cs[(g*3+i)%len(cs)], 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.open) > o.MaxOpen {
		t.Fatalf("%d stores are open, at most %d should be", len(k.open), o.MaxOpen)
	}
}

func FuzzFromRecovery(f *testing.F) {
	root, err := CreateRoot(f.TempDir() + "/root.key")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(root.Recovery())
	f.Add("1: 0000")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := FromRecovery(text)
		if err != nil {
			return
		}
		if again, err := FromRecovery(r.Recovery()); err != nil || !again.Equal(r) {
			t.Fatalf("read from %q, but its own copy is not read: %v", text, err)
		}
	})
}
