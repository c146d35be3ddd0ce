package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ringfence/internal/app/config"
	"ringfence/internal/base/actor"
	"ringfence/internal/tenancy/identity"
)

const factorsUsage = `
ringfence reset-factors takes the authenticator app, the passkeys and the recovery
codes of somebody away who has lost all of them: the next sign-in asks for a
mailed code. Be sure that it is that person who asks. They are told by mail if
this server can send any. With SQLite the server must be stopped.

Usage: ringfence reset-factors --config FILE --email ADDRESS`

func runResetFactors(ctx context.Context, args []string, p Process) error {
	f := flags("reset-factors", factorsUsage, p)
	path := f.String("config", "/etc/ringfence/ringfence.yaml", "the configuration")
	email := f.String("email", "", "address of the person")
	if err := parse(f, args); err != nil {
		return err
	}
	if *email == "" {
		return usageError{errors.New("--email is missing: whose factors?")}
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	sender, err := newRelay(c.Mail)
	if err != nil {
		return err
	}
	s, err := openStores(ctx, c, true)
	if err != nil {
		return err
	}
	defer s.close(slog.New(slog.DiscardHandler))
	people := identity.New(identity.Options{Store: s.places, Mail: sender, BaseURL: (&server{cfg: c}).url})
	if err := people.ResetFactorsOf(ctx, actor.ForSystem("reset-factors"), *email); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s signs in with password and mailed code now.\n", *email)
	return nil
}
