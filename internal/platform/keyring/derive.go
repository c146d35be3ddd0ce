package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"io/fs"
	"os"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// Derive gives a key for one purpose, one way: whoever has it learns nothing of
// this one, nor of the keys for other purposes.
func (r Root) Derive(purpose string) secret.Key {
	b, err := hkdf.Key(sha256.New, r.key.Reveal(), nil, "ringfence "+purpose, 32)
	if err != nil {
		panic(err) // not reached: 32 bytes are always to be had
	}
	k, err := secret.KeyFrom(b)
	if err != nil {
		panic(err) // not reached
	}
	return k
}

// Exists reports whether there is something at the path of a key file. What
// cannot be looked at counts as there: it must not be overwritten.
func Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if err == nil {
		return true, nil
	}
	if os.IsNotExist(err) {
		return false, nil
	}
	if _, is := err.(*fs.PathError); is {
		return true, fault.Wrap(err, fault.Unavailable, "the key file %s cannot be reached by this user", path)
	}
	return true, err
}
