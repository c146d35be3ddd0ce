package keyring

import (
	"context"
	"maps"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Rotate gives a customer a new customer key and wraps every key anew under it;
// the old one is erased. What the keys seal stays as it is. It works in steps of
// some thousand keys between which the archive goes on; a rotation that was cut
// off leaves every key usable and is finished by the next.
func (k *Keyring) Rotate(ctx context.Context, c id.Customer) error {
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	m, err := k.material(ctx, c)
	if err != nil {
		return err
	}
	if len(m.wrapping) == 1 {
		if m, err = v.newVersion(ctx, m); err != nil {
			return err
		}
	}
	var last id.Key
	for done := false; !done; {
		if done, err = v.rewrap(ctx, m, &last); err != nil {
			return err
		}
	}
	err = v.update(ctx, func(_ int, tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM customer_keys WHERE version < ?
			AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.version = customer_keys.version)
			AND NOT EXISTS (SELECT 1 FROM named_keys WHERE named_keys.version = customer_keys.version)`, m.newest)
		return err
	})
	if err != nil {
		return err
	}
	if err := v.scrub(ctx); err != nil {
		return err
	}
	_, err = v.load(ctx)
	return err
}

// newVersion writes a new customer key, and the named keys under it.
func (v *vault) newVersion(ctx context.Context, m *material) (*material, error) {
	key := secret.NewKey()
	next := &material{
		newest: m.newest + 1, wrapping: maps.Clone(m.wrapping),
		field: m.field, index: m.index, hpke: m.hpke, sign: m.sign,
	}
	next.wrapping[next.newest] = sealed.NewBox(key)
	wrapped, err := v.k.root.Wrap(ctx, bind(v.c, id.Key{}, customer, next.newest), key)
	if err != nil {
		return nil, err
	}
	var names []namedKeyRow
	err = v.update(ctx, func(i int, tx *place.Tx) error {
		n, err := tx.Exec(`INSERT INTO customer_keys (version, root, wrapped) VALUES (?, ?, ?) ON CONFLICT (version) DO NOTHING`, next.newest, v.k.root.Name(), wrapped)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "the customer key is being rotated already")
		}
		if i == 0 {
			if names, err = v.renamed(tx, next); err != nil {
				return err
			}
		}
		for _, row := range names {
			if _, err := tx.Exec(`UPDATE named_keys SET version = ?, wrapped = ? WHERE kind = ?`, row.Version, row.Wrapped, int(row.Kind)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.k.forget(v.c)
	return v.load(ctx)
}

// renamed wraps the named keys under the newest version.
func (v *vault) renamed(tx *place.Tx, m *material) ([]namedKeyRow, error) {
	rows, err := place.Rows[namedKeyRow](tx, `SELECT kind, version, wrapped FROM named_keys`)
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		key, err := m.unwrap(v.c, id.Key{}, row.Kind, row.Version, row.Wrapped)
		if err != nil {
			return nil, err
		}
		rows[i].Version, rows[i].Wrapped = m.newest, m.wrap(v.c, id.Key{}, row.Kind, key)
	}
	return rows, nil
}

// rewrapAtOnce is how many keys one transaction of a rotation touches.
const rewrapAtOnce = 2000

// rewrap wraps the next keys after *last anew, and reports whether all are done.
func (v *vault) rewrap(ctx context.Context, m *material, last *id.Key) (done bool, err error) {
	var rows []keyRow
	var end id.Key
	err = v.update(ctx, func(i int, tx *place.Tx) error {
		if i == 0 {
			rows, err = place.Rows[keyRow](tx, `SELECT id, kind, version, wrapped FROM keys WHERE id > ? ORDER BY id LIMIT ?`, last[:], rewrapAtOnce)
			if err != nil {
				return err
			}
			done = len(rows) < rewrapAtOnce
			if len(rows) > 0 {
				end = rows[len(rows)-1].ID
			}
			if err := v.rewrapped(m, rows); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if _, err := tx.Exec(`UPDATE keys SET version = ?, wrapped = ? WHERE id = ?`, r.Version, r.Wrapped, r.ID[:]); err != nil {
				return err
			}
		}
		return nil
	})
	*last = end
	return done, err
}

func (v *vault) rewrapped(m *material, rows []keyRow) error {
	for i, r := range rows {
		if r.Version == m.newest {
			continue
		}
		key, err := m.unwrap(v.c, id.Key(r.ID), r.Kind, r.Version, r.Wrapped)
		if err != nil {
			return err
		}
		rows[i].Version, rows[i].Wrapped = m.newest, m.wrap(v.c, id.Key(r.ID), r.Kind, key)
	}
	return nil
}
