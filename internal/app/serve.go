package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"ringfence/internal/app/config"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/webui"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/supervisor"
	"ringfence/web"
)

const serveUsage = `
ringfence serve runs the server until it is told to stop (SIGTERM or Ctrl-C).
'ringfence init' writes the configuration it needs.

Usage: ringfence serve --config FILE`

func runServe(ctx context.Context, args []string, p Process) error {
	f := flags("serve", serveUsage, p)
	path := f.String("config", usualConfig, "the configuration")
	check := f.Bool("check", false, "only read configuration, keys, secrets and certificate as the server would, also while it runs")
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := config.Load(*path)
	if err == nil && *check {
		return checked(c, p)
	}
	if err != nil {
		return err
	}
	log := newLog(c.Log, p.Stderr)
	s, err := newServer(ctx, c, log, extras{})
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.start(ctx, extras{}); err != nil {
		return err
	}
	boss := supervisor.From(p.Getenv)
	boss.Ready()
	s.background(ctx, func(ctx context.Context) { boss.Watch(ctx, s.alive) })
	log.Info("ready", "address", s.listener.Addr().String(), "url", s.url(), "version", version())
	<-ctx.Done()
	boss.Stopping()
	log.Info("stopping")
	return nil
}

// checked looks at what the server would read before it opens its stores: an
// upgrade asks this before the program that runs is stopped.
func checked(c config.Config, p Process) error {
	if _, err := keyring.LoadRoot(c.Keys.Root); err != nil {
		return err
	}
	if _, err := keyStores(c); err != nil {
		return err
	}
	if file := c.Database.PostgresFile; file != "" {
		if _, err := secretFile("database.postgres_file", file); err != nil {
			return err
		}
	}
	if _, err := newRelay(c.Mail); err != nil {
		return err
	}
	certs, err := newCertificates(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if certs != nil {
		certs.stop()
	}
	fmt.Fprintln(p.Stdout, "Configuration, keys, secrets and certificate can be read.")
	return nil
}

// alive is whether the database answers: what the supervisor wants to know. A
// server that waits for ever on a lock of its own would look well from outside.
func (s *server) alive(ctx context.Context) error {
	return s.places.Registry().View(ctx, func(tx *place.Tx) error {
		_, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE kind = 'provider'`)
		return err
	})
}

func newLog(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // Validate has refused it before
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// apiDeps hands the services to the API, with the facts that the page "who
// could reach what" states.
func (s *server) apiDeps(x extras) httpapi.Deps {
	host := httpapi.HostFacts{
		Operator: "the provider, who runs this server", Database: s.database(),
		Objects: describe(s.cfg.Objects.First), KeyPlaces: s.keys.Copies(), Mail: "kept on this machine",
	}
	if s.cfg.Objects.Second != (config.Bucket{}) {
		host.Objects += " and " + describe(s.cfg.Objects.Second)
	}
	if s.cfg.Backup.On() {
		host.Backups = httpapi.BackupsTo{Data: describeTarget(s.cfg.Backup.Data), Keys: describeTarget(s.cfg.Backup.Keys), Log: logFolder(s.cfg)}
	}
	if s.cfg.Mail.SMTP != "" {
		host.Mail = "handed to " + s.cfg.Mail.SMTP
	}
	return s.watched(httpapi.Deps{
		Log: s.log, TrustedProxies: s.trustedProxies(), Secure: s.secure(), Host: host, AdministrationApart: s.cfg.Administration.Listen != "",
		Demo: x.mailbox != nil, Mailbox: x.mailbox,
		Store: s.places, Tree: s.tree, People: s.people, Scim: s.scim, Reviews: s.reviews, Coverage: s.coverage, Certificates: s.certificates, Departures: s.departures, Approvals: s.approvals, Privacy: s.privacy, Monitor: s.monitor, Persons: s.persons, Breaches: s.breaches, Blueprints: s.blueprints, Mail: s.sender, URL: s.url, SSO: s.sso, Recordings: s.recordings, Compact: s.compact, Redaction: s.redaction, Speech: s.speech, Webhooks: s.webhooks, Live: s.hub, Collect: s.collectors, Backups: s.backups.Load, Imports: s.imports, Parcels: s.parcels, Witness: s.witness, Custody: s.custody, Systems: s.systems, Siprec: s.siprec, SiprecAt: s.siprecAt, Drops: s.drops, Pickups: s.pickups, SFTP: s.sftp, SFTPAddress: s.sftpAt, Taking: s.taking,
		Portal: webui.New(web.Files()), SourceChanged: s.captures.Reload,
		FolderAllowed: s.mayWatch, Installation: s.installation,
	})
}

func (s *server) database() string {
	if s.cfg.Database.PostgresFile != "" {
		return "PostgreSQL, a schema and a role for each customer"
	}
	return "SQLite, a file for each customer, on this machine"
}

func describe(b config.Bucket) string {
	switch {
	case b.AzureContainer != "":
		return "Azure Blob Storage (" + b.AzureContainer + ")"
	case b.S3Bucket != "":
		return fmt.Sprintf("S3 (bucket %s, region %s)", b.S3Bucket, b.S3Region)
	}
	return "a folder on this machine"
}
