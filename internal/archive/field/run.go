package field

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/release"
	"ringfence/internal/platform/service"
)

const restart = upgrade.Restart

// serviceCommand is what the system starts: the launcher.
func serviceCommand(ctx context.Context, args []string, p Process) error {
	f := flags("service", "Usage: ringfence collect service --state DIR\n\nIs started by the operating system: runs the collector and, while a new release\nis on trial, goes back to the one before if it does not report back.\n\n", p.Stdout)
	state := stateFlag(f)
	reportIn := f.Duration("report-in", 0, "how long a new release may take to report back; default: five minutes")
	if err := parse(f, args); err != nil {
		return err
	}
	if _, err := readSettings(*state); err != nil {
		return err
	}
	keys, err := collect.ReleaseKeys(*state)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.Stderr, nil))
	return service.Run(ctx, func(ctx context.Context, log *slog.Logger) error {
		held, err := disk.Lock(filepath.Join(*state, "launcher.lock"))
		if err != nil {
			return err
		}
		defer held.Release()
		l := &upgrade.Launcher{
			Folder: upgrade.Folder{State: *state}, Self: self, Own: release.Own(), Keys: keys, ReportIn: *reportIn,
			Args: func(c upgrade.Choice) []string {
				args := []string{"collect", "run", "--state", *state}
				if c.Trial {
					args = append(args, "--trial")
				}
				return args
			},
			Reported: reported(*state), Out: p.Stdout, Err: p.Stderr, Log: log, Step: p.Step,
		}
		return l.Run(ctx)
	}, log)
}

// reported says whether a program has been known by its server, as it wrote
// itself since it was started.
func reported(state string) func(int, string, time.Time) bool {
	return func(pid int, number string, since time.Time) bool {
		st, err := collect.ReadStatus(state)
		return err == nil && st.PID == pid && st.Release == number && st.GreetedAt.After(since)
	}
}

// lockFor is how long a collector waits for the one before to end: its launcher
// was killed, and it is about to notice.
const lockFor = 20 * time.Second

// runCommand is the collector as the launcher runs it.
func runCommand(ctx context.Context, args []string, p Process) error {
	f := flags("run", "Usage: ringfence collect run --state DIR\n\nIs started by \"collect service\": collects what service.json says until its\nstandard input ends.\n\n", p.Stdout)
	state := stateFlag(f)
	trial := f.Bool("trial", false, "this release is on trial")
	if err := parse(f, args); err != nil {
		return err
	}
	s, err := readSettings(*state)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if p.Stdin != nil {
		go func() {
			_, _ = io.Copy(io.Discard, p.Stdin) // its end is what counts
			stop()
		}()
	}
	for since := time.Now(); collect.Running(*state) && time.Since(since) < lockFor; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
	log := slog.New(slog.NewTextHandler(p.Stderr, nil))
	o := s.options(*state)
	o.Managed, o.Trial = true, *trial
	o.Events = logged(log)
	return collect.Run(ctx, o)
}

// logged writes what matters of a box's events to a service's log. Names of
// files hold numbers: they stand in the portal, sealed, and not here.
func logged(log *slog.Logger) func(collect.Event) {
	return func(e collect.Event) {
		switch e.What {
		case "attention":
			log.Warn("a file needs attention; the portal names it", "reason", e.Text)
		case "away", "waiting", "kept":
			log.Warn(e.Text)
		case "upgrade", "upgrading":
			log.Info(e.Text)
		}
	}
}
