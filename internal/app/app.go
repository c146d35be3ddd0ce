// Package app is the only package that knows all others: it reads the
// configuration, builds the parts in the order of their dependence, starts and
// stops them, and offers each operator's act as a subcommand.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
)

// Process is what the operating system gives a program.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
}

// command is one subcommand. run gets the arguments after its name and returns
// nil, flag.ErrHelp, or an error whose text tells the operator what to do.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, p Process) error
}

// commands in the order in which an operator meets them. It is a function,
// not a variable, because help lists it.
func commands() []command {
	return []command{
		{"demo", "show everything with a dozen calls, on this machine only", runDemo},
		{"init", "prepare a server: keys, configuration, first administrator", runInit},
		{"serve", "run the server", runServe},
		{"collect", "collect recordings beside a telephone system", runCollect},
		{"blueprint", "set up a customer from one file", runBlueprint},
		{"upgrade", "change this server over to another release, and back if it is not well", runUpgrade},
		{"health", "ask a server on this machine whether it is ready", runHealth},
		{"api", "do what the API of a running server can do", runAPI},
		{"backup", "make backups, list and verify them, try a restore", runBackup},
		{"restore", "make an installation or one customer anew from backups", runRestore},
		{"keys", "make the next root key, rotate customers' keys", runKeys},
		{"import", "take old recordings from a folder into an archive", runImport},
		{"unlock", "open the access lists of who is locked out", runUnlock},
		{"reset-factors", "let somebody in who has lost every second factor", runResetFactors},
		{"leavers", "take the people of a file out, with a report", runLeavers},
		{"review", "check the signed result of an access review", runReview},
		{"coverage", "check a signed statement of coverage", runCoverage},
		{"customer", "move a customer to another installation, with everything", runCustomer},
		{"certificate", "check a signed certificate of destruction", runCertificate},
		{"verify", "check exports of the change log, evidence files and kept checkpoints, offline", runVerify},
		{"generate", "write the files that are derived from the code", runGenerate},
		{"version", "say which version this is", runVersion},
		{"help", "this list", runHelp},
	}
}

// Main runs the program and returns its exit code: 0 done, 1 failed, 2 used
// wrongly.
func Main(ctx context.Context, args []string, p Process) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		args = []string{"help"}
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], p)
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, new(exitCode)):
			code, _ := errors.AsType[exitCode](err)
			return int(code)
		case errors.As(err, new(usageError)):
			fmt.Fprintf(p.Stderr, "ringfence %s: %v\n", c.name, err)
			return 2
		default:
			report(p.Stderr, c.name, err)
			return 1
		}
	}
	fmt.Fprintf(p.Stderr, "ringfence: there is no command %q; 'ringfence help' lists them\n", args[0])
	return 2
}

// report prints a failure for a person: each problem on a line of its own, and
// the cause last, as an operator may see causes.
func report(w io.Writer, name string, err error) {
	f := fault.Of(err)
	if f.Kind == fault.Internal && errors.Unwrap(f) != nil {
		fmt.Fprintf(w, "ringfence %s: %v\n", name, errors.Unwrap(f))
		return
	}
	fmt.Fprintf(w, "ringfence %s: %s\n", name, f.Text)
	for _, d := range f.Details {
		fmt.Fprintf(w, "  %s: %s\n", d.Path, d.Text)
	}
	if cause := errors.Unwrap(f); cause != nil {
		fmt.Fprintf(w, "  cause: %v\n", cause)
	}
}

// usageError is a wrong use of a command's flags.
type usageError struct{ error }

// flags makes a flag set that explains itself with -h and whose faults are
// usage errors.
func flags(name, usage string, p Process) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		var list strings.Builder
		f.SetOutput(&list)
		f.PrintDefaults()
		fmt.Fprintf(p.Stdout, "%s\n\nFlags:\n%s", strings.TrimSpace(usage), strings.ReplaceAll("\n"+list.String(), "\n  -", "\n  --")[1:])
	}
	return f
}

// parse reads flags. Only who asks for the explanation gets it: after a typing
// error it would push the error out of sight.
func parse(f *flag.FlagSet, args []string) error {
	explain := f.Usage
	f.Usage = func() {}
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		explain()
		return err
	case err != nil:
		return usageError{fmt.Errorf("%w; -h explains", err)}
	case f.NArg() > 0:
		return usageError{fmt.Errorf("unexpected %q; -h explains", f.Arg(0))}
	}
	return nil
}

func runHelp(_ context.Context, _ []string, p Process) error {
	fmt.Fprint(p.Stdout, "Ringfence keeps each customer's calls inside a fence of its own.\n\nUsage: ringfence COMMAND [flags]    (COMMAND -h explains each)\n\n")
	for _, c := range commands() {
		fmt.Fprintf(p.Stdout, "  %-13s %s\n", c.name, c.summary)
	}
	return nil
}

func runVersion(_ context.Context, _ []string, p Process) error {
	fmt.Fprintln(p.Stdout, version())
	return nil
}

// version is what an operator quotes when something is wrong.
func version() string { return release.String() }
