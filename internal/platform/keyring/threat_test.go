package keyring

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Whoever gets the files of the key stores without the root key has nothing.
func TestKeyStoresHoldNoKeyInTheClear(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 5)
	m, err := w.material(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := m.hpke.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	inst, err := w.material(t.Context(), installation)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"content key": rs[0].Content.Key.Reveal(), "card key": rs[4].Card.Key.Reveal(), "index key": m.index.Reveal(),
		"HPKE seed": seed, "signing seed": inst.sign.Seed(), "root key": w.o.Root.(Root).key.Reveal(),
	}
	for name, b := range contents(t, w.o) {
		for what, s := range secrets {
			if strings.Contains(b, string(s)) {
				t.Errorf("%s shows the %s", name, what)
			}
		}
	}
}

// After Destroy the wrapped key is in no file: neither in rows, nor in free
// pages, nor in the log. Otherwise a later theft of the root key would bring it
// back.
func TestDestroyedKeyIsInNoFile(t *testing.T) {
	w := newWorld(t)
	rs := reserve(t, w, 60)
	var wrapped []keyRow
	err := w.look(t.Context(), w.c, func(tx *place.Tx) (err error) {
		wrapped, err = find(tx, []id.Key{rs[7].Content.ID, rs[8].Card.ID})
		return err
	})
	if err != nil || len(wrapped) != 2 {
		t.Fatalf("%d rows, %v", len(wrapped), err)
	}
	found := func() (n int) {
		for _, b := range contents(t, w.o) {
			for _, row := range wrapped {
				n += strings.Count(b, string(row.Wrapped))
			}
		}
		return n
	}
	if found() < 4 {
		t.Fatalf("before: %d traces, at least 4 are expected", found())
	}
	if err := w.Destroy(t.Context(), w.c, "test", rs[7].Content.ID, rs[8].Card.ID); err != nil {
		t.Fatal(err)
	}
	if n := found(); n != 0 {
		t.Fatalf("after: %d traces", n)
	}
}

func TestDestroyedCustomer(t *testing.T) {
	w := newWorld(t)
	other, _ := w.customer(t)
	rs := reserve(t, w, 2)
	r := receipt(t, w.p, "listen", rs[0].Content.ID)
	for range 2 {
		if err := w.destroyCustomer(t.Context(), w.c, "contract ended"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Use(t.Context(), r, rs[0].Content.ID)
		wants(t, err, fault.Gone)
		_, err = w.Reserve(t.Context(), w.c, 1)
		wants(t, err, fault.Gone)
		_, err = w.Seal(t.Context(), w.c, 1, [16]byte{}, nil)
		wants(t, err, fault.Gone)
		wants(t, w.CreateCustomer(t.Context(), w.c), fault.Gone)
		for name := range contents(t, w.o) {
			if strings.Contains(name, w.c.String()) {
				t.Errorf("%s is left", name)
			}
		}
		w.again(t)
	}
	if _, err := w.Reserve(t.Context(), other, 1); err != nil {
		t.Fatalf("another customer is touched: %v", err)
	}
}

func TestCapsule(t *testing.T) {
	w := newWorld(t)
	other, _ := w.customer(t)
	public, err := w.Public(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	content, card := secret.NewKey(), secret.NewKey()
	info := []byte("rec_1")
	capsule, err := Capsule(public, info, content, card)
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"another customer":  func() error { _, err := w.Adopt(t.Context(), other, capsule, info); return err },
		"another recording": func() error { _, err := w.Adopt(t.Context(), w.c, capsule, []byte("rec_2")); return err },
		"cut":               func() error { _, err := w.Adopt(t.Context(), w.c, capsule[:len(capsule)-1], info); return err },
		"empty":             func() error { _, err := w.Adopt(t.Context(), w.c, nil, info); return err },
		"altered": func() error {
			b := bytes.Clone(capsule)
			b[len(b)/2] ^= 1
			_, err := w.Adopt(t.Context(), w.c, b, info)
			return err
		},
		// The customer is bound by more than whose key it is.
		"redirected": func() error {
			theirs, err := w.Public(t.Context(), other)
			if err != nil {
				return err
			}
			mixed := append(bytes.Clone(public[:16]), theirs[16:]...)
			c, err := Capsule(mixed, info, content, card)
			if err != nil {
				return err
			}
			_, err = w.Adopt(t.Context(), other, c, info)
			return err
		},
	} {
		if err := try(); !fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v, want fault.Denied", what, err)
		}
	}
	got, err := w.Adopt(t.Context(), w.c, capsule, info)
	if err != nil || !got.Content.Key.Equal(content) || !got.Card.Key.Equal(card) || got.Content.ID == got.Card.ID {
		t.Fatalf("Adopt: %v", err)
	}
	again, err := w.Adopt(t.Context(), w.c, capsule, info)
	if err != nil || again.Content.ID != got.Content.ID || again.Card.ID != got.Card.ID {
		t.Fatalf("the same capsule gave other keys: %v", err)
	}
	if k, err := w.use(t, got.Content.ID); err != nil || !k.Equal(content) {
		t.Fatalf("Use of an adopted key: %v", err)
	}
	// A late upload does not bring back what was destroyed.
	if err := w.Destroy(t.Context(), w.c, "test", got.Content.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.Adopt(t.Context(), w.c, capsule, info)
	wants(t, err, fault.Gone)
	if _, err := Capsule([]byte("no key"), info, content, card); !fault.Is(err, fault.Invalid) {
		t.Fatalf("Capsule for no key: %v", err)
	}
}

// The box keeps the public bytes: they open nothing.
func TestPublicKeyIsPublic(t *testing.T) {
	w := newWorld(t)
	public, err := w.Public(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.material(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := m.hpke.Bytes()
	if err != nil || bytes.Contains(public, seed) {
		t.Fatalf("the public bytes hold the private key, or %v", err)
	}
	_, err = w.Public(t.Context(), installation)
	wants(t, err, fault.Invalid)
	again, err := w.Public(t.Context(), w.c)
	if err != nil || !bytes.Equal(again, public) {
		t.Fatal("the public key changes")
	}
}

func TestReceiptSignature(t *testing.T) {
	w := newWorld(t)
	msg := []byte("verified rec_1")
	sig, err := w.SignReceipt(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	public, err := w.SigningKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.again(t)
	if again, err := w.SigningKey(t.Context()); err != nil || !bytes.Equal(again, public) {
		t.Fatalf("the signing key changed with a restart: %v", err)
	}
	if err := VerifyReceipt(public, msg, sig); err != nil {
		t.Fatal(err)
	}
	other, _, _ := ed25519.GenerateKey(nil)
	for what, err := range map[string]error{
		"another message":  VerifyReceipt(public, []byte("verified rec_2"), sig),
		"another key":      VerifyReceipt(other, msg, sig),
		"no signature":     VerifyReceipt(public, msg, nil),
		"no key":           VerifyReceipt(nil, msg, sig),
		"without the name": errOf(ed25519.Verify(public, msg, sig)),
	} {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func errOf(ok bool) error {
	if ok {
		return nil
	}
	return fault.New(fault.Denied, "not signed")
}

// A wrapped key that is copied to another id, kind or customer does not open:
// the write access to a key store does not become read access to a recording.
func TestSwappedRowsDoNotOpen(t *testing.T) {
	w := newWorld(t)
	other, _ := w.customer(t)
	rs := reserve(t, w, 2)
	foreign, err := w.Reserve(t.Context(), other, 1)
	if err != nil {
		t.Fatal(err)
	}
	var theirs []keyRow
	err = w.look(t.Context(), other, func(tx *place.Tx) (err error) {
		theirs, err = find(tx, []id.Key{foreign[0].Content.ID})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := rs[0].Content.ID, rs[1].Content.ID
	for what, swap := range map[string]func(tx *place.Tx) error{
		"another key": func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE id = ?) WHERE id = ?`, b[:], a[:])
			return err
		},
		"another customer's key": func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE keys SET wrapped = ? WHERE id = ?`, theirs[0].Wrapped, a[:])
			return err
		},
		"content passed off as a card": func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE keys SET kind = ? WHERE id = ?`, int(card), b[:])
			return err
		},
	} {
		v, err := w.acquire(t.Context(), w.c, false)
		if err != nil {
			t.Fatal(err)
		}
		err = v.update(t.Context(), func(_ int, tx *place.Tx) error { return swap(tx) })
		w.release(v)
		if err != nil {
			t.Fatal(err)
		}
		key, where := a, "listen"
		if strings.Contains(what, "card") {
			key, where = b, "card"
		}
		if _, err := w.Use(t.Context(), receipt(t, w.p, where, key), key); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
