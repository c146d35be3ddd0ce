package keyring

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/sealed"
)

// Provider holds the root key and lends its use, never the key: a file here, a
// key service or a Vault elsewhere. The associated data must be bound to what
// is wrapped.
type Provider interface {
	// Wrap closes a customer key.
	Wrap(ctx context.Context, aad []byte, k secret.Key) ([]byte, error)
	// Unwrap opens what Wrap closed, or gives sealed.ErrAltered.
	Unwrap(ctx context.Context, aad, wrapped []byte) (secret.Key, error)
	// Name tells root keys apart. It stands in the key stores in the clear, so
	// that the wrong root key is named before anything is tried with it.
	Name() string
}

// Root is a root key that lies in a file of this machine.
type Root struct{ key secret.Key }

var _ Provider = Root{}

// maxRootFile is far more than a root key's text with remarks.
const maxRootFile = 4 << 10

// CreateRoot makes a random root key in a new file that only its owner may
// read. A file that exists is never overwritten: it may be the only way to
// every recording.
func CreateRoot(path string) (Root, error) {
	r := Root{secret.NewKey()}
	return r, r.Save(path)
}

// Save writes the root key to a new file with mode 0600, durably.
func (r Root) Save(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Wrap(err, fault.Conflict, "there is a file %s already: a root key is never overwritten", path)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the root key cannot be written to %s", path)
	}
	_, err = io.WriteString(f, r.Recovery())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return fault.Wrap(err, fault.Unavailable, "the root key cannot be written to %s", path)
}

// LoadRoot reads a root key. The file must belong to the user that runs this
// program, and nobody else may read or write it; what anybody can read is no
// secret any more, and what somebody else can write may be exchanged.
func LoadRoot(path string) (Root, error) {
	// O_NONBLOCK: a named pipe must not hang the start. O_NOFOLLOW is not set,
	// since secrets are often mounted as symbolic links; what counts is the file.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Root{}, fault.Wrap(err, fault.Invalid, "there is no root key file %s: run `ringfence init`, or put the recovery copy there", path)
	}
	if err != nil {
		return Root{}, fault.Wrap(err, fault.Invalid, "the root key file %s cannot be read by this user", path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Root{}, err
	}
	if err := guarded(path, info); err != nil {
		return Root{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxRootFile))
	if err != nil {
		return Root{}, err
	}
	r, err := FromRecovery(string(b))
	return r, fault.Wrap(err, fault.Invalid, "the file %s does not hold a root key: %v", path, err)
}

// guarded refuses a file that others could have read or exchanged.
func guarded(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fault.New(fault.Invalid, "the root key %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fault.New(fault.Invalid, "the root key file %s can be used by others (mode %04o): run `chmod 600 %s`, and ask who may have read it", path, info.Mode().Perm(), path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fault.New(fault.Invalid, "the root key file %s belongs to another user (%d): run `chown %d %s`", path, st.Uid, os.Geteuid(), path)
	}
	return nil
}

// Equal compares in constant time.
func (r Root) Equal(o Root) bool { return r.key.Equal(o.key) }

// Name is a fingerprint: derived one way from the key, and of no use without it.
func (r Root) Name() string {
	b, err := hkdf.Key(sha256.New, r.key.Reveal(), nil, "ringfence root key name v1", 8)
	if err != nil {
		panic(err) // not reached: 8 bytes are always to be had
	}
	return "file-" + hex.EncodeToString(b)
}

// Wrap implements Provider.
func (r Root) Wrap(_ context.Context, aad []byte, k secret.Key) ([]byte, error) {
	if r.key.IsZero() {
		return nil, fault.New(fault.Internal, "no root key is loaded")
	}
	return sealed.Field(r.key, aad, k.Reveal()), nil
}

// Unwrap implements Provider.
func (r Root) Unwrap(_ context.Context, aad, wrapped []byte) (secret.Key, error) {
	b, err := sealed.OpenField(r.key, aad, wrapped)
	if err != nil {
		return secret.Key{}, err
	}
	return secret.KeyFrom(b)
}

// Format hides the key.
func (r Root) Format(f fmt.State, verb rune) { r.key.Format(f, verb) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
