// Package keyring keeps the keys, apart from everything that they open, and
// opens nothing without a receipt.
//
//	root key → customer key (versions) → field key, index key, HPKE private key
//	                                   → for each recording: content key and card key
//
// A key lies wrapped by the one above it (AES-256-GCM; the customer, the key's
// id, its kind and the version above are bound) in the customer's key store: a
// small database of its own, never in a row, an object or their backups, else a
// restore would revive what was destroyed. A further store, of the
// installation, has the keys of the registry, the key that signs receipts, and
// the list of customers.
//
// A key store is kept in one place or in two. A change is written to the first,
// then to the second, and committed in the opposite order, with a running
// number; whoever finds the numbers different mends both before anything else:
// the union of the keys, less those that either of them has destroyed. What was
// acknowledged stands in both places.
//
//	Use: receipt (durable, made by package place) → counted here, durably, once
//	     → key unwrapped → first byte
//
// What this does not protect from: somebody who is root on the running server
// reads keys from its memory. On PostgreSQL the bytes of a destroyed wrapped key
// can remain in the cluster's own log and in dead rows until those are
// recycled; on SQLite they are overwritten before Destroy returns.
package keyring

import (
	"context"
	"errors"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Options say where the keys are.
type Options struct {
	Root    Provider
	Stores  []Store          // one or two; the first decides
	MaxOpen int              // key stores held open; 0 means 64
	Now     func() time.Time // nil means time.Now
}

// Store is one place for key stores: a folder with a file per customer, or a
// PostgreSQL database with a schema per customer.
type Store struct {
	Dir      string
	Postgres secret.Text // URL
}

// Key is a key with its name.
type Key struct {
	ID  id.Key
	Key secret.Key
}

// Reserved are the two keys of one recording: for its sound and transcript, and
// for names, numbers and file names. Either can be destroyed by itself.
type Reserved struct{ Content, Card Key }

// Keyring is safe for concurrent use.
type Keyring struct {
	root   Provider
	stores []store
	now    func() time.Time
	max    int

	mu     sync.Mutex
	open   map[id.Customer]*vault
	clock  uint64 // counts uses, for the least recently used
	cached map[id.Customer]*material
	loans  map[id.Customer]*loan
	closed bool

	holders Holders // guarded by mu

	step func(string) // tests end the process here; nil otherwise
}

var _ place.Sealer = (*Keyring)(nil)

const defaultMax = 64

// installation is the customer of the installation's own key store.
var installation id.Customer

func newKeyring(o Options) (*Keyring, error) {
	k := &Keyring{
		root: o.Root, now: o.Now, max: o.MaxOpen,
		open: map[id.Customer]*vault{}, cached: map[id.Customer]*material{},
		loans: map[id.Customer]*loan{},
	}
	if k.now == nil {
		k.now = time.Now
	}
	if k.max <= 0 {
		k.max = defaultMax
	}
	if k.root == nil {
		return nil, fault.Field("keys.root", "name the root key")
	}
	if len(o.Stores) < 1 || len(o.Stores) > 2 {
		return nil, fault.Field("keys.stores", "name one place for key stores, or two")
	}
	for _, s := range o.Stores {
		st, err := newStore(s)
		if err != nil {
			k.Close()
			return nil, err
		}
		k.stores = append(k.stores, st)
	}
	if len(k.stores) == 2 && k.stores[0].same(k.stores[1]) {
		k.Close()
		return nil, fault.Field("keys.stores[1]", "is the same place as the first: name a folder on another disk, or leave it out")
	}
	return k, nil
}

// Init makes the key stores of a new installation, once; on those that exist it
// changes nothing. A second place that is new is filled from the first as its
// stores are opened.
func Init(ctx context.Context, o Options) error {
	k, err := newKeyring(o)
	if err != nil {
		return err
	}
	defer k.Close()
	for _, s := range k.stores {
		if err := s.init(); err != nil {
			return err
		}
	}
	v, err := k.acquire(ctx, installation, true)
	if err != nil {
		return err
	}
	defer k.release(v)
	_, err = k.material(ctx, installation)
	return err
}

// Open opens the key stores that Init made. It is fault.Unavailable if one of
// the places is missing, empty or damaged, or was made with another root key;
// nothing is written then.
func Open(ctx context.Context, o Options) (*Keyring, error) {
	k, err := newKeyring(o)
	if err != nil {
		return nil, err
	}
	for i, s := range k.stores {
		if err := s.present(i); err != nil {
			k.Close()
			return nil, err
		}
	}
	if _, err := k.material(ctx, installation); err != nil {
		k.Close()
		return nil, err
	}
	if err := k.finish(ctx); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// Copies is in how many places each key is. With one only, the sources of
// recordings are kept: losing that one disk loses every recording.
func (k *Keyring) Copies() int { return len(k.stores) }

// Close closes the stores and forgets the keys. Twice is fine.
func (k *Keyring) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	k.closed = true
	clear(k.cached)
	for _, lo := range k.loans {
		go func() { // its holder may be asked at this moment
			lo.mu.Lock()
			defer lo.mu.Unlock()
			lo.drop()
		}()
	}
	for c, v := range k.open {
		if v.users == 0 {
			v.close()
			delete(k.open, c)
		}
	}
	var errs []error
	for _, s := range k.stores {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// at is where a test may end the process.
func (k *Keyring) at(step string) {
	if k.step != nil {
		k.step(step)
	}
}
