package keyring

import (
	"context"
	"errors"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Use opens one key for a receipt. It refuses a receipt that has ended
// (fault.Gone), was used before (fault.Conflict) or is not for this key
// (fault.Denied); a key that was destroyed is fault.Gone, one that never was is
// fault.NotFound. The opening is counted in every place of the key store,
// durably, before anything is unwrapped: no crash gives a key without a count.
//
// One receipt is one opening. The caller keeps the key until the receipt ends,
// for all requests of that opening.
func (k *Keyring) Use(ctx context.Context, r place.Receipt, key id.Key) (secret.Key, error) {
	keys, err := k.unlock(ctx, r, []id.Key{key}, false)
	if err != nil {
		return secret.Key{}, err
	}
	if got, ok := keys[key]; ok {
		return got, nil
	}
	dead, err := k.Destroyed(ctx, r.Customer(), key)
	if err != nil {
		return secret.Key{}, err
	}
	if len(dead) > 0 {
		return secret.Key{}, fault.New(fault.Gone, "this was destroyed: its key is no more")
	}
	return secret.Key{}, fault.New(fault.NotFound, "there is no such key")
}

// UseMany opens several keys for one receipt that names them all, with one
// count. Keys that were destroyed are absent from the answer.
func (k *Keyring) UseMany(ctx context.Context, r place.Receipt, keys []id.Key) (map[id.Key]secret.Key, error) {
	return k.unlock(ctx, r, keys, false)
}

// Cards opens card keys for one receipt, as one page of a list needs them. It
// refuses content keys. Keys that were destroyed are absent from the answer.
func (k *Keyring) Cards(ctx context.Context, r place.Receipt, keys []id.Key) (map[id.Key]secret.Key, error) {
	return k.unlock(ctx, r, keys, true)
}

// onlyCards are the ways of opening for which names are needed but no sound.
func onlyCards(what string) bool { return what == "card" || what == "field" }

// unlock is the one way from a wrapped key to a key that opens something.
func (k *Keyring) unlock(ctx context.Context, r place.Receipt, keys []id.Key, cards bool) (map[id.Key]secret.Key, error) {
	if err := k.admit(r, keys); err != nil {
		return nil, err
	}
	v, err := k.acquire(ctx, r.Customer(), false)
	if err != nil {
		return nil, err
	}
	defer k.release(v)
	m, err := k.material(ctx, v.c)
	if err != nil {
		return nil, err
	}
	open, err := k.opened(ctx, v, m, r, keys, cards)
	for range 3 {
		if !errors.Is(err, errStale) { // another process has rotated, or a holder has the key now
			break
		}
		if m, err = v.load(ctx); err != nil {
			return nil, err
		}
		open, err = k.opened(ctx, v, m, r, keys, cards)
	}
	return open, err
}

// opened counts an opening and unwraps its keys with the customer key as it is
// now, for which a holder may have to be asked: first, so that what it refuses
// uses up no receipt.
func (k *Keyring) opened(ctx context.Context, v *vault, m *material, r place.Receipt, keys []id.Key, cards bool) (map[id.Key]secret.Key, error) {
	l, err := k.lend(ctx, v, m)
	if err != nil {
		return nil, err
	}
	var rows []keyRow
	opening := openingRow{r.ID(), k.now().UnixMilli(), r.What(), int64(len(keys))}
	err = v.update(ctx, func(i int, tx *place.Tx) (err error) {
		if i == 0 {
			if edition, err := editionOf(tx); err != nil || edition != m.edition {
				return errors.Join(err, errStale)
			}
			if rows, err = find(tx, keys); err != nil {
				return err
			}
			if err := allowed(rows, cards || onlyCards(r.What())); err != nil {
				return err
			}
		}
		first, err := count(tx, &opening)
		if err == nil && !first {
			err = fault.New(fault.Conflict, "this opening was used already: open it again")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	k.at("counted")
	open := make(map[id.Key]secret.Key, len(rows))
	for _, row := range rows {
		key, err := l.unwrap(v.c, id.Key(row.ID), row.Kind, row.Version, row.Wrapped)
		if err != nil {
			return nil, err
		}
		open[id.Key(row.ID)] = key
	}
	k.at("unwrapped")
	return open, nil
}

// admit judges the receipt itself.
func (k *Keyring) admit(r place.Receipt, keys []id.Key) error {
	if r.IsZero() {
		return fault.New(fault.Denied, "nothing is opened without a receipt")
	}
	if !k.now().Before(r.Until()) {
		return fault.New(fault.Gone, "this opening has ended: open it again")
	}
	for _, key := range keys {
		if !r.Covers(key) {
			return fault.New(fault.Denied, "this opening is for something else")
		}
	}
	return nil
}

func allowed(rows []keyRow, cards bool) error {
	for _, row := range rows {
		if row.Kind != card && (cards || row.Kind != content) {
			return fault.New(fault.Denied, "this opening does not reach the content")
		}
	}
	return nil
}

// find reads the wrapped keys that exist.
func find(tx *place.Tx, keys []id.Key) ([]keyRow, error) {
	rows := make([]keyRow, 0, len(keys))
	for _, key := range keys {
		row, err := place.Row[keyRow](tx, `SELECT id, kind, version, wrapped FROM keys WHERE id = ?`, key[:])
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// count writes an opening, and reports whether its receipt is new.
func count(tx *place.Tx, r *openingRow) (bool, error) {
	n, err := tx.Exec(`INSERT INTO openings (receipt, at, what, keys) VALUES (?, ?, ?, ?) ON CONFLICT (receipt) DO NOTHING`, r.Receipt[:], r.At, r.What, r.Keys)
	return n == 1, err
}

// Openings is the key store's own count of openings. The journal has at least
// as many; if it has fewer, somebody took them out.
func (k *Keyring) Openings(ctx context.Context, c id.Customer) (n int64, err error) {
	err = k.look(ctx, c, func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM openings`)
		return err
	})
	return n, err
}

// look reads the key store of a customer.
func (k *Keyring) look(ctx context.Context, c id.Customer, fn func(*place.Tx) error) error {
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	return v.view(ctx, fn)
}

// errStale is found when the customer key was rotated or given to a holder since
// it was read.
var errStale = errors.New("the customer key has a newer edition")
