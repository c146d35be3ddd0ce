package sftp

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// hostKeys are the private keys by which the server is known: Ed25519, and RSA
// for telephone systems that know nothing newer. Changing them stops every
// source until somebody has confirmed the new ones, so they are made once.
type hostKeys struct {
	Ed25519 []byte `json:"ed25519"` // PKCS #8
	RSA     []byte `json:"rsa"`
}

// HostKeys reads the host keys from a file, or makes them. The file is 0600 and
// sealed under the installation's key: a copy of the disk is no copy of the server.
func HostKeys(ctx context.Context, store *place.Store, path string) ([]ssh.Signer, error) {
	var keys hostKeys
	closed, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeHostKeys(ctx, store, path)
	case err != nil:
		return nil, fault.Wrap(err, fault.Unavailable, "the host key of the SFTP server cannot be read")
	}
	err = store.Registry().View(ctx, func(tx *place.Tx) error {
		plain, err := tx.Unseal(place.FieldHostKey, id.Source{}, closed)
		if err == nil {
			err = json.Unmarshal(plain, &keys)
		}
		return err
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "the host key of the SFTP server cannot be opened: the file belongs to another installation; put the right one there")
	}
	return keys.signers()
}

func makeHostKeys(ctx context.Context, store *place.Store, path string) ([]ssh.Signer, error) {
	var keys hostKeys
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	r, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	if keys.Ed25519, err = x509.MarshalPKCS8PrivateKey(ed); err != nil {
		return nil, err
	}
	if keys.RSA, err = x509.MarshalPKCS8PrivateKey(r); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	var closed []byte
	if err := store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		closed, err = tx.Seal(place.FieldHostKey, id.Source{}, plain)
		return err
	}); err != nil {
		return nil, err
	}
	if err := save(path, closed); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the host key of the SFTP server cannot be written")
	}
	return keys.signers()
}

// save writes a file that must not be lost half-way.
func save(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (k hostKeys) signers() ([]ssh.Signer, error) {
	var all []ssh.Signer
	for _, der := range [][]byte{k.Ed25519, k.RSA} {
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, err
		}
		s, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return nil, err
		}
		if m, ok := s.(ssh.AlgorithmSigner); ok && s.PublicKey().Type() == ssh.KeyAlgoRSA { // never with SHA-1
			if s, err = ssh.NewSignerWithAlgorithms(m, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}); err != nil {
				return nil, err
			}
		}
		all = append(all, s)
	}
	return all, nil
}
