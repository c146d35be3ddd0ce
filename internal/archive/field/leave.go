package field

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/upgrade"
)

const uninstallHelp = `Usage: ringfence collect uninstall [--state DIR] [--forget [--lose N]]

Stops the service and takes it out. The box's key, settings and what it has
sealed stay in --state; "collect install" goes on with them. With --forget the
server is told to refuse the box from now on, and --state is removed, if all
that was sealed is in the archive. If not, --lose names how many recordings may
be lost, exactly. Sources that were kept are not touched.

`

func uninstall(ctx context.Context, args []string, p Process) error {
	f := flags("uninstall", uninstallHelp, p.Stdout)
	state := stateFlag(f)
	forget := f.Bool("forget", false, "remove --state too, and have the server refuse the box")
	lose := f.Int("lose", 0, "`N` recordings that are sealed here and not in the archive may be lost")
	root := f.String("root", "", "look below this `DIR`: for tests")
	if err := parse(f, args); err != nil {
		return err
	}
	if *lose != 0 && !*forget {
		return usage("--lose goes with --forget")
	}
	m := p.Manager(*root)
	if !*forget {
		if err := m.Remove(ctx); err != nil {
			return err
		}
		n, bytes, err := collect.Undelivered(*state)
		if err != nil {
			return err
		}
		told(p.Stdout, "The service is taken out. %s stays, with %d recordings (%s) that are not in the archive yet.", *state, n, size(bytes))
		return nil
	}
	// Looked at before anything is stopped: a refusal leaves the box at work.
	if err := mayForget(*state, *lose); err != nil {
		return err
	}
	if err := m.Stop(ctx); err != nil {
		return err
	}
	if err := mayForget(*state, *lose); err != nil {
		return fmt.Errorf("%w. The service is stopped; start it again", err)
	}
	if err := m.Remove(ctx); err != nil {
		return err
	}
	if err := collect.Leave(ctx, *state); err != nil {
		told(p.Stderr, "The server was not told (%v): refuse the box in the portal, under Collectors.", err)
	} else {
		told(p.Stdout, "The server refuses this box from now on.")
	}
	if err := os.RemoveAll(*state); err != nil {
		return err
	}
	told(p.Stdout, "%s is removed.", *state)
	return nil
}

// mayForget refuses to lose more, or less, than was named.
func mayForget(state string, lose int) error {
	n, bytes, err := collect.Undelivered(state)
	if err != nil {
		return err
	}
	if n == lose {
		return nil
	}
	if n == 0 {
		return usage(fmt.Sprintf("--lose %d: nothing would be lost, leave it out", lose))
	}
	return fmt.Errorf("%d recordings (%s) are sealed here and not in the archive; wait until they are (ringfence collect status), or say --lose %d", n, size(bytes), n)
}

const upgradeHelp = `Usage: ringfence collect upgrade [--state DIR] [--release N [--down]]

Takes a release from the server: the newest one, or the one that is named. Its
signature is checked, it is started, and it has to report back to the server;
otherwise the release before goes on. --down lets it be an older one.

`

func upgradeCommand(ctx context.Context, args []string, p Process) error {
	f := flags("upgrade", upgradeHelp, p.Stdout)
	state := stateFlag(f)
	number := f.String("release", "", "`NUMBER` of the release; default: the newest")
	down := f.Bool("down", false, "it may be older than what runs")
	wait := f.Duration("wait", 10*time.Minute, "how long to wait until it has proven itself")
	if err := parse(f, args); err != nil {
		return err
	}
	if *down && *number == "" {
		return usage("--down goes with --release")
	}
	w := collect.Wish{Release: *number, Down: *down, At: time.Now().UTC()}
	if !collect.Running(*state) {
		got, err := collect.Upgrade(ctx, *state, w)
		if err == nil {
			told(p.Stdout, "Release %s is in its place, and runs from the next start of the service on.", got)
		}
		return err
	}
	before, err := collect.ReadStatus(*state)
	if err != nil {
		return err
	}
	plan, err := upgrade.Folder{State: *state}.Plan()
	if err != nil {
		return err
	}
	if err := collect.Ask(*state, w); err != nil {
		return err
	}
	told(p.Stdout, "Asked; release %s goes on until the new one has proven itself.", before.Release)
	return follow(ctx, *state, before, plan, *wait, p)
}

// follow waits for the end of an upgrade that a running collector was asked for.
func follow(ctx context.Context, state string, before collect.Status, had upgrade.Plan, wait time.Duration, p Process) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return errors.New("it is not decided yet; see ringfence collect status")
		case <-time.After(250 * time.Millisecond):
		}
		plan, err := upgrade.Folder{State: state}.Plan()
		if err != nil {
			return err
		}
		if f, ok := plan.LastFailure(); ok && (len(had.Failed) == 0 || f != had.Failed[len(had.Failed)-1]) {
			return fmt.Errorf("release %s was rolled back: %s; release %s goes on", f.Release, f.Reason, before.Release)
		}
		if plan.Active.Release != "" && plan.Active.Release != had.Active.Release && plan.Trial.Release == "" {
			told(p.Stdout, "Release %s runs and has reported back.", plan.Active.Release)
			return nil
		}
		if st, err := collect.ReadStatus(state); err == nil && st.UpgradeSaid != "" && st.UpgradeSaid != before.UpgradeSaid && st.PID == before.PID {
			return errors.New(st.UpgradeSaid)
		}
	}
}
