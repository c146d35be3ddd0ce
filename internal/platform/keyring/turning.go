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

// turning is a customer key between two versions.
type turning struct {
	m *material
	l *lent
}

// newer adds a version to what is in memory.
func newer(m *material, l *lent, row customerKeyRow, key secret.Key) *turning {
	next := &lent{boxes: maps.Clone(l.boxes), waiting: l.waiting}
	next.boxes[row.Version] = sealed.NewBox(key)
	return &turning{&material{newest: row.Version, field: m.field, waiting: m.waiting}, next}
}

// putCustomerKey writes a customer key, with the running number of this change as
// its edition.
func putCustomerKey(tx *place.Tx, r customerKeyRow) error {
	_, err := tx.Exec(`INSERT INTO customer_keys (version, root, wrapped, edition, made_at, holder, held) VALUES (?, ?, ?, (SELECT seq FROM state), ?, ?, ?)
		ON CONFLICT (version) DO UPDATE SET root = excluded.root, wrapped = excluded.wrapped, edition = excluded.edition, holder = excluded.holder, held = excluded.held`,
		r.Version, r.Root, r.Wrapped, r.MadeAt, r.Holder, r.Held)
	return err
}

func putNamedKey(tx *place.Tx, r namedKeyRow) error {
	_, err := tx.Exec(`INSERT INTO named_keys (kind, version, wrapped, edition, root) VALUES (?, ?, ?, (SELECT seq FROM state), ?)
		ON CONFLICT (kind) DO UPDATE SET version = excluded.version, wrapped = excluded.wrapped, edition = excluded.edition, root = excluded.root`,
		int(r.Kind), r.Version, r.Wrapped, r.Root)
	return err
}

// holder finds who holds a customer's key.
func (k *Keyring) holder(ctx context.Context, c id.Customer, name string) (Holder, error) {
	k.mu.Lock()
	find := k.holders
	k.mu.Unlock()
	if find == nil {
		return nil, fault.New(fault.Unavailable, "the key of this customer is held by %s, which cannot be asked from here", name)
	}
	return find(ctx, c, name)
}

// rootNow is the root key that wraps what is new: the one that the installation's
// own keys are under. While a root key is rotated that is the new one, on every
// server, from the first step on.
func (k *Keyring) rootNow(ctx context.Context) (Provider, error) {
	var name string
	err := k.look(ctx, installation, func(tx *place.Tx) (err error) {
		name, err = place.Row[string](tx, `SELECT root FROM customer_keys ORDER BY version DESC LIMIT 1`)
		return err
	})
	if err != nil {
		return nil, err
	}
	return k.rootNamed(name)
}

// Rooms is a provider that knows root keys beside the one that it wraps with: the
// next one before it is taken up, the former one until nothing is under it.
type Rooms interface {
	Provider
	// Find looks a root key up by its name, anew if it is not known.
	Find(name string) (Provider, bool)
}

// rootNamed finds a root key that is at hand.
func (k *Keyring) rootNamed(name string) (Provider, error) {
	if k.root.Name() == name {
		return k.root, nil
	}
	if all, ok := k.root.(Rooms); ok {
		if r, found := all.Find(name); found {
			return r, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "the key stores were made with another root key (%s) than the one given (%s): "+
		"put the right root key, or its recovery copy, in its place; nothing was changed", name, k.root.Name())
}

// State is what is known of a customer's keys, without opening any.
type State struct {
	Version int64  // of the customer key
	MadeAt  int64  // milliseconds
	Root    string // name of the root key above it
	Holder  string // empty: the installation
	Turning bool   // a rotation is not finished
	Keys    int64  // that are under it
	Waiting int64  // of these, received while the holder was not asked
	Dead    int64  // that were destroyed
	Copies  int
}

// State reads the state of a customer's keys, or of the installation's.
func (k *Keyring) State(ctx context.Context, c id.Customer) (s State, err error) {
	s.Copies = len(k.stores)
	err = k.look(ctx, c, func(tx *place.Tx) error {
		rows, err := place.Rows[customerKeyRow](tx, selectCustomerKeys)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return k.unknown(ctx, c)
		}
		row := rows[len(rows)-1]
		s.Version, s.MadeAt, s.Root, s.Holder, s.Turning = row.Version, row.MadeAt, row.Root, row.Holder, len(rows) > 1
		if s.MadeAt == 0 {
			if s.MadeAt, err = place.Row[int64](tx, `SELECT made_at FROM state`); err != nil {
				return err
			}
		}
		for _, q := range []struct {
			to   *int64
			text string
		}{
			{&s.Keys, `SELECT count(*) FROM keys`},
			{&s.Waiting, `SELECT count(*) FROM keys WHERE version = 0`},
			{&s.Dead, `SELECT count(*) FROM tombstones`},
		} {
			if *q.to, err = place.Row[int64](tx, q.text); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}
