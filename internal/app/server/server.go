// Package server is one running Ringfence. It builds every part on the stores, in
// the order of their dependence; starts them, and what runs beside requests, and
// listens; and stops all of it in the reverse order. A file with the name of a
// part wires that part.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/app/trace"
	"ringfence/internal/app/webcert"
	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/compact"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/metrics"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/edge/sip"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/live"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/tenancy/scim"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/backup"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/custody"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/health"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/privacy"
	"ringfence/internal/trust/pseudonym"
	"ringfence/internal/trust/redaction"
	"ringfence/internal/trust/witness"
)

// Server is one running Ringfence: its stores, the services on them, and what
// runs beside requests.
type Server struct {
	cfg config.Config
	log *slog.Logger
	*storage.Stores

	// What the demo and the import at the command line work with, beside a server.
	Tree       *org.Service
	People     *identity.Service
	Recordings *recording.Service
	Speech     *speech.Service
	Imports    *bulk.Service
	Importing  *job.Runner // runs them

	hub          *live.Hub
	scim         *scim.Service
	reviews      *review.Service
	sso          *sso.Service
	compact      *compact.Service
	redaction    *redaction.Service
	blueprints   *blueprint.Service
	sender       mail.Sender
	coverage     *coverage.Service
	certificates *destruction.Service
	privacy      *privacy.Service
	departures   *departure.Service
	approvals    *approval.Service
	monitor      *monitor.Service
	captures     *capture.Service
	collectors   *collect.Server
	siprec       *siprec.Service
	sip          *sip.Server // nil: no recording sessions are taken
	drops        *intake.Service
	pickups      *pickup.Service
	sftp         *sftp.Server // nil: files are not pushed by SFTP
	entry        *entry.Service
	jobs         *job.Runner
	webhooks     *webhook.Service
	notices      *job.Runner // delivers webhooks
	pace         *pace
	systems      *phonesystem.Service
	asking       *job.Runner // asks them
	parcels      *parcel.Service
	persons      *person.Service
	breaches     *breach.Service
	pseudonyms   *pseudonym.Service
	searching    *job.Runner // looks for them
	exporting    *job.Runner // makes exports
	witness      *witness.Service
	custody      *custody.Service
	turning      *job.Runner // rotates keys
	health       *health.Service
	metrics      *metrics.Metrics
	tracer       *trace.Tracer // nil: nobody traces
	outgoing     *outgoing

	backups atomic.Pointer[backup.Service] // nil: none are made, or their targets do not answer yet

	certs       webcert.Certificates // nil: no TLS
	listener    net.Listener
	inner       net.Listener // of administration; nil: not apart
	figuresAt   net.Listener // of the figures; nil: nobody asks
	startedAt   time.Time
	sftpAddress string
	stops       []func() // in the order of starting
}

// Extras is what the demo does differently.
type Extras struct {
	Mailbox *mail.Mailbox // keeps mail instead of sending it
}

// New opens the stores and builds every service, in the order of their
// dependence. Nothing runs yet.
func New(ctx context.Context, c config.Config, log *slog.Logger, x Extras) (*Server, error) {
	stores, err := storage.Open(ctx, c, x.Mailbox != nil)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: c, log: log, Stores: stores, startedAt: time.Now().UTC()}
	if err := s.build(x); err != nil {
		s.Close(log)
		return nil, err
	}
	return s, nil
}

// Start finishes what a crash left undone, starts what runs beside requests,
// and listens. It returns when the server is ready.
func (s *Server) Start(ctx context.Context, x Extras) error {
	s.stops = append(s.stops, s.People.Stop) // what is done behind answers ends last
	if err := s.Tree.Recover(ctx); err != nil {
		return err
	}
	if err := s.blueprints.Recover(ctx); err != nil { // it is tried again every minute
		s.log.Warn("a blueprint could not be carried out yet", "cause", err)
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.buildSFTP(ctx); err != nil {
		return err
	}
	api := httpapi.New(s.apiDeps(x))
	if err := s.recover(ctx); err != nil {
		return err
	}
	for _, part := range []interface {
		Start(context.Context) error
		Stop()
	}{s.jobs, s.notices, s.captures, s.Importing, s.asking, s.exporting, s.searching, s.turning} {
		if err := part.Start(ctx); err != nil {
			return err
		}
		s.stops = append(s.stops, part.Stop)
	}
	if err := s.startWays(ctx); err != nil {
		return err
	}
	if err := s.startSiprec(ctx); err != nil {
		return err
	}
	hour, minute := s.nightly()
	g := &gauge{
		collectors: s.collectors, places: s.Places, recordings: s.Recordings, people: s.People, tree: s.Tree, blueprints: s.blueprints,
		requests: api.Requests, busy: api.Busy, monitor: s.monitor, health: s.health, log: s.log,
	}
	s.Places.OnCommit(g.watch)
	s.lookAfterKeys(ctx)
	cert := &certifier{places: s.Places, certificates: s.certificates, hour: hour, minute: minute, log: s.log, due: map[id.Customer]bool{}}
	s.Places.OnCommit(cert.watch)
	s.background(ctx, cert.run)
	s.background(ctx, s.departing)
	s.detect()
	s.background(ctx, s.monitor.Run)
	s.background(ctx, (&counter{s.Places, s.coverage, s.retentionDays, s.log}).run)
	s.eachNight(ctx, (&sweeper{s.Places, s.privacy, s.Objects, s.collectors, s.entry, s.monitor, s.purges(), s.log}).sweep)
	s.background(ctx, g.run)
	s.background(ctx, s.health.Run)
	s.eachNight(ctx, (&reviewer{s.Places, s.reviews, s.log}).turn)
	s.startBackups(ctx)
	s.startProofs(ctx)
	s.stops = append(s.stops, s.collectors.Stop, s.hub.Stop)

	err := errors.Join(s.serve(api), s.serveMetrics())
	s.stops = append(s.stops, api.Close) // live connections would keep requests open for ever
	return err
}

// recover completes the acts over several stores that a crash interrupted, in
// the places that have any; the others are not opened for it.
func (s *Server) recover(ctx context.Context) error {
	waiting, _, err := s.Places.Waiting(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if w.Customer.IsZero() {
			continue
		}
		p, err := s.Places.Place(ctx, w.Customer)
		if err == nil {
			err = errors.Join(s.People.FinishLeaving(ctx, p), s.Recordings.Recover(ctx, p), s.persons.Recover(ctx, p))
		}
		if err != nil { // one customer's trouble is not the others'
			s.log.Error("what a crash interrupted could not be completed yet", "customer", w.Customer, "cause", err)
		}
	}
	return nil
}

func (s *Server) nightly() (hour, minute int) {
	t, err := time.Parse("15:04", s.cfg.Nightly)
	if err != nil {
		return 2, 30 // Validate has refused it before
	}
	return t.Hour(), t.Minute()
}

// background runs a loop until the server stops.
func (s *Server) background(ctx context.Context, run func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { run(ctx) })
	s.stops = append(s.stops, func() { cancel(); done.Wait() })
}

// Stop ends everything in the reverse order of starting.
func (s *Server) Stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
	for _, l := range []net.Listener{s.listener, s.inner, s.figuresAt} {
		if l != nil {
			l.Close()
		}
	}
	s.Close(s.log)
}
