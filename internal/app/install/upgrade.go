package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
)

const upgradeUsage = `
ringfence upgrade exchanges the program of this server and takes that back if the
new one is not well. With --from it takes a package (.deb, .rpm) or a program,
whose signature it checks first; --back brings the release before this one back.
An upgrade by the system's package manager is judged the same way: its package
calls this command with --settle, and the unit with --starting and --started.

The new program first reads configuration, keys, secrets and certificate while
the old one goes on running. Then the service is restarted; unless 'ringfence
health' says within two minutes that it is ready, the program before is put back
and started. Data stay as they are: a program works with what the release after
it has added. Exit code 0: the new release runs; 1: it was taken back, or nothing
was done. Run it as root.

Usage: ringfence upgrade --from FILE | --back | --settle | --starting | --started`

// The places that the packages use.
const (
	usualProgram = "/usr/bin/ringfence"
	usualKept    = "/usr/lib/ringfence"
)

// exchange is one run of `ringfence upgrade`.
type exchange struct {
	cli.Process
	upgrade.Exchange
	config, from, signature, key, user string
	down                               bool
	back, settle, starting, hasStarted bool
}

// Upgrade is `ringfence upgrade`.
func Upgrade(ctx context.Context, args []string, p cli.Process) error {
	return (&exchange{Process: p}).command(ctx, args)
}

func (x *exchange) command(ctx context.Context, args []string) error {
	f := cli.Flags("upgrade", upgradeUsage, x.Process)
	f.StringVar(&x.config, "config", cli.UsualConfig, "the configuration of the server")
	f.StringVar(&x.from, "from", "", "signed package or program to change over to")
	f.StringVar(&x.signature, "signature", "", "its signature; without it the file of --from with .minisig")
	f.StringVar(&x.key, "release-key", "", "public key of minisign (the line that begins with RW) that may have signed it, beside the one that is built in")
	f.BoolVar(&x.down, "down", false, "also if it is older than this release")
	f.BoolVar(&x.back, "back", false, "change over to the release before this one, which is kept")
	f.BoolVar(&x.settle, "settle", false, "judge the program that a package has put in its place, or that was refused before")
	f.BoolVar(&x.starting, "starting", false, "count a start; the unit calls it")
	f.BoolVar(&x.hasStarted, "started", false, "judge a start that has succeeded; the unit calls it")
	f.StringVar(&x.Program, "program", usualProgram, "the program that the service runs")
	f.StringVar(&x.Folder, "kept", usualKept, "folder for the program before it, of root alone")
	f.StringVar(&x.user, "user", "", "user that runs the server; without it that of the package, if root runs this")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	asked := 0
	for _, b := range []bool{x.from != "", x.back, x.settle, x.starting, x.hasStarted} {
		if b {
			asked++
		}
	}
	if asked != 1 {
		return cli.Misuse(errors.New("want one of --from, --back, --settle, --starting and --started; -h explains"))
	}
	x.Check, x.Running, x.Restart, x.Well, x.Say = x.check, x.running, x.restart, x.well, x.say
	return x.run(ctx)
}

func (x *exchange) say(format string, args ...any) { fmt.Fprintf(x.Stdout, format, args...) }

func (x *exchange) run(ctx context.Context) (err error) {
	switch {
	case x.starting:
		return x.Starting()
	case x.hasStarted:
		return x.Started(ctx)
	case x.from != "":
		var done bool
		if done, err = x.take(ctx); done || err != nil {
			return err
		}
	case x.back:
		err = x.PlacePrevious()
	}
	if err == nil {
		err = x.Settle(ctx)
	}
	if r, ok := errors.AsType[*upgrade.Refused](err); ok {
		text := "the upgrade was taken back: " + r.Error() + "\nWhat the service said: journalctl -u ringfence. The data are as the server left them; nothing was lost."
		return fault.New(fault.Conflict, "%s", text)
	}
	if err == nil {
		x.say("%s runs and is well, or waits for the start of the service.\n", x.number(ctx))
	}
	return err
}

// number is what the program in its place says it is.
func (x *exchange) number(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, x.Program, "version").Output()
	if err != nil {
		return x.Program
	}
	return strings.TrimSpace(string(out))
}

// take checks the signature of a file and brings it: a package by the system's
// tool, whose script judges it; a program by this one.
func (x *exchange) take(ctx context.Context) (done bool, err error) {
	signature, err := os.ReadFile(or(x.signature, x.from+".minisig"))
	if err != nil {
		return false, fault.Wrap(err, fault.Invalid, "the signature cannot be read")
	}
	in, err := os.Open(x.from)
	if err != nil {
		return false, fault.Wrap(err, fault.Invalid, "--from cannot be read")
	}
	defer in.Close()
	dir, err := os.MkdirTemp("", "ringfence-upgrade-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, filepath.Base(x.from))
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return false, err
	}
	// Not the keys of the configuration: it belongs to the service's user, and this may run as root.
	keys, err := upgrade.ParseKeys(release.Key(), x.key)
	if err != nil {
		return false, fault.Wrap(errors.Join(err, out.Close()), fault.Invalid, "--release-key cannot be used")
	}
	number, err := upgrade.TakeServer(out, in, signature, keys)
	if err = errors.Join(err, out.Close()); err != nil {
		return false, fault.Wrap(err, fault.Invalid, "%s was not taken", x.from)
	}
	if newer, err := release.Compare(number, release.Number()); err != nil || newer <= 0 && !x.down {
		return false, fault.New(fault.Conflict, "%s is release %s, and %s runs here: add --down to take it all the same", x.from, number, release.Number())
	}
	x.say("%s is release %s, signed for this server.\n", x.from, number)
	switch filepath.Ext(file) {
	case ".deb":
		return true, x.system(ctx, "dpkg", "--install", file)
	case ".rpm":
		return true, x.system(ctx, "rpm", "--upgrade", "--oldpackage", file)
	}
	return false, x.Place(file)
}

func (x *exchange) system(ctx context.Context, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Stdout, c.Stderr = x.Stdout, x.Stderr
	return fault.Wrap(c.Run(), fault.Conflict, "%s has not installed the package; what it says stands above", name)
}

// check has a program read all that it will need, as the service's user.
func (x *exchange) check(ctx context.Context, program string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := x.asService(ctx, program, "version"); err != nil {
		return err
	}
	return x.asService(ctx, program, "serve", "--check", "--config", x.config)
}

func (x *exchange) running(ctx context.Context) bool {
	return exec.CommandContext(ctx, "systemctl", "is-active", "--quiet", "ringfence").Run() == nil
}

func (x *exchange) restart(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "systemctl", "restart", "ringfence").CombinedOutput()
	if err != nil {
		return fmt.Errorf("it did not start: %w %s", err, last(out))
	}
	return nil
}

// well asks by the program that runs this: it is the one that is known to work.
func (x *exchange) well(ctx context.Context, within time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return x.asService(ctx, self, "health", "--config", x.config, "--wait", within.String())
}

// asService runs a program as the user that runs the server, without what else
// this process may do: its configuration belongs to that user.
func (x *exchange) asService(ctx context.Context, program string, args ...string) error {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = "/"
	if err := runAs(c, x.user); err != nil {
		return err
	}
	var said strings.Builder
	c.Stdout, c.Stderr = io.Discard, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, last([]byte(said.String())))
	}
	return nil
}

// last is the end of what a program said, bounded.
func last(out []byte) string {
	return strings.TrimSpace(string(out[max(0, len(out)-1000):]))
}
