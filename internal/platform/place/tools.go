package place

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// Tools are PostgreSQL's own programs, pg_dump and pg_restore, of the server's
// version or a newer one. SQLite needs none.
type Tools struct {
	Dir string // where they are; empty: on the path, or where Debian keeps them
}

// NeedsTools reports whether copies of places need PostgreSQL's programs.
func (s *Store) NeedsTools() bool { return s.engine.dialect() == Postgres }

// Check says plainly which tool is missing.
func (t Tools) Check() error {
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if _, err := t.path(name); err != nil {
			return err
		}
	}
	return nil
}

func (t Tools) path(name string) (string, error) {
	if t.Dir != "" {
		p := filepath.Join(t.Dir, name)
		if info, err := os.Stat(p); err != nil || info.IsDir() {
			return "", fault.Field("backup.postgres_tools", "there is no %s in %s: install PostgreSQL's client programs, or name their folder", name, t.Dir)
		}
		return p, nil
	}
	// Debian keeps one of each version, and a wrapper on the path that may choose an older one.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		version := func(path string) int { n, _ := strconv.Atoi(strings.Split(path, "/")[4]); return n }
		return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
	}
	p, err := exec.LookPath(name)
	if err != nil {
		return "", fault.Field("backup.postgres_tools", "%s is not installed (Debian: apt install postgresql-client): backups of a PostgreSQL database need it", name)
	}
	return p, nil
}

// environment hands the address to the tools by variables: in arguments, every
// user of the machine could read the password.
func environment(dsn secret.Text) ([]string, error) {
	u, err := url.Parse(dsn.Reveal())
	if err != nil {
		return nil, fault.Field("postgres", "backups need the database as a URL: postgres://…")
	}
	env := []string{"PATH=" + "/usr/bin:/bin", "PGAPPNAME=ringfence-backup", "PGDATABASE=" + strings.TrimPrefix(u.Path, "/"), "PGCLIENTENCODING=UTF8"}
	add := func(name, v string) {
		if v != "" {
			env = append(env, name+"="+v)
		}
	}
	add("PGHOST", u.Hostname())
	add("PGPORT", u.Port())
	add("PGUSER", u.User.Username())
	if p, ok := u.User.Password(); ok {
		add("PGPASSWORD", p)
	}
	for key, name := range map[string]string{
		"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE",
		"sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
	} {
		add(name, u.Query().Get(key))
	}
	return env, nil
}

// run runs a tool to its end; what it says on failure goes to the operator.
func (t Tools) run(ctx context.Context, env []string, name string, in io.Reader, out io.Writer, args ...string) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout = env, in, out
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		text := said.String()
		return fault.Wrap(fmt.Errorf("%w: %.800s", err, text), fault.Unavailable, "%s failed; the log has what it said", name)
	}
	return nil
}

// copy has pg_dump read the snapshot in which the statement was made.
func (c *cluster) copy(ctx context.Context, cu id.Customer, t Tools, w io.Writer, at time.Time) (s Statement, err error) {
	env, err := environment(c.dsn)
	if err != nil {
		return s, err
	}
	pl, err := c.open(ctx, cu)
	if err != nil {
		return s, err
	}
	tx := &Tx{ctx: ctx, d: Postgres, mode: viewing}
	if tx.sql, err = pl.begin(ctx, viewing, pl.enter); err != nil {
		return s, err
	}
	defer tx.sql.Rollback()
	if s, err = stateAll(tx, 0); err != nil {
		return s, err
	}
	s.Customer, s.At = cu, at
	var snapshot string
	if err := tx.sql.QueryRowContext(ctx, `SELECT pg_export_snapshot()`).Scan(&snapshot); err != nil {
		return s, err
	}
	// Uncompressed: parts that stay the same are then found again and not sent.
	return s, t.run(ctx, env, "pg_dump", nil, w, "--format=custom", "--compress=0", "--no-owner", "--no-privileges",
		"--snapshot="+snapshot, "--schema="+schemaOf(cu))
}

// load makes the schema of a place anew and fills it from a copy.
func (c *cluster) load(ctx context.Context, cu id.Customer, t Tools, r io.Reader) error {
	env, err := environment(c.dsn)
	if err != nil {
		return err
	}
	schema := schemaOf(cu)
	if err := c.alone(ctx, `DROP SCHEMA IF EXISTS `+schema+` CASCADE;`); err != nil {
		return err
	}
	if err := c.create(ctx, cu); err != nil {
		return err
	}
	err = t.run(ctx, env, "pg_restore", r, io.Discard, "--dbname="+databaseOf(env), "--no-owner", "--no-privileges", "--exit-on-error",
		"--single-transaction", "--role="+c.owner(), "--schema="+schema)
	if err != nil {
		return err
	}
	pl, err := c.open(ctx, cu)
	if err != nil {
		return err
	}
	return pl.grantAll(ctx)
}

// grantAll gives the place's role what migrations give it.
func (pl *pool) grantAll(ctx context.Context) error {
	tx, err := pl.begin(ctx, bare, pl.enterOwner)
	if err != nil {
		return err
	}
	defer func() { <-pl.gate }()
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, pl.granted); err != nil {
		return err
	}
	return tx.Commit()
}

func databaseOf(env []string) string {
	for _, e := range env {
		if name, ok := strings.CutPrefix(e, "PGDATABASE="); ok {
			return name
		}
	}
	return ""
}

// Beside makes an empty database beside the one of a URL, for what is thrown
// away, and gives its URL and what removes it. The user needs CREATEDB.
func Beside(ctx context.Context, dsn secret.Text, name string) (secret.Text, func(), error) {
	u, err := url.Parse(dsn.Reveal())
	if err != nil || !plainName.MatchString(name) {
		return secret.Text{}, nil, fault.Field("postgres", "drills need the database as a URL: postgres://…")
	}
	cfg, err := parsePostgres(dsn)
	if err != nil {
		return secret.Text{}, nil, err
	}
	db := connections(cfg, 1)
	if _, err := db.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		db.Close()
		return secret.Text{}, nil, fault.Wrap(err, fault.Unavailable, "a database for drills cannot be made: give the user CREATEDB, or name an empty one in backup.scratch_postgres_file")
	}
	u.Path = "/" + name
	made := secret.NewText(u.String())
	return made, func() {
		defer db.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		// Its roles first, for they belong to the whole server.
		_ = Empty(ctx, made)
		_, _ = db.ExecContext(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) // else it is in the way of nobody
	}, nil
}

// Empty removes all places of a database, with their roles: what a drill left.
func Empty(ctx context.Context, dsn secret.Text) error {
	c, err := openCluster(ctx, dsn)
	if err != nil {
		return err
	}
	defer c.close()
	rows, err := c.registry.read.QueryContext(ctx, `SELECT nspname FROM pg_namespace WHERE nspname = 'registry' OR nspname LIKE 'p\_%'`)
	if err != nil {
		return err
	}
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			rows.Close()
			return err
		}
		all = append(all, name)
	}
	rows.Close()
	for _, schema := range all {
		if !plainName.MatchString(schema) {
			continue
		}
		role := c.prefix + strings.TrimPrefix(schema, "p_")
		if err := c.alone(ctx, dropPlace(schema, role)); err != nil {
			return err
		}
	}
	return c.alone(ctx, dropRole(c.owner()))
}

// Vacant reports whether nothing of ours lies where places would: a restore may
// write there.
func Vacant(ctx context.Context, cfg Config) (bool, error) {
	if cfg.Postgres.IsZero() {
		all, err := os.ReadDir(cfg.Dir)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return len(all) == 0, fault.Wrap(err, fault.Unavailable, "the folder %s cannot be read", cfg.Dir)
	}
	c, err := openCluster(ctx, cfg.Postgres)
	if err != nil {
		return false, err
	}
	defer c.close()
	var there int
	err = c.registry.read.QueryRowContext(ctx, `SELECT count(*) FROM pg_namespace WHERE nspname = $1`, schemaOf(id.Customer{})).Scan(&there)
	return there == 0, fault.Wrap(err, fault.Unavailable, "%s cannot be read", c.database)
}
