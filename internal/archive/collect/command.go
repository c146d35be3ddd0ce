package collect

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/capture"
)

const enrolHelp = `Usage: ringfence collect enrol --server URL --code CODE --state DIR [--ca FILE]

Makes this box a collector. An administrator gets the code in the portal
(Sources → Collectors → Add); it works once, for 24 hours. A private key is made
in --state, which signs what the box sends and opens nothing.

`

const collectHelp = `Usage: ringfence collect --state DIR --from DIR [--profile asterisk --logs DIR] [--once] [--json]
       ringfence collect --dry-run --profile asterisk --from DIR --logs DIR [--json]
       ringfence collect enrol -h
       ringfence collect install | status | upgrade | uninstall | probe -h      as a service

Brings the recordings of a telephone system to Ringfence. Each one is encrypted
here, to the customer's public key, before it travels; this box cannot open what
it has sent. When the server is away, sealed recordings wait in --state. Sources
are only moved or deleted when the server has verified the recording and keeps
it in two places; the default is to keep them. What is destroyed in the archive
is removed here, too: the spool, moved copies, and sources set to delete.

Exit codes: 0 done (files that need attention are named and listed in the
portal; with --once, too), 1 failed, 2 called in a wrong way; with --once, 3:
files are left that could not be taken yet, and why is said.

`

// Command is "ringfence collect": args are what follows that word. It returns
// the exit code: 0 done, 1 failed, 2 called in a wrong way, 3 with --once: files
// are left for the next run.
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var err error
	if len(args) > 0 && args[0] == "enrol" {
		err = enrolCommand(ctx, args[1:], stdout, stderr)
	} else {
		err = collectCommand(ctx, args, stdout, stderr)
	}
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "ringfence collect: %v\nringfence collect -h explains.\n", err)
		return 2
	case errors.Is(err, errLeft):
		return 3 // what is left was said
	}
	fmt.Fprintf(stderr, "ringfence collect: %v\n", err)
	return 1
}

// usageError is a command line that cannot be meant.
type usageError string

func (e usageError) Error() string { return string(e) }

// errLeft is the end of a run with --once that could not take all there is.
var errLeft = errors.New("files are left for the next run")

func enrolCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flags("collect enrol", enrolHelp, stdout)
	server := f.String("server", "", "`URL` of the server, for example https://calls.example.com")
	code := f.String("code", "", "the one-time `CODE` from the portal")
	state := f.String("state", "", "`DIR` for the box's key and its spool; made if it is not there")
	ca := f.String("ca", "", "`FILE` with the certificate (PEM) of your own authority; only certificates under it are trusted")
	if err := parse(f, args); err != nil {
		return err
	}
	if err := wanted(map[string]string{"server": *server, "code": *code, "state": *state}); err != nil {
		return err
	}
	c, err := Enrol(ctx, *server, tidy(*code), *state, *ca)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "This box is now %q (%s).\nNext: ringfence collect --state %s --from DIR", c.Name, c.Device, *state)
	if c.Profile != "generic" {
		fmt.Fprint(stdout, " --logs DIR")
	}
	fmt.Fprintln(stdout, "\nAdd --dry-run first to see what would be collected.")
	return nil
}

func collectCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flags("collect", collectHelp, stdout)
	var o Options
	f.StringVar(&o.State, "state", "", "`DIR` that enrol made")
	f.StringVar(&o.From, "from", "", "`DIR` of the sound files, for example /var/spool/asterisk/monitor")
	f.StringVar(&o.Logs, "logs", "", "`DIR` of the telephone system's logs (cdr-csv, cel-custom, queue_log), for example /var/log/asterisk")
	f.StringVar(&o.Profile, "profile", "", "`NAME` of the telephone system: asterisk, 3cx, freeswitch, yeastar or generic; default: as set in the portal")
	after := f.String("after", "", "what becomes of a source once it is verified: keep, move or delete; default: as set in the portal")
	limit := f.String("spool-limit", "8GiB", "`SIZE` that sealed recordings may take on this box")
	f.BoolVar(&o.Once, "once", false, "end when all that is there has been archived")
	f.DurationVar(&o.Wait, "wait", onceWait, "with --once: how long files may take to prove that they are whole, or to be named by a log")
	asJSON := f.Bool("json", false, "one JSON object per line on standard output, for programs")
	dry := f.Bool("dry-run", false, "show what would be collected; needs no server and changes nothing")
	zone := f.String("time-zone", "", "with --dry-run: IANA `ZONE` of the telephone system, for example Europe/London")
	country := f.String("country", "", "with --dry-run: two-letter `CODE` of the country for national numbers")
	pattern := f.String("pattern", "", "with --dry-run and the generic profile: `PATTERN` of file names")
	if err := parse(f, args); err != nil {
		return err
	}
	if *dry {
		return dryRun(ctx, o, *zone, *country, *pattern, *asJSON, stdout, stderr)
	}
	if err := wanted(map[string]string{"state": o.State, "from": o.From}); err != nil {
		return err
	}
	var err error
	if o.After, err = parseAfter(*after); err != nil {
		return err
	}
	if o.SpoolLimit, err = parseSize(*limit); err != nil {
		return err
	}
	if *zone+*country+*pattern != "" {
		return usageError("--time-zone, --country and --pattern are set in the portal; here they go with --dry-run only")
	}
	if err := folders(o.From, o.Logs); err != nil {
		return err
	}
	show := newDisplay(stdout, stderr, *asJSON)
	defer show.end()
	o.Events = show.event
	if err := Run(ctx, o); err != nil || show.left == 0 {
		return err
	}
	return errLeft
}

// onceWait covers the two minutes for which a file that no log names waits for one.
const onceWait = 150 * time.Second

// dryRun shows what would be collected, without state and without a server.
func dryRun(ctx context.Context, o Options, zone, country, pattern string, asJSON bool, stdout, stderr io.Writer) error {
	if err := wanted(map[string]string{"from": o.From}); err != nil {
		return err
	}
	if o.Profile == "" {
		return usageError("--profile is missing: asterisk, 3cx, freeswitch, yeastar or generic")
	}
	if err := folders(o.From, o.Logs); err != nil {
		return err
	}
	b := &box{Options: o}
	c, err := b.captureOptions(Config{Profile: o.Profile, TimeZone: zone, Country: country, Pattern: pattern})
	if err != nil {
		return err
	}
	c.Known, c.DryRun, c.JSON = nil, true, asJSON
	c.Report = func(p capture.Problem) {
		where := capture.Shown(p.Path)
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, p.Line)
		}
		fmt.Fprintf(stderr, "needs attention: %s: %s\n", where, strings.TrimSuffix(p.Reason+"; "+p.Advice, "; "))
	}
	return capture.DryRun(ctx, c, stdout)
}

func flags(name, help string, out io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are reported once, by Command
	f.Usage = func() {
		fmt.Fprint(out, help)
		f.SetOutput(out)
		f.PrintDefaults()
	}
	return f
}

func parse(f *flag.FlagSet, args []string) error {
	explain := f.Usage
	f.Usage = func() {} // after a typing error it would push the error out of sight
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			explain()
			return err
		}
		return usageError(err.Error())
	}
	if f.NArg() > 0 {
		return usageError(fmt.Sprintf("%q is not understood; options begin with --", f.Arg(0)))
	}
	return nil
}

func wanted(values map[string]string) error {
	for _, name := range []string{"server", "code", "state", "from"} {
		if v, ok := values[name]; ok && v == "" {
			return usageError("--" + name + " is missing")
		}
	}
	return nil
}

func folders(from, logs string) error {
	for name, dir := range map[string]string{"from": from, "logs": logs} {
		if dir == "" {
			continue
		}
		info, err := os.Stat(filepath.Clean(dir))
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		if !info.IsDir() {
			return fmt.Errorf("--%s: %s is not a folder", name, dir)
		}
	}
	return nil
}

func parseAfter(s string) (After, error) {
	switch a := After(s); a {
	case "", Keep, Move, Delete:
		return a, nil
	}
	return "", usageError(fmt.Sprintf("--after %q is none of keep, move, delete", s))
}

// parseSize reads a number of bytes with an optional unit.
func parseSize(s string) (int64, error) {
	number, unit := strings.TrimSpace(s), int64(1)
	for name, n := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40} {
		if rest, ok := strings.CutSuffix(number, name); ok {
			number, unit = strings.TrimSpace(rest), n
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return 0, usageError(fmt.Sprintf("--spool-limit %q is no size; write for example 500MiB or 8GiB", s))
	}
	return n * unit, nil
}
