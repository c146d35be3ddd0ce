package upkeep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ringfence/internal/app/cli"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
)

// ErrNotReadBack: nobody has shown that the copy of the root key exists.
var ErrNotReadBack = fault.New(fault.Invalid, "the recovery copy was not read back; run init again, nothing is lost")

// ReadBack ends only when the recovery copy was read back: a copy that nobody
// has read is a copy that nobody has.
func ReadBack(ctx context.Context, root keyring.Root, file string, in *bufio.Reader, p cli.Process) error {
	if file != "" {
		return keepCopy(root, file, p)
	}
	fmt.Fprintf(p.Stdout, "Recovery copy of the root key. Write it down and keep it away from this machine:\nwithout it, a lost key file loses every recording.\n\n%s\n", root.Recovery())
	for range 3 {
		fmt.Fprint(p.Stdout, "Type its four lines from what you wrote down, then an empty one: ")
		text, err := cli.Ask(ctx, in)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return ErrNotReadBack
		}
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "the recovery copy was not read back; run init again, nothing is lost")
		}
		if err = same(root, text); err == nil {
			fmt.Fprintln(p.Stdout, "Right.")
			return nil
		}
		fmt.Fprintf(p.Stdout, "Not right: %v\n", err)
	}
	return ErrNotReadBack
}

func same(root keyring.Root, text string) error {
	copied, err := keyring.FromRecovery(text)
	if err == nil && !copied.Equal(root) {
		err = errors.New("that is the copy of another key")
	}
	return err
}

// keepCopy writes the copy to a new file and reads it back from there. A file
// that exists is left as it is, unless it is the copy, from an earlier run: it
// may be the only copy of another installation's key.
func keepCopy(root keyring.Root, file string, p cli.Process) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(root.Recovery())
		err = errors.Join(err, f.Sync(), f.Close())
	} else if errors.Is(err, os.ErrExist) {
		err = nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the recovery copy cannot be written to --recovery %s", file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the recovery copy cannot be read back from --recovery %s", file)
	}
	if err := same(root, string(b)); err != nil {
		return fault.Wrap(err, fault.Conflict, "--recovery %s holds something else than the recovery copy of this root key; name a file that is not there yet", file)
	}
	fmt.Fprintf(p.Stdout, "The recovery copy is in %s. Move it off this machine: whoever has it and the key stores can open everything.\n", file)
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
