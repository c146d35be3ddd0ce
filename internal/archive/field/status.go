package field

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/release"
	"ringfence/internal/platform/service"
)

// errUnwell is a box that does not do its work; what is wrong has been said.
var errUnwell = errors.New("something is wrong")

// Report is "collect status": how the box stands, and what to do about it.
type Report struct {
	Well     bool            `json:"well"`
	Release  string          `json:"release"` // of the program that was asked
	State    string          `json:"state"`
	Service  service.State   `json:"service"`
	Running  bool            `json:"running"`
	Box      *collect.Status `json:"box"` // null: it has never run
	Upgrade  upgrade.Plan    `json:"upgrade"`
	Problems []Wrong         `json:"problems"`
}

// Wrong is one thing that is wrong, and what to do.
type Wrong struct {
	Kind string `json:"kind"`
	What string `json:"what"`
	Todo string `json:"what_to_do"`
}

// The bounds beyond which a box does not count as well.
const (
	statusOld    = time.Minute      // the running box writes every five seconds
	contactOld   = 15 * time.Minute // it asks every five minutes
	clockFar     = 2 * time.Second
	certSoon     = 14 * 24 * time.Hour
	waitsLong    = time.Hour
	failedLately = 7 * 24 * time.Hour
)

func status(ctx context.Context, args []string, p Process) error {
	f := flags("status", "Usage: ringfence collect status [--state DIR] [--json]\n\nSays how this box stands. The exit code is 1 when something is wrong.\n\n", p.Stdout)
	state := stateFlag(f)
	asJSON := f.Bool("json", false, "for programs")
	root := f.String("root", "", "look below this `DIR`: for tests")
	if err := parse(f, args); err != nil {
		return err
	}
	r, err := look(ctx, *state, p.Manager(*root), time.Now())
	if err != nil {
		return err
	}
	if *asJSON {
		if err := json.NewEncoder(p.Stdout).Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprint(p.Stdout, r.text())
	}
	if !r.Well {
		return errUnwell
	}
	return nil
}

// look gathers how a box stands at a moment.
func look(ctx context.Context, state string, m service.Manager, at time.Time) (Report, error) {
	r := Report{Release: release.Number(), State: state, Problems: []Wrong{}}
	if _, err := collect.Who(state); err != nil {
		if os.IsPermission(err) {
			return r, fmt.Errorf("%s cannot be read: run this as an administrator (%w)", state, err)
		}
		r.wrong("not_enrolled", err.Error(), "ringfence collect install --server URL --code CODE --from DIR")
		return r, nil
	}
	var err error
	if r.Service, err = m.State(ctx); err != nil {
		r.Service.Text = err.Error()
	}
	if r.Upgrade, err = (upgrade.Folder{State: state}).Plan(); err != nil {
		return r, err
	}
	r.Running = collect.Running(state)
	if st, err := collect.ReadStatus(state); err == nil {
		r.Box = &st
	}
	r.judge(at)
	r.Well = len(r.Problems) == 0
	return r, nil
}

func (r *Report) wrong(kind, what, todo string) {
	r.Problems = append(r.Problems, Wrong{kind, what, todo})
}

// judge says what is wrong. What stands first is what to do first.
func (r *Report) judge(at time.Time) {
	again := "ringfence collect install --state " + r.State + " --from DIR"
	switch {
	case !r.Service.Installed:
		r.wrong("no_service", "it is not installed as a service, and does not start with the machine", again)
	case !r.Running:
		r.wrong("not_running", "the service does not run ("+r.Service.Text+")", "see its log (journalctl -u "+service.Name+", or the application log of Windows), then start it")
	}
	if r.Box == nil {
		if r.Running {
			r.wrong("not_running", "it has just been started, or cannot write its folder", "wait a minute and look again")
		}
		return
	}
	b := r.Box
	if r.Running && at.Sub(b.At) > statusOld {
		r.wrong("hangs", fmt.Sprintf("it has not said anything for %s", ago(at, b.At)), "start the service anew; should it come back, tell us")
	}
	r.judgeServer(at)
	r.judgeWork(at)
	if f, ok := r.Upgrade.LastFailure(); ok && at.Sub(f.At) < failedLately && upgrade.Newer(f.Release, b.Release) {
		r.wrong("rolled_back", fmt.Sprintf("release %s was rolled back %s ago: %s", f.Release, ago(at, f.At), f.Reason), "see the service's log of that time; try again with: ringfence collect upgrade --state "+r.State)
	}
}

func (r *Report) judgeServer(at time.Time) {
	b := r.Box
	switch {
	case strings.Contains(b.Trouble, "too old"):
		r.wrong("too_old", b.Trouble, "ringfence collect upgrade --state "+r.State)
	case b.Trouble != "":
		r.wrong("server_away", fmt.Sprintf("its server could not be asked (last answer %s ago): %s", ago(at, b.ContactAt), b.Trouble), "what is captured waits here; see that this box reaches "+b.Server)
	case at.Sub(b.ContactAt) > contactOld:
		r.wrong("server_away", fmt.Sprintf("its server has not answered for %s", ago(at, b.ContactAt)), "see that this box reaches "+b.Server)
	}
	if b.ClockMS != nil {
		if off := time.Duration(*b.ClockMS) * time.Millisecond; off.Abs() > clockFar {
			word := "ahead of"
			if off < 0 {
				word = "behind"
			}
			r.wrong("clock_off", fmt.Sprintf("this box's clock is %s %s the server's", off.Abs().Round(100*time.Millisecond), word), "have it set from the network (chrony, systemd-timesyncd, w32time): times of calls come from it")
		}
	}
	if !b.PinUntil.IsZero() && b.PinUntil.Sub(at) < certSoon {
		r.wrong("certificate_expiring", fmt.Sprintf("the server's certificate ends on %s", b.PinUntil.UTC().Format("2006-01-02")), "tell whoever runs "+b.Server)
	}
}

func (r *Report) judgeWork(at time.Time) {
	b := r.Box
	if b.Hold != "" {
		r.wrong("on_hold", "the server wants nothing now: "+b.Hold, "see to it in the portal; what is captured waits here")
	}
	if b.SpoolLimit > 0 && b.Spooled > b.SpoolLimit/10*8 {
		r.wrong("spool_filling", fmt.Sprintf("%s of %s that sealed recordings may take are taken", size(b.Spooled), size(b.SpoolLimit)), "see why uploads do not end, or allow more with --spool-bytes")
	}
	if b.OldestAt != nil && at.Sub(*b.OldestAt) > waitsLong {
		r.wrong("waits_long", fmt.Sprintf("the oldest of %d recordings has waited for %s", b.Waiting, ago(at, *b.OldestAt)), "see why uploads do not end: the line to the server, or a file that stays locked")
	}
	if b.Attention > 0 {
		r.wrong("files_failing", fmt.Sprintf("%d files cannot be captured", b.Attention), "the portal names each with its reason, under Needs attention")
	}
}

// text is the report for a person.
func (r Report) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Well {
		line("status", "well")
	} else {
		what := "1 thing is wrong"
		if n := len(r.Problems); n > 1 {
			what = fmt.Sprintf("%d things are wrong", n)
		}
		line("status", "%s", what)
	}
	line("release", "%s", r.Release)
	if r.Service.Text != "" || r.Service.Installed {
		line("service", "%s", r.Service.Text)
	}
	if s := r.Upgrade.String(); s != "" {
		line("upgrades", "%s", s)
	}
	if x := r.Box; x != nil {
		line("box", "%q, running release %s, protocol %d", x.Name, x.Release, x.Protocol)
		line("server", "%s", x.Server)
		line("last contact", "%s", moment(x.ContactAt))
		if x.ClockMS != nil {
			line("clock", "%+.3f s against the server's", float64(*x.ClockMS)/1000)
		}
		if x.Pin != "" {
			line("certificate", "public key %s, until %s", x.Pin[:min(16, len(x.Pin))], x.PinUntil.UTC().Format("2006-01-02"))
		}
		line("waiting", "%d recordings, %s sealed here of %s", x.Waiting, size(x.Spooled), size(x.SpoolLimit))
		if x.OldestAt != nil {
			line("oldest", "since %s", moment(*x.OldestAt))
		}
		if x.Offered != "" {
			line("offered", "release %s: ringfence collect upgrade", x.Offered)
		}
		if x.UpgradeSaid != "" {
			line("last upgrade", "%s", x.UpgradeSaid)
		}
	}
	for _, w := range r.Problems {
		fmt.Fprintf(&b, "\n! %s\n  → %s\n", w.What, w.Todo)
	}
	return b.String()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func ago(at, then time.Time) string {
	if then.IsZero() {
		return "ever"
	}
	return max(at.Sub(then), 0).Round(time.Second).String()
}

func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
