package keyring

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Turn says what a rotation of a customer key is to do. The zero value makes a
// new one that is held by whom the old one is.
type Turn struct {
	To       Holder                // who holds the new customer key
	Home     bool                  // the installation holds it again
	Progress func(done, all int64) // after each step; nil: nobody is told
}

// Turned is what a rotation did.
type Turned struct {
	Version int64 // of the customer key now
	Keys    int64 // that were wrapped anew
}

// Rotate gives a customer a new customer key and wraps every key anew under it;
// the old one is erased. What the keys seal stays as it is. It works in steps of
// some thousand keys between which the archive goes on; a rotation that was cut
// off leaves every key usable and is finished by the next.
func (k *Keyring) Rotate(ctx context.Context, c id.Customer) error {
	_, err := k.Turn(ctx, c, Turn{})
	return err
}

// Turn is Rotate with a say in who holds the new key. A key that changes hands
// is a new one: whoever held the old one, or has a copy of the key store from
// before, learns nothing of what is received from now on.
//
// A holder is asked before anything is written; while the key changes hands both
// are needed.
func (k *Keyring) Turn(ctx context.Context, c id.Customer, t Turn) (done Turned, err error) {
	if c.IsZero() && t.To != nil {
		return done, fault.New(fault.Invalid, "the installation's own keys are held by the installation")
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return done, err
	}
	defer k.release(v)
	m, err := k.material(ctx, c)
	if err != nil {
		return done, err
	}
	if m, err = v.current(ctx, m); err != nil {
		return done, err
	}
	if len(m.rows) > 1 { // a rotation was cut off
		if done, m, err = v.carryOver(ctx, m, t.Progress); err != nil || t.reached(m) {
			return done, err
		}
	}
	if m, err = v.newVersion(ctx, m, t); err != nil {
		return done, err
	}
	done, _, err = v.carryOver(ctx, m, t.Progress)
	return done, err
}

// reached reports whether the end of a rotation that was cut off is what is
// wanted now.
func (t Turn) reached(m *material) bool {
	switch {
	case t.To != nil:
		return m.now().Holder == t.To.Name()
	case t.Home:
		return !m.held()
	}
	return true
}

// newVersion writes a new customer key, and the named keys under it.
func (v *vault) newVersion(ctx context.Context, m *material, t Turn) (*material, error) {
	l, err := v.k.lend(ctx, v, m)
	if err != nil {
		return nil, err
	}
	root, err := v.k.rootNow(ctx)
	if err != nil {
		return nil, err
	}
	to := t.To
	if holder := m.now().Holder; to == nil && !t.Home && holder != "" {
		if to, err = v.k.holder(ctx, v.c, holder); err != nil {
			return nil, err
		}
	}
	key := secret.NewKey()
	row, err := wrapCustomer(ctx, root, to, v.c, m.newest+1, key)
	if err != nil {
		return nil, err
	}
	row.MadeAt = v.k.now().UnixMilli()
	next := newer(m, l, row, key)
	var names []namedKeyRow
	err = v.update(ctx, func(i int, tx *place.Tx) error {
		now, err := place.Row[int64](tx, `SELECT max(version) FROM customer_keys`)
		if err != nil {
			return err
		}
		if now != m.newest {
			return fault.New(fault.Conflict, "the customer key is being rotated already")
		}
		if i == 0 {
			if names, err = v.renamed(ctx, tx, next, root, to != nil); err != nil {
				return err
			}
		}
		if err := putCustomerKey(tx, row); err != nil {
			return err
		}
		for _, name := range names {
			if err := putNamedKey(tx, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.k.forget(v.c)
	v.k.forgetLent(v.c)
	return v.load(ctx)
}

// renamed wraps the named keys anew: under the newest version or, once the
// customer key is held elsewhere, under the root key, with the key pair for what
// waits.
func (v *vault) renamed(ctx context.Context, tx *place.Tx, next *turning, root Provider, held bool) ([]namedKeyRow, error) {
	rows, err := place.Rows[namedKeyRow](tx, selectNamedKeys)
	if err != nil {
		return nil, err
	}
	out := rows[:0]
	for _, row := range rows {
		if row.Kind == waitingPublic || row.Version == 0 {
			continue // as they are: no customer key is above them
		}
		key, err := next.l.unwrap(v.c, id.Key{}, row.Kind, row.Version, row.Wrapped)
		if err != nil {
			return nil, err
		}
		if held && row.Kind != waitingSeed {
			row.Version, row.Root = 0, root.Name()
			row.Wrapped, err = root.Wrap(ctx, bind(v.c, id.Key{}, row.Kind, 0), key)
		} else {
			row.Version, row.Wrapped = next.m.newest, next.l.wrap(next.m, v.c, id.Key{}, row.Kind, key)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	if held && next.m.waiting == nil {
		made, err := v.waitingKeys(next.m, next.l, next.m.field)
		return slices.Concat(out, made), err
	}
	return out, nil
}

// carryOver wraps every key under the newest version and erases the older ones.
func (v *vault) carryOver(ctx context.Context, m *material, progress func(done, all int64)) (Turned, *material, error) {
	done := Turned{Version: m.newest}
	l, err := v.k.lend(ctx, v, m)
	if err != nil {
		return done, m, err
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var all int64
	err = v.view(ctx, func(tx *place.Tx) (err error) {
		all, err = place.Row[int64](tx, `SELECT count(*) FROM keys`)
		return err
	})
	if err != nil {
		return done, m, err
	}
	var last id.Key
	for end := false; !end; {
		n := 0
		if n, end, err = v.rewrap(ctx, m, l, &last); err != nil {
			return done, m, err
		}
		done.Keys += int64(n)
		progress(done.Keys, max(all, done.Keys))
	}
	err = v.update(ctx, func(_ int, tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM customer_keys WHERE version < ?
			AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.version = customer_keys.version)
			AND NOT EXISTS (SELECT 1 FROM named_keys WHERE named_keys.version = customer_keys.version)`, m.newest)
		return err
	})
	if err != nil {
		return done, m, err
	}
	if err := v.scrub(ctx); err != nil {
		return done, m, err
	}
	v.k.forgetLent(v.c)
	m, err = v.load(ctx)
	return done, m, err
}

// rewrapAtOnce is how many keys one transaction of a rotation touches.
const rewrapAtOnce = 4000

// rewrap wraps the next keys after *last anew, and reports how many it has seen
// and whether those were all.
func (v *vault) rewrap(ctx context.Context, m *material, l *lent, last *id.Key) (n int, done bool, err error) {
	var rows []keyRow
	var end id.Key
	err = v.update(ctx, func(i int, tx *place.Tx) error {
		if i == 0 {
			rows, err = place.Rows[keyRow](tx, `SELECT id, kind, version, wrapped FROM keys WHERE id > ? ORDER BY id LIMIT ?`, last[:], rewrapAtOnce)
			if err != nil {
				return err
			}
			n, done = len(rows), len(rows) < rewrapAtOnce
			if n > 0 {
				end = rows[n-1].ID
			}
			rows = slices.DeleteFunc(rows, func(r keyRow) bool { return r.Version == m.newest })
			if err := v.rewrapped(m, l, rows); err != nil {
				return err
			}
		}
		return replace(tx, rows)
	})
	*last = end
	return n, done, err
}

func (v *vault) rewrapped(m *material, l *lent, rows []keyRow) error {
	for i, r := range rows {
		key, err := l.unwrap(v.c, id.Key(r.ID), r.Kind, r.Version, r.Wrapped)
		if err != nil {
			return err
		}
		rows[i].Version, rows[i].Wrapped = m.newest, l.wrap(m, v.c, id.Key(r.ID), r.Kind, key)
	}
	return nil
}

// The statements write many rows at once, all of which stand there: they were
// read in the same change, so that nothing that was destroyed comes back.
var (
	replaceOne  = `INSERT INTO keys (id, kind, version, wrapped) VALUES (?, ?, ?, ?)` + onReplace
	replaceMany = `INSERT INTO keys (id, kind, version, wrapped) VALUES (?, ?, ?, ?)` + strings.Repeat(`, (?, ?, ?, ?)`, replacedAtOnce-1) + onReplace
)

const (
	onReplace      = ` ON CONFLICT (id) DO UPDATE SET version = excluded.version, wrapped = excluded.wrapped`
	replacedAtOnce = 200
)

func replace(tx *place.Tx, rows []keyRow) error {
	for part := range slices.Chunk(rows, replacedAtOnce) {
		if len(part) < replacedAtOnce {
			for _, r := range part {
				if _, err := tx.Exec(replaceOne, r.ID[:], int(r.Kind), r.Version, r.Wrapped); err != nil {
					return err
				}
			}
			continue
		}
		args := make([]any, 0, 4*replacedAtOnce)
		for i := range part {
			args = append(args, part[i].ID[:], int(part[i].Kind), part[i].Version, part[i].Wrapped)
		}
		if _, err := tx.Exec(replaceMany, args...); err != nil {
			return err
		}
	}
	return nil
}
