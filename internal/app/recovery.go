package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
)

var errNotReadBack = fault.New(fault.Invalid, "the recovery copy was not read back; run init again, nothing is lost")

// readBack ends only when the recovery copy was read back: a copy that nobody
// has read is a copy that nobody has.
func readBack(ctx context.Context, root keyring.Root, file string, in *bufio.Reader, p Process) error {
	if file != "" {
		return keepCopy(root, file, p)
	}
	fmt.Fprintf(p.Stdout, "Recovery copy of the root key. Write it down and keep it away from this machine:\nwithout it, a lost key file loses every recording.\n\n%s\n", root.Recovery())
	for range 3 {
		fmt.Fprint(p.Stdout, "Type its four lines from what you wrote down, then an empty one: ")
		text, err := ask(ctx, in)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return errNotReadBack
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
	return errNotReadBack
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
func keepCopy(root keyring.Root, file string, p Process) error {
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

// ask reads a paragraph, unless the operator gives up: a read from a terminal
// does not end by itself when Ctrl-C is pressed.
func ask(ctx context.Context, in *bufio.Reader) (text string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		text, err = paragraph(in)
	}()
	select {
	case <-done:
		return text, err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// paragraph reads lines up to an empty one or the end of input.
func paragraph(in *bufio.Reader) (string, error) {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		text.WriteString(line)
		switch {
		case errors.Is(err, io.EOF) && strings.TrimSpace(text.String()) != "":
			return text.String(), nil
		case err != nil:
			return "", err
		case strings.TrimSpace(line) == "" && strings.TrimSpace(text.String()) != "":
			return text.String(), nil
		}
	}
}
