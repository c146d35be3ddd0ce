package install_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"aead.dev/minisign"

	"ringfence/internal/app"
	"ringfence/internal/app/apptest"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/install"
	"ringfence/internal/app/server"
	"ringfence/internal/app/storage"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/freeport"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// Programs of an upgrade are copies of this test's program that carry at their
// end how they behave: "well", "unable" (does not read the configuration),
// "expands" (changes the data as a newer release does, then ends), "sick"
// (starts and answers nobody).
var mannerMark = regexp.MustCompile(`\nringfence-test:([a-z]+)\n$`)

func mannerOf() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(self)
	if err != nil {
		return ""
	}
	defer f.Close()
	end := make([]byte, 64)
	if info, err := f.Stat(); err != nil || info.Size() < 64 {
		return ""
	} else if _, err := f.ReadAt(end, info.Size()-64); err != nil {
		return ""
	}
	if m := mannerMark.FindSubmatch(end); m != nil {
		return string(m[1])
	}
	return ""
}

const upgradeStep = "RINGFENCE_TEST_UPGRADE_STEP"

// behave is the program in one of its manners.
func behave(manner string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args, p := os.Args[1:], cli.Process{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	serves := args[0] == "serve" && !slices.Contains(args, "--check")
	switch {
	case args[0] == "version":
		fmt.Println("ringfence of the manner", manner)
		return 0
	case manner == "unable" && args[0] == "serve":
		fmt.Fprintln(os.Stderr, "this release wants a setting that is not there")
		return 1
	case manner == "expands" && serves:
		if err := expand(ctx, args[len(args)-1]); err != nil {
			cli.Report(os.Stderr, "serve", err)
		}
		return 1
	case manner == "sick" && serves:
		fmt.Fprintln(os.Stderr, "msg=ready")
		<-ctx.Done()
		return 0
	case args[0] == "upgrade" && os.Getenv(upgradeStep) != "":
		err := install.UpgradeWith(ctx, args[1:], p, func(name string) {
			if name == os.Getenv(upgradeStep) {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
		if err != nil {
			cli.Report(os.Stderr, "upgrade", err)
			return 1
		}
		return 0
	}
	return app.Main(ctx, args, p)
}

// expand changes all places as the release after this one would.
func expand(ctx context.Context, file string) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	s, err := storage.Open(ctx, c, false)
	if err != nil {
		return err
	}
	cfg, err := storage.PlacesAt(c)
	if err != nil {
		return err
	}
	keys := s.Keys
	s.Places.Close()
	after := storage.Schemas()
	more := place.Migration{Number: 9001, Name: "the release after this", SQL: `CREATE TABLE afterwards (n {{int}} NOT NULL PRIMARY KEY); ALTER TABLE jobs ADD COLUMN afterwards {{int}} NOT NULL DEFAULT 0;`}
	after.Registry, after.Place = append(after.Registry, more), append(after.Place, more)
	store, err := place.Open(ctx, cfg, after, keys)
	if err != nil {
		return err
	}
	defer store.Close()
	return store.Registry().View(ctx, func(tx *place.Tx) error {
		_, err := place.Row[int](tx, `SELECT count(*) FROM afterwards`)
		return err
	})
}

// systemctlHere stands in for systemd: it starts the service as its unit does.
const systemctlHere = `#!/bin/sh
alive() { [ -n "$1" ] && [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"; }
judge() { [ ! -x $ROOT/kept/before ] || $ROOT/kept/before upgrade "$@" --program $ROOT/ringfence --kept $ROOT/kept --config $ROOT/etc/ringfence.yaml; }
pid=$(cat $ROOT/pid 2>/dev/null)
case "$1" in
is-active) alive "$pid" ;;
stop | restart)
	if alive "$pid"; then
		kill "$pid"
		while alive "$pid"; do sleep 0.05; done
	fi
	[ "$1" = restart ] || exit 0
	judge --starting >&2
	$ROOT/ringfence serve --config $ROOT/etc/ringfence.yaml >$ROOT/log 2>&1 </dev/null &
	echo $! >$ROOT/pid
	until grep -q msg=ready $ROOT/log; do
		alive $! || { tail -n 3 $ROOT/log; exit 1; }
		sleep 0.05
	done
	judge --started >/dev/null 2>&1 || true
	;;
esac
`

// site is an installation whose service is started by systemctlHere.
type site struct {
	*testing.T
	root, program string
	config        config.Config
}

func newSite(t *testing.T, more ...string) *site {
	s := &site{T: t, root: t.TempDir()}
	s.program = filepath.Join(s.root, "ringfence")
	args := append(initArgs(s.root), "--listen", freeport.Address(t), "--skip-mail-proof", "a test")
	args = append(args, more...)
	var out bytes.Buffer
	if code := app.Main(t.Context(), args, cli.Process{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: os.Getenv}); code != 0 {
		t.Fatal(out.String())
	}
	var err error
	s.config, err = config.Load(filepath.Join(s.root, "etc", "ringfence.yaml"))
	apptest.No(t, err)
	apptest.No(t, os.Mkdir(filepath.Join(s.root, "bin"), 0o700))
	apptest.No(t, os.WriteFile(filepath.Join(s.root, "bin", "systemctl"), []byte(systemctlHere), 0o700))
	s.program = s.made("well", "ringfence")
	t.Cleanup(func() {
		s.run("systemctl", "stop", "ringfence")
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(s.root, "log"))
			t.Log("the service said:\n", string(b))
		}
	})
	return s
}

// made is a program of a manner.
func (s *site) made(manner, name string) string {
	s.Helper()
	self, err := os.Executable()
	apptest.No(s, err)
	path := filepath.Join(s.root, name)
	in, err := os.Open(self)
	apptest.No(s, err)
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	apptest.No(s, err)
	_, err = io.Copy(out, in)
	apptest.No(s, err)
	_, err = fmt.Fprintf(out, "\nringfence-test:%s\n", manner)
	apptest.No(s, err)
	apptest.No(s, out.Close())
	return path
}

func (s *site) run(name string, args ...string) (int, string) {
	s.Helper()
	if name == "systemctl" {
		name = filepath.Join(s.root, "bin", name)
	}
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "ROOT="+s.root, "PATH="+filepath.Join(s.root, "bin")+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		s.Fatal(name, args, err)
	}
	return c.ProcessState.ExitCode(), string(out)
}

// upgrade runs the command as a program of the installation.
func (s *site) upgrade(judge string, args ...string) (int, string) {
	s.Helper()
	return s.run(judge, append([]string{"upgrade", "--program", s.program, "--kept", filepath.Join(s.root, "kept"), "--config", filepath.Join(s.root, "etc", "ringfence.yaml")}, args...)...)
}

// runs says which manner runs, if it is well.
func (s *site) runs() string {
	s.Helper()
	if err := server.AskReady(s.Context(), s.config); err != nil {
		return err.Error()
	}
	pid, err := os.ReadFile(filepath.Join(s.root, "pid"))
	apptest.No(s, err)
	program, err := os.Open("/proc/" + strings.TrimSpace(string(pid)) + "/exe")
	apptest.No(s, err)
	defer program.Close()
	info, err := program.Stat()
	apptest.No(s, err)
	end := make([]byte, 64)
	_, err = program.ReadAt(end, info.Size()-64)
	apptest.No(s, err)
	return string(mannerMark.FindSubmatch(end)[1])
}

// packaged does what the scripts of a package do.
func (s *site) packaged(manner string, env ...string) (int, string) {
	s.Helper()
	before := filepath.Join(s.root, "kept", "before")
	if _, err := os.Stat(before); err != nil {
		apptest.No(s, os.MkdirAll(filepath.Dir(before), 0o755))
		s.run("cp", "-p", s.program, before)
	}
	apptest.No(s, os.Rename(s.made(manner, "unpacked"), s.program))
	for _, e := range env {
		s.Setenv(upgradeStep, e)
	}
	code, out := s.upgrade(before, "--settle")
	apptest.No(s, os.Unsetenv(upgradeStep))
	return code, out
}

// TestTheServerIsUpgraded: real programs, old and new. What is not well is taken
// back, also when it has changed the data, and the operator is told so.
func TestTheServerIsUpgraded(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "postgres.url")
		apptest.No(t, os.WriteFile(file, []byte(placetest.Postgres(t).Reveal()), 0o600))
		s := newSite(t, "--postgres-file", file)
		s.takenBack("expands", "the one before was put back, runs and is well")
	})
	t.Run("SQLite", upgradedOnSQLite)
}

// takenBack upgrades to what is not well.
func (s *site) takenBack(manner, says string) {
	s.Helper()
	if s.runs() != "well" {
		if code, out := s.run("systemctl", "restart", "ringfence"); code != 0 || s.runs() != "well" {
			s.Fatal(out, s.runs())
		}
	}
	code, out := s.packaged(manner)
	if code != 1 || !strings.Contains(out, says) || s.runs() != "well" {
		s.Errorf("%s: %d %s\n%s runs", manner, code, out, s.runs())
	}
}

func upgradedOnSQLite(t *testing.T) {
	s := newSite(t)
	s.takenBack("unable", "the one before goes on running: exit status 1: this release wants a setting that is not there")
	s.takenBack("expands", "the one before was put back, runs and is well")
	store, err := place.Open(t.Context(), place.Config{Dir: filepath.Join(s.root, "data", "places")}, storage.Schemas(), nil)
	if err == nil {
		store.Close()
		t.Error("two servers at once")
	}
	// Killed at a step (at each in upgrade.TestAnExchangeIsKilled), then started as after a power cut, and asked again.
	for _, c := range []struct{ manner, step, then string }{{"expands", "refused", "well"}, {"wellagain", "proven", "wellagain"}} {
		if code, out := s.packaged(c.manner, c.step); code != -1 {
			t.Fatalf("%s was not killed at %q: %d %s", c.manner, c.step, code, out)
		}
		for boots := 1; server.AskReady(t.Context(), s.config) != nil; boots++ {
			if boots > 5 {
				t.Fatalf("%s, killed at %q: it does not come up", c.manner, c.step)
			}
			s.run("systemctl", "restart", "ringfence")
		}
		if now := s.runs(); now != "well" && now != c.manner {
			t.Errorf("%s, killed at %q: %s runs", c.manner, c.step, now)
		}
		code, out := s.packaged(c.manner)
		if (code == 0) != (c.then == c.manner) || s.runs() != c.then {
			t.Errorf("%s, killed at %q, again: %d %s\n%s runs", c.manner, c.step, code, out, s.runs())
		}
	}
	if code, out := s.upgrade(s.program, "--back"); code != 0 || s.runs() != "well" {
		t.Error("back:", code, out, s.runs())
	}
}

// TestASignedUpgrade: what nobody signed is not taken; what was, is.
func TestASignedUpgrade(t *testing.T) {
	s := newSite(t)
	s.run("systemctl", "restart", "ringfence")
	public, private, err := minisign.GenerateKey(rand.Reader)
	apptest.No(t, err)
	file := s.made("other", "ringfence-9.0.0-linux-"+runtime.GOARCH)
	sign := func(number string) {
		f, err := os.Open(file)
		apptest.No(t, err)
		defer f.Close()
		r := minisign.NewReader(f)
		_, err = io.Copy(io.Discard, r)
		apptest.No(t, err)
		apptest.No(t, os.WriteFile(file+".minisig", r.SignWithComments(private, upgrade.ServerComment(number, runtime.GOOS, runtime.GOARCH), ""), 0o600))
	}
	key := "--release-key=" + public.String()
	for says, args := range map[string][]string{
		"the signature cannot be read": {"--from", file, key},
		"none was built in":            {"--from", file, "--signature", s.signature(sign, "9.0.0", file)},
		"add --down":                   {"--from", file, key, "--signature", s.signature(sign, "0.0.1", file)},
		"want one of --from":           {"--from", file, "--back"},
	} {
		if code, out := s.upgrade(s.program, args...); code == 0 || !strings.Contains(out, says) || s.runs() != "well" {
			t.Errorf("%s: %d %s", says, code, out)
		}
	}
	sign("9.0.0")
	if code, out := s.upgrade(s.program, "--from", file, key); code != 0 || s.runs() != "other" || !strings.Contains(out, "is release 9.0.0, signed for this server") {
		t.Error(code, out, s.runs())
	}
}

// signature makes one and moves it out of the way.
func (s *site) signature(sign func(string), number, file string) string {
	s.Helper()
	sign(number)
	to := filepath.Join(s.root, number+".minisig")
	apptest.No(s, os.Rename(file+".minisig", to))
	return to
}
