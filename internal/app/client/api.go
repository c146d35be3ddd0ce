// Package client is what the command line does with the API of a running server,
// with the rights of whoever signs in.
package client

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/remote"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
)

const apiUsage = `
ringfence api does what the API of a running server can do. Without an operation
it lists them all; 'ringfence api OPERATION -h' explains one. Answers are JSON on
standard output; a refusal names every fault and has the exit code 1.

Who asks: a machine by --token-file, or a person by --session-file, which
'ringfence api signIn' and 'ringfence api signInCode' fill. RINGFENCE_URL,
RINGFENCE_TOKEN_FILE and RINGFENCE_SESSION_FILE stand in for the flags.

Usage: ringfence api [OPERATION [flags]]`

// apiFlags is what every operation takes besides its own.
type apiFlags struct {
	url, token, session, ca, body, out *string
	all                                *bool
}

// API is `ringfence api`.
func API(ctx context.Context, args []string, p cli.Process) error {
	text, err := httpapi.DescriptionJSON()
	if err != nil {
		return err
	}
	api, err := remote.Read(text)
	if err != nil {
		return err
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		if len(args) > 0 && args[0] != "-h" && args[0] != "--help" && args[0] != "-help" {
			return cli.Misuse(fmt.Errorf("name the operation before %s; -h explains", args[0]))
		}
		fmt.Fprintln(p.Stdout, strings.TrimSpace(apiUsage))
		api.List(p.Stdout)
		return nil
	}
	op, ok := api.Find(args[0])
	if !ok {
		hint := "'ringfence api' lists them"
		if like := api.Like(args[0]); len(like) > 0 {
			hint = "is it " + strings.Join(like, ", ") + "?"
		}
		return cli.Misuse(fmt.Errorf("there is no operation %q; %s", args[0], hint))
	}
	return callAPI(ctx, api, op, args[1:], p)
}

func callAPI(ctx context.Context, api *remote.API, op remote.Operation, args []string, p cli.Process) error {
	f := cli.Flags("api "+op.ID, "Usage: ringfence api "+op.ID+" [flags]", p)
	given := api.Flags(op, f)
	c := addAPIFlags(f, p)
	explain := f.Usage
	f.Usage = func() { api.Explain(p.Stdout, op); explain() }
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if missing := given.Missing(); len(missing) > 0 {
		return cli.Misuse(fmt.Errorf("%s is missing; -h explains", strings.Join(missing, ", ")))
	}
	if *c.token == "-" && *c.body == "-" {
		return cli.Misuse(errors.New("the token and the body cannot both come from standard input"))
	}
	client, err := c.client(p)
	if err != nil {
		return err
	}
	defer client.Close()
	body, err := readBody(*c.body, p.Stdin)
	if err != nil {
		return err
	}
	return c.into(p.Stdout, func(out io.Writer) error {
		if *c.all {
			return client.All(ctx, given, out)
		}
		return client.Call(ctx, given, body, out)
	})
}

// addTarget adds the flags that say which server is asked, and who asks.
func addTarget(f *flag.FlagSet, p cli.Process) apiFlags {
	return apiFlags{
		url:     f.String("url", p.Getenv("RINGFENCE_URL"), "the `server`, for example https://calls.example.com"),
		token:   f.String("token-file", p.Getenv("RINGFENCE_TOKEN_FILE"), "`file` with an API token, mode 0600; - reads standard input"),
		session: f.String("session-file", p.Getenv("RINGFENCE_SESSION_FILE"), "`file` that keeps a person's sign-in; made when it is not there"),
		ca:      f.String("ca", "", "`file` with certificates (PEM) to believe besides the system's"),
	}
}

func addAPIFlags(f *flag.FlagSet, p cli.Process) apiFlags {
	c := addTarget(f, p)
	c.body = f.String("body", "", "`file` with the body; - reads standard input")
	c.out = f.String("out", "", "`file` to write the answer to instead of standard output")
	c.all = f.Bool("all", false, "fetch every page of a list")
	return c
}

func (c apiFlags) client(p cli.Process) (*remote.Client, error) {
	if *c.url == "" {
		return nil, cli.Misuse(errors.New("--url is missing: which server?"))
	}
	to := remote.Target{URL: *c.url, Agent: release.String()}
	var err error
	switch {
	case *c.token != "" && *c.session != "":
		return nil, cli.Misuse(errors.New("give --token-file or --session-file, not both"))
	case *c.token == "-":
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(p.Stdin, 4096)); err == nil {
			to.Token = secret.NewText(strings.TrimSpace(string(b)))
		}
	case *c.token != "":
		to.Token, err = storage.SecretFile("--token-file", *c.token)
	case *c.session != "":
		to.Session, err = remote.OpenSession(*c.session)
	}
	if err != nil {
		return nil, err
	}
	if *c.ca != "" {
		if to.CA, err = os.ReadFile(*c.ca); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "--ca cannot be read")
		}
	}
	return remote.New(to)
}

func readBody(name string, stdin io.Reader) (body []byte, err error) {
	switch name {
	case "":
		return nil, nil
	case "-":
		body, err = io.ReadAll(stdin)
	default:
		body, err = os.ReadFile(name)
	}
	return body, fault.Wrap(err, fault.Invalid, "--body cannot be read")
}

// into writes to standard output or to a file, which is only there once the
// answer is whole and which only its owner may read: it may be a recording.
func (c apiFlags) into(stdout io.Writer, fn func(io.Writer) error) error {
	if *c.out == "" {
		return fn(stdout)
	}
	part := *c.out + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "--out cannot be written")
	}
	err = fn(f)
	if cerr := f.Close(); err == nil {
		err = fault.Wrap(cerr, fault.Unavailable, "--out cannot be written")
	}
	if err == nil {
		err = fault.Wrap(os.Rename(part, *c.out), fault.Unavailable, "--out cannot be written")
	}
	if err != nil {
		os.Remove(part)
	}
	return err
}
