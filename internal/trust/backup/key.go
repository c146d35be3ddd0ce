package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/keyring"
)

// Key closes backups. It is a key of its own, in a file of its own: whoever
// finds the root key cannot read backups, and the other way round.
type Key struct{ root keyring.Root }

// CreateKey makes a random backup key in a new file, or reads the one that is
// there: a key is never overwritten, for backups would be lost with it.
func CreateKey(path string) (Key, error) {
	if there, err := keyring.Exists(path); err != nil || there {
		if err != nil {
			return Key{}, err
		}
		return LoadKey(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fault.Wrap(err, fault.Unavailable, "the folder of the backup key cannot be made")
	}
	root, err := keyring.CreateRoot(path)
	return Key{root}, named(err)
}

// LoadKey reads a backup key from its file, or from its recovery copy: they
// hold the same text.
func LoadKey(path string) (Key, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return Key{}, fault.Wrap(err, fault.Invalid, "there is no backup key file %s: run `ringfence backup key`, or put its recovery copy there", path)
	}
	root, err := keyring.LoadRoot(path)
	return Key{root}, named(err)
}

// named says which key is meant: the file has the form of a root key's.
func named(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	return fault.Wrap(err, f.Kind, "%s", strings.ReplaceAll(f.Text, "root key", "backup key"))
}

// Recovery is the text to print and keep apart from the server and from the
// backups.
func (k Key) Recovery() string {
	_, lines, _ := strings.Cut(k.root.Recovery(), "1:")
	return "# Ringfence backup key. Without it no backup can be read.\n# Keep it apart from the server and from its backups.\n1:" + lines
}

// SameAs compares with what was read back from a recovery copy.
func (k Key) SameAs(text string) error {
	other, err := keyring.FromRecovery(text)
	if err == nil && !other.Equal(k.root) {
		err = errors.New("that is the copy of another key")
	}
	return err
}

// IsRoot reports whether this is the root key by mistake: then a stolen backup
// with its key would open everything.
func (k Key) IsRoot(r keyring.Root) bool { return k.root.Equal(r) }

// derive gives the key for one use.
func (k Key) derive(purpose string) secret.Key { return k.root.Derive("backup " + purpose + " v1") }
