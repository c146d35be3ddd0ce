package upkeep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/custody"
)

const keysUsage = `
ringfence keys rotate root makes the next root key beside the present one, prints
its recovery copy and has it read back. The server may run: it takes the next
root key up when the provider asks for that on the page Keys, or with
"ringfence api rotateRootKey". With several servers copy the file to each first.
Run again after it was interrupted, it goes on.

ringfence keys rotate customer gives one customer, or all, a new key and puts
everything under it. With SQLite the server must be stopped; while it runs, use
the page Keys or "ringfence api rotateKey".

ringfence keys show says which root keys are here.

Usage: ringfence keys rotate root [--config FILE] [--recovery FILE]
       ringfence keys rotate customer (--customer ID | --all) [--config FILE]
       ringfence keys show [--config FILE]`

// Keys is `ringfence keys`.
func Keys(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("keys", keysUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration")
	recovery := f.String("recovery", "", "new `file` for the recovery copy, instead of reading it back at a terminal")
	customer := f.String("customer", "", "`id` of one customer, org_…")
	all := f.Bool("all", false, "every customer")
	what := ""
	for len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		what, args = what+" "+args[0], args[1:]
	}
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	switch what {
	case " rotate root", " show":
	case " rotate customer":
		if (*customer == "") != *all {
			return cli.Misuse(errors.New("name one customer with --customer, or --all"))
		}
	default:
		return cli.Misuse(errors.New("say what: rotate root, rotate customer or show; -h explains"))
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	switch what {
	case " rotate root":
		return offerRoot(ctx, c, *recovery, p, func(string) {})
	case " rotate customer":
		return rotateCustomers(ctx, c, *customer, p)
	}
	return showRoots(c, p)
}

// offerRoot makes the next root key. It lies under another name until its
// recovery copy was read back: no server takes up a key of which there is no copy.
func offerRoot(ctx context.Context, c config.Config, recovery string, p cli.Process, step func(string)) error {
	roots, err := keyring.LoadRoots(c.Keys.Root)
	if err != nil {
		return err
	}
	_, waits, _, err := roots.Names()
	if err != nil {
		return err
	}
	part := c.Keys.Root + ".unread"
	if waits != "" {
		if left, err := keyring.LoadRoot(part); err == nil && left.Name() == waits { // a run was cut off
			if err := os.Remove(part); err != nil {
				return fault.Wrap(err, fault.Unavailable, "%s cannot be removed; it holds the next root key", part)
			}
		}
		fmt.Fprintf(p.Stdout, "The next root key, %s, waits already: take it up on the page Keys.\n", waits)
		return nil
	}
	next, err := RootKey(part)
	if err != nil {
		return err
	}
	step("made")
	if roots.Equal(next) {
		return fault.New(fault.Conflict, "%s holds the present root key: remove it", part)
	}
	if err := ReadBack(ctx, next, recovery, bufio.NewReader(p.Stdin), p); err != nil {
		return err
	}
	step("read back")
	if err := roots.Offer(next); err != nil {
		return err
	}
	step("offered")
	if err := os.Remove(part); err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be removed; it holds the next root key", part)
	}
	step("tidied")
	fmt.Fprintf(p.Stdout, "The next root key %s is in %s.next.\nWith several servers copy that file to each, with its mode 0600. Then take it up: the page Keys of the provider, or\n  ringfence api rotateRootKey\nNothing was changed yet. Keep the recovery copy of the present root key as long as there are backups of keys from its time.\n",
		next.Name(), filepath.Clean(c.Keys.Root))
	return nil
}

func showRoots(c config.Config, p cli.Process) error {
	roots, err := keyring.LoadRoots(c.Keys.Root)
	if err != nil {
		return err
	}
	main, next, former, err := roots.Names()
	if err != nil {
		return err
	}
	for _, one := range [][2]string{{"root key", main}, {"next", next}, {"former", former}} {
		if one[1] != "" {
			fmt.Fprintf(p.Stdout, "%s: %s\n", one[0], one[1])
		}
	}
	return nil
}

// rotateCustomers rotates without a server, by the same jobs.
func rotateCustomers(ctx context.Context, c config.Config, only string, p cli.Process) error {
	log := slog.New(slog.DiscardHandler)
	s, err := storage.Open(ctx, c, false)
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "the server is running: use the page Keys or `ringfence api rotateKey`, or stop it first")
	}
	if err != nil {
		return err
	}
	defer s.Close(log)
	keep := custody.New(custody.Options{Store: s.Places, Keys: s.Keys, Roots: s.Roots, Server: "ringfence keys"})
	which, err := s.Places.Customers(ctx)
	if err != nil {
		return err
	}
	if only != "" {
		one, err := id.Parse[id.Customer](only)
		if err != nil {
			return cli.Misuse(errors.New("--customer wants an id such as org_06b3k…"))
		}
		which = []id.Customer{one}
	}
	for _, one := range which {
		if err := rotateOne(ctx, s.Places, keep, one, p); err != nil {
			return err
		}
	}
	return nil
}

func rotateOne(ctx context.Context, store *place.Store, keep *custody.Service, one id.Customer, p cli.Process) error {
	at, err := store.Place(ctx, one)
	if err != nil {
		return err
	}
	_, err = keep.Ask(ctx, at, actor.ForSystem("command line"), custody.Rotate, "", "")
	if err != nil && !fault.Is(err, fault.Conflict) { // one that was cut off is finished
		return err
	}
	if err := keep.Finish(ctx, at); err != nil {
		return err
	}
	st, err := keep.State(ctx, at)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s: version %d of its key, %d keys under it\n", one, st.Version, st.Keys)
	return nil
}
