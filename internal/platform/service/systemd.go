package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Systemd is the manager of a Linux machine. With a root of its own it writes
// files and asks nobody to do anything: for tests and images.
type Systemd struct {
	Root string
	Run  func(ctx context.Context, args ...string) (string, error) // nil: the real systemctl, useradd
}

const (
	ownUnit  = "/etc/systemd/system/" + Name + ".service"
	packaged = "/usr/lib/systemd/system/" + Name + ".service"
	dropIn   = "/etc/systemd/system/" + Name + ".service.d/source.conf"
)

// Plan implements Manager. Where a package has brought the unit and it fits,
// only what is particular to this box is written.
func (s Systemd) Plan(w Wanted) ([]Step, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	var steps []Step
	if w.User == packagedUser || w.User == "" {
		steps = append(steps, Step{Run: []string{"useradd", "--system", "--user-group", "--home-dir", packagedState, "--shell", "/usr/sbin/nologin", packagedUser}, Why: "the account that the service runs as, if it is not there"})
	}
	text := unitFor(w)
	if had, err := os.ReadFile(below(s.Root, packaged)); err != nil || string(had) != text {
		steps = append(steps, Step{File: ownUnit, Text: text, Mode: 0o644, Why: "the service, hardened"})
	}
	steps = append(steps, Step{File: dropIn, Text: sourceConf(w), Mode: 0o644, Why: "what this box's service may reach"},
		Step{Run: []string{"systemctl", "daemon-reload"}, Why: "systemd reads what was written"},
		Step{Run: []string{"systemctl", "enable", Name}, Why: "it starts with the machine"},
		Step{Run: []string{"systemctl", "restart", Name}, Why: "it starts now"})
	return steps, nil
}

// check refuses what would mean something else in a unit: a line break begins
// another setting, a percent sign is a specifier, a space another value.
func (w Wanted) check() error {
	all := slices.Concat([]string{w.Program, w.State}, w.Reads, w.Writes)
	for _, p := range all {
		if !filepath.IsAbs(p) || strings.ContainsAny(p, "\n\r%\"'\\$ \t") {
			return fmt.Errorf("%q cannot stand in a unit of systemd: give an absolute path without spaces, quotes, %% or $", p)
		}
	}
	for _, n := range slices.Concat(w.Groups, []string{w.User}) {
		if strings.ContainsAny(n, "\n\r% \t") {
			return fmt.Errorf("%q is no name of a user or group", n)
		}
	}
	return nil
}

// unitFor is the packaged unit with this box's program, folder and account.
func unitFor(w Wanted) string {
	text := Unit
	if w.State != packagedState {
		text = strings.ReplaceAll(text, "StateDirectory="+filepath.Base(packagedState)+"\n", "ReadWritePaths="+w.State+"\n")
		text = strings.ReplaceAll(text, "StateDirectoryMode=0700\n", "")
		text = strings.ReplaceAll(text, packagedState, w.State)
	}
	if w.User != "" && w.User != packagedUser {
		text = strings.ReplaceAll(text, "User="+packagedUser, "User="+w.User)
		text = strings.ReplaceAll(text, "\nGroup="+packagedUser, "")
	}
	if w.Program != packagedProgram {
		text = strings.ReplaceAll(text, packagedProgram, w.Program)
		text = strings.ReplaceAll(text, "ExecPaths=/usr/bin ", "ExecPaths=/usr/bin "+w.Program+" ")
	}
	return text
}

func sourceConf(w Wanted) string {
	var b strings.Builder
	b.WriteString("# Written by \"ringfence collect install\"; run it again to change it.\n")
	if w.Hosts != "" {
		fmt.Fprintf(&b, "# Sends to %s.\n", strings.Map(printable, w.Hosts))
	}
	b.WriteString("[Service]\n")
	for _, g := range w.Groups {
		fmt.Fprintf(&b, "SupplementaryGroups=%s\n", g)
	}
	for _, p := range w.Reads {
		fmt.Fprintf(&b, "ReadOnlyPaths=%s\n", p)
	}
	for _, p := range w.Writes {
		fmt.Fprintf(&b, "ReadWritePaths=%s\n", p)
	}
	// Users of its own would hide the group that lets it read.
	if len(w.Groups)+len(w.Writes) > 0 {
		b.WriteString("PrivateUsers=no\n")
	}
	return b.String()
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// Install implements Manager.
func (s Systemd) Install(ctx context.Context, w Wanted) error {
	steps, err := s.Plan(w)
	if err != nil {
		return err
	}
	for _, st := range steps {
		if st.File != "" {
			if err := write(below(s.Root, st.File), st.Text, st.Mode); err != nil {
				return fmt.Errorf("%s cannot be written (run this as root): %w", st.File, err)
			}
			continue
		}
		if slices.Contains(st.Run, "restart") && w.Ready != nil && s.Root == "" {
			if err := w.Ready(w.Account()); err != nil {
				return err
			}
		}
		if out, err := s.run(ctx, st.Run...); err != nil && !known(st.Run, out) {
			return fmt.Errorf("%s: %w %s", strings.Join(st.Run, " "), err, strings.TrimSpace(out))
		}
	}
	return nil
}

// known reports what is no failure: the account is there already.
func known(run []string, out string) bool {
	return run[0] == "useradd" && strings.Contains(out, "already exists")
}

// Stop implements Manager.
func (s Systemd) Stop(ctx context.Context) error {
	out, err := s.run(ctx, "systemctl", "stop", Name)
	if err != nil && strings.Contains(out, "not loaded") {
		return nil
	}
	return joined(err, out)
}

// Remove implements Manager.
func (s Systemd) Remove(ctx context.Context) error {
	if out, err := s.run(ctx, "systemctl", "disable", "--now", Name); err != nil && !strings.Contains(out, "not") {
		return joined(err, out)
	}
	for _, f := range []string{ownUnit, dropIn, filepath.Dir(dropIn)} {
		if err := os.Remove(below(s.Root, f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	out, err := s.run(ctx, "systemctl", "daemon-reload")
	return joined(err, out)
}

// State implements Manager.
func (s Systemd) State(ctx context.Context) (State, error) {
	var st State
	for _, f := range []string{ownUnit, packaged} {
		if _, err := os.Stat(below(s.Root, f)); err == nil {
			st.Installed = true
		}
	}
	if _, err := os.Stat(below(s.Root, dropIn)); err != nil {
		st.Installed = false // the package is there, and nobody has set it up
	}
	if s.Root != "" {
		st.Text = "files only"
		return st, nil
	}
	out, err := s.run(ctx, "systemctl", "is-active", Name)
	st.Text = strings.TrimSpace(out)
	st.Running = err == nil && st.Text == "active"
	return st, nil
}

func joined(err error, out string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(out))
}

func (s Systemd) run(ctx context.Context, args ...string) (string, error) {
	if s.Run != nil {
		return s.Run(ctx, args...)
	}
	if s.Root != "" {
		return "", nil
	}
	return command(ctx, args...)
}

var _ Manager = Systemd{}
