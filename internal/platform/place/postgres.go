package place

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// cluster keeps a schema per place in one PostgreSQL database. The tables
// belong to an owner role, which migrates; each place has a role of its own,
// which may read and write them but only add to the journal. The user that
// logs in needs CREATEROLE and must be allowed to CREATE in the database.
type cluster struct {
	dsn      secret.Text // for PostgreSQL's own tools
	database string
	prefix   string // of role names, which are shared by all databases of a server

	// A Change may look into the registry while it runs, and both may read: were
	// the connections shared, enough of them at once would wait for one another.
	places, registry pair
}

type pair struct{ read, write *sql.DB }

func openCluster(ctx context.Context, dsn secret.Text) (*cluster, error) {
	cfg, err := parsePostgres(dsn)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(cfg.Database))
	c := &cluster{dsn: dsn, database: cfg.Database, prefix: "rf_" + hex.EncodeToString(sum[:4]) + "_"}
	c.places = pair{connections(cfg, 16), connections(cfg, 16)}
	c.registry = pair{connections(cfg, 8), connections(cfg, 2)}
	if err := c.registry.write.PingContext(ctx); err != nil {
		c.close()
		return nil, fault.Wrap(err, fault.Unavailable, "PostgreSQL at %s does not answer", cfg.Host)
	}
	return c, nil
}

// parsePostgres reads the URL and refuses to cross a network without knowing
// whom it talks to: with less than verify-full, whoever sits between could
// read and change every row.
func parsePostgres(dsn secret.Text) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn.Reveal())
	if err != nil {
		// The text of the parser may show the password.
		return nil, fault.Field("postgres", "is not a PostgreSQL URL such as postgres://user:password@host/database?sslmode=verify-full")
	}
	type hop struct {
		host     string
		verified bool
	}
	hops := []hop{{cfg.Host, cfg.TLSConfig != nil && !cfg.TLSConfig.InsecureSkipVerify}}
	for _, f := range cfg.Fallbacks {
		hops = append(hops, hop{f.Host, f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify})
	}
	for _, h := range hops {
		if !h.verified && !near(h.host) {
			return nil, fault.Field("postgres", "%s is not this machine: add sslmode=verify-full (and sslrootcert), or whoever sits between could read and change every row", h.host)
		}
	}
	// Prepared statements would outlive the search path they were prepared under
	// ("cached plan must not change result type").
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = 0, 0
	cfg.RuntimeParams["synchronous_commit"] = "on"
	cfg.RuntimeParams["application_name"] = "ringfence"
	cfg.RuntimeParams["client_min_messages"] = "warning"
	cfg.RuntimeParams["jit"] = "off" // compiling fifty rules takes longer than asking them of a hundred thousand rows
	return cfg, nil
}

func near(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

func connections(cfg *pgx.ConnConfig, most int) *sql.DB {
	db := sql.OpenDB(viewingConnector{stdlib.GetConnector(*cfg)})
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db
}

func (c *cluster) dialect() Dialect { return Postgres }

func (c *cluster) where(id id.Customer) string {
	return fmt.Sprintf("database %s, schema %s", c.database, schemaOf(id))
}

// schemaOf and the roles are made of hexadecimal digits only: they stand in
// statements that take no parameters.
func schemaOf(c id.Customer) string {
	if c.IsZero() {
		return "registry"
	}
	return "p_" + hex.EncodeToString(c[:])
}

func (c *cluster) roleOf(id id.Customer) string {
	return c.prefix + strings.TrimPrefix(schemaOf(id), "p_")
}
func (c *cluster) owner() string { return c.prefix + "owner" }

// ensureRole has to be asked for: CREATE ROLE knows no IF NOT EXISTS.
func ensureRole(name string) string {
	return `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + name + `') THEN CREATE ROLE ` + name +
		` NOLOGIN; GRANT ` + name + ` TO CURRENT_USER; END IF; END $$;`
}

func (c *cluster) create(ctx context.Context, cu id.Customer) error {
	schema, role := schemaOf(cu), c.roleOf(cu)
	return c.alone(ctx, ensureRole(c.owner())+ensureRole(role)+
		`CREATE SCHEMA IF NOT EXISTS `+schema+` AUTHORIZATION `+c.owner()+`;`+
		`GRANT USAGE ON SCHEMA `+schema+` TO `+role+`;`)
}

func (c *cluster) destroy(ctx context.Context, cu id.Customer) error {
	return c.alone(ctx, dropPlace(schemaOf(cu), c.roleOf(cu)))
}

func dropPlace(schema, role string) string {
	return `DROP SCHEMA IF EXISTS ` + schema + ` CASCADE;` + dropRole(role)
}

func dropRole(role string) string {
	return `DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '` + role + `') THEN DROP OWNED BY ` + role + `; DROP ROLE ` + role + `; END IF; END $$;`
}

// alone runs statements about roles and schemas, one server at a time.
func (c *cluster) alone(ctx context.Context, text string) error {
	tx, err := c.places.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, lockFor("roles and schemas")+text); err != nil {
		return err
	}
	return tx.Commit()
}

// lockFor takes a lock that ends with the transaction: one writer per place,
// whichever server it runs on.
func lockFor(name string) string {
	sum := sha256.Sum256([]byte("ringfence " + name))
	return fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d);`, int64(binary.BigEndian.Uint64(sum[:8])))
}

func (c *cluster) open(ctx context.Context, cu id.Customer) (*pool, error) {
	schema, role := schemaOf(cu), c.roleOf(cu)
	var there int
	err := c.registry.read.QueryRowContext(ctx, `SELECT 1 FROM pg_namespace WHERE nspname = $1`, schema).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Wrap(err, fault.Unavailable, "the database of %s is missing; restore it from its last backup", label(cu))
	}
	if err != nil {
		return nil, err
	}
	conns := c.places
	if cu.IsZero() {
		conns = c.registry
	}
	pl := newPool(Postgres, conns.read, conns.write)
	path := `SET LOCAL search_path TO ` + schema + `;`
	pl.enter = `SET LOCAL ROLE ` + role + `;` + path
	pl.enterOnce = entering(pl.enter)
	pl.enterOwner = `SET LOCAL ROLE ` + c.owner() + `;` + path
	pl.lock = lockFor(schema)
	pl.granted = `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ` + schema + ` TO ` + role + `;
		REVOKE UPDATE, DELETE ON events FROM ` + role + `;
		REVOKE INSERT, UPDATE, DELETE ON migrations FROM ` + role + `;`
	pl.shared = true
	return pl, nil
}

func (c *cluster) close() error {
	return errors.Join(c.places.read.Close(), c.places.write.Close(), c.registry.read.Close(), c.registry.write.Close())
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// openSchema is a bare database: a schema without roles of its own.
func openSchema(ctx context.Context, dsn DSN) (*pool, error) {
	if !plainName.MatchString(dsn.Schema) {
		return nil, fault.Field("schema", "must be lower-case letters, digits and _")
	}
	conns := dsn.Over
	if conns == nil {
		cfg, err := parsePostgres(dsn.Postgres)
		if err != nil {
			return nil, err
		}
		conns = &Connections{pair{connections(cfg, 4), connections(cfg, 1)}, cfg.Host}
	}
	pl := newPool(Postgres, conns.read, conns.write)
	pl.shared = dsn.Over != nil
	pl.enter = `SET LOCAL search_path TO ` + dsn.Schema + `;`
	pl.enterOnce, pl.enterOwner = entering(pl.enter), pl.enter
	pl.lock = lockFor(dsn.Schema)
	_, err := pl.write.ExecContext(ctx, lockFor("roles and schemas")+`CREATE SCHEMA IF NOT EXISTS `+dsn.Schema)
	if err != nil {
		pl.close()
		return nil, fault.Wrap(err, fault.Unavailable, "PostgreSQL at %s cannot be used", conns.host)
	}
	return pl, nil
}
