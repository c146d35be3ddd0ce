// Package upkeep is what an operator does to the stores of an installation with
// the machine's own rights: backups and their restoration, keys, imports, moving a
// customer, letting in who is locked out.
package upkeep

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/trust/backup"
)

const backupUsage = `
ringfence backup makes and looks at backups. A running server makes them by
itself, each day and each minute; 'ringfence api runBackup' asks it for one now.

  key      make the backup key, once, and have its recovery copy read back
  run      make a backup now; with SQLite while the server is stopped
  list     what can be restored to
  verify   read a backup from the target, every byte of it
  drill    restore the newest into a scratch folder and check it
  log      begin the log of changes on a new disk (--begin)

Usage: ringfence backup COMMAND --config FILE [flags]   (COMMAND -h explains each)`

// Backup is `ringfence backup`.
func Backup(ctx context.Context, args []string, p cli.Process) error {
	commands := map[string]func(context.Context, []string, cli.Process) error{
		"key": backupKey, "run": backupRun, "list": backupList, "verify": backupVerify, "drill": backupDrill, "log": backupLog,
	}
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprintln(p.Stdout, backupUsage[1:])
		return nil
	}
	run, ok := commands[args[0]]
	if !ok {
		return cli.Misuse(fmt.Errorf("there is no 'backup %s'; -h explains", args[0]))
	}
	return run(ctx, args[1:], p)
}

// backupFlags are those that every command takes.
func backupFlags(name, usage string, args []string, p cli.Process, more func(f flagSet)) (config.Config, bool, error) {
	f := cli.Flags("backup "+name, usage, p)
	path := f.String("config", cli.UsualConfig, "the configuration")
	asJSON := new(bool)
	if name != "key" && name != "log" { // they say nothing that a program would read
		f.BoolVar(asJSON, "json", false, "answer for programs")
	}
	if more != nil {
		more(f)
	}
	if err := cli.Parse(f, args); err != nil {
		return config.Config{}, false, err
	}
	c, err := config.Load(*path)
	return c, *asJSON, err
}

type flagSet interface {
	StringVar(p *string, name, value, usage string)
	BoolVar(p *bool, name string, value bool, usage string)
}

func backupKey(ctx context.Context, args []string, p cli.Process) error {
	var copyTo string
	var show bool
	c, _, err := backupFlags("key", "ringfence backup key makes the key that backups are encrypted with, and has its\nrecovery copy read back. A key that is there is kept.\n\nUsage: ringfence backup key --config FILE", args, p, func(f flagSet) {
		f.StringVar(&copyTo, "recovery", "", "write the recovery copy to this new file and read it back from there, instead of asking for it; then move the file off this machine")
		f.BoolVar(&show, "show", false, "print the recovery copy of the key that is there")
	})
	if err != nil {
		return err
	}
	if show {
		k, err := backup.LoadKey(c.Backup.Key)
		if err != nil {
			return err
		}
		fmt.Fprint(p.Stdout, k.Recovery())
		return nil
	}
	return MakeBackupKey(ctx, c, copyTo, bufio.NewReader(p.Stdin), p)
}

// MakeBackupKey makes the key and ends only when its copy was read back.
func MakeBackupKey(ctx context.Context, c config.Config, copyTo string, in *bufio.Reader, p cli.Process) error {
	k, err := backup.CreateKey(c.Backup.Key)
	if err != nil {
		return err
	}
	if err := readBackKey(ctx, k, copyTo, in, p); err != nil {
		return err
	}
	l, err := storage.OpenLedger(c, true)
	if err != nil || l == nil {
		return err
	}
	return l.Close()
}

func backupLog(_ context.Context, args []string, p cli.Process) error {
	var begin bool
	c, _, err := backupFlags("log", "ringfence backup log begins the log of changes in the folder backup.log, as after\nits disk was replaced. Start the server then: it makes a backup at once.\n\nUsage: ringfence backup log --begin --config FILE", args, p, func(f flagSet) {
		f.BoolVar(&begin, "begin", false, "make the folder")
	})
	if err != nil {
		return err
	}
	if !c.Backup.Logged() {
		return fault.Field("backup", "no backups are configured: set backup.data, or backup.log for a second disk alone")
	}
	l, err := storage.OpenLedger(c, begin)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "The log of changes is in %s.\n", storage.LogFolder(c))
	return l.Close()
}

var errNoBackups = fault.Field("backup.data", "no backups are configured: say where they go, then run `ringfence backup key`")

// withBackups opens everything as the server does, runs fn and closes it.
func withBackups(ctx context.Context, c config.Config, p cli.Process, fn func(*backup.Service) error) error {
	if !c.Backup.On() {
		return errNoBackups
	}
	st, err := storage.Open(ctx, c, false)
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "the server is running: ask it with `ringfence api runBackup`, or stop it first")
	}
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	defer st.Close(quiet)
	b, t, err := storage.NewBackups(ctx, c, st, cli.NewLog(c.Log, p.Stderr))
	if err != nil {
		return err
	}
	defer t.Close()
	return fn(b)
}

func backupRun(ctx context.Context, args []string, p cli.Process) error {
	c, asJSON, err := backupFlags("run", "ringfence backup run makes a backup now. With SQLite the server must be stopped; a\nrunning one is asked with 'ringfence api runBackup'.\n\nUsage: ringfence backup run --config FILE", args, p, nil)
	if err != nil {
		return err
	}
	return withBackups(ctx, c, p, func(b *backup.Service) error {
		stop := follow(p.Stderr, asJSON, b.Progress)
		point, err := b.Run(ctx)
		stop()
		if err != nil {
			return err
		}
		if err := b.Tidy(ctx); err != nil {
			return err
		}
		if asJSON {
			return printJSON(p.Stdout, point)
		}
		fmt.Fprintf(p.Stdout, "%s: %d places, %s read, %s sent, in %v.\n", point.ID, len(point.Parts), size(point.Read), size(point.Sent), point.Finished.Sub(point.At).Round(time.Millisecond))
		if !point.Keys {
			fmt.Fprintln(p.Stdout, "Keys are not in it: backup.keys is not set. Without keys nothing of it can be opened.")
		}
		return nil
	})
}

// follow prints progress once a second, for people.
func follow(w io.Writer, quiet bool, read func() backup.Progress) (stop func()) {
	if quiet {
		return func() {}
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-end:
				return
			case <-t.C:
				g := read()
				fmt.Fprintf(w, "%s: %d of %d places, %s read, %s sent\n", g.Doing, g.Places, g.Of, size(g.Bytes), size(g.Sent))
			}
		}
	}()
	return func() { close(end); <-done }
}

// openRepos opens the targets alone: what lists and verifies needs no server to
// be stopped.
func openRepos(ctx context.Context, c config.Config) (storage.Targets, error) {
	if !c.Backup.On() {
		return storage.Targets{}, errNoBackups
	}
	return storage.OpenTargets(ctx, c, false)
}

func backupList(ctx context.Context, args []string, p cli.Process) error {
	c, asJSON, err := backupFlags("list", "ringfence backup list shows what can be restored to, the newest first.\n\nUsage: ringfence backup list --config FILE", args, p, nil)
	if err != nil {
		return err
	}
	t, err := openRepos(ctx, c)
	if err != nil {
		return err
	}
	defer t.Close()
	points, err := t.Data.Points(ctx)
	if asJSON {
		return errors.Join(err, printJSON(p.Stdout, points))
	}
	w := tabwriter.NewWriter(p.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tAT\tPLACES\tSIZE\tSENT\tKEYS")
	for _, one := range points {
		var bytes int64
		for _, part := range one.Parts {
			bytes += part.Bytes
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%v\n", one.ID, one.At.Local().Format("2006-01-02 15:04:05"), len(one.Parts), size(bytes), size(one.Sent), one.Keys)
	}
	return errors.Join(w.Flush(), err)
}

func backupVerify(ctx context.Context, args []string, p cli.Process) error {
	var which string
	c, asJSON, err := backupFlags("verify", "ringfence backup verify reads a backup from its target, every byte, and holds it\nagainst its names.\n\nUsage: ringfence backup verify --config FILE [--point ID]", args, p, func(f flagSet) {
		f.StringVar(&which, "point", "", "which one; the newest if left out")
	})
	if err != nil {
		return err
	}
	t, err := openRepos(ctx, c)
	if err != nil {
		return err
	}
	defer t.Close()
	points, err := t.Data.Points(ctx)
	if err != nil {
		return err
	}
	for _, one := range points {
		if which != "" && one.ID.String() != which {
			continue
		}
		n, err := t.Data.Verify(ctx, one.Contents()...)
		if err != nil {
			return err
		}
		keys, err := verifyKeys(ctx, t, one.ID)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(p.Stdout, map[string]any{"id": one.ID, "bytes": n, "keys_bytes": keys})
		}
		if keys == 0 {
			fmt.Fprintf(p.Stdout, "%s: %s of data are as they were written. No keys from then are kept.\n", one.ID, size(n))
			return nil
		}
		fmt.Fprintf(p.Stdout, "%s: %s of data and %s of keys are as they were written.\n", one.ID, size(n), size(keys))
		return nil
	}
	return fault.New(fault.NotFound, "there is no such backup; `ringfence backup list` shows them")
}

func verifyKeys(ctx context.Context, t storage.Targets, which id.Backup) (int64, error) {
	if t.Keys == nil {
		return 0, nil
	}
	all, err := t.Keys.KeyPoints(ctx)
	if err != nil {
		return 0, err
	}
	for _, k := range all {
		if k.ID == which {
			return t.Keys.Verify(ctx, k.Contents()...)
		}
	}
	return 0, nil // old copies of keys are removed on purpose
}

func backupDrill(ctx context.Context, args []string, p cli.Process) error {
	var part bool
	c, asJSON, err := backupFlags("drill", "ringfence backup drill restores the newest backup into the scratch folder, checks it\nand throws it away. With SQLite the server must be stopped; a running one does it\nevery night.\n\nUsage: ringfence backup drill --config FILE", args, p, func(f flagSet) {
		f.BoolVar(&part, "part", false, "a few places only, as on week days")
	})
	if err != nil {
		return err
	}
	return withBackups(ctx, c, p, func(b *backup.Service) error {
		stop := follow(p.Stderr, asJSON, b.Progress)
		d, err := b.Drill(ctx, !part)
		stop()
		if err != nil {
			return err
		}
		if asJSON {
			if err := printJSON(p.Stdout, d); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(p.Stdout, "%d places, %s, restored and checked in %v; %v behind what is live.\n", len(d.Places), size(d.Bytes), d.Took.Round(time.Millisecond), d.Behind.Round(time.Second))
			for _, f := range d.Failures {
				fmt.Fprintf(p.Stdout, "FAILED %s\n", f)
			}
		}
		if !d.Passed() {
			return fault.New(fault.Unavailable, "the backup could not be restored whole: see above")
		}
		return nil
	})
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// size is a number of bytes for people.
func size(n int64) string {
	for _, u := range []struct {
		name string
		of   int64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= u.of {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.of), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
