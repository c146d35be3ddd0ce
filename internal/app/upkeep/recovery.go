package upkeep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ringfence/internal/app/cli"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/trust/backup"
)

// ErrNotReadBack: nobody has shown that the copy of a key exists.
var ErrNotReadBack = fault.New(fault.Invalid, "the recovery copy was not read back; run the command again, nothing is lost")

// recoveryCopy is what of a key must be kept away from this machine: a copy that
// nobody has read is a copy that nobody has.
type recoveryCopy struct {
	of    string // the key
	from  string // what it is kept away from
	loses string // what is lost without it
	opens string // what whoever has it can do
	text  string
	same  func(text string) error
}

// ReadBack ends only when the recovery copy of a root key was read back.
func ReadBack(ctx context.Context, root keyring.Root, file string, in *bufio.Reader, p cli.Process) error {
	return recoveryCopy{
		of: "root key", from: "this machine", loses: "recording", opens: "whoever has it and the key stores can open everything",
		text: root.Recovery(), same: func(text string) error {
			copied, err := keyring.FromRecovery(text)
			if err == nil && !copied.Equal(root) {
				err = errors.New("that is the copy of another key")
			}
			return err
		},
	}.readBack(ctx, file, in, p)
}

// readBackKey is ReadBack for the key of the backups: without it, they are lost
// with the machine that made them.
func readBackKey(ctx context.Context, k backup.Key, file string, in *bufio.Reader, p cli.Process) error {
	return recoveryCopy{
		of: "backup key", from: "this machine and from the backups", loses: "backup", opens: "whoever has it can read the backups",
		text: k.Recovery(), same: k.SameAs,
	}.readBack(ctx, file, in, p)
}

func (c recoveryCopy) readBack(ctx context.Context, file string, in *bufio.Reader, p cli.Process) error {
	if file != "" {
		return c.keep(file, p)
	}
	fmt.Fprintf(p.Stdout, "Recovery copy of the %s. Write it down and keep it away from %s:\nwithout it, a lost key file loses every %s.\n\n%s\n", c.of, c.from, c.loses, c.text)
	for range 3 {
		fmt.Fprint(p.Stdout, "Type its four lines from what you wrote down, then an empty one: ")
		text, err := cli.Ask(ctx, in)
		if err != nil {
			break
		}
		if err = c.same(text); err == nil {
			fmt.Fprintln(p.Stdout, "Right.")
			return nil
		}
		fmt.Fprintf(p.Stdout, "Not right: %v\n", err)
	}
	return ErrNotReadBack
}

// keep writes the copy to a new file and reads it back from there. A file that
// exists is left as it is, unless it is the copy, from an earlier run: it may be
// the only copy of another installation's key.
func (c recoveryCopy) keep(file string, p cli.Process) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(c.text)
		err = errors.Join(err, f.Sync(), f.Close())
	} else if errors.Is(err, os.ErrExist) {
		err = nil
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the recovery copy cannot be written to --recovery %s", file)
	}
	if err := c.same(string(text)); err != nil {
		return fault.Wrap(err, fault.Conflict, "--recovery %s holds something else than the recovery copy of this %s; name a file that is not there yet", file, c.of)
	}
	fmt.Fprintf(p.Stdout, "The recovery copy is in %s. Move it off this machine: %s.\n", file, c.opens)
	return nil
}

// RootKey reads the root key or makes it.
func RootKey(path string) (keyring.Root, error) {
	if _, err := os.Lstat(path); err == nil {
		return keyring.LoadRoot(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return keyring.Root{}, fault.Wrap(err, fault.Unavailable, "the folder of the root key cannot be made")
	}
	return keyring.CreateRoot(path)
}
