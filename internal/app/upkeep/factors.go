package upkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/actor"
	"ringfence/internal/tenancy/identity"
)

const factorsUsage = `
ringfence reset-factors takes the authenticator app, the passkeys and the recovery
codes of somebody away who has lost all of them: the next sign-in asks for a
mailed code. Be sure that it is that person who asks. They are told by mail if
this server can send any. With SQLite the server must be stopped.

Usage: ringfence reset-factors --config FILE --email ADDRESS`

// ResetFactors is `ringfence reset-factors`.
func ResetFactors(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("reset-factors", factorsUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration")
	email := f.String("email", "", "address of the person")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if *email == "" {
		return cli.Misuse(errors.New("--email is missing: whose factors?"))
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	sender, err := server.NewRelay(c.Mail)
	if err != nil {
		return err
	}
	s, err := storage.Open(ctx, c, false)
	if err != nil {
		return err
	}
	defer s.Close(slog.New(slog.DiscardHandler))
	people := identity.New(identity.Options{Store: s.Places, Mail: sender, BaseURL: func() string { return server.PortalURL(c, nil) }})
	if err := people.ResetFactorsOf(ctx, actor.ForSystem("reset-factors"), *email); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s signs in with password and mailed code now.\n", *email)
	return nil
}
