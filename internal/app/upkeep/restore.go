package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/backup"
)

const restoreUsage = `
ringfence restore makes an installation anew from its backups, on this machine or
on another: the configuration names empty folders (or an empty database), the
root key and the backup key (their recovery copies do as files), and the same
targets. What was destroyed since does not come back. With --customer one customer
is put back to an earlier time beside the others, which stay as they are; with
SQLite while the server is stopped, else 'ringfence api restoreCustomer' asks it.

It says what it is going to do; --plan ends there. Cut off, it goes on where it
was when it is run again. The exit code is 0 when all is back that was looked at,
3 when everything was restored and recordings do not open, 1 when it failed and 2
for flags that cannot be meant.

Usage: ringfence restore --config FILE [flags]`

// Restore is `ringfence restore`.
func Restore(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("restore", restoreUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration of the installation to be made")
	point := f.String("point", "", "which backup, as it is, without what was written after it; left out: the newest, and all that was written since")
	at := f.String("at", "", "a time such as 2026-11-20T14:30:00Z: everything as it was then, to the last change before")
	customer := f.String("customer", "", "one customer only, org_…")
	confirm := f.String("confirm", "", "name of the installation (or of the customer) that is replaced, where one is there")
	plan := f.Bool("plan", false, "say what would be done, and end")
	asJSON := f.Bool("json", false, "answer for programs")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	w, err := wanted(*point, *at, *customer)
	if err != nil {
		return err
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	r := restoring{c: c, w: w, confirm: *confirm, planOnly: *plan, json: *asJSON, p: p}
	if !w.Customer.IsZero() {
		return r.customer(ctx)
	}
	return r.installation(ctx)
}

func wanted(point, at, customer string) (w backup.Want, err error) {
	if point != "" {
		if w.Point, err = id.Parse[id.Backup](point); err != nil {
			return w, cli.Misuse(errors.New("--point wants an id such as bkp_06b3k…; `ringfence backup list` shows them"))
		}
	}
	if at != "" {
		if w.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return w, cli.Misuse(errors.New("--at wants a time such as 2026-11-20T14:30:00Z"))
		}
	}
	if customer != "" {
		if w.Customer, err = id.Parse[id.Customer](customer); err != nil {
			return w, cli.Misuse(errors.New("--customer wants an id such as org_06b3k…"))
		}
	}
	return w, nil
}

type restoring struct {
	c              config.Config
	w              backup.Want
	confirm        string
	planOnly, json bool
	p              cli.Process
}

// source opens what there is to restore from: targets and log.
func (r restoring) source(ctx context.Context) (src backup.Source, done func(), err error) {
	done = func() {}
	if !r.c.Backup.Logged() {
		return src, done, errNoBackups
	}
	if src.Key, err = backup.LoadKey(r.c.Backup.Key); err != nil {
		return src, done, err
	}
	if r.c.Backup.On() {
		t, err := storage.OpenTargets(ctx, r.c, false)
		if err != nil {
			return src, done, err
		}
		src.Data, src.Keys, done = t.Data, t.Keys, t.Close
	}
	// A log on a second disk that survived has more than what was sent from it.
	l, err := backup.OpenLedger(storage.LogFolder(r.c), src.Key, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return src, done, nil
	case err != nil: // without it the newest changes would be missing
		done()
		return src, done, err
	}
	src.Log = l
	before := done
	return src, func() { l.Close(); before() }, nil
}

func (r restoring) installation(ctx context.Context) error {
	src, done, err := r.source(ctx)
	if err != nil {
		return err
	}
	defer done()
	plan, err := src.Plan(ctx, r.w)
	if err != nil {
		return err
	}
	if r.planOnly || !r.json {
		if err := r.show(plan); err != nil || r.planOnly {
			return err
		}
	}
	if err := r.mayReplace(ctx); err != nil {
		return err
	}
	target, err := r.target(ctx)
	if err != nil {
		return err
	}
	defer target.Objects.Close()
	result, err := src.Restore(ctx, plan, r.w, target)
	if err != nil {
		return err
	}
	if err := underThisRoot(ctx, target.Keys); err != nil {
		return err
	}
	return r.told(result)
}

// underThisRoot puts keys that were backed up under a former root key under the
// present one. It opened them from beside it: keys.root.former.
func underThisRoot(ctx context.Context, o keyring.Options) error {
	keys, err := keyring.Open(ctx, o)
	if err != nil {
		return err
	}
	defer keys.Close()
	st, err := keys.State(ctx, id.Customer{})
	if err != nil || st.Root == o.Root.Name() {
		return err
	}
	return keys.RotateRoot(ctx, o.Root.Name(), nil)
}

// mayReplace refuses to write over an installation that lives, unless its name
// was typed. One whose restore was cut off is gone on with.
func (r restoring) mayReplace(ctx context.Context) error {
	if storage.WholeInstallation(r.c) != nil {
		return nil
	}
	at, err := storage.PlacesAt(r.c)
	if err != nil {
		return err
	}
	if none, err := place.Vacant(ctx, at); err != nil || none {
		return err
	}
	st, err := storage.Open(ctx, r.c, false)
	if err != nil {
		if fault.Is(err, fault.Conflict) {
			return err // a server is using it
		}
		return fault.Wrap(err, fault.Conflict, "there is an installation here that does not open: bring back what it misses, or name an empty folder or database")
	}
	defer st.Close(slog.New(slog.DiscardHandler))
	root, err := org.New(st.Places, st.Keys).Root(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.confirm != root.Name {
		return fault.New(fault.Conflict, "there is an installation here already, %q: name empty folders, or replace it by adding --confirm %q", root.Name, root.Name)
	}
	return nil
}

func (r restoring) target(ctx context.Context) (backup.Target, error) {
	root, err := keyring.LoadRoots(r.c.Keys.Root)
	if err != nil {
		return backup.Target{}, err
	}
	where, err := storage.KeyStores(r.c)
	if err != nil {
		return backup.Target{}, err
	}
	at, err := storage.PlacesAt(r.c)
	if err != nil {
		return backup.Target{}, err
	}
	if err := os.MkdirAll(r.c.Data, 0o700); err != nil {
		return backup.Target{}, fault.Wrap(err, fault.Unavailable, "the data folder %s cannot be made", r.c.Data)
	}
	objects, err := storage.OpenObjects(ctx, r.c, true)
	if err != nil {
		return backup.Target{}, err
	}
	return backup.Target{
		Places: at, Schemas: storage.Schemas(), Keys: keyring.Options{Root: root, Stores: where}, Objects: objects,
		Tools: place.Tools{Dir: r.c.Backup.PostgresTools}, State: storage.StateFile(r.c), Prove: storage.Prover(nil, nil, objects), Samples: 5, Told: r.step(),
	}, nil
}

// step shows what is being done.
func (r restoring) step() func(backup.Step) {
	if r.json {
		return nil
	}
	return func(s backup.Step) {
		switch s.Doing {
		case "keys":
			fmt.Fprintln(r.p.Stderr, "what was destroyed, then keys")
		case "place":
			what := "registry"
			if !s.Place.IsZero() {
				what = s.Place.String()
			}
			fmt.Fprintf(r.p.Stderr, "place %d of %d: %s\n", s.N, s.Of, what)
		case "checking":
			fmt.Fprintf(r.p.Stderr, "checking %d of %d: %s\n", s.N, s.Of, s.Place)
		}
	}
}

func (r restoring) show(plan backup.Plan) error {
	w := r.p.Stdout
	if r.json {
		return printJSON(w, plan)
	}
	when := "as late as can be had"
	if !plan.At.IsZero() {
		when = "as of " + plan.At.Format(time.RFC3339)
	}
	fmt.Fprintf(w, "To be restored: %q, %s. Keys: %s.\n", plan.Installation, when, plan.KeysFrom)
	for _, part := range plan.Places {
		name, from := "registry", "its birth, by the log"
		if !part.Customer.IsZero() {
			name = part.Customer.String()
		}
		if !part.CopyOf.IsZero() {
			from = "the copy of " + part.CopyOf.Local().Format("2006-01-02 15:04:05") + ", " + size(part.Bytes)
			if part.Replay {
				from += ", and the log after it"
			}
		}
		fmt.Fprintf(w, "  %s: from %s\n", name, from)
	}
	if plan.Destroyed > 0 || len(plan.Gone) > 0 {
		fmt.Fprintf(w, "Destroyed since, and not coming back: %d keys, %d customers.\n", plan.Destroyed, len(plan.Gone))
	}
	remarks(w, plan.Remarks)
	return nil
}

func remarks(w io.Writer, all []string) {
	for _, m := range all {
		fmt.Fprintf(w, "Note: %s\n", m)
	}
}

// notWhole is the exit code of a restore that came to its end, and after which
// recordings do not open: whoever runs it by a script must not take it for done.
const notWhole = cli.ExitCode(3)

func (r restoring) told(result backup.Result) error {
	var closed []string
	for _, one := range result.Places {
		closed = append(closed, one.Failed...)
	}
	if r.json {
		if err := printJSON(r.p.Stdout, result); err != nil || len(closed) == 0 {
			return err
		}
		return notWhole
	}
	fmt.Fprintf(r.p.Stdout, "\nRestored in %v, up to %s.\n", result.Took.Round(time.Millisecond), result.Reached.Local().Format("2006-01-02 15:04:05"))
	for _, one := range result.Places {
		fmt.Fprintf(r.p.Stdout, "  %s: %d events, %d recordings; %d were opened and are as they were captured\n", one.Customer, one.Events, one.Of, one.Opened)
	}
	if result.Purged > 0 {
		fmt.Fprintf(r.p.Stdout, "Purged: %d recordings that had been destroyed since.\n", result.Purged)
	}
	if result.Emptied > 0 {
		fmt.Fprintf(r.p.Stdout, "Emptied: %d requests of persons, breaches and entries about somebody that had been emptied or erased since.\n", result.Emptied)
	}
	if result.Objects > 0 {
		fmt.Fprintf(r.p.Stdout, "Brought back: %d objects.\n", result.Objects)
	}
	remarks(r.p.Stdout, result.Remarks)
	if len(closed) == 0 {
		fmt.Fprintln(r.p.Stdout, "Start the server; it makes a backup at once.")
		return nil
	}
	fmt.Fprintln(r.p.Stdout, "\nNot whole. Everything else is back, but these do not open, and there may be more:")
	for _, one := range closed {
		fmt.Fprintln(r.p.Stdout, "  "+one)
	}
	fmt.Fprintln(r.p.Stdout, `What was captured after the newest copy of the keys opens with the second disk of the keys alone, and needs its object. If either can still be
had, name it (keys.mirror, objects.second) and restore again, with --confirm, before the server is started. Else start the server; it makes a
backup at once.`)
	return notWhole
}

// customer puts one customer back, with the server stopped.
func (r restoring) customer(ctx context.Context) error {
	st, err := storage.Open(ctx, r.c, false)
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "the server is running: ask it with `ringfence api restoreCustomer`, or stop it first")
	}
	if err != nil {
		return err
	}
	defer st.Close(slog.New(slog.DiscardHandler))
	b, t, err := storage.NewBackups(ctx, r.c, st, cli.NewLog(r.c.Log, r.p.Stderr))
	if err != nil {
		return err
	}
	defer t.Close()
	plan, err := b.PlanCustomer(ctx, r.w)
	if err != nil {
		return err
	}
	n, err := org.New(st.Places, st.Keys).Node(ctx, r.w.Customer)
	if err != nil {
		return err
	}
	plan.Installation = n.Name
	if r.planOnly || !r.json {
		if err := r.show(plan); err != nil || r.planOnly {
			return err
		}
	}
	if r.confirm != n.Name {
		return fault.New(fault.Conflict, "what %q has now is replaced: to do so add --confirm %q", n.Name, n.Name)
	}
	one, err := b.RestoreCustomer(ctx, actor.ForSystem("restore"), plan, r.w)
	if err != nil {
		return err
	}
	return r.told(backup.Result{Places: []backup.Restored{one}, Reached: one.Reached, Purged: one.Purged, Emptied: one.Emptied, Took: one.Took, Remarks: one.Remarks})
}
