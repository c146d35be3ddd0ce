package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/archive/bulk"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const importUsage = `
ringfence import takes old recordings from a folder of this machine into a
customer's archive: it lists and previews them, asks, and takes them in. No file
in the folder is touched. It may be interrupted at any point: the same import
goes on with --go-on, or in the portal if the configuration's "watch" gives the
customer the folder. With SQLite the server must be stopped; while it runs, use
the portal's page Imports or "ringfence api".

Usage: ringfence import --config FILE --customer ID --from DIR [--profile NAME] [--yes]
       ringfence import --config FILE --customer ID --go-on IMPORT`

// Import is `ringfence import`.
func Import(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("import", importUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration")
	which := f.String("customer", "", "id of the customer, org_…")
	var d bulk.Draft
	f.StringVar(&d.Folder, "from", "", "folder of the recordings")
	f.StringVar(&d.Logs, "logs", "", "folder of the call records; none: beside the recordings")
	f.StringVar(&d.Profile, "profile", "generic", "telephone system: asterisk, 3cx, freeswitch, yeastar or generic")
	f.StringVar(&d.Pattern, "pattern", "", "of file names, for generic: {extension}_{started:060102_150405}_{_}_{caller}")
	f.StringVar(&d.TimeZone, "time-zone", "UTC", "of the old system's clock")
	f.StringVar(&d.Country, "country", "", "two letters, to read national numbers")
	f.StringVar(&d.Language, "transcribe", "", "language in which to transcribe; nothing is transcribed without it")
	f.StringVar(&d.Name, "name", "Import", "by which it is known in the portal")
	f.IntVar(&d.PerMinute, "per-minute", 0, "files a minute at most; 0: as fast as it goes")
	goOn := f.String("go-on", "", "an import that was interrupted, imp_…")
	yes := f.Bool("yes", false, "start without asking")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	d.Transcribe = d.Language != ""
	customer, err := id.Parse[id.Customer](*which)
	if err != nil {
		return cli.Misuse(errors.New("--customer wants an id such as org_06b3k…"))
	}
	if d.Folder == "" && *goOn == "" {
		return cli.Misuse(errors.New("--from is missing: the folder of the recordings"))
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	s, err := server.New(ctx, c, slog.New(slog.DiscardHandler), server.Extras{})
	if err != nil {
		return err
	}
	defer s.Stop()
	at, err := s.Places.Place(ctx, customer)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "there is no such customer")
	}
	if err := s.Recordings.Recover(ctx, at); err != nil {
		return err
	}
	return importHere(ctx, s, at, d, *goOn, *yes, p)
}

// importHere runs one import in this process, and writes how it goes.
func importHere(ctx context.Context, s *server.Server, at *place.Place, d bulk.Draft, goOn string, yes bool, p cli.Process) error {
	who := actor.ForSystem("import-command")
	var imp bulk.Import
	var err error
	if goOn == "" {
		imp, err = s.Imports.Create(ctx, at, who, d)
	} else if i, bad := id.Parse[id.Import](goOn); bad != nil {
		return cli.Misuse(errors.New("--go-on wants an id such as imp_06b3k…"))
	} else {
		imp, err = s.Imports.Get(ctx, at, i)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s\n", imp.ID)
	s.Imports.Trust(imp.ID)
	if imp.State == bulk.Paused || imp.State == bulk.Stopped {
		if imp, err = s.Imports.Resume(ctx, at, who, imp.ID); err != nil {
			return err
		}
	}
	if err := s.Importing.Start(ctx); err != nil {
		return err
	}
	defer s.Importing.Stop()
	for last := ""; ; {
		if imp, err = s.Imports.Get(ctx, at, imp.ID); err != nil {
			return err
		}
		t := imp.Totals
		if line := fmt.Sprintf("%s: %d files, %d looked at, %d done", imp.State, t.Files, t.Looked, t.Done); line != last {
			fmt.Fprintln(p.Stderr, line)
			last = line
		}
		switch imp.State {
		case bulk.Ready:
			preview(p.Stdout, t)
			if !yes && !agreed(p) {
				fmt.Fprintf(p.Stdout, "Nothing was taken in. To go on later: --go-on %s\n", imp.ID)
				return nil
			}
			if _, err := s.Imports.Start(ctx, at, who, imp.ID); err != nil {
				return err
			}
		case bulk.Stopped:
			return fault.New(fault.Unavailable, "the import cannot go on: %s; then go on with --go-on %s", imp.Note, imp.ID)
		case bulk.Done, bulk.Cancelled, bulk.Paused:
			for _, o := range bulk.Outcomes() {
				fmt.Fprintf(p.Stdout, "%-10s %d\n", o, t.Outcomes[o])
			}
			fmt.Fprintf(p.Stdout, "%-10s %d\n", "files", t.Files)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func preview(w io.Writer, t bulk.Totals) {
	fmt.Fprintf(w, "%d files, %.1f GB: %d new (%d calls, %s of sound), %d duplicates, %d expired, %d unreadable; %d other files are left alone\n",
		t.Files, float64(t.Bytes)/1e9, t.Preview[bulk.New], t.Calls, t.NewLength.Round(time.Minute), t.Preview[bulk.Duplicate], t.Preview[bulk.Expired], t.Preview[bulk.Unreadable], t.Others)
}

// agreed asks on the terminal.
func agreed(p cli.Process) bool {
	fmt.Fprint(p.Stdout, "Take them in? [yes/no] ")
	var said string
	if _, err := fmt.Fscan(p.Stdin, &said); err != nil {
		return false
	}
	return said == "yes" || said == "y"
}
