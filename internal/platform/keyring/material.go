package keyring

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/binary"
	"errors"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// kind is what a key is for. It is bound to the wrapped key, so that a card key
// cannot be passed off as a content key. The numbers are for ever.
type kind int

const (
	content  kind = 1 // sound, transcript, redactions of one recording
	card     kind = 2 // names, numbers, file names of one recording
	field    kind = 3 // personal fields in rows
	index    kind = 4 // blind indexes; never changes, or nothing would be found
	hpkeSeed kind = 5 // private key to which collectors seal
	signSeed kind = 6 // Ed25519, signs receipts; of the installation
	customer kind = 7 // wraps all of the above
)

// named are the kinds of which a customer has one.
func named(c id.Customer) []kind {
	if c.IsZero() {
		return []kind{field, index, signSeed}
	}
	return []kind{field, index, hpkeSeed}
}

// bind is the associated data of a wrapped key: a row that is copied to another
// customer, key, kind or version does not open.
func bind(c id.Customer, key id.Key, what kind, version int64) []byte {
	b := append([]byte("ringfence wrapped key v1\x00"), c[:]...)
	b = append(b, key[:]...)
	b = append(b, byte(what))
	return binary.BigEndian.AppendUint64(b, uint64(version))
}

// material is what is unwrapped of a customer and kept in memory. It is never
// changed: Rotate puts another in its place.
type material struct {
	wrapping map[int64]*sealed.Box // customer key by version
	newest   int64
	field    *sealed.Box
	index    secret.Key
	hpke     hpke.PrivateKey    // nil for the installation
	sign     ed25519.PrivateKey // nil for customers
}

// material gives the keys of a customer, from memory or from its key store.
func (k *Keyring) material(ctx context.Context, c id.Customer) (*material, error) {
	k.mu.Lock()
	m := k.cached[c]
	k.mu.Unlock()
	if m != nil {
		return m, nil
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return nil, err
	}
	defer k.release(v)
	return v.load(ctx)
}

// load unwraps the keys of a customer and keeps them in memory.
func (v *vault) load(ctx context.Context) (*material, error) {
	var versions []customerKeyRow
	var names []namedKeyRow
	err := v.view(ctx, func(tx *place.Tx) (err error) {
		if versions, err = place.Rows[customerKeyRow](tx, `SELECT version, root, wrapped FROM customer_keys`); err != nil {
			return err
		}
		names, err = place.Rows[namedKeyRow](tx, `SELECT kind, version, wrapped FROM named_keys`)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, v.k.unknown(ctx, v.c)
	}
	m := &material{wrapping: map[int64]*sealed.Box{}}
	for _, row := range versions {
		key, err := v.unwrapCustomer(ctx, row)
		if err != nil {
			return nil, err
		}
		m.wrapping[row.Version] = sealed.NewBox(key)
		m.newest = max(m.newest, row.Version)
	}
	for _, row := range names {
		key, err := m.unwrap(v.c, id.Key{}, row.Kind, row.Version, row.Wrapped)
		if err != nil {
			return nil, err
		}
		if err := m.set(row.Kind, key); err != nil {
			return nil, err
		}
	}
	if m.newest == 0 || m.field == nil || m.index.IsZero() || (m.hpke == nil) == (m.sign == nil) {
		return nil, fault.New(fault.Unavailable, "the key store of %v lacks keys: restore it from its mirror or its last backup", v.c)
	}
	v.k.mu.Lock()
	defer v.k.mu.Unlock()
	if !v.k.closed {
		v.k.cached[v.c] = m
	}
	return m, nil
}

// unwrapCustomer asks the root key for a customer key.
func (v *vault) unwrapCustomer(ctx context.Context, row customerKeyRow) (secret.Key, error) {
	if row.Root != v.k.root.Name() {
		return secret.Key{}, fault.New(fault.Unavailable, "the key stores were made with another root key (%s) than the one given (%s): "+
			"put the right root key, or its recovery copy, in its place; nothing was changed", row.Root, v.k.root.Name())
	}
	key, err := v.k.root.Unwrap(ctx, bind(v.c, id.Key{}, customer, row.Version), row.Wrapped)
	if errors.Is(err, sealed.ErrAltered) {
		return secret.Key{}, fault.Wrap(err, fault.Unavailable, "the key of customer %v is damaged in its key store: restore that from its mirror or its last backup", v.c)
	}
	return key, err
}

func (m *material) set(what kind, key secret.Key) (err error) {
	switch what {
	case field:
		m.field = sealed.NewBox(key)
	case index:
		m.index = key
	case hpkeSeed:
		m.hpke, err = hpke.MLKEM768X25519().NewPrivateKey(key.Reveal())
	case signSeed:
		m.sign = ed25519.NewKeyFromSeed(key.Reveal())
	}
	return err
}

// boxes is the map of a customer key that has one version.
func boxes(key secret.Key) map[int64]*sealed.Box { return map[int64]*sealed.Box{1: sealed.NewBox(key)} }

// wrap closes a key under the newest customer key.
func (m *material) wrap(c id.Customer, key id.Key, what kind, k secret.Key) []byte {
	return m.wrapping[m.newest].Seal(bind(c, key, what, m.newest), k.Reveal())
}

// unwrap opens a wrapped key.
func (m *material) unwrap(c id.Customer, key id.Key, what kind, version int64, wrapped []byte) (secret.Key, error) {
	box := m.wrapping[version]
	if box == nil {
		return secret.Key{}, fault.New(fault.Unavailable, "the key store of %v lacks version %d of the customer key: restore it from its mirror or its last backup", c, version)
	}
	b, err := box.Open(bind(c, key, what, version), wrapped)
	if err != nil {
		return secret.Key{}, fault.Wrap(err, fault.Unavailable, "a key in the key store of %v is damaged: restore that from its mirror or its last backup", c)
	}
	return secret.KeyFrom(b)
}

// forget drops what is in memory of a customer.
func (k *Keyring) forget(c id.Customer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cached, c)
}
