package keyring

import (
	"bufio"
	"context"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// A customer's key store is handed over to another installation whole: every
// wrapped key stays as it is under the customer key, and that alone is wrapped
// anew, to the public key of who receives (HPKE, RFC 9180: MLKEM768-X25519,
// HKDF-SHA256, AES-256-GCM). Who copies it on its way copies noise.

const handInfo = "ringfence customer handed over v1\x00"

// receiving is the purpose for which the key that receives is derived.
const receiving = "customer receive key v1"

// ReceiveKey is the public key to which a customer's keys are wrapped for the
// installation with this root key. It is derived: nothing has to be kept for it,
// and only the root key opens what was wrapped to it.
func (r Root) ReceiveKey() ([]byte, error) {
	k, err := r.receiver()
	if err != nil {
		return nil, err
	}
	return k.PublicKey().Bytes(), nil
}

func (r Root) receiver() (hpke.PrivateKey, error) {
	return hpke.MLKEM768X25519().DeriveKeyPair(r.Derive(receiving).Reveal())
}

func handBound(c id.Customer, version int64) []byte {
	return slices.Concat([]byte(handInfo), c[:], fmt.Appendf(nil, "%d", version))
}

// Hand writes the key store of a customer, for the installation whose ReceiveKey
// it is given. A customer key that is held elsewhere is fault.Conflict: its holder
// gives it back first. That it is handed over has to stand in the journal before.
func (k *Keyring) Hand(ctx context.Context, c id.Customer, to []byte, w io.Writer) error {
	public, err := hpke.MLKEM768X25519().NewPublicKey(to)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "this is not the key of a receiving installation: make it there with 'ringfence customer receive-key'")
	}
	v, err := k.acquire(ctx, c, false)
	if err != nil {
		return err
	}
	defer k.release(v)
	out := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(out)
	err = rewrite(func(to io.Writer) error { return k.Export(ctx, c, to) }, func(l line) error {
		if l.Holder != "" || l.Kind == "named-key" && l.Text != "" {
			return fault.New(fault.Conflict, "the key of this customer is held by the customer: take it back before they leave")
		}
		if l.Kind != "customer-key" {
			return enc.Encode(l)
		}
		key, err := v.unwrapCustomer(ctx, customerKeyRow{Version: l.Version, Root: l.Text, Wrapped: l.Wrapped, Edition: l.Edition, MadeAt: l.At})
		if err != nil {
			return err
		}
		l.Text = ""
		if l.Wrapped, err = hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), handBound(c, l.Version), key.Reveal()); err != nil {
			return err
		}
		return enc.Encode(l)
	})
	return errors.Join(err, out.Flush())
}

// rewrite gives each line of an export to a function.
func rewrite(from func(io.Writer) error, each func(line) error) error {
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(from(pw)) }()
	defer pr.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(pr, 1<<16))
	for {
		var l line
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(l)
		}
		if err != nil {
			return err
		}
	}
}

// Receive makes a customer's key store from what another installation handed
// over, under this one's root key. It is done before the stores are used for that
// customer, may be done again after it was interrupted, and is fault.Denied for
// keys that were wrapped to somebody else or altered. CreateCustomer then makes
// the customer known.
func Receive(ctx context.Context, o Options, root Root, c id.Customer, r io.Reader) error {
	private, err := root.receiver()
	if err != nil {
		return err
	}
	there, err := customerKeysThere(ctx, o, c)
	if err != nil {
		return err
	}
	return rewriteInto(ctx, o, c, r, func(l *line) error {
		if l.Kind != "customer-key" {
			return nil
		}
		plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), handBound(c, l.Version), l.Wrapped)
		if err != nil {
			return fault.Wrap(err, fault.Denied, "these keys were not handed to this installation: they were wrapped to another one's key, or altered")
		}
		key, err := secret.KeyFrom(plain)
		if err != nil {
			return err
		}
		l.Text = root.Name()
		aad := bind(c, id.Key{}, customer, l.Version)
		if had, ok := there[l.Version]; ok { // an earlier try; a wrapping differs each time
			if old, err := root.Unwrap(ctx, aad, had); err == nil && old.Equal(key) {
				l.Wrapped = had
				return nil
			}
		}
		l.Wrapped, err = root.Wrap(ctx, aad, key)
		return err
	})
}

func rewriteInto(ctx context.Context, o Options, c id.Customer, r io.Reader, change func(*line) error) error {
	pr, pw := io.Pipe()
	go func() {
		enc := json.NewEncoder(pw)
		pw.CloseWithError(rewrite(func(w io.Writer) error { _, err := io.Copy(w, r); return err }, func(l line) error {
			if err := change(&l); err != nil {
				return err
			}
			return enc.Encode(l)
		}))
	}()
	defer pr.Close()
	return Import(ctx, o, c, nil, pr)
}

// customerKeysThere reads the wrapped customer keys that the first store has,
// by version.
func customerKeysThere(ctx context.Context, o Options, c id.Customer) (map[int64][]byte, error) {
	k, err := newKeyring(o)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	has, err := k.stores[0].has(c)
	if err != nil || !has {
		return nil, err
	}
	db, err := k.stores[0].open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	out := map[int64][]byte{}
	err = db.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[customerKeyRow](tx, selectCustomerKeys)
		for _, r := range rows {
			out[r.Version] = r.Wrapped
		}
		return err
	})
	return out, err
}
