package keyring

import (
	"context"
	"errors"
	"sync"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// vault is the open key store of one customer, in each of its places.
type vault struct {
	k   *Keyring
	c   id.Customer
	dbs []*place.DB // as Keyring.stores

	ready chan struct{} // closed once opened
	err   error         // why it is not open

	users int    // guarded by Keyring.mu
	used  uint64 // guarded by Keyring.mu
	gone  bool   // guarded by Keyring.mu: the customer was destroyed meanwhile

	mu sync.Mutex // one change at a time: the places see all changes in one order
}

// errBehind is found when a crash or a failure came between two commits.
var errBehind = errors.New("the two places of a key store differ")

// acquire opens the key store of a customer or takes the open one. With create,
// stores that are missing are made.
func (k *Keyring) acquire(ctx context.Context, c id.Customer, create bool) (*vault, error) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "the key stores are closed")
	}
	v := k.open[c]
	if v != nil && v.gone {
		k.mu.Unlock()
		return nil, gone(c)
	}
	if v == nil {
		v = &vault{k: k, c: c, ready: make(chan struct{})}
		k.open[c] = v
		k.clock++
		v.users, v.used = 1, k.clock
		k.mu.Unlock()
		v.err = v.openAll(ctx, create)
		close(v.ready)
	} else {
		k.clock++
		v.users, v.used = v.users+1, k.clock
		k.mu.Unlock()
		<-v.ready
	}
	if v.err != nil {
		k.release(v)
		return nil, v.err
	}
	return v, nil
}

// release ends one use of a vault, and closes those that are too many.
func (k *Keyring) release(v *vault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v.users--
	if v.users == 0 && (v.err != nil || v.gone || k.closed) {
		v.close()
		if k.open[v.c] == v {
			delete(k.open, v.c)
		}
	}
	for len(k.open) > k.max {
		oldest := k.idle()
		if oldest == nil {
			return
		}
		oldest.close()
		delete(k.open, oldest.c)
	}
}

// idle is the vault that has been unused for the longest time.
func (k *Keyring) idle() *vault {
	var oldest *vault
	for _, v := range k.open {
		if v.users == 0 && (oldest == nil || v.used < oldest.used) {
			oldest = v
		}
	}
	return oldest
}

func (v *vault) close() {
	for _, db := range v.dbs {
		db.Close()
	}
	v.dbs = nil
}

// openAll opens every place and mends what a crash left.
func (v *vault) openAll(ctx context.Context, create bool) error {
	if !create {
		if err := v.exists(ctx); err != nil {
			return err
		}
	}
	for i, s := range v.k.stores {
		if err := s.present(i); err != nil { // never a file on a mount point
			return err
		}
		db, err := s.open(ctx, v.c)
		if err != nil {
			return err
		}
		v.dbs = append(v.dbs, db)
	}
	states, err := v.states(ctx)
	if err != nil {
		return err
	}
	made, differ := false, false
	for _, s := range states {
		made = made || s.Customer != ""
		differ = differ || s.Seq != states[0].Seq
	}
	switch {
	case !made && create:
		return v.create(ctx)
	case !made:
		return v.k.unknown(ctx, v.c)
	case differ:
		return v.reconcile(ctx)
	}
	return nil
}

// exists refuses to open what is in no place, since opening would make it.
func (v *vault) exists(ctx context.Context) error {
	for _, s := range v.k.stores {
		has, err := s.has(v.c)
		if err != nil {
			return err
		}
		if !has {
			continue
		}
		if s.dir != "" || v.c.IsZero() {
			return nil
		}
		// A schema cannot be looked for: ask the list of customers.
		known, err := v.k.customer(ctx, v.c)
		if err != nil {
			return err
		}
		if known.MadeAt != 0 && known.DestroyedAt == 0 {
			return nil
		}
	}
	return v.k.unknown(ctx, v.c)
}

// states reads the state of each place; zero where there is none yet.
func (v *vault) states(ctx context.Context) ([]stateRow, error) {
	states := make([]stateRow, len(v.dbs))
	for i, db := range v.dbs {
		err := db.View(ctx, func(tx *place.Tx) (err error) {
			states[i], err = stateOf(tx, v.c)
			return err
		})
		if err != nil {
			return nil, v.failed(i, err)
		}
	}
	return states, nil
}

// stateOf reads the state of one store and refuses that of another customer: a
// file that was copied under another name would otherwise give a customer
// someone else's keys.
func stateOf(tx *place.Tx, c id.Customer) (stateRow, error) {
	s, err := place.Row[stateRow](tx, `SELECT customer, made_at, seq FROM state`)
	if fault.Is(err, fault.NotFound) {
		return stateRow{}, nil
	}
	if err == nil && s.Customer != c.String() {
		err = fault.New(fault.Unavailable, "the key store of %v holds the keys of %s: a file was moved; restore the right one", c, s.Customer)
	}
	return s, err
}

// failed says which place a failure came from, unless that is said already.
func (v *vault) failed(i int, err error) error {
	if err == nil || errors.Is(err, errBehind) || fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	where := v.k.stores[i].at(v.c)
	name := where.File
	if name == "" {
		name = "schema " + where.Schema
	}
	return fault.Wrap(err, fault.Unavailable, "the key store %s does not work: look at its disk or database; "+
		"if it is damaged, move it away and it is made anew from the other place", name)
}

// view reads from the first place.
func (v *vault) view(ctx context.Context, fn func(*place.Tx) error) error {
	return v.failed(0, v.dbs[0].View(ctx, fn))
}

// update changes every place in one order; fn runs once in each, first to last,
// with the number of the place. What differs between the places is mended
// first. The commits come last to first, so a reader of the first place never
// sees what is not in both.
func (v *vault) update(ctx context.Context, fn func(i int, tx *place.Tx) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.nest(ctx, 0, 0, fn)
	if errors.Is(err, errBehind) {
		if err = v.reconcile(ctx); err == nil {
			err = v.nest(ctx, 0, 0, fn)
		}
	}
	return err
}

var steps = [2][2]string{{"first written", "first committed"}, {"second written", "second committed"}}

// nest runs fn in place i inside the transactions of the places before it.
func (v *vault) nest(ctx context.Context, i int, seq int64, fn func(int, *place.Tx) error) error {
	err := v.dbs[i].Update(ctx, func(tx *place.Tx) error {
		now, err := place.Row[int64](tx, `UPDATE state SET seq = seq + 1 RETURNING seq`)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if i > 0 && now != seq {
			return errBehind
		}
		if err := fn(i, tx); err != nil {
			return err
		}
		v.k.at(steps[i][0])
		if i+1 < len(v.dbs) {
			return v.nest(ctx, i+1, now, fn)
		}
		return nil
	})
	if err == nil {
		v.k.at(steps[i][1])
	}
	return v.failed(i, err)
}
