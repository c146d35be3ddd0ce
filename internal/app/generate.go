package app

import (
	"context"
	"os"
	"path/filepath"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/archive/field"
	"ringfence/internal/base/fault"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/access"
)

func runCollect(ctx context.Context, args []string, p cli.Process) error {
	if code := field.Command(ctx, args, field.Process{Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr}); code != 0 {
		return cli.ExitCode(code)
	}
	return nil
}

const generateUsage = `
ringfence generate writes the files of the repository that are derived from the
code: the description of the API and its part for clients, the table of
permissions and the sample configuration.

Usage: ringfence generate [--dir DIR]`

func runGenerate(_ context.Context, args []string, p cli.Process) error {
	f := cli.Flags("generate", generateUsage, p)
	dir := f.String("dir", ".", "root of the repository")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	api, err := httpapi.Description()
	if err != nil {
		return err
	}
	machines, err := httpapi.MachinesJSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(*dir, "clients"), 0o755); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the folder clients cannot be made")
	}
	for name, text := range map[string][]byte{
		"openapi.yaml":             api,
		"clients/openapi-3.0.json": machines,
		"docs/permissions.md":      []byte(access.Markdown()),
		"ringfence.sample.yaml":    config.Sample(),
	} {
		if err := os.WriteFile(filepath.Join(*dir, name), text, 0o644); err != nil {
			return fault.Wrap(err, fault.Unavailable, "%s cannot be written: is --dir the root of the repository?", name)
		}
	}
	return nil
}
