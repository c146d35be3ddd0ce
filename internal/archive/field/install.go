package field

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/disk"
	"ringfence/internal/platform/service"
)

const installHelp = `Usage: ringfence collect install --server URL --code CODE --from DIR [--logs DIR] [--after keep|move|delete]
       ringfence collect install --from DIR ...      where --state is enrolled already

Enrols this box with the one-time code from the portal, proves that it reaches
the server and can read the folder, and runs it as a service from now on. Run
again, it changes what differs. --dry-run shows what would be written and done.

`

// wish is what somebody has asked "install" for.
type wish struct {
	server, code, ca, state, root, program, user, releaseKey string
	groups                                                   string
	dry, asJSON                                              bool
	settings                                                 Settings
}

func install(ctx context.Context, args []string, p Process) error {
	var w wish
	f := flags("install", installHelp, p.Stdout)
	f.StringVar(&w.server, "server", "", "`URL` of the server")
	f.StringVar(&w.code, "code", "", "the one-time `CODE` from the portal (Collectors)")
	f.StringVar(&w.ca, "ca", "", "`FILE` with the certificate of your own authority")
	state := stateFlag(f)
	f.StringVar(&w.settings.From, "from", "", "`DIR` of the sound files")
	f.StringVar(&w.settings.Logs, "logs", "", "`DIR` of the telephone system's logs")
	f.StringVar(&w.settings.Profile, "profile", "", "`NAME` of the telephone system; default: as set in the portal")
	f.StringVar(&w.settings.After, "after", "", "what becomes of a source: keep, move or delete; default: as set in the portal")
	f.Int64Var(&w.settings.SpoolLimit, "spool-bytes", 0, "how many `BYTES` sealed recordings may take; default: 8 GiB")
	f.BoolVar(&w.settings.NoUpgrades, "no-upgrades", false, "take no release from the server, whatever the portal allows")
	f.StringVar(&w.releaseKey, "release-key", "", "public `KEY` of minisign that releases are signed with, beside those that the server named when the box was enrolled")
	f.StringVar(&w.groups, "groups", "", "`GROUPS` that let the service read the folders, by comma; default: those that the folders belong to")
	f.StringVar(&w.user, "user", "", "`NAME` of the account to run as (Linux); default: ringfence-collector, which is made")
	f.StringVar(&w.program, "program", "", "`FILE` to run; default: this program")
	f.StringVar(&w.root, "root", "", "write below this `DIR` and start nothing: for images and tests")
	f.BoolVar(&w.dry, "dry-run", false, "show what would be written and done")
	f.BoolVar(&w.asJSON, "json", false, "the plan as JSON, with --dry-run")
	if err := parse(f, args); err != nil {
		return err
	}
	w.state = *state
	if err := w.check(); err != nil {
		return err
	}
	wanted, err := w.wanted()
	if err != nil {
		return err
	}
	m := p.Manager(w.root)
	if w.dry {
		return w.show(m, wanted, p)
	}
	return w.carryOut(ctx, m, wanted, p)
}

// check refuses what cannot work, all of it at once.
func (w *wish) check() error {
	var faults []string
	enrolled := exists(filepath.Join(w.state, "device.json"))
	if !enrolled && !w.dry && (w.server == "" || w.code == "") {
		faults = append(faults, "--server and --code are missing (the portal shows both under Collectors)")
	}
	if w.settings.From == "" {
		faults = append(faults, "--from is missing: the folder of the sound files")
	}
	switch w.settings.After {
	case "", "keep", "move", "delete":
	default:
		faults = append(faults, "--after is none of keep, move, delete")
	}
	for name, dir := range map[string]*string{"--from": &w.settings.From, "--logs": &w.settings.Logs, "--state": &w.state} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			faults = append(faults, name+": "+err.Error())
			continue
		}
		*dir = abs
		if info, err := os.Stat(abs); name != "--state" && (err != nil || !info.IsDir()) {
			faults = append(faults, name+" "+abs+" is no folder that can be read")
		}
	}
	if _, err := upgrade.ParseKeys(w.releaseKey); err != nil {
		faults = append(faults, "--release-key: "+err.Error())
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return usage(strings.Join(faults, "\n  "))
	}
	return nil
}

// wanted is the service that follows.
func (w *wish) wanted() (service.Wanted, error) {
	program := w.program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return service.Wanted{}, err
		}
	}
	for _, home := range []string{"/home/", "/root/", "/tmp/", "/var/tmp/"} {
		if w.program == "" && w.root == "" && !w.dry && runtime.GOOS != "windows" && strings.HasPrefix(program, home) {
			return service.Wanted{}, fmt.Errorf("the service could not run %s: copy it to /usr/local/bin and run that", program)
		}
	}
	if w.groups != "" {
		w.settings.Groups = strings.Split(w.groups, ",")
	} else {
		w.settings.Groups = groupsFor(w.settings.From, w.settings.Logs)
	}
	return service.Wanted{
		Program: program, State: w.state, User: w.user, Groups: w.settings.Groups, Reads: w.settings.reads(), Writes: w.settings.writes(), Hosts: w.server,
		Ready: func(account string) error { return handOver(w.state, account) },
	}, nil
}

// groupsFor names the groups that let somebody read folders which not everybody
// can read.
func groupsFor(dirs ...string) (names []string) {
	for _, d := range dirs {
		info, err := os.Stat(d)
		if d == "" || err != nil || info.Mode().Perm()&0o005 == 0o005 {
			continue
		}
		gid, ok := disk.Group(info)
		if !ok || gid == 0 {
			continue
		}
		if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil && !slices.Contains(names, g.Name) {
			names = append(names, g.Name)
		}
	}
	return names
}

// handOver gives the state folder to the account of the service: what was
// enrolled by an administrator is the service's own from now on.
func handOver(state, account string) error {
	if runtime.GOOS == "windows" || os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(account)
	if err != nil {
		return fmt.Errorf("the account %s is not there: %w", account, err)
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	if err := errors.Join(errU, errG); err != nil {
		return err
	}
	return filepath.WalkDir(state, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// show prints the plan.
func (w *wish) show(m service.Manager, wanted service.Wanted, p Process) error {
	steps, err := m.Plan(wanted)
	if err != nil {
		return err
	}
	own := service.Step{File: filepath.Join(w.state, settingsFile), Text: w.settings.text(), Mode: 0o600, Why: "what the service collects"}
	steps = slices.Insert(steps, 0, own)
	if w.asJSON {
		return json.NewEncoder(p.Stdout).Encode(steps)
	}
	for _, s := range steps {
		fmt.Fprint(p.Stdout, s.Show())
	}
	told(p.Stdout, "\nNothing was written. The same without --dry-run does it.")
	return nil
}

// carryOut enrols, proves, writes and starts, in this order: what cannot work
// is found out before the system is touched.
func (w *wish) carryOut(ctx context.Context, m service.Manager, wanted service.Wanted, p Process) error {
	if !exists(filepath.Join(w.state, "device.json")) {
		c, err := collect.Enrol(ctx, w.server, strings.ToLower(strings.TrimSpace(w.code)), w.state, w.ca)
		if err != nil {
			return err
		}
		told(p.Stdout, "This box is now %q (%s).", c.Name, c.Device)
	}
	if w.releaseKey != "" {
		if err := collect.TrustReleases(w.state, strings.TrimSpace(w.releaseKey)); err != nil {
			return err
		}
	}
	if err := disk.Protect(w.state, disk.ServiceName); err != nil {
		return fmt.Errorf("%s cannot be closed to others: %w", w.state, err)
	}
	c, err := collect.Reach(ctx, w.state)
	if err != nil {
		return fmt.Errorf("the server does not know this box yet, and nothing was installed: %w", err)
	}
	who, err := collect.Who(w.state)
	if err != nil {
		return err
	}
	wanted.Hosts = who.Server
	told(p.Stdout, "%s answers, and knows this box as %q.", who.Server, c.Name)
	if w.settings.After == "" && (c.After == collect.Move || c.After == collect.Delete) {
		wanted.Writes, wanted.Reads = []string{w.settings.From}, slices.DeleteFunc(wanted.Reads, func(d string) bool { return d == w.settings.From })
	}
	n, err := readable(w.settings.From, w.settings.Logs)
	if err != nil {
		return err
	}
	told(p.Stdout, "%s can be read: %s.", w.settings.From, n)
	if err := w.settings.write(w.state); err != nil {
		return err
	}
	// So that only what is newer than this start counts.
	_ = os.Remove(filepath.Join(w.state, "status.json"))
	if err := m.Install(ctx, wanted); err != nil {
		return err
	}
	if w.root != "" {
		told(p.Stdout, "Written below %s; nothing was started.", w.root)
		return nil
	}
	return w.proven(ctx, p)
}

// provenIn is how long the service may take to be known by its server.
const provenIn = time.Minute

// proven waits until the service itself, as its own account, has reached the
// server: that an administrator can is no proof.
func (w *wish) proven(ctx context.Context, p Process) error {
	ctx, cancel := context.WithTimeout(ctx, provenIn)
	defer cancel()
	for {
		if st, err := collect.ReadStatus(w.state); err == nil && !st.GreetedAt.IsZero() {
			told(p.Stdout, "It runs as a service and is known to the server as release %s.\nSee how it stands: ringfence collect status --state %s", st.Release, w.state)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the service was started, and has not reached its server within %s; see why with \"ringfence collect status --state %s\" and in its log. Whether its account can read the folder: runuser -u ringfence-collector -- ringfence collect probe --from %s", provenIn, w.state, w.settings.From)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readable proves that folders can be listed and a file in them opened.
func readable(from, logs string) (string, error) {
	for name, dir := range map[string]string{"--from": from, "--logs": logs} {
		if dir == "" {
			continue
		}
		if _, err := os.ReadDir(dir); err != nil {
			return "", fmt.Errorf("%s: the folder cannot be listed (%w); let the service's account read it", name, err)
		}
	}
	files, opened := 0, false
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if files++; !opened {
			f, err := os.Open(path)
			if disk.Busy(err) {
				return nil // it is being written
			}
			if err != nil {
				return fmt.Errorf("a file in it cannot be opened: %w", errors.Unwrap(err))
			}
			opened = true
			f.Close()
		}
		if files >= 10_000 {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("--from: %w; let the service's account read it", err)
	}
	switch files {
	case 0:
		return "it is empty", nil
	case 10_000:
		return "it holds 10,000 files or more", nil
	}
	return fmt.Sprintf("it holds %d files", files), nil
}

// probeCommand is readable for a person to run as the service's account.
func probeCommand(_ context.Context, args []string, p Process) error {
	f := flags("probe", "Usage: ringfence collect probe --from DIR [--logs DIR]\n\nSays whether this account can read the folders.\n\n", p.Stdout)
	from, logs := f.String("from", "", "`DIR` of the sound files"), f.String("logs", "", "`DIR` of the logs")
	if err := parse(f, args); err != nil {
		return err
	}
	n, err := readable(*from, *logs)
	if err == nil {
		told(p.Stdout, "%s can be read: %s.", *from, n)
	}
	return err
}
