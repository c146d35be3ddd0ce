package collect

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
)

// identity is who the box is, kept in device.json beside the private key.
type identity struct {
	Server    string      `json:"server"`
	CA        []byte      `json:"ca,omitempty"` // PEM; only certificates under it are trusted
	Customer  id.Customer `json:"customer"`
	Device    id.Device   `json:"device"`
	ServerKey []byte      `json:"server_key"` // checks receipts; pinned
	// ReleaseKeys check upgrades, as minisign writes public keys; pinned.
	ReleaseKeys []string `json:"release_keys,omitempty"`
}

// device is the box's side of an enrolment, read from its state folder.
type device struct {
	identity
	dir  string
	key  ed25519.PrivateKey // signs; opens nothing
	mark []byte             // keys the marks of paths and contents
}

const (
	keyFile      = "device.key"
	markFile     = "marks.key"
	identityFile = "device.json"
	configFile   = "config.json"
)

// Enrol makes a device key in the folder state, shows the one-time code to the
// server and keeps what the server answers. Repeated after a failure it uses
// the same key, so that an answer that was lost is given again. A box that is
// enrolled already is left alone.
func Enrol(ctx context.Context, server, code, state, caFile string) (Config, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return Config{}, err
	}
	held, err := lock(filepath.Join(state, "lock"))
	if err != nil {
		return Config{}, err
	}
	defer held.Release()
	if _, err := os.Stat(filepath.Join(state, identityFile)); err == nil {
		return Config{}, fmt.Errorf("%s is enrolled already; to enrol the box anew, revoke the old device in the portal and use an empty --state folder", state)
	}
	var ca []byte
	if caFile != "" {
		if ca, err = os.ReadFile(caFile); err != nil {
			return Config{}, fmt.Errorf("reading --ca: %w", err)
		}
	}
	key, err := ownKey(filepath.Join(state, keyFile))
	if err != nil {
		return Config{}, err
	}
	up, err := newUplink(identity{Server: server, CA: ca}, key)
	if err != nil {
		return Config{}, err
	}
	public := key.Public().(ed25519.PublicKey)
	c, err := up.enrol(ctx, Enrolment{Code: code, PublicKey: public, Proof: ed25519.Sign(key, enrolProof(code, public))})
	if err != nil {
		return Config{}, err
	}
	if c.Customer.IsZero() || c.Device.IsZero() || len(c.ServerKey) != ed25519.PublicKeySize || len(c.PublicKey) == 0 {
		return Config{}, errors.New("the server's answer is not complete; is --server the address of Ringfence?")
	}
	if err := writeJSON(filepath.Join(state, configFile), c); err != nil {
		return Config{}, err
	}
	// The identity comes last: with it the box counts as enrolled.
	return c, writeJSON(filepath.Join(state, identityFile), identity{server, ca, c.Customer, c.Device, c.ServerKey, c.ReleaseKeys})
}

// openDevice reads what Enrol wrote.
func openDevice(state string) (*device, error) {
	d := &device{dir: state}
	if err := readJSON(filepath.Join(state, identityFile), &d.identity); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s holds no enrolled device; run first: ringfence collect enrol --server URL --code CODE --state %s", state, state)
		}
		return nil, err
	}
	var err error
	if d.key, err = ownKey(filepath.Join(state, keyFile)); err != nil {
		return nil, err
	}
	d.mark, err = ownBytes(filepath.Join(state, markFile))
	return d, err
}

func ownKey(path string) (ed25519.PrivateKey, error) {
	seed, err := ownBytes(path)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ownBytes reads 32 secret bytes, or makes them the first time. A file that
// others can read is refused: it may have been copied already.
func ownBytes(path string) ([]byte, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		b := make([]byte, 32)
		rand.Read(b)
		return b, writeDurably(path, b)
	}
	if err != nil {
		return nil, err
	}
	if err := disk.Private(path); err != nil {
		return nil, fmt.Errorf("%s can be read by others (%w); revoke the device in the portal and enrol anew", path, err)
	}
	b, err := os.ReadFile(path)
	if err == nil && len(b) != 32 {
		err = fmt.Errorf("%s is damaged; revoke the device in the portal and enrol anew", path)
	}
	return b, err
}

// mark16 stands for a path or a content in the state folder. File names hold
// telephone numbers; the state folder must not tell them to whoever reads a
// backup of it without the key.
type mark16 [16]byte

// MarshalText writes the mark in hexadecimal.
func (m mark16) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, m[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *mark16) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(m)) {
		return errors.New("malformed mark")
	}
	_, err := hex.Decode(m[:], b)
	return err
}

func (d *device) pathMark(rel string) mark16 {
	return d.markOf("path", []byte(disk.Same(filepath.ToSlash(rel))))
}

func (d *device) contentMark(sum [sha256.Size]byte) mark16 {
	return d.markOf("content", sum[:])
}

func (d *device) markOf(label string, b []byte) mark16 {
	h := hmac.New(sha256.New, d.mark)
	h.Write(bind(label, b))
	return mark16(h.Sum(nil)[:16])
}
