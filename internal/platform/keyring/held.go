package keyring

import (
	"context"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/sealed"
)

// Holder is a key server of the customer's own. It holds one key that never
// leaves it, and lends its use: a Vault or OpenBao (package transit); Azure Key
// Vault and AWS KMS have the same two acts.
//
// What it is given is one half, random, of what opens the customer key; the other
// half is under the root key. So neither the installation without the customer
// nor the customer's server without the installation opens anything, and a root
// key is rotated without asking the holder. The holder is not believed: a wrong
// half does not open the customer key, which is what tells that it was wrong.
type Holder interface {
	// Name says who and which key, for people; it stands in the key store in the
	// clear.
	Name() string
	// Wrap closes a half.
	Wrap(ctx context.Context, aad, half []byte) (string, error)
	// Unwrap opens what Wrap closed. A refusal is fault.Denied; no answer is
	// fault.Unavailable; a key that is gone is fault.Gone.
	Unwrap(ctx context.Context, aad []byte, wrapped string) ([]byte, error)
}

// Holders finds the holder of a customer's key by its name.
type Holders func(ctx context.Context, c id.Customer, name string) (Holder, error)

// Ask sets how holders are found. Before it is called, a customer key that is
// held elsewhere does not open.
func (k *Keyring) Ask(h Holders) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.holders = h
}

// errLied is what a holder gets that answers with something else than what it
// was given.
var errLied = errors.New("the key server's half does not open the customer key")

const jointInfo = "ringfence held customer key v1"

// joint is the key that both halves make together.
func joint(half secret.Key, other []byte) (secret.Key, error) {
	b, err := hkdf.Key(sha256.New, slices.Concat(half.Reveal(), other), nil, jointInfo, 32)
	if err != nil {
		return secret.Key{}, err
	}
	return secret.KeyFrom(b)
}

// wrapCustomer closes a customer key under a root key and, if there is one, the
// key of a holder, who is asked to open its half again before the answer counts:
// a key server that takes and does not give back must not become the only way.
func wrapCustomer(ctx context.Context, root Provider, h Holder, c id.Customer, version int64, key secret.Key) (customerKeyRow, error) {
	row := customerKeyRow{Version: version, Root: root.Name()}
	var err error
	if h == nil {
		row.Wrapped, err = root.Wrap(ctx, bind(c, id.Key{}, customer, version), key)
		return row, err
	}
	aad := bind(c, id.Key{}, half, version)
	ours, theirs := secret.NewKey(), secret.NewKey()
	wrapped, err := h.Wrap(ctx, aad, theirs.Reveal())
	if err != nil {
		return row, err
	}
	back, err := h.Unwrap(ctx, aad, wrapped)
	if err != nil {
		return row, err
	}
	if got, err := secret.KeyFrom(back); err != nil || !got.Equal(theirs) {
		return row, fault.Wrap(errLied, fault.Unavailable, "the key server %s gave back something else than it was given: nothing was changed", h.Name())
	}
	both, err := joint(ours, theirs.Reveal())
	if err != nil {
		return row, err
	}
	if row.Wrapped, err = root.Wrap(ctx, aad, ours); err != nil {
		return row, err
	}
	row.Holder = h.Name()
	row.Held = base64.StdEncoding.EncodeToString(sealed.Field(both, aad, key.Reveal())) + "\n" + wrapped
	return row, nil
}

// unwrapCustomer opens a customer key, and asks its holder if it has one.
func (v *vault) unwrapCustomer(ctx context.Context, row customerKeyRow) (secret.Key, error) {
	root, err := v.k.rootNamed(row.Root)
	if err != nil {
		return secret.Key{}, err
	}
	what := customer
	if row.Holder != "" {
		what = half
	}
	aad := bind(v.c, id.Key{}, what, row.Version)
	key, err := root.Unwrap(ctx, aad, row.Wrapped)
	if errors.Is(err, sealed.ErrAltered) {
		return key, fault.Wrap(err, fault.Unavailable, "the key of customer %v is damaged in its key store: restore that from its mirror or its last backup", v.c)
	}
	if err != nil || row.Holder == "" {
		return key, err
	}
	text, wrapped, _ := strings.Cut(row.Held, "\n")
	closed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return key, fault.Wrap(err, fault.Unavailable, "the key of customer %v is damaged in its key store: restore that from its mirror or its last backup", v.c)
	}
	theirs, err := v.askHolder(ctx, row.Holder, aad, wrapped)
	if err != nil {
		return secret.Key{}, err
	}
	both, err := joint(key, theirs)
	if err != nil {
		return secret.Key{}, err
	}
	b, err := sealed.OpenField(both, aad, closed)
	if err != nil {
		return secret.Key{}, fault.Wrap(errLied, fault.Unavailable, "the key server %s answered with something else than it was given: nothing is opened with that, and nothing was changed", row.Holder)
	}
	return secret.KeyFrom(b)
}

func (v *vault) askHolder(ctx context.Context, name string, aad []byte, wrapped string) ([]byte, error) {
	v.k.mu.Lock()
	find := v.k.holders
	v.k.mu.Unlock()
	if find == nil {
		return nil, fault.New(fault.Unavailable, "the key of this customer is held by %s, which cannot be asked from here", name)
	}
	h, err := find(ctx, v.c, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, holderTime)
	defer cancel()
	return h.Unwrap(ctx, aad, wrapped)
}

// waitingKeys are the key pair to which the keys of new recordings are sealed
// while the holder is not asked: the private half is under the customer key, so
// what is received is not opened before the holder lends it.
func (v *vault) waitingKeys(m *material, l *lent, field *sealed.Box) ([]namedKeyRow, error) {
	seed := secret.NewKey()
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed.Reveal())
	if err != nil {
		return nil, err
	}
	return []namedKeyRow{
		{Kind: waitingSeed, Version: m.newest, Wrapped: l.wrap(m, v.c, id.Key{}, waitingSeed, seed)},
		// Sealed by the field key, so that nobody exchanges it for a key of theirs.
		{Kind: waitingPublic, Wrapped: field.Seal(bind(v.c, id.Key{}, waitingPublic, 0), private.PublicKey().Bytes())},
	}, nil
}

// wait closes a key for the time until the holder lends the customer key again.
func (m *material) wait(c id.Customer, key id.Key, what kind, k secret.Key) ([]byte, error) {
	return hpke.Seal(m.waiting, hpke.HKDFSHA256(), hpke.AES256GCM(), bind(c, key, what, 0), k.Reveal())
}
