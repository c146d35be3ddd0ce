// Package field is the collector where it lives: installed as a service on a
// box that nobody looks at, watched by "status", upgraded from its server, and
// taken off again without losing what it has not brought.
//
// The system starts the launcher ("collect service"), which starts the
// collector ("collect run") as its child and starts it anew when it ends. A new
// release is a child with another file; see package upgrade. The child ends
// when the launcher's end of its standard input does, however that ended.
package field

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"ringfence/internal/archive/collect"
	"ringfence/internal/base/disk"
	"ringfence/internal/platform/service"
)

// Process is what the commands get of the operating system.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Manager        func(root string) service.Manager // nil: the system's own
	Step           func(string)                      // tests end the process there
}

// verbs are the commands of this package; all else is collect's own.
var verbs = map[string]func(context.Context, []string, Process) error{
	"install": install, "status": status, "upgrade": upgradeCommand, "uninstall": uninstall,
	"service": serviceCommand, "run": runCommand, "probe": probeCommand,
}

// Command is "ringfence collect": args are what follows that word. It returns
// the exit code: 0 done or well, 1 failed or not well, 2 called in a wrong way.
func Command(ctx context.Context, args []string, p Process) int {
	if p.Manager == nil {
		p.Manager = service.Native
	}
	if len(args) == 0 || verbs[args[0]] == nil {
		return collect.Command(ctx, args, p.Stdout, p.Stderr)
	}
	err := verbs[args[0]](ctx, args[1:], p)
	var wrong usage
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUnwell):
		return 1
	case errors.Is(err, collect.ErrRestart):
		return restart
	case errors.As(err, &wrong):
		fmt.Fprintf(p.Stderr, "ringfence collect %s: %v\nringfence collect %s -h explains.\n", args[0], err, args[0])
		return 2
	}
	fmt.Fprintf(p.Stderr, "ringfence collect %s: %v\n", args[0], err)
	return 1
}

// usage is a command line that cannot be meant.
type usage string

func (u usage) Error() string { return string(u) }

func flags(name, help string, out io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("collect "+name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprint(out, help)
		var list strings.Builder
		f.SetOutput(&list)
		f.PrintDefaults()
		fmt.Fprint(out, strings.ReplaceAll("\n"+list.String(), "\n  -", "\n  --")[1:])
	}
	return f
}

func parse(f *flag.FlagSet, args []string) error {
	explain := f.Usage
	f.Usage = func() {}
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		explain()
		return err
	} else if err != nil {
		return usage(strings.Replace(err.Error(), "not defined: -", "not defined: --", 1))
	}
	if f.NArg() > 0 {
		return usage(fmt.Sprintf("%q is not understood; options begin with --", f.Arg(0)))
	}
	return nil
}

// stateFlag is where a box keeps what it is.
func stateFlag(f *flag.FlagSet) *string {
	return f.String("state", defaultState(runtime.GOOS, os.Getenv), "`DIR` of the box's key, spool and settings")
}

// defaultState is the folder that the packages make.
func defaultState(system string, env func(string) string) string {
	if system == "windows" {
		base := env("ProgramData")
		if base == "" {
			base = `C:\ProgramData`
		}
		return base + `\Ringfence\Collector`
	}
	return "/var/lib/ringfence-collector"
}

// Settings are what the service collects; "install" writes them.
type Settings struct {
	From       string   `json:"from"`
	Logs       string   `json:"logs,omitempty"`
	Profile    string   `json:"profile,omitempty"` // "": as set in the portal
	After      string   `json:"after,omitempty"`   // likewise
	SpoolLimit int64    `json:"spool_limit,omitempty"`
	NoUpgrades bool     `json:"no_upgrades,omitempty"`
	Groups     []string `json:"groups,omitempty"` // that let it read
}

const settingsFile = "service.json"

func readSettings(state string) (s Settings, err error) {
	b, err := os.ReadFile(filepath.Join(state, settingsFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("%s has no %s: run ringfence collect install", state, settingsFile)
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil || s.From == "" {
		return s, fmt.Errorf("%s is damaged; run ringfence collect install again", filepath.Join(state, settingsFile))
	}
	return s, nil
}

func (s Settings) write(state string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(state, settingsFile)
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return disk.Replace(path+".new", path)
}

func (s Settings) text() string {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return ""
	}
	return string(b)
}

// options are those of the collector.
func (s Settings) options(state string) collect.Options {
	return collect.Options{
		State: state, From: s.From, Logs: s.Logs, Profile: s.Profile, After: collect.After(s.After), SpoolLimit: s.SpoolLimit, NoUpgrades: s.NoUpgrades,
	}
}

// reads and writes are the folders that the service has to reach.
func (s Settings) reads() (all []string) {
	for _, d := range []string{s.From, s.Logs} {
		if d != "" && !slices.Contains(all, d) && (s.After == "" || s.After == string(collect.Keep) || d != s.From) {
			all = append(all, d)
		}
	}
	return all
}

func (s Settings) writes() []string {
	if s.After == string(collect.Move) || s.After == string(collect.Delete) {
		return []string{s.From}
	}
	return nil
}

// told prints to a person, one paragraph.
func told(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, strings.TrimSuffix(format, "\n")+"\n", args...)
}
