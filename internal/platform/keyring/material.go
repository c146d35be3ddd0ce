package keyring

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"sync/atomic"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// kind is what a key is for. It is bound to the wrapped key, so that a card key
// cannot be passed off as a content key. The numbers are for ever.
type kind int

const (
	content  kind = 1 // sound, transcript, redactions of one recording
	card     kind = 2 // names, numbers, file names of one recording
	field    kind = 3 // personal fields in rows
	index    kind = 4 // blind indexes; never changes, or nothing would be found
	hpkeSeed kind = 5 // private key to which collectors seal
	signSeed kind = 6 // Ed25519, signs receipts; of the installation
	customer kind = 7 // wraps all of the above

	// While the customer key is held elsewhere:
	waitingSeed   kind = 8  // private key to which keys are sealed that wait for the holder
	waitingPublic kind = 9  // its public half, sealed by the field key
	half          kind = 10 // the root key's half of what opens the customer key
)

// named are the kinds of which a customer has one.
func named(c id.Customer) []kind {
	if c.IsZero() {
		return []kind{field, index, signSeed}
	}
	return []kind{field, index, hpkeSeed}
}

// bind is the associated data of a wrapped key: a row that is copied to another
// customer, key, kind or version does not open.
func bind(c id.Customer, key id.Key, what kind, version int64) []byte {
	b := append([]byte("ringfence wrapped key v1\x00"), c[:]...)
	b = append(b, key[:]...)
	b = append(b, byte(what))
	return binary.BigEndian.AppendUint64(b, uint64(version))
}

// material is what is unwrapped of a customer and kept in memory. It is never
// changed: Rotate puts another in its place.
type material struct {
	edition int64 // of the newest row of a customer key
	newest  int64 // version
	rows    []customerKeyRow
	lent    *lent // the customer key; nil if its holder has to be asked
	seen    atomic.Int64

	field *sealed.Box
	index secret.Key
	hpke  hpke.PrivateKey    // nil for the installation
	sign  ed25519.PrivateKey // nil for customers

	waiting     hpke.PublicKey // nil until the customer key was held elsewhere
	waitingSeed *namedKeyRow
}

// held reports whether somebody else has to be asked for the customer key.
func (m *material) held() bool {
	for _, row := range m.rows {
		if row.Holder != "" {
			return true
		}
	}
	return false
}

// now is the row of the newest version.
func (m *material) now() (row customerKeyRow) {
	for _, r := range m.rows {
		if r.Version == m.newest {
			row = r
		}
	}
	return row
}

// material gives the keys of a customer, from memory or from its key store.
func (k *Keyring) material(ctx context.Context, c id.Customer) (*material, error) {
	k.mu.Lock()
	m := k.cached[c]
	k.mu.Unlock()
	if m != nil {
		return m, nil
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return nil, err
	}
	defer k.release(v)
	return v.load(ctx)
}

// The columns of customer keys and named keys.
const (
	selectCustomerKeys = `SELECT version, root, wrapped, edition, made_at, holder, held FROM customer_keys ORDER BY version`
	selectNamedKeys    = `SELECT kind, version, wrapped, edition, root FROM named_keys ORDER BY kind`
)

// load unwraps the keys of a customer and keeps them in memory.
func (v *vault) load(ctx context.Context) (*material, error) {
	m := &material{}
	var names []namedKeyRow
	err := v.view(ctx, func(tx *place.Tx) (err error) {
		if m.rows, err = place.Rows[customerKeyRow](tx, selectCustomerKeys); err != nil {
			return err
		}
		names, err = place.Rows[namedKeyRow](tx, selectNamedKeys)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(m.rows) == 0 {
		return nil, v.k.unknown(ctx, v.c)
	}
	for _, row := range m.rows {
		m.newest, m.edition = max(m.newest, row.Version), max(m.edition, row.Edition)
	}
	if !m.held() {
		if m.lent, err = v.boxes(ctx, m.rows); err != nil {
			return nil, err
		}
	}
	if err := v.name(ctx, m, names); err != nil {
		return nil, err
	}
	m.seen.Store(v.k.now().UnixMilli())
	v.k.mu.Lock()
	defer v.k.mu.Unlock()
	if !v.k.closed {
		v.k.cached[v.c] = m
	}
	return m, nil
}

// name opens the named keys.
func (v *vault) name(ctx context.Context, m *material, names []namedKeyRow) error {
	for _, row := range names { // field comes before waitingPublic
		switch row.Kind {
		case waitingSeed:
			m.waitingSeed = &row
			continue
		case waitingPublic:
			b, err := m.field.Open(bind(v.c, id.Key{}, waitingPublic, 0), row.Wrapped)
			if err == nil {
				m.waiting, err = hpke.MLKEM768X25519().NewPublicKey(b)
			}
			if err != nil {
				return damaged(err, v.c)
			}
			continue
		}
		key, err := v.openNamed(ctx, m.lent, row)
		if err != nil {
			return err
		}
		if err := m.set(row.Kind, key); err != nil {
			return err
		}
	}
	if m.lent != nil && m.waitingSeed != nil {
		l, err := v.ask(ctx, m)
		if err != nil {
			return err
		}
		m.lent = l
	}
	if m.newest == 0 || m.field == nil || m.index.IsZero() || (m.hpke == nil) == (m.sign == nil) {
		return fault.New(fault.Unavailable, "the key store of %v lacks keys: restore it from its mirror or its last backup", v.c)
	}
	return nil
}

// openNamed opens one named key, which is under the customer key or, once that
// was held elsewhere, under the root key: receiving and signing in go on while a
// holder refuses.
func (v *vault) openNamed(ctx context.Context, l *lent, row namedKeyRow) (secret.Key, error) {
	if row.Version != 0 {
		if l == nil {
			return secret.Key{}, fault.New(fault.Unavailable, "the key store of %v was damaged: restore it from its mirror or its last backup", v.c)
		}
		return l.unwrap(v.c, id.Key{}, row.Kind, row.Version, row.Wrapped)
	}
	root, err := v.k.rootNamed(row.Root)
	if err != nil {
		return secret.Key{}, err
	}
	key, err := root.Unwrap(ctx, bind(v.c, id.Key{}, row.Kind, 0), row.Wrapped)
	if errors.Is(err, sealed.ErrAltered) {
		err = damaged(err, v.c)
	}
	return key, err
}

func (m *material) set(what kind, key secret.Key) (err error) {
	switch what {
	case field:
		m.field = sealed.NewBox(key)
	case index:
		m.index = key
	case hpkeSeed:
		m.hpke, err = hpke.MLKEM768X25519().NewPrivateKey(key.Reveal())
	case signSeed:
		m.sign = ed25519.NewKeyFromSeed(key.Reveal())
	}
	return err
}

// forget drops what is in memory of a customer.
func (k *Keyring) forget(c id.Customer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cached, c)
}
