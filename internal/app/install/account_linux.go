package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/fault"
)

// usualUser is whom the packages make to run the server.
const usualUser = "ringfence"

// account is a user of this machine.
type account struct {
	name     string
	uid, gid int
}

// runsAs is whom the server will run as, if that is not who runs this. Keys and
// databases that belong to root could not be read by the server.
func (s *setup) runsAs() (*account, error) {
	name := s.user
	if name == "" && os.Geteuid() == 0 && s.path == cli.UsualConfig {
		if _, err := user.Lookup(usualUser); err != nil {
			return nil, nil
		}
		name = usualUser
	}
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fault.Field("--user", "there is no user %s on this machine", name)
	}
	a := &account{name: name}
	if a.uid, err = strconv.Atoi(u.Uid); err == nil {
		a.gid, err = strconv.Atoi(u.Gid)
	}
	switch {
	case err != nil:
		return nil, fault.Field("--user", "%s is no user of this machine", name)
	case a.uid == os.Geteuid():
		return nil, nil
	case os.Geteuid() != 0:
		return nil, fault.Field("--user", "only root can set a server up for %s", name)
	}
	return a, nil
}

// handOver makes the folders that only root can make, and does the rest in a
// process of the server's user, which may do what the service may: read its
// own files and open port 443.
func (s *setup) handOver(ctx context.Context, who *account) error {
	var c config.Config
	if exists(s.path) {
		var err error
		if c, err = config.Load(s.path); err != nil {
			return err
		}
	} else {
		var problems []fault.Detail
		if c, problems = s.a.settle(); len(problems) > 0 {
			_, err := s.settle()
			return err
		}
	}
	if err := s.folders(c, who); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"init", "--config", s.path, "--user", who.name}, s.a.args()...)
	if s.newLink {
		args = append(args, "--new-link")
	}
	if s.begin {
		args = append(args, "--new-folders")
	}
	child := exec.CommandContext(ctx, self, args...)
	child.Stdin, child.Stdout, child.Stderr = s.Stdin, s.Stdout, s.Stderr
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid)}}
	if privileged(c.Listen) || privileged(c.Administration.Listen) {
		child.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_NET_BIND_SERVICE}
	}
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	err = child.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return cli.ExitCode(exit.ExitCode())
	}
	return err
}

// runAs lets a command run as a user: the one that is named, or that of the
// package if root runs this and there is one.
func runAs(c *exec.Cmd, name string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(or(name, usualUser))
	if err != nil {
		if name == "" {
			return nil
		}
		return fault.Field("--user", "there is no user %s on this machine", name)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGroup := strconv.ParseUint(u.Gid, 10, 32)
	if err = errors.Join(err, errGroup); err == nil && uid != 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return err
}

// privileged reports whether listening there takes more than any user may do.
func privileged(address string) bool {
	_, port, err := net.SplitHostPort(address)
	n, wrong := strconv.Atoi(port)
	return errors.Join(err, wrong) == nil && n > 0 && n < 1024
}

// folders makes what is not there yet, for the server's user alone. What is
// there keeps its owner: it may be somebody's.
func (s *setup) folders(c config.Config, who *account) error {
	all := []string{filepath.Dir(s.path), filepath.Dir(c.Keys.Root), c.Data, c.Keys.Store, c.Keys.Mirror, c.Objects.First.Folder, c.Objects.Second.Folder}
	if c.Backup.On() {
		all = append(all, filepath.Dir(c.Backup.Key), c.Backup.Data.Folder, c.Backup.Keys.Folder)
	}
	slices.Sort(all)
	for _, dir := range slices.Compact(all) {
		if dir == "" || dir == "." || exists(dir) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return fault.Wrap(err, fault.Unavailable, "the folder of %s cannot be made", dir)
		}
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			err = os.Chown(dir, who.uid, who.gid)
		}
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the folder %s cannot be made for %s", dir, who.name)
		}
	}
	return s.writable(c)
}

const dropIn = "/etc/systemd/system/ringfence.service.d/folders.conf"

// writable lets the service write where the answers want it to: its unit lets it
// write to the package's own folders only.
func (s *setup) writable(c config.Config) error {
	usual := config.Default()
	var others []string
	for _, dir := range []string{c.Data, c.Keys.Store, c.Keys.Mirror, c.Objects.First.Folder, c.Objects.Second.Folder, c.Backup.Data.Folder, c.Backup.Keys.Folder} {
		if dir != "" && dir != usual.Data && dir != usual.Keys.Store && !strings.HasPrefix(dir, usual.Data+"/") {
			others = append(others, dir)
		}
	}
	if len(others) == 0 || !exists("/etc/systemd/system") {
		return nil
	}
	text := []byte("# Written by ringfence init: folders outside the package's own.\n[Service]\n")
	for _, dir := range others {
		text = fmt.Appendf(text, "ReadWritePaths=%s\n", strconv.Quote(dir))
	}
	if old, err := os.ReadFile(dropIn); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dropIn), 0o755); err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be written", dropIn)
	}
	if err := storage.WriteWhole(dropIn, text, 0o644); err != nil {
		return err
	}
	s.say("%s lets the service write to %s; with systemd running: systemctl daemon-reload\n", dropIn, strings.Join(others, ", "))
	return nil
}
