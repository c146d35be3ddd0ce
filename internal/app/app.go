// Package app is the program: the list of its subcommands. Each is in one of the
// rooms beside this file: server runs it, install sets a machine up, upkeep works
// on the stores, check verifies what was signed, client asks a running server,
// showcase is the demo. Below them are cli, storage and config.
package app

import (
	"context"
	"fmt"

	"ringfence/internal/app/check"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/client"
	"ringfence/internal/app/install"
	"ringfence/internal/app/server"
	"ringfence/internal/app/showcase"
	"ringfence/internal/app/upkeep"
	"ringfence/internal/base/release"
)

// commands in the order in which an operator meets them. It is a function,
// not a variable, because help lists it.
func commands() []cli.Command {
	return []cli.Command{
		{Name: "demo", Summary: "show everything with a dozen calls, on this machine only", Run: showcase.Demo},
		{Name: "init", Summary: "prepare a server: keys, configuration, first administrator", Run: install.Init},
		{Name: "serve", Summary: "run the server", Run: server.Serve},
		{Name: "collect", Summary: "collect recordings beside a telephone system", Run: runCollect},
		{Name: "blueprint", Summary: "set up a customer from one file", Run: client.Blueprint},
		{Name: "upgrade", Summary: "change this server over to another release, and back if it is not well", Run: install.Upgrade},
		{Name: "health", Summary: "ask a server on this machine whether it is ready", Run: server.Health},
		{Name: "api", Summary: "do what the API of a running server can do", Run: client.API},
		{Name: "backup", Summary: "make backups, list and verify them, try a restore", Run: upkeep.Backup},
		{Name: "restore", Summary: "make an installation or one customer anew from backups", Run: upkeep.Restore},
		{Name: "keys", Summary: "make the next root key, rotate customers' keys", Run: upkeep.Keys},
		{Name: "import", Summary: "take old recordings from a folder into an archive", Run: upkeep.Import},
		{Name: "unlock", Summary: "open the access lists of who is locked out", Run: upkeep.Unlock},
		{Name: "reset-factors", Summary: "let somebody in who has lost every second factor", Run: upkeep.ResetFactors},
		{Name: "leavers", Summary: "take the people of a file out, with a report", Run: client.Leavers},
		{Name: "review", Summary: "check the signed result of an access review", Run: check.Review},
		{Name: "coverage", Summary: "check a signed statement of coverage", Run: check.Coverage},
		{Name: "customer", Summary: "move a customer to another installation, with everything", Run: upkeep.Customer},
		{Name: "certificate", Summary: "check a signed certificate of a destruction or of a person's request", Run: check.Certificate},
		{Name: "verify", Summary: "check exports of the change log, evidence files and kept checkpoints, offline", Run: check.Verify},
		{Name: "generate", Summary: "write the files that are derived from the code", Run: runGenerate},
		{Name: "version", Summary: "say which version this is", Run: runVersion},
		{Name: "help", Summary: "this list", Run: runHelp},
	}
}

// Main runs the program and returns its exit code: 0 done, 1 failed, 2 used
// wrongly.
func Main(ctx context.Context, args []string, p cli.Process) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		args = []string{"help"}
	}
	return cli.Dispatch(ctx, commands(), args, p)
}

func runHelp(ctx context.Context, args []string, p cli.Process) error {
	for _, c := range commands() {
		if len(args) > 0 && c.Name == args[0] && c.Name != "help" {
			return c.Run(ctx, []string{"-h"}, p)
		}
	}
	if len(args) > 0 && args[0] != "-h" && args[0] != "--help" {
		return cli.Misuse(fmt.Errorf("there is no command %q", args[0]))
	}
	fmt.Fprint(p.Stdout, "Ringfence keeps each customer's calls inside a fence of its own.\n\nUsage: ringfence COMMAND [flags]    (COMMAND -h explains each)\n\n")
	for _, c := range commands() {
		fmt.Fprintf(p.Stdout, "  %-13s %s\n", c.Name, c.Summary)
	}
	return nil
}

func runVersion(_ context.Context, args []string, p cli.Process) error {
	if len(args) > 0 {
		return cli.Misuse(fmt.Errorf("unexpected %q", args[0]))
	}
	fmt.Fprintln(p.Stdout, release.String())
	return nil
}
