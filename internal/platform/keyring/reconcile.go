package keyring

import (
	"bytes"
	"context"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// reconcile makes both places of a key store equal after a crash between their
// commits, after a restore of one of them, or when one is new: the union of
// their keys, less what either has destroyed. A tombstone always wins, whichever
// side is older: a key that was destroyed stays so. It may be interrupted and
// done again; the running numbers are made equal by its last commit only.
func (v *vault) reconcile(ctx context.Context) error {
	if len(v.dbs) != 2 {
		return fault.New(fault.Internal, "one place cannot differ from itself")
	}
	return v.failed(0, v.dbs[0].Update(ctx, func(a *place.Tx) error {
		return v.failed(1, v.dbs[1].Update(ctx, func(b *place.Tx) error {
			return v.merge(a, b)
		}))
	}))
}

// merge makes two stores equal.
func (v *vault) merge(a, b *place.Tx) error {
	if err := v.sameKeys(a, b); err != nil {
		return err
	}
	seq, err := v.mergeState(a, b)
	if err != nil {
		return err
	}
	// Tombstones first: the keys that they name must not be copied.
	for _, merge := range []func(a, b *place.Tx) error{
		mergeTombstones, mergeCustomerKeys, mergeNamedKeys, mergeKeys, mergeOpenings, mergeCustomers,
	} {
		if err := merge(a, b); err != nil {
			return err
		}
	}
	for _, tx := range []*place.Tx{a, b} {
		if _, err := tx.Exec(`UPDATE state SET seq = ?`, seq); err != nil {
			return err
		}
	}
	v.k.forget(v.c)
	return nil
}

// mergeState copies a state that only one store has, and gives the next number.
func (v *vault) mergeState(a, b *place.Tx) (int64, error) {
	sa, err := stateOf(a, v.c)
	if err != nil {
		return 0, err
	}
	sb, err := stateOf(b, v.c)
	if err != nil {
		return 0, err
	}
	for _, s := range []struct {
		to         *place.Tx
		have, from stateRow
	}{{a, sa, sb}, {b, sb, sa}} {
		if s.have.Customer == "" {
			_, err := s.to.Exec(`INSERT INTO state (one, customer, made_at, seq) VALUES (1, ?, ?, 0)`, s.from.Customer, s.from.MadeAt)
			if err != nil {
				return 0, err
			}
		}
	}
	return max(sa.Seq, sb.Seq) + 1, nil
}

// sameKeys refuses to mix two stores that were made apart: the keys of one
// would overwrite those of the other. A key that was wrapped anew in one of them
// only has another edition, in stores that were made together.
func (v *vault) sameKeys(a, b *place.Tx) error {
	sa, err := stateOf(a, v.c)
	if err != nil {
		return err
	}
	sb, err := stateOf(b, v.c)
	if err != nil {
		return err
	}
	ka, err := place.Rows[customerKeyRow](a, selectCustomerKeys)
	if err != nil {
		return err
	}
	kb, err := place.Rows[customerKeyRow](b, selectCustomerKeys)
	if err != nil {
		return err
	}
	for _, x := range ka {
		for _, y := range kb {
			if x.Version == y.Version && !bytes.Equal(x.Wrapped, y.Wrapped) && (x.Edition == y.Edition || sa.MadeAt != sb.MadeAt) {
				return fault.New(fault.Unavailable, "the two key stores of %v are not of the same installation: name the right folders; nothing was changed", v.c)
			}
		}
	}
	return nil
}

// pageSize is how many rows are compared at a time.
const pageSize = 5000

// both walks through one table of two stores, ordered by id, and calls fn for
// each id that is in either, with the row of each or nil.
func both[T any](a, b *place.Tx, text string, key func(*T) [16]byte, fn func(x, y *T) error) error {
	ra, rb := &pages[T]{tx: a, text: text, key: key}, &pages[T]{tx: b, text: text, key: key}
	for {
		x, err := ra.peek()
		if err != nil {
			return err
		}
		y, err := rb.peek()
		if err != nil {
			return err
		}
		if x == nil && y == nil {
			return nil
		}
		if x != nil && y != nil {
			kx, ky := key(x), key(y)
			switch bytes.Compare(kx[:], ky[:]) {
			case -1:
				y = nil
			case 1:
				x = nil
			}
		}
		if x != nil {
			ra.next()
		}
		if y != nil {
			rb.next()
		}
		if err := fn(x, y); err != nil {
			return err
		}
	}
}

// pages reads a table in pages, so that a million rows do not stand in memory.
type pages[T any] struct {
	tx   *place.Tx
	text string // SELECT … WHERE id > ? ORDER BY id LIMIT ?
	key  func(*T) [16]byte
	rows []T
	last []byte // nil before the first page
	done bool
}

func (p *pages[T]) peek() (*T, error) {
	if len(p.rows) == 0 && !p.done {
		if p.last == nil {
			p.last = []byte{}
		}
		rows, err := place.Rows[T](p.tx, p.text, p.last, pageSize)
		if err != nil {
			return nil, err
		}
		p.rows, p.done = rows, len(rows) < pageSize
		if len(rows) > 0 {
			last := p.key(&rows[len(rows)-1])
			p.last = last[:]
		}
	}
	if len(p.rows) == 0 {
		return nil, nil
	}
	return &p.rows[0], nil
}

func (p *pages[T]) next() { p.rows = p.rows[1:] }

func mergeTombstones(a, b *place.Tx) error {
	put := func(tx *place.Tx, r *tombstoneRow) error {
		return bury(tx, r.At, r.Reason, []id.Key{id.Key(r.ID)})
	}
	return both(a, b, `SELECT id, at, reason FROM tombstones WHERE id > ? ORDER BY id LIMIT ?`,
		func(r *tombstoneRow) [16]byte { return r.ID },
		func(x, y *tombstoneRow) error {
			switch {
			case x == nil:
				return put(a, y)
			case y == nil:
				return put(b, x)
			}
			return nil
		})
}

func mergeKeys(a, b *place.Tx) error {
	return both(a, b, `SELECT id, kind, version, wrapped FROM keys WHERE id > ? ORDER BY id LIMIT ?`,
		func(r *keyRow) [16]byte { return r.ID },
		func(x, y *keyRow) error {
			// Different versions: a rotation was cut off; the newer one is kept.
			switch {
			case x == nil || y != nil && y.Version > x.Version:
				return putKey(a, y)
			case y == nil || x.Version > y.Version:
				return putKey(b, x)
			}
			return nil
		})
}

// putKey writes a key unless it was destroyed in that store, where the
// tombstones of both stand by now.
func putKey(tx *place.Tx, r *keyRow) error {
	dead, err := place.Row[int64](tx, `SELECT count(*) FROM tombstones WHERE id = ?`, r.ID[:])
	if err != nil || dead > 0 {
		return err
	}
	_, err = tx.Exec(`INSERT INTO keys (id, kind, version, wrapped) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, version = excluded.version, wrapped = excluded.wrapped`,
		r.ID[:], int(r.Kind), r.Version, r.Wrapped)
	return err
}

func mergeOpenings(a, b *place.Tx) error {
	put := func(tx *place.Tx, r *openingRow) error {
		_, err := count(tx, r)
		return err
	}
	return both(a, b, `SELECT receipt, at, what, keys FROM openings WHERE receipt > ? ORDER BY receipt LIMIT ?`,
		func(r *openingRow) [16]byte { return r.Receipt },
		func(x, y *openingRow) error {
			switch {
			case x == nil:
				return put(a, y)
			case y == nil:
				return put(b, x)
			}
			return nil
		})
}

func mergeCustomers(a, b *place.Tx) error {
	put := func(tx *place.Tx, r *customerRow) error {
		_, err := tx.Exec(`INSERT INTO customers (id, made_at, destroyed_at, reason) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET destroyed_at = excluded.destroyed_at, reason = excluded.reason`, r.ID[:], r.MadeAt, r.DestroyedAt, r.Reason)
		return err
	}
	return both(a, b, `SELECT id, made_at, destroyed_at, reason FROM customers WHERE id > ? ORDER BY id LIMIT ?`,
		func(r *customerRow) [16]byte { return r.ID },
		func(x, y *customerRow) error {
			switch {
			case x == nil || y != nil && y.DestroyedAt != 0 && x.DestroyedAt == 0:
				return put(a, y)
			case y == nil || x.DestroyedAt != 0 && y.DestroyedAt == 0:
				return put(b, x)
			}
			return nil
		})
}

// mergeCustomerKeys keeps all versions that either has, as they were wrapped
// last; Rotate drops what no key needs. If DestroyCustomer was cut off, they are in
// both again until it is done again, which the tombstone in the installation's
// store makes sure of.
func mergeCustomerKeys(a, b *place.Tx) error {
	ka, err := place.Rows[customerKeyRow](a, selectCustomerKeys)
	if err != nil {
		return err
	}
	kb, err := place.Rows[customerKeyRow](b, selectCustomerKeys)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(ka, kb) {
		for _, tx := range []*place.Tx{a, b} {
			if err := mergeCustomerKey(tx, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeCustomerKey writes a customer key unless there is a newer edition of it.
func mergeCustomerKey(tx *place.Tx, r customerKeyRow) error {
	_, err := tx.Exec(`INSERT INTO customer_keys (version, root, wrapped, edition, made_at, holder, held) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (version) DO UPDATE SET root = excluded.root, wrapped = excluded.wrapped, edition = excluded.edition, holder = excluded.holder, held = excluded.held
		WHERE excluded.edition > customer_keys.edition`, r.Version, r.Root, r.Wrapped, r.Edition, r.MadeAt, r.Holder, r.Held)
	return err
}

func mergeNamedKeys(a, b *place.Tx) error {
	ka, err := place.Rows[namedKeyRow](a, selectNamedKeys)
	if err != nil {
		return err
	}
	kb, err := place.Rows[namedKeyRow](b, selectNamedKeys)
	if err != nil {
		return err
	}
	for _, row := range slices.Concat(ka, kb) {
		for _, tx := range []*place.Tx{a, b} {
			if err := mergeNamedKey(tx, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeNamedKey writes a named key unless there is a newer edition of it. Rows
// from before there were editions are told apart by their versions.
func mergeNamedKey(tx *place.Tx, r namedKeyRow) error {
	_, err := tx.Exec(`INSERT INTO named_keys (kind, version, wrapped, edition, root) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (kind) DO UPDATE SET version = excluded.version, wrapped = excluded.wrapped, edition = excluded.edition, root = excluded.root
		WHERE excluded.edition > named_keys.edition OR excluded.edition = named_keys.edition AND excluded.version > named_keys.version`,
		int(r.Kind), r.Version, r.Wrapped, r.Edition, r.Root)
	return err
}
