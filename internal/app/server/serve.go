package server

import (
	"context"
	"fmt"
	"log/slog"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/app/webcert"
	"ringfence/internal/base/release"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/supervisor"
)

const serveUsage = `
ringfence serve runs the server until it is told to stop (SIGTERM or Ctrl-C).
'ringfence init' writes the configuration it needs.

Usage: ringfence serve --config FILE`

// Serve is `ringfence serve`.
func Serve(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("serve", serveUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration")
	check := f.Bool("check", false, "only read configuration, keys, secrets and certificate as the server would, also while it runs")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	c, err := config.Load(*path)
	if err == nil && *check {
		return checked(c, p)
	}
	if err != nil {
		return err
	}
	log := cli.NewLog(c.Log, p.Stderr)
	s, err := New(ctx, c, log, Extras{})
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Start(ctx, Extras{}); err != nil {
		return err
	}
	boss := supervisor.From(p.Getenv)
	boss.Ready()
	s.background(ctx, func(ctx context.Context) { boss.Watch(ctx, s.alive) })
	log.Info("ready", "address", s.listener.Addr().String(), "url", s.URL(), "version", release.String())
	<-ctx.Done()
	boss.Stopping()
	log.Info("stopping")
	return nil
}

// checked looks at what the server would read before it opens its stores: an
// upgrade asks this before the program that runs is stopped.
func checked(c config.Config, p cli.Process) error {
	if _, err := keyring.LoadRoot(c.Keys.Root); err != nil {
		return err
	}
	if _, err := storage.KeyStores(c); err != nil {
		return err
	}
	if file := c.Database.PostgresFile; file != "" {
		if _, err := storage.SecretFile("database.postgres_file", file); err != nil {
			return err
		}
	}
	if _, err := NewRelay(c.Mail); err != nil {
		return err
	}
	certs, err := webcert.New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if certs != nil {
		certs.Stop()
	}
	fmt.Fprintln(p.Stdout, "Configuration, keys, secrets and certificate can be read.")
	return nil
}

// alive is whether the database answers: what the supervisor wants to know, too. A
// server that waits for ever on a lock of its own would look well from outside.
func (s *Server) alive(ctx context.Context) error {
	return s.Places.Registry().View(ctx, func(tx *place.Tx) error {
		_, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE kind = 'provider'`)
		return err
	})
}
