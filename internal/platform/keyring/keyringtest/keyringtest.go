// Package keyringtest gives tests a keyring in temporary folders.
package keyringtest

import (
	"context"
	"sync"
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
)

// New is a keyring of a new installation, in two folders, closed with the test.
func New(t testing.TB) *keyring.Keyring {
	t.Helper()
	return Open(t, Options(t))
}

// Options are those of a new installation with two folders, not made yet.
func Options(t testing.TB) keyring.Options {
	t.Helper()
	path := t.TempDir() + "/root.key"
	if _, err := keyring.CreateRoot(path); err != nil {
		t.Fatal(err)
	}
	root, err := keyring.LoadRoots(path)
	if err != nil {
		t.Fatal(err)
	}
	return keyring.Options{Root: root, Stores: []keyring.Store{{Dir: t.TempDir()}, {Dir: t.TempDir()}}}
}

// Open makes the key stores if need be and opens them.
func Open(t testing.TB, o keyring.Options) *keyring.Keyring {
	t.Helper()
	if err := keyring.Init(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	k, err := keyring.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	roots.Store(k, o.Root)
	t.Cleanup(func() { k.Close(); roots.Delete(k) })
	return k
}

var roots sync.Map // *keyring.Keyring → keyring.Provider

// Root is the root key of a keyring that this package has opened.
func Root(t testing.TB, k *keyring.Keyring) keyring.Provider {
	t.Helper()
	root, ok := roots.Load(k)
	if !ok {
		t.Fatal("this keyring was opened elsewhere")
	}
	return root.(keyring.Provider)
}

// Customer makes a customer with keys.
func Customer(t testing.TB, k *keyring.Keyring) id.Customer {
	t.Helper()
	c := id.New[id.Customer]()
	if err := k.CreateCustomer(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	return c
}
