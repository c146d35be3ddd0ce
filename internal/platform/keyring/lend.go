package keyring

import (
	"context"
	"crypto/hpke"
	"errors"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// Limits of what a holder lends.
const (
	// Lent is how long a customer key that is held elsewhere stays in memory,
	// counted from before the holder was asked: the customer's refusal stops
	// everything that is opened within it.
	Lent = 5 * time.Minute
	// holderTime is how long an answer may take.
	holderTime = 10 * time.Second
	// again is how long a refusal is repeated without asking: a key server that
	// is down is not asked by everybody who waits for it.
	again = 5 * time.Second
)

// lent is the customer key in memory, in all its versions.
type lent struct {
	boxes   map[int64]*sealed.Box
	waiting hpke.PrivateKey // nil unless the key is held elsewhere
	edition int64
	until   time.Time // zero: while the program runs
}

// loan is what a holder has lent last, or why not.
type loan struct {
	mu     sync.Mutex // one question at a time
	has    *lent
	timer  *time.Timer
	failed error
	at     time.Time // of the failure
}

// lend gives the customer key: from memory, or from its holder.
func (k *Keyring) lend(ctx context.Context, v *vault, m *material) (*lent, error) {
	if m.lent != nil {
		return m.lent, nil
	}
	lo := k.loanOf(v.c)
	lo.mu.Lock()
	defer lo.mu.Unlock()
	now := k.now()
	if lo.good(m.edition, now) {
		return lo.has, nil
	}
	lo.drop()
	if lo.failed != nil && now.Sub(lo.at) < again {
		return nil, lo.failed
	}
	l, err := v.ask(ctx, m)
	if err != nil {
		err = asNotLent(err)
		if ctx.Err() == nil {
			lo.failed, lo.at = err, k.now()
		}
		return nil, err
	}
	l.until = now.Add(Lent)
	lo.has, lo.failed = l, nil
	lo.timer = time.AfterFunc(Lent, func() { k.expire(v.c, l) })
	return l, nil
}

// notLent is why a holder did not lend. It is fault.Unavailable, whatever the
// holder said: a key that it refuses or has lost is no recording that was
// destroyed, and whoever would take it for one must not.
type notLent struct{ error }

func asNotLent(err error) error {
	f := fault.Of(err)
	text := f.Text
	if len(f.Details) > 0 {
		text = f.Details[0].Text
	}
	return &notLent{fault.Wrap(err, fault.Unavailable, "%s", text)}
}

func (e *notLent) Unwrap() error { return e.error }

// NotLent reports whether something does not open because the customer's own key
// server did not lend the key: what is kept is whole, and opens once it does.
func NotLent(err error) bool {
	_, is := errors.AsType[*notLent](err)
	return is
}

// borrowed is what was lent and is still good; nil if the holder has to be asked.
func (k *Keyring) borrowed(c id.Customer, m *material) *lent {
	if m.lent != nil {
		return m.lent
	}
	lo := k.loanOf(c)
	if !lo.mu.TryLock() { // the holder is being asked; nobody who receives waits for it
		return nil
	}
	defer lo.mu.Unlock()
	if lo.good(m.edition, k.now()) {
		return lo.has
	}
	return nil
}

func (lo *loan) good(edition int64, now time.Time) bool {
	return lo.has != nil && lo.has.edition == edition && now.Before(lo.has.until)
}

func (lo *loan) drop() {
	lo.has = nil
	if lo.timer != nil {
		lo.timer.Stop()
		lo.timer = nil
	}
}

func (k *Keyring) loanOf(c id.Customer) *loan {
	k.mu.Lock()
	defer k.mu.Unlock()
	lo := k.loans[c]
	if lo == nil {
		lo = &loan{}
		k.loans[c] = lo
	}
	return lo
}

// expire drops a loan from memory when its time is over, also if nobody asks.
func (k *Keyring) expire(c id.Customer, l *lent) {
	lo := k.loanOf(c)
	lo.mu.Lock()
	defer lo.mu.Unlock()
	if lo.has == l {
		lo.drop()
	}
}

// ask opens all versions of a customer key, with its holder.
func (v *vault) ask(ctx context.Context, m *material) (*lent, error) {
	l, err := v.boxes(ctx, m.rows)
	if err != nil {
		return nil, err
	}
	if m.waitingSeed != nil {
		row := m.waitingSeed
		seed, err := l.unwrap(v.c, id.Key{}, row.Kind, row.Version, row.Wrapped)
		if err != nil {
			return nil, err
		}
		if l.waiting, err = hpke.MLKEM768X25519().NewPrivateKey(seed.Reveal()); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// boxes unwraps customer keys.
func (v *vault) boxes(ctx context.Context, rows []customerKeyRow) (*lent, error) {
	l := &lent{boxes: map[int64]*sealed.Box{}}
	for _, row := range rows {
		key, err := v.unwrapCustomer(ctx, row)
		if err != nil {
			return nil, err
		}
		l.boxes[row.Version] = sealed.NewBox(key)
		l.edition = max(l.edition, row.Edition)
	}
	return l, nil
}

// wrap closes a key under the newest customer key.
func (l *lent) wrap(m *material, c id.Customer, key id.Key, what kind, k secret.Key) []byte {
	return l.boxes[m.newest].Seal(bind(c, key, what, m.newest), k.Reveal())
}

// unwrap opens a wrapped key.
func (l *lent) unwrap(c id.Customer, key id.Key, what kind, version int64, wrapped []byte) (secret.Key, error) {
	aad := bind(c, key, what, version)
	if version == 0 && l.waiting != nil {
		b, err := hpke.Open(l.waiting, hpke.HKDFSHA256(), hpke.AES256GCM(), aad, wrapped)
		if err != nil {
			return secret.Key{}, damaged(err, c)
		}
		return secret.KeyFrom(b)
	}
	box := l.boxes[version]
	if box == nil {
		return secret.Key{}, fault.New(fault.Unavailable, "the key store of %v lacks version %d of the customer key: restore it from its mirror or its last backup", c, version)
	}
	b, err := box.Open(aad, wrapped)
	if err != nil {
		return secret.Key{}, damaged(err, c)
	}
	return secret.KeyFrom(b)
}

func damaged(err error, c id.Customer) error {
	return fault.Wrap(err, fault.Unavailable, "a key in the key store of %v is damaged: restore that from its mirror or its last backup", c)
}

// Still reports whether what was opened with a customer's keys may go on being
// read: always while the installation holds the customer key, else while its
// holder has lent it within the last five minutes, which is asked for anew when
// they are over. Whoever streams asks before each piece.
func (k *Keyring) Still(ctx context.Context, c id.Customer) error {
	m, err := k.material(ctx, c)
	if err != nil {
		return err
	}
	now := k.now().UnixMilli()
	if at := m.seen.Load(); now-at < seenFor.Milliseconds() && (m.lent != nil || k.borrowed(c, m) != nil) {
		return nil
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	if m, err = v.current(ctx, m); err != nil {
		return err
	}
	_, err = k.lend(ctx, v, m)
	return err
}

// seenFor is how long it is believed that no other server has changed who holds
// a customer key.
const seenFor = 30 * time.Second

// current gives the keys as the store has them now: another server may have
// rotated them, or given them to a holder.
func (v *vault) current(ctx context.Context, m *material) (*material, error) {
	var edition int64
	err := v.view(ctx, func(tx *place.Tx) (err error) {
		edition, err = editionOf(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if edition == m.edition {
		m.seen.Store(v.k.now().UnixMilli())
		return m, nil
	}
	return v.load(ctx)
}

// editionOf is the edition of the customer key.
func editionOf(tx *place.Tx) (int64, error) {
	return place.Row[int64](tx, `SELECT coalesce(max(edition), 0) FROM customer_keys`)
}

// forgetLent drops what was lent for a customer.
func (k *Keyring) forgetLent(c id.Customer) {
	lo := k.loanOf(c)
	lo.mu.Lock()
	defer lo.mu.Unlock()
	lo.drop()
	lo.failed = nil
}

// Settle wraps the keys that were received while the holder was not asked under
// the customer key, and says how many.
func (k *Keyring) Settle(ctx context.Context, c id.Customer) (n int, err error) {
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return 0, err
	}
	defer k.release(v)
	m, err := k.material(ctx, c)
	if err != nil {
		return 0, err
	}
	if m, err = v.current(ctx, m); err != nil {
		return 0, err
	}
	for {
		l, err := k.lend(ctx, v, m)
		if err != nil {
			return n, err
		}
		var rows []keyRow
		err = v.update(ctx, func(i int, tx *place.Tx) error {
			if i == 0 {
				if edition, err := editionOf(tx); err != nil || edition != m.edition {
					return errors.Join(err, errStale)
				}
				if rows, err = place.Rows[keyRow](tx, `SELECT id, kind, version, wrapped FROM keys WHERE version = 0 LIMIT ?`, rewrapAtOnce); err != nil {
					return err
				}
				if err := v.rewrapped(m, l, rows); err != nil {
					return err
				}
			}
			return replace(tx, rows)
		})
		n += len(rows)
		if err != nil || len(rows) < rewrapAtOnce {
			return n, err
		}
	}
}
