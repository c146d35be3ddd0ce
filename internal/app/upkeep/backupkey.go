package upkeep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"ringfence/internal/app/cli"
	"ringfence/internal/base/fault"
	"ringfence/internal/trust/backup"
)

// ErrBackupNotReadBack: nobody has shown that the copy of the backup key exists.
var ErrBackupNotReadBack = fault.New(fault.Invalid, "the recovery copy of the backup key was not read back; run the command again, nothing is lost")

// readBackKey ends only when the recovery copy of the backup key was read back:
// without it, backups are lost with the machine that made them.
func readBackKey(ctx context.Context, k backup.Key, file string, in *bufio.Reader, p cli.Process) error {
	if file != "" {
		return keepBackupCopy(k, file, p)
	}
	fmt.Fprintf(p.Stdout, "Recovery copy of the backup key. Write it down and keep it away from this machine and from\nthe backups: without it, a lost key file loses every backup.\n\n%s\n", k.Recovery())
	for range 3 {
		fmt.Fprint(p.Stdout, "Type its four lines from what you wrote down, then an empty one: ")
		text, err := cli.Ask(ctx, in)
		if err != nil {
			break
		}
		if err = k.SameAs(text); err == nil {
			fmt.Fprintln(p.Stdout, "Right.")
			return nil
		}
		fmt.Fprintf(p.Stdout, "Not right: %v\n", err)
	}
	return ErrBackupNotReadBack
}

func keepBackupCopy(k backup.Key, file string, p cli.Process) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(k.Recovery())
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
	if err := k.SameAs(string(text)); err != nil {
		return fault.Wrap(err, fault.Conflict, "--recovery %s holds something else than the recovery copy of this backup key; name a file that is not there yet", file)
	}
	fmt.Fprintf(p.Stdout, "The recovery copy is in %s. Move it off this machine: whoever has it can read the backups.\n", file)
	return nil
}
