package keyring

import (
	"context"
	"crypto/hpke"
	"crypto/sha256"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// A capsule carries the two keys of a recording from a collector to the server:
// HPKE (RFC 9180), MLKEM768-X25519, HKDF-SHA256, AES-256-GCM. The box that makes
// it holds a public key only, so a stolen box opens nothing that it has sent.
// HPKE in base mode does not say who sealed: the upload is signed by the device.

const capsuleInfo = "ringfence capsule v1\x00"

// Public is what a collector of this customer seals to: the customer's id and
// its public key. To the collector it is one piece of bytes.
func (k *Keyring) Public(ctx context.Context, c id.Customer) ([]byte, error) {
	m, err := k.material(ctx, c)
	if err != nil {
		return nil, err
	}
	if m.hpke == nil {
		return nil, fault.New(fault.Invalid, "the installation has no collectors")
	}
	return slices.Concat(c[:], m.hpke.PublicKey().Bytes()), nil
}

// Capsule seals the keys of a recording to a customer's public bytes. The info
// binds the capsule to what it belongs to, for example the recording's id; the
// customer is bound always.
func Capsule(public, info []byte, content, card secret.Key) ([]byte, error) {
	if len(public) < 16 {
		return nil, fault.New(fault.Invalid, "this is not the public key of a customer")
	}
	key, err := hpke.MLKEM768X25519().NewPublicKey(public[16:])
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "this is not the public key of a customer")
	}
	plain := slices.Concat(content.Reveal(), card.Reveal())
	return hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), bindCapsule(id.Customer(public[:16]), info), plain)
}

func bindCapsule(c id.Customer, info []byte) []byte {
	return slices.Concat([]byte(capsuleInfo), c[:], info)
}

// Adopt opens a capsule and stores its keys in every place, as Reserve does. A
// capsule of another customer, with other info, or that was altered is
// fault.Denied. The ids come from the capsule: the same one always gives the
// same, and if their keys were destroyed it is fault.Gone, so that a late upload
// does not bring back what was destroyed.
func (k *Keyring) Adopt(ctx context.Context, c id.Customer, capsule, info []byte) (Reserved, error) {
	all, err := k.AdoptMany(ctx, c, []Enclosed{{capsule, info}})
	if err != nil {
		return Reserved{}, err
	}
	return all[0].Reserved, all[0].Err
}

// Enclosed is a capsule and the info that it was made with.
type Enclosed struct{ Capsule, Info []byte }

// Adopted are the keys of one capsule, or why they are not taken.
type Adopted struct {
	Reserved
	Err error
}

// AdoptMany is Adopt for many capsules in one transaction. What is wrong with
// one of them does not stop the others; an error means that none was taken.
func (k *Keyring) AdoptMany(ctx context.Context, c id.Customer, all []Enclosed) ([]Adopted, error) {
	m, err := k.material(ctx, c)
	if err != nil {
		return nil, err
	}
	if m.hpke == nil {
		return nil, fault.New(fault.Invalid, "the installation has no collectors")
	}
	out := make([]Adopted, len(all))
	var ids []id.Key
	for i, e := range all {
		if out[i].Reserved, out[i].Err = m.enclosed(c, e); out[i].Err == nil {
			ids = append(ids, out[i].Content.ID, out[i].Card.ID)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	dead, err := k.Destroyed(ctx, c, ids...)
	if err != nil {
		return nil, err
	}
	var fresh []Reserved
	for i, a := range out {
		switch {
		case a.Err != nil:
		case slices.Contains(dead, a.Content.ID) || slices.Contains(dead, a.Card.ID):
			out[i] = Adopted{Err: destroyed()}
		default:
			fresh = append(fresh, a.Reserved)
		}
	}
	if len(fresh) == 0 {
		return out, nil
	}
	return out, k.store(ctx, c, fresh)
}

// enclosed opens one capsule.
func (m *material) enclosed(c id.Customer, e Enclosed) (out Reserved, err error) {
	plain, err := hpke.Open(m.hpke, hpke.HKDFSHA256(), hpke.AES256GCM(), bindCapsule(c, e.Info), e.Capsule)
	if err != nil || len(plain) != 64 {
		return out, fault.New(fault.Denied, "this capsule does not open here: it was altered, or made for another customer or recording")
	}
	out = Reserved{Key{ID: adoptedID(c, e.Capsule, content)}, Key{ID: adoptedID(c, e.Capsule, card)}}
	if out.Content.Key, err = secret.KeyFrom(plain[:32]); err == nil {
		out.Card.Key, err = secret.KeyFrom(plain[32:])
	}
	return out, err
}

// adoptedID names a key after the capsule that it came in (a UUID of version 8:
// RFC 9562 §5.8).
func adoptedID(c id.Customer, capsule []byte, what kind) id.Key {
	sum := sha256.Sum256(slices.Concat([]byte{byte(what)}, c[:], capsule))
	i := id.Key(sum[:16])
	i[6] = i[6]&0x0f | 0x80
	i[8] = i[8]&0x3f | 0x80
	return i
}

// OpenCapsule opens a capsule without storing its keys: for what is read once, at
// its arrival, and kept in another form. It is fault.Denied like Adopt.
func (k *Keyring) OpenCapsule(ctx context.Context, c id.Customer, e Enclosed) (Reserved, error) {
	m, err := k.material(ctx, c)
	if err != nil {
		return Reserved{}, err
	}
	if m.hpke == nil {
		return Reserved{}, fault.New(fault.Invalid, "the installation has no collectors")
	}
	return m.enclosed(c, e)
}
