package upkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

const unlockUsage = `
ringfence unlock takes every rule out of the access lists of a customer, a
reseller or the provider whose administrators come in from nowhere any more, as
after their network has changed. Ask for it in writing: the change log shows it
to them. With SQLite the server must be stopped.

Usage: ringfence unlock --config FILE --node ID`

// Unlock is `ringfence unlock`.
func Unlock(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("unlock", unlockUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration")
	which := f.String("node", "", "id of the customer, reseller or provider, org_…")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	node, err := id.Parse[id.Node](*which)
	if err != nil {
		return cli.Misuse(errors.New("--node wants an id such as org_06b3k…"))
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	s, err := storage.Open(ctx, c, false)
	if err != nil {
		return err
	}
	defer s.Close(slog.New(slog.DiscardHandler))
	n, err := org.New(s.Places, s.Keys).Node(ctx, node)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "there is no such customer, reseller or provider")
	}
	w := entry.Where{Place: s.Places.Registry(), Node: node}
	if n.Kind == org.Customer {
		if w.Place, err = s.Places.Place(ctx, node); err != nil {
			return err
		}
	}
	gone, err := entry.New(nil).Clear(ctx, w, actor.ForSystem("unlock"))
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s: %d rules taken out; every way in is open to all networks.\n", n.Name, gone)
	return nil
}
