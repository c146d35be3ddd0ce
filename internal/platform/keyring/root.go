package keyring

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ringfence/internal/base/disk"
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
	f, err := os.OpenFile(path, os.O_RDONLY|disk.NonBlocking, 0)
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
	if err := disk.Private(path); err != nil {
		return fault.New(fault.Invalid, "the root key file %s can be used by others (%v): run `chmod 600 %s`, and ask who may have read it", path, err, path)
	}
	if uid, known := disk.Owner(info); known && uid != os.Geteuid() {
		return fault.New(fault.Invalid, "the root key file %s belongs to another user (%d): run `chown %d %s`", path, uid, os.Geteuid(), path)
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

func syncDir(dir string) error { return disk.SyncDir(dir) }

// The recovery copy is the root key as a person can print, keep in a safe and
// type again: four lines of four groups of four characters. Each line holds
// eight bytes of the key and two of a check that also covers the number of the
// line, so that a typing error is found in its line, and swapped lines are
// noticed. The root key file holds the same text.
const (
	recoveryLines = 4
	lineKey       = 8 // bytes of the key in a line
	lineCheck     = 2
	recoveryHead  = "# Ringfence root key. Whoever reads this can open every recording;\n" +
		"# without it nobody can. Keep it apart from the server and its backups.\n"
)

// crockford has no letters that are mistaken for digits.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Recovery is the text of the recovery copy.
func (r Root) Recovery() string {
	var b strings.Builder
	b.WriteString(recoveryHead)
	key := r.key.Reveal()
	for i := range recoveryLines {
		part := key[i*lineKey : (i+1)*lineKey]
		text := crockford.EncodeToString(append(part[:lineKey:lineKey], checkOf(i, part)...))
		fmt.Fprintf(&b, "%d: %s %s %s %s\n", i+1, text[0:4], text[4:8], text[8:12], text[12:16])
	}
	return b.String()
}

func checkOf(line int, part []byte) []byte {
	sum := sha256.Sum256(append([]byte{'r', 'f', 'k', byte(line)}, part...))
	return sum[:lineCheck]
}

// FromRecovery reads a recovery copy as people type it: in either case, with
// any spaces or dashes, with or without the numbers of the lines and the
// remarks, with O for 0 and I or L for 1. A fault names the line to look at.
func FromRecovery(text string) (Root, error) {
	var lines []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if _, after, ok := strings.Cut(line, ":"); ok {
			line = after
		}
		if line = typed.Replace(strings.ToUpper(strings.TrimSpace(line))); line != "" {
			lines = append(lines, line)
		}
	}
	const width = (lineKey + lineCheck) * 8 / 5
	if len(lines) == 1 && len(lines[0]) == recoveryLines*width { // typed without line breaks
		l := lines[0]
		lines = []string{l[:width], l[width : 2*width], l[2*width : 3*width], l[3*width:]}
	}
	if len(lines) != recoveryLines {
		return Root{}, fault.New(fault.Invalid, "a recovery copy has %d lines of %d characters, this has %d lines", recoveryLines, width, len(lines))
	}
	var key []byte
	for i, line := range lines {
		if len(line) != width {
			return Root{}, fault.New(fault.Invalid, "line %d has %d characters instead of %d", i+1, len(line), width)
		}
		b, err := crockford.DecodeString(line)
		if err != nil || string(b[lineKey:]) != string(checkOf(i, b[:lineKey])) {
			return Root{}, fault.New(fault.Invalid, "line %d has a typing error, or is not the line of that number", i+1)
		}
		key = append(key, b[:lineKey]...)
	}
	k, err := secret.KeyFrom(key)
	return Root{k}, err
}

// typed undoes what people do to codes.
var typed = strings.NewReplacer(" ", "", "\t", "", "-", "", ".", "", "O", "0", "I", "1", "L", "1")
