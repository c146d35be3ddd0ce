package keyring

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// RotateRoot wraps everything that stands directly under another root key anew
// under the one of this name, the installation's own keys first: from then on
// every server wraps under it. Each key store is changed in one step in both
// places, so a crash leaves it before or after; whoever does it again goes on.
// The keys themselves stay, so no server has to be told, and no holder is asked.
//
// The former root key is needed until Rooted says that nothing is under it.
func (k *Keyring) RotateRoot(ctx context.Context, name string, progress func(done, all int64)) error {
	to, err := k.rootNamed(name)
	if err != nil {
		return err
	}
	for changed := true; changed; { // customers may have been made meanwhile
		living, _, err := k.Customers(ctx)
		if err != nil {
			return err
		}
		all := append([]id.Customer{installation}, living...)
		changed = false
		for i, c := range all {
			n, err := k.reroot(ctx, c, to)
			if fault.Is(err, fault.Gone) {
				continue // destroyed meanwhile
			}
			if err != nil {
				return err
			}
			changed = changed || n
			if progress != nil {
				progress(int64(i+1), int64(len(all)))
			}
		}
	}
	return nil
}

// reroot brings one key store under a root key, and reports whether there was
// anything to do.
func (k *Keyring) reroot(ctx context.Context, c id.Customer, to Provider) (changed bool, err error) {
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return false, err
	}
	defer k.release(v)
	var keys []customerKeyRow
	var names []namedKeyRow
	if err := v.view(ctx, func(tx *place.Tx) error { keys, names, err = v.elsewhere(ctx, tx, to); return err }); err != nil {
		return false, err
	}
	if len(keys)+len(names) == 0 {
		return false, nil
	}
	err = v.update(ctx, func(i int, tx *place.Tx) error {
		if i == 0 {
			if keys, names, err = v.elsewhere(ctx, tx, to); err != nil {
				return err
			}
		}
		for _, row := range keys {
			if err := putCustomerKey(tx, row); err != nil {
				return err
			}
		}
		for _, row := range names {
			if err := putNamedKey(tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return true, v.scrub(ctx)
}

// elsewhere gives the rows that are under another root key, wrapped under this.
func (v *vault) elsewhere(ctx context.Context, tx *place.Tx, to Provider) (keys []customerKeyRow, names []namedKeyRow, err error) {
	all, err := place.Rows[customerKeyRow](tx, selectCustomerKeys)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range all {
		if row.Root == to.Name() {
			continue
		}
		what := customer
		if row.Holder != "" {
			what = half
		}
		if row.Wrapped, err = v.move(ctx, row.Root, to, bind(v.c, id.Key{}, what, row.Version), row.Wrapped); err != nil {
			return nil, nil, err
		}
		row.Root = to.Name()
		keys = append(keys, row)
	}
	named, err := place.Rows[namedKeyRow](tx, selectNamedKeys)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range named {
		if row.Root == "" || row.Root == to.Name() {
			continue
		}
		if row.Wrapped, err = v.move(ctx, row.Root, to, bind(v.c, id.Key{}, row.Kind, 0), row.Wrapped); err != nil {
			return nil, nil, err
		}
		row.Root = to.Name()
		names = append(names, row)
	}
	return keys, names, nil
}

// move takes a wrapped key from one root key to another.
func (v *vault) move(ctx context.Context, from string, to Provider, aad, wrapped []byte) ([]byte, error) {
	old, err := v.k.rootNamed(from)
	if err != nil {
		return nil, err
	}
	key, err := old.Unwrap(ctx, aad, wrapped)
	if err != nil {
		return nil, damaged(err, v.c)
	}
	return to.Wrap(ctx, aad, key)
}

// Rooted counts the key stores by the name of the root keys that they need, in
// every place: a root key that is not named here is not needed any more but for
// backups from its time.
func (k *Keyring) Rooted(ctx context.Context) (map[string]int, error) {
	living, _, err := k.Customers(ctx)
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, c := range append([]id.Customer{installation}, living...) {
		names, err := k.rootsOf(ctx, c)
		if fault.Is(err, fault.Gone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for name := range names {
			count[name]++
		}
	}
	return count, nil
}

func (k *Keyring) rootsOf(ctx context.Context, c id.Customer) (map[string]bool, error) {
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return nil, err
	}
	defer k.release(v)
	names := map[string]bool{}
	for i, db := range v.dbs {
		err := db.View(ctx, func(tx *place.Tx) error {
			all, err := place.Rows[string](tx, `SELECT root FROM customer_keys UNION SELECT root FROM named_keys WHERE root <> ''`)
			for _, name := range all {
				names[name] = true
			}
			return err
		})
		if err != nil {
			return nil, v.failed(i, err)
		}
	}
	return names, nil
}
