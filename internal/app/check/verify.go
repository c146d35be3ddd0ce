package check

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"ringfence/internal/app/cli"
	"ringfence/internal/base/fault"
	"ringfence/internal/trust/proof"
)

const verifyUsage = `
ringfence verify checks files that prove something: exports of the change log,
evidence files, and checkpoints that somebody kept. It asks no server and needs
nothing of an installation. Several files are also held against each other: a
checkpoint that came by mail against an export shows whether the log was
rewritten since.

Usage: ringfence verify [--key KEY] [--json] FILE...

The key is the installation's, as the portal's page Verification shows it. It
has to come from somewhere else than the files: without it they are checked
against the key that they name themselves.

The exit code is 0 if everything holds, 1 if anything does not, and 2 if a file
cannot be read.`

// Verify is `ringfence verify`.
func Verify(_ context.Context, args []string, p cli.Process) error {
	f := cli.Flags("verify", verifyUsage, p)
	key := f.String("key", "", "the installation's public key")
	asJSON := f.Bool("json", false, "answer as JSON")
	var files []string
	for len(args) > 0 {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return err
		} else if err != nil {
			return cli.Misuse(fmt.Errorf("%w; -h explains", err))
		}
		if args = f.Args(); len(args) > 0 {
			files, args = append(files, args[0]), args[1:]
		}
	}
	if len(files) == 0 {
		return cli.Misuse(fmt.Errorf("which file? -h explains"))
	}
	all, err := verifyFiles(files, strings.TrimSpace(*key))
	if err != nil {
		fmt.Fprintf(p.Stderr, "ringfence verify: %s\n", fault.Of(err).Text)
		return cli.ExitCode(2)
	}
	holds := len(all) > 0
	for _, r := range all {
		holds = holds && r.Holds()
	}
	if *asJSON {
		out := json.NewEncoder(p.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(map[string]any{"holds": holds, "files": all}); err != nil {
			return err
		}
	} else {
		printReports(p, all, holds)
	}
	if !holds {
		return cli.ExitCode(1)
	}
	return nil
}

func verifyFiles(files []string, key string) (all []*proof.Report, err error) {
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read", name)
		}
		info, err := file.Stat()
		if err == nil && !info.IsDir() {
			all = append(all, proof.Verify(name, file, info.Size(), key))
		}
		file.Close()
		if err != nil || info.IsDir() {
			return nil, fault.New(fault.Invalid, "%s cannot be read: it is no file", name)
		}
	}
	if len(all) > 1 || all[0].Kind == "checkpoint" && key == "" {
		all = append(all, proof.Compare(all))
	}
	return all, nil
}

func printReports(p cli.Process, all []*proof.Report, holds bool) {
	for _, r := range all {
		fmt.Fprintf(p.Stdout, "%s (%s)\n", r.File, r.Kind)
		for _, f := range r.Findings {
			mark := "  holds   "
			if !f.Holds {
				mark = "  DOES NOT"
			}
			fmt.Fprintf(p.Stdout, "%s  %-12s %s\n", mark, f.Claim, f.Text)
		}
		if r.Key != "" && !r.Pinned {
			fmt.Fprintf(p.Stdout, "  Compare the key with the one that you know: %s\n", r.Key)
		}
	}
	if holds {
		fmt.Fprintln(p.Stdout, "Everything holds.")
	} else {
		fmt.Fprintln(p.Stdout, "NOT everything holds.")
	}
}
