// Package cli is what every subcommand has in common: what it gets from the
// operating system, its flags, how it asks a person, and how it fails. It knows
// no command.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"ringfence/internal/base/fault"
)

// Process is what the operating system gives a program.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
}

// Command is one subcommand. Run gets the arguments after its name and returns
// nil, flag.ErrHelp, or an error whose text tells the operator what to do.
type Command struct {
	Name, Summary string
	Run           func(ctx context.Context, args []string, p Process) error
}

// Dispatch runs the subcommand that the arguments begin with and gives the exit
// code: 0 done, 1 failed, 2 used wrongly.
func Dispatch(ctx context.Context, commands []Command, args []string, p Process) int {
	for _, c := range commands {
		if c.Name != args[0] {
			continue
		}
		err := c.Run(ctx, args[1:], p)
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, new(ExitCode)):
			code, _ := errors.AsType[ExitCode](err)
			return int(code)
		case errors.As(err, new(usageError)):
			fmt.Fprintf(p.Stderr, "ringfence %s: %v\n", c.Name, err)
			return 2
		default:
			Report(p.Stderr, c.Name, err)
			return 1
		}
	}
	fmt.Fprintf(p.Stderr, "ringfence: there is no command %q; 'ringfence help' lists them\n", args[0])
	return 2
}

// ExitCode is a failure that a command has reported itself.
type ExitCode int

func (e ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Report prints a failure for a person: each problem on a line of its own, and
// the cause last, as an operator may see causes.
func Report(w io.Writer, name string, err error) {
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

// Misuse says that a command was used wrongly: the exit code is 2.
func Misuse(err error) error { return usageError{err} }

// Flags makes a flag set that explains itself with -h and whose faults are
// usage errors.
func Flags(name, usage string, p Process) *flag.FlagSet {
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

// Parse reads flags. Only who asks for the explanation gets it: after a typing
// error it would push the error out of sight.
func Parse(f *flag.FlagSet, args []string) error {
	explain := f.Usage
	f.Usage = func() {}
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		explain()
		return err
	case err != nil:
		text := strings.Replace(err.Error(), "not defined: -", "not defined: --", 1)
		return usageError{errors.New(text + "; -h explains")}
	case f.NArg() > 0:
		return usageError{fmt.Errorf("unexpected %q; -h explains", f.Arg(0))}
	}
	return nil
}
