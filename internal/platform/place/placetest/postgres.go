package placetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Main runs the tests of a package and stops the cluster that they started. A
// package that uses Run or Postgres calls it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop stops the cluster, for a TestMain that cannot end with Main.
func Stop() { server.stop() }

// Run runs a test against both engines.
func Run(t *testing.T, schemas place.Schemas, fn func(t *testing.T, s *place.Store)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine.Name, func(t *testing.T) {
			fn(t, Open(t, engine.Config(t), schemas))
		})
	}
}

// Engine is one of the two, with a fresh home for places in each test.
type Engine struct {
	Name   string
	Config func(testing.TB) place.Config
}

// Engines are both.
var Engines = []Engine{
	{"SQLite", func(t testing.TB) place.Config { return place.Config{Dir: t.TempDir()} }},
	{"PostgreSQL", func(t testing.TB) place.Config { return place.Config{Postgres: Postgres(t)} }},
}

// Postgres makes an empty database in the throwaway cluster and gives its URL.
func Postgres(t testing.TB) secret.Text {
	t.Helper()
	dsn, err := server.database()
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewText(dsn)
}

// Settle does to a database what autovacuum and the checkpointer do in service
// (they sleep in the throwaway cluster, where they would wake in the middle of a
// test): the planner learns what is in the tables, and a reader need not write
// out what was filled before it can read. A benchmark that fills tables calls it.
func Settle(t testing.TB, cfg place.Config) {
	t.Helper()
	if cfg.Postgres.Reveal() == "" {
		return
	}
	db, err := sql.Open("pgx", cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
}

var server cluster

// cluster is a PostgreSQL of this test binary: on a Unix socket in a temporary
// folder, with trust, and without fsync, for it need not outlive the tests.
type cluster struct {
	once sync.Once
	err  error
	dir  string
	cmd  *exec.Cmd

	mu sync.Mutex
	n  int
}

func (c *cluster) database() (string, error) {
	if c.once.Do(func() { c.err = c.start() }); c.err != nil {
		return "", fmt.Errorf("no PostgreSQL for the test: %w", c.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	name := fmt.Sprintf("t%d_%d", os.Getpid(), c.n)
	db, err := sql.Open("pgx", c.url("postgres"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	return c.url(name), nil
}

func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=postgres", database, c.dir)
}

func (c *cluster) start() error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	// Socket paths have at most 107 bytes, so not below the test's own folder.
	if c.dir, err = os.MkdirTemp("", "rfpg"); err != nil {
		return err
	}
	as, err := unprivileged(c.dir)
	if err != nil {
		return err
	}
	data := filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	initdb.SysProcAttr = as
	initdb.Dir = c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", c.dir, "-h", "",
		"-c", "fsync=off", "-c", "max_connections=200", "-c", "autovacuum=off")
	c.cmd.SysProcAttr = as
	c.cmd.Dir = c.dir
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return err
	}
	return c.ready()
}

func (c *cluster) ready() error {
	db, err := sql.Open("pgx", c.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, text)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func (c *cluster) stop() {
	if c.cmd != nil && c.cmd.Process != nil {
		c.cmd.Process.Signal(syscall.SIGQUIT) // at once: nothing in it is needed
		c.cmd.Wait()
	}
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// binaries finds the newest PostgreSQL; Debian keeps it out of PATH.
func binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb is not installed (Debian: apt install postgresql)")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged gives the folder to another user when the tests run as root,
// for PostgreSQL refuses to. Its processes end with this one, however it ends.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return as, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return as, os.Chown(dir, int(uid), int(gid))
	}
	return nil, errors.New("running as root, and there is no user postgres or nobody")
}
