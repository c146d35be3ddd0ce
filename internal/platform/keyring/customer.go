package keyring

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// CreateCustomer makes the key store of a customer, with its keys, in every
// place. Doing it again changes nothing. A customer that was destroyed is
// fault.Gone: its id would otherwise come back with other keys.
func (k *Keyring) CreateCustomer(ctx context.Context, c id.Customer) error {
	if c.IsZero() {
		return fault.New(fault.Invalid, "a customer needs an id")
	}
	known, err := k.customer(ctx, c)
	if err != nil {
		return err
	}
	if known.DestroyedAt != 0 {
		return gone(c)
	}
	// A store that is known and missing is a loss, not a reason to make new keys.
	v, err := k.acquire(ctx, c, known.MadeAt == 0)
	if err != nil {
		return err
	}
	defer k.release(v)
	if known.MadeAt != 0 {
		return nil
	}
	inst, err := k.acquire(ctx, installation, false)
	if err != nil {
		return err
	}
	defer k.release(inst)
	at := k.now().UnixMilli()
	return inst.update(ctx, func(_ int, tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO customers (id, made_at, destroyed_at, reason) VALUES (?, ?, 0, '') ON CONFLICT (id) DO NOTHING`, c[:], at)
		return err
	})
}

// customer reads what the installation knows of a customer; zero if nothing.
func (k *Keyring) customer(ctx context.Context, c id.Customer) (row customerRow, err error) {
	v, err := k.acquire(ctx, installation, false)
	if err != nil {
		return row, err
	}
	defer k.release(v)
	err = v.view(ctx, func(tx *place.Tx) (err error) {
		row, err = place.Row[customerRow](tx, `SELECT id, made_at, destroyed_at, reason FROM customers WHERE id = ?`, c[:])
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return customerRow{}, nil
	}
	return row, err
}

// unknown says why there is no key store.
func (k *Keyring) unknown(ctx context.Context, c id.Customer) error {
	if c.IsZero() {
		return fault.New(fault.Unavailable, "the key store of the installation is missing in every place: restore it; for a new installation run `ringfence init`")
	}
	row, err := k.customer(ctx, c)
	switch {
	case err != nil:
		return err
	case row.DestroyedAt != 0:
		return gone(c)
	case row.MadeAt != 0:
		return fault.New(fault.Unavailable, "the key store of %v is missing in every place: restore it from its last backup; nothing of this customer can be opened until then", c)
	}
	return fault.New(fault.NotFound, "there is no such customer")
}

func gone(c id.Customer) error {
	return fault.New(fault.Gone, "the keys of %v were destroyed", c)
}

// create fills the new, empty stores of a customer, or of the installation.
func (v *vault) create(ctx context.Context) error {
	root := v.k.root
	if !v.c.IsZero() {
		var err error
		if root, err = v.k.rootNow(ctx); err != nil {
			return err
		}
	}
	key := secret.NewKey()
	row, err := wrapCustomer(ctx, root, nil, v.c, 1, key)
	if err != nil {
		return err
	}
	m := &material{newest: 1}
	l := &lent{boxes: map[int64]*sealed.Box{1: sealed.NewBox(key)}}
	names := map[kind][]byte{}
	for _, what := range named(v.c) {
		names[what] = l.wrap(m, v.c, id.Key{}, what, secret.NewKey())
	}
	at := v.k.now().UnixMilli()
	row.MadeAt = at
	return v.nest(ctx, 0, 0, func(_ int, tx *place.Tx) error {
		if _, err := tx.Exec(`INSERT INTO state (one, customer, made_at, seq) VALUES (1, ?, ?, 1)`, v.c.String(), at); err != nil {
			return err
		}
		if err := putCustomerKey(tx, row); err != nil {
			return err
		}
		for what, w := range names {
			if err := putNamedKey(tx, namedKeyRow{Kind: what, Version: 1, Wrapped: w}); err != nil {
				return err
			}
		}
		return nil
	})
}

// destroyCustomer is what BuryCustomer and DestroyCustomer do.
func (k *Keyring) destroyCustomer(ctx context.Context, c id.Customer, reason string) error {
	if c.IsZero() {
		return fault.New(fault.Invalid, "the installation's own keys are not destroyed")
	}
	inst, err := k.acquire(ctx, installation, false)
	if err != nil {
		return err
	}
	defer k.release(inst)
	at := k.now().UnixMilli()
	// First the tombstone: from here on a crash ends in "destroyed", as the act
	// is done again until it succeeds.
	err = inst.update(ctx, func(_ int, tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO customers (id, made_at, destroyed_at, reason) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET destroyed_at = excluded.destroyed_at, reason = excluded.reason WHERE customers.destroyed_at = 0`, c[:], at, at, reason)
		return err
	})
	if err != nil {
		return err
	}
	return k.eraseStores(ctx, c)
}

// eraseStores makes true what the tombstone of a customer says.
func (k *Keyring) eraseStores(ctx context.Context, c id.Customer) error {
	k.forget(c)
	if err := k.erase(ctx, c); err != nil {
		return err
	}
	k.at("stores erased")
	for _, s := range k.stores {
		if err := s.remove(c); err != nil {
			return fault.Wrap(err, fault.Unavailable, "the key store of %v could not be removed", c)
		}
		k.at("store removed")
	}
	return nil
}

// finish ends what a crash cut off: files of customers whose tombstone stands.
func (k *Keyring) finish(ctx context.Context) error {
	var dead []id.Customer
	err := k.look(ctx, installation, func(tx *place.Tx) (err error) {
		dead, err = place.Rows[id.Customer](tx, `SELECT id FROM customers WHERE destroyed_at <> 0`)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range dead {
		for _, s := range k.stores {
			left, err := s.has(c)
			if err != nil {
				return err
			}
			if left && s.dir != "" {
				if err := k.eraseStores(ctx, c); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// erase overwrites the keys of a customer and closes its stores.
func (k *Keyring) erase(ctx context.Context, c id.Customer) error {
	v, err := k.acquire(ctx, c, false)
	if fault.Is(err, fault.Gone) {
		return nil // there are no files any more
	}
	if err != nil {
		return err
	}
	err = v.update(ctx, func(_ int, tx *place.Tx) error {
		for _, text := range []string{`DELETE FROM customer_keys`, `DELETE FROM named_keys`, `DELETE FROM keys`} {
			if _, err := tx.Exec(text); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = v.scrub(ctx)
	}
	k.mu.Lock()
	v.gone = err == nil // the last release closes it
	k.mu.Unlock()
	k.release(v)
	return err
}
