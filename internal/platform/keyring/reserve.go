package keyring

import (
	"context"
	"errors"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Reserve makes the keys of n new recordings. They stand in every place before
// it returns, so nothing is ever sealed under a key that could be lost; keys
// that are not used do no harm. One call for many is one transaction.
func (k *Keyring) Reserve(ctx context.Context, c id.Customer, n int) ([]Reserved, error) {
	out := make([]Reserved, n)
	for i := range out {
		out[i] = Reserved{Key{id.New[id.Key](), secret.NewKey()}, Key{id.New[id.Key](), secret.NewKey()}}
	}
	if n == 0 {
		return out, nil
	}
	if err := k.store(ctx, c, out); err != nil {
		return nil, err
	}
	return out, nil
}

// store wraps keys and writes them in every place. A key that is there already
// stays as it is; one that was destroyed is fault.Gone.
func (k *Keyring) store(ctx context.Context, c id.Customer, pairs []Reserved) error {
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	err = k.storeIn(ctx, v, pairs)
	for range 3 {
		if !errors.Is(err, errStale) { // another process has rotated
			break
		}
		k.forget(c)
		err = k.storeIn(ctx, v, pairs)
	}
	return err
}

func (k *Keyring) storeIn(ctx context.Context, v *vault, pairs []Reserved) error {
	m, err := k.material(ctx, v.c)
	if err != nil {
		return err
	}
	rows := make([]keyRow, 0, 2*len(pairs))
	l := k.borrowed(v.c, m)
	for _, p := range pairs {
		for _, one := range []struct {
			Key
			what kind
		}{{p.Content, content}, {p.Card, card}} {
			row, err := m.closed(l, v.c, one.Key, one.what)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	return v.update(ctx, func(_ int, tx *place.Tx) error {
		edition, err := editionOf(tx)
		if err != nil {
			return err
		}
		if edition != m.edition {
			return errStale
		}
		return insert(tx, rows)
	})
}

// closed wraps a key of a recording: under the customer key or, if that is held
// elsewhere and is not lent, so that it waits for the holder. Receiving asks
// nobody.
func (m *material) closed(l *lent, c id.Customer, k Key, what kind) (keyRow, error) {
	if l != nil {
		return keyRow{k.ID, what, m.newest, l.wrap(m, c, k.ID, what, k.Key)}, nil
	}
	w, err := m.wait(c, k.ID, what, k.Key)
	return keyRow{k.ID, what, 0, w}, err
}

// rowsAtOnce is how many rows one statement writes; rows that do not fill one
// go singly, so that there are two texts of statements and no more.
const rowsAtOnce = 32

var insertMany = `INSERT INTO keys (id, kind, version, wrapped) VALUES (?, ?, ?, ?)` +
	strings.Repeat(`, (?, ?, ?, ?)`, rowsAtOnce-1) + ` ON CONFLICT (id) DO NOTHING`

func insert(tx *place.Tx, rows []keyRow) error {
	for part := range slices.Chunk(rows, rowsAtOnce) {
		if len(part) == rowsAtOnce {
			args := make([]any, 0, 4*rowsAtOnce)
			for i := range part {
				args = append(args, part[i].ID[:], int(part[i].Kind), part[i].Version, part[i].Wrapped)
			}
			if _, err := tx.Exec(insertMany, args...); err != nil {
				return err
			}
			continue
		}
		for _, r := range part {
			_, err := tx.Exec(`INSERT INTO keys (id, kind, version, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, r.ID[:], int(r.Kind), r.Version, r.Wrapped)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Destroy erases keys in every place, for good. What they sealed cannot be
// opened any more, not from any backup of places or objects either. Their ids
// stay, with the reason. Destroying again, or what never was, is no fault.
func (k *Keyring) Destroy(ctx context.Context, c id.Customer, reason string, keys ...id.Key) error {
	if len(keys) == 0 {
		return nil
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	at := k.now().UnixMilli()
	err = v.update(ctx, func(_ int, tx *place.Tx) error { return bury(tx, at, reason, keys) })
	if err != nil {
		return err
	}
	return v.scrub(ctx)
}

const buryOne = `INSERT INTO tombstones (id, at, reason) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`

var buryMany = strings.Replace(buryOne, `(?, ?, ?)`, `(?, ?, ?)`+strings.Repeat(`, (?, ?, ?)`, buryAtOnce-1), 1)

// buryAtOnce is as rowsAtOnce, for tombstones: on PostgreSQL each statement is a
// way there and back.
const buryAtOnce = 250

// bury erases keys and leaves their tombstones.
func bury(tx *place.Tx, at int64, reason string, keys []id.Key) error {
	for part := range slices.Chunk(keys, buryAtOnce) {
		text, each := buryOne, 1
		if len(part) == buryAtOnce {
			text, each = buryMany, buryAtOnce
		}
		for some := range slices.Chunk(part, each) {
			args := make([]any, 0, 3*each)
			for _, key := range some {
				args = append(args, key[:], at, reason)
			}
			if _, err := tx.Exec(text, args...); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`DELETE FROM keys WHERE id IN (?)`, place.List(part)); err != nil {
			return err
		}
	}
	return nil
}

// scrub makes sure that what was deleted does not stay in the log of a file.
func (v *vault) scrub(ctx context.Context) error {
	for i, db := range v.dbs {
		if err := v.failed(i, db.Scrub(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// Destroyed says which of the keys were destroyed; without keys, all that were,
// in the order of their ids. A restored place purges what is named here before
// it opens.
func (k *Keyring) Destroyed(ctx context.Context, c id.Customer, keys ...id.Key) (dead []id.Key, err error) {
	err = k.look(ctx, c, func(tx *place.Tx) (err error) {
		if len(keys) == 0 {
			dead, err = place.Rows[id.Key](tx, `SELECT id FROM tombstones ORDER BY id`)
			return err
		}
		for _, key := range keys {
			n, err := place.Row[int64](tx, `SELECT count(*) FROM tombstones WHERE id = ?`, key[:])
			if err != nil {
				return err
			}
			if n > 0 {
				dead = append(dead, key)
			}
		}
		return nil
	})
	return dead, err
}

// destroyed is the fault of a key that must not come back.
func destroyed() error {
	return fault.New(fault.Gone, "this was destroyed and is not taken again")
}
