package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/remote"
	"ringfence/internal/base/fault"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/blueprint"
)

const blueprintUsage = `
ringfence blueprint sets up a customer from one YAML file.

  sample       write a file that explains itself
  check FILE   list every fault of a file; asks no server
  diff FILE    what applying it would change; nothing is done
  apply FILE   make the customer be as the file says; twice is once

diff and apply ask the server --url at --node: the provider or reseller below
which the customer stands or is to be made, or the customer itself. - reads
standard input. Who asks is said as with 'ringfence api'.

Usage: ringfence blueprint sample
       ringfence blueprint check FILE
       ringfence blueprint diff FILE --url URL --node ID [flags]
       ringfence blueprint apply FILE --url URL --node ID [flags]`

// Blueprint is `ringfence blueprint`.
func Blueprint(ctx context.Context, args []string, p cli.Process) error {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprintln(p.Stdout, blueprintUsage[1:])
		return nil
	}
	verb, args := args[0], args[1:]
	if verb == "sample" {
		_, err := io.WriteString(p.Stdout, blueprint.Sample())
		return err
	}
	operation := map[string]string{"check": "", "diff": "previewBlueprint", "apply": "applyBlueprint"}
	name, known := operation[verb]
	if !known {
		return cli.Misuse(fmt.Errorf("there is no %q; -h explains", verb))
	}
	if len(args) == 0 {
		return cli.Misuse(errors.New("name the file; -h explains"))
	}
	if args[0] == "-h" || args[0] == "--help" {
		return askBlueprint(ctx, "applyBlueprint", nil, args[:1], p)
	}
	text, err := readBody(args[0], p.Stdin)
	if err != nil {
		return fault.Wrap(errors.Unwrap(err), fault.Invalid, "%s cannot be read", args[0])
	}
	if _, err := blueprint.Parse(text); err != nil || name == "" {
		if err == nil {
			fmt.Fprintf(p.Stdout, "%s is a blueprint without a fault.\n", args[0])
		}
		return err
	}
	return askBlueprint(ctx, name, text, args[1:], p)
}

// askBlueprint sends the file to a server and sets out its answer.
func askBlueprint(ctx context.Context, operation string, text []byte, args []string, p cli.Process) error {
	description, err := httpapi.DescriptionJSON()
	if err != nil {
		return err
	}
	api, err := remote.Read(description)
	if err != nil {
		return err
	}
	op, ok := api.Find(operation)
	if !ok {
		return fmt.Errorf("the API has no operation %s", operation)
	}
	f := cli.Flags("blueprint", blueprintUsage, p)
	own := flag.NewFlagSet(operation, flag.ContinueOnError)
	given := api.Flags(op, own)
	node := f.String("node", "", "`id` of the provider, reseller or customer")
	c := addTarget(f, p)
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if *node == "" {
		return cli.Misuse(errors.New("--node is missing: below which node?"))
	}
	if err := own.Set("node", *node); err != nil {
		return cli.Misuse(err)
	}
	client, err := c.client(p)
	if err != nil {
		return err
	}
	defer client.Close()
	body, err := json.Marshal(map[string]string{"yaml": string(text)})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := client.Call(ctx, given, body, &out); err != nil {
		return err
	}
	var answer httpapi.Blueprint
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the server's answer cannot be read")
	}
	return showBlueprint(p.Stdout, answer)
}

func showBlueprint(w io.Writer, b httpapi.Blueprint) error {
	for _, l := range b.Lines {
		mark := "  "
		switch {
		case l.Kept:
			mark = "= "
		case l.Before == "":
			mark = "+ "
		default:
			mark = "~ "
		}
		switch {
		case l.Before == "":
			fmt.Fprintf(w, "%s%s: %s", mark, l.Path, l.After)
		default:
			fmt.Fprintf(w, "%s%s: %s → %s", mark, l.Path, l.Before, l.After)
		}
		if l.Kept {
			fmt.Fprint(w, "   (kept: the customer's administrators decide)")
		}
		fmt.Fprintln(w)
	}
	if !b.Changes {
		fmt.Fprintln(w, "Nothing differs.")
	}
	if b.CustomerID != "" {
		fmt.Fprintf(w, "customer %s\n", b.CustomerID)
	}
	if b.State.Note != "" {
		fmt.Fprintln(w, b.State.Note)
	}
	if b.State.State == blueprint.Failed {
		return fault.New(fault.Conflict, "a step was refused; mend the file and apply it again")
	}
	return nil
}
