package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/app/trace"
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
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/metrics"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/edge/sip"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/live"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
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
	"ringfence/internal/trust/redaction"
	"ringfence/internal/trust/witness"
)

// server is one running Ringfence: its stores, the services on them, and what
// runs beside requests.
type server struct {
	cfg config.Config
	log *slog.Logger
	*stores

	hub          *live.Hub
	tree         *org.Service
	people       *identity.Service
	scim         *scim.Service
	reviews      *review.Service
	sso          *sso.Service
	recordings   *recording.Service
	compact      *compact.Service
	redaction    *redaction.Service
	blueprints   *blueprint.Service
	sender       mail.Sender
	speech       *speech.Service
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
	imports      *bulk.Service
	importing    *job.Runner // runs them
	pace         *pace
	systems      *phonesystem.Service
	asking       *job.Runner // asks them
	parcels      *parcel.Service
	persons      *person.Service
	breaches     *breach.Service
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

	certs       certificates // nil: no TLS
	listener    net.Listener
	inner       net.Listener // of administration; nil: not apart
	figuresAt   net.Listener // of the figures; nil: nobody asks
	startedAt   time.Time
	sftpAddress string
	stops       []func() // in the order of starting
}

// extras is what the demo does differently.
type extras struct {
	mailbox *mail.Mailbox // keeps mail instead of sending it
}

// newServer opens the stores and builds every service, in the order of their
// dependence. Nothing runs yet.
func newServer(ctx context.Context, c config.Config, log *slog.Logger, x extras) (*server, error) {
	stores, err := openStores(ctx, c, x.mailbox != nil)
	if err != nil {
		return nil, err
	}
	s := &server{cfg: c, log: log, stores: stores, startedAt: time.Now().UTC()}
	if err := s.build(x); err != nil {
		s.close(log)
		return nil, err
	}
	return s, nil
}

func (s *server) build(x extras) error {
	if err := s.buildWatching(); err != nil {
		return err
	}
	var sender mail.Sender = x.mailbox
	if x.mailbox == nil {
		relay, err := newRelay(s.cfg.Mail)
		if err != nil {
			return err
		}
		sender = relay
	}
	s.outgoing = &outgoing{next: sender, none: x.mailbox == nil && s.cfg.Mail.SMTP == ""}
	sender = s.outgoing
	s.sender = sender
	s.hub = live.NewHub()
	s.places.OnCommit(s.hub.Watch)
	s.tree = org.New(s.places, s.keys)
	stolen, err := s.stolenPasswords()
	if err != nil {
		return err
	}
	s.people = identity.New(identity.Options{
		Store: s.places, Mail: sender, BaseURL: s.url, Log: s.log, Brand: s.tree.LetterBrand, Seats: s.tree.MoreSeats,
		Names: s.namesOf, Breached: stolen, MailedCodeForNodes: s.cfg.SignIn.MailedCodeForAdministrators,
	})
	s.scim = scim.New(scim.Options{Store: s.places, People: s.people, Mail: sender, Name: s.nameOf, Brand: s.tree.LetterBrand, Log: s.log})
	s.recordings = recording.New(recording.Options{Store: s.places, Keys: s.keys, Objects: s.objects, Log: s.log, Admit: s.mayCapture, Oldest: s.oldestBackup})
	s.recordings.OnDestroy(search.Remove)
	s.reviews = review.New(review.Options{
		Store: s.places, Tree: s.tree, People: s.people, Mail: sender, URL: s.url, Brand: s.tree.LetterBrand, Reach: httpapi.InReach(s.recordings, time.Now), Log: s.log,
	})
	s.buildApprovals(sender)
	s.buildDestruction()
	s.buildRedaction()
	s.recordings.OnCapture(captured)
	s.recordings.OnCapture(tellCaptured)
	s.recordings.OnCapture(s.figureCapture)
	s.recordings.OnDestroyed(tellDestroyed)
	s.buildPrivacy()
	s.buildMonitor()
	out, err := egress.New(egress.Options{Private: s.cfg.Egress.AllowPrivate, Sent: s.metrics.Egress})
	if err != nil {
		return err
	}
	s.sso = sso.New(sso.Options{Store: s.places, People: s.people, Egress: out, BaseURL: s.url, Log: s.log})
	s.pace = newPace()
	s.speech = speech.New(speech.Options{
		Recordings: s.recordings, Egress: out, Workers: s.cfg.Speech.Workers, Log: s.log, Admit: s.mayHear, Heard: s.pace.told(heardAndLooked(heard)), Objected: person.Objected,
	})
	s.blueprints = blueprint.New(blueprint.Options{
		Store: s.places, Tree: s.tree, People: s.people, Recordings: s.recordings, Speech: s.speech, Folder: s.mayWatch, Retain: s.privacy.SetAsSaid,
	})
	if err := s.buildWays(); err != nil {
		return err
	}
	s.captures = capture.NewService(capture.ServiceOptions{Store: s.places, Recordings: s.recordings, Expect: s.coverage.Expect, Drop: s.dropOf, Log: s.log})
	if err := s.buildSiprec(); err != nil {
		return err
	}
	s.entry = entry.New(nil)
	s.collectors, err = collect.NewServer(collect.ServerOptions{
		Store: s.places, Keys: s.keys, Recordings: s.recordings, Staging: filepath.Join(s.cfg.Data, "uploads"), Log: s.log,
		Admits:  func(tx *place.Tx, from string) (bool, error) { return entry.AdmitsText(tx, entry.Collectors, from) },
		Refused: s.turnedAway, Expect: s.coverage.Expect, Releases: s.releases(),
	})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the folder for uploads cannot be opened")
	}
	s.compact = compact.New(compact.Options{Recordings: s.recordings, Log: s.log})
	s.buildImports()
	s.buildSystems(out)
	s.jobs = job.NewRunner(s.places, map[string]job.Kind{
		recording.JobTranscribe: s.pace.measured(s.speech.Kind()),
		compact.Job:             s.compact.Kind(),
		redaction.Job:           s.redaction.Kind(),
		approval.Job:            s.approvals.Kind(),
	}, s.runnerOptions(0))
	s.buildWebhooks(out)
	s.buildExports()
	s.buildDeparture()
	s.buildProofs()
	s.buildPersons()
	s.buildCustody()
	s.buildHealth()
	s.figures()
	return nil
}

// nameOf is what a customer or another node is called, for mails.
func (s *server) nameOf(ctx context.Context, n id.Node) string {
	node, err := s.tree.Node(ctx, n)
	if err != nil {
		return "your organisation"
	}
	return node.Name
}

// namesOf gives the names of nodes, which no password of theirs may rest on.
func (s *server) namesOf(ctx context.Context, at []id.Node) (names []string) {
	for _, n := range at {
		if node, err := s.tree.Node(ctx, n); err == nil {
			names = append(names, node.Name)
		}
	}
	return names
}

// stolenPasswords opens the operator's list, if there is one. It stays open as
// long as the program runs.
func (s *server) stolenPasswords() (func(string) (bool, error), error) {
	if s.cfg.SignIn.BreachedPasswords == "" {
		return nil, nil
	}
	list, err := identity.OpenBreached(s.cfg.SignIn.BreachedPasswords)
	if err != nil {
		return nil, err
	}
	return list.Holds, nil
}

func newRelay(c config.Mail) (mail.Sender, error) {
	if c.SMTP == "" {
		return noMail{}, nil
	}
	var password secret.Text
	if c.PasswordFile != "" {
		var err error
		if password, err = secretFile("mail.password_file", c.PasswordFile); err != nil {
			return nil, err
		}
	}
	return mail.NewRelay(mail.RelayConfig{Address: c.SMTP, From: c.From, User: c.User, Password: password})
}

// noMail is a server whose operator has not said how mail leaves.
type noMail struct{}

func (noMail) Send(context.Context, mail.Message) error {
	return fault.New(fault.Unavailable, "this server has no way to send mail: its operator must set mail.smtp")
}

// url is where the portal is, for links in mails.
func (s *server) url() string {
	if s.cfg.URL != "" {
		return s.cfg.URL
	}
	scheme := "http"
	if s.cfg.TLS.On() {
		scheme = "https"
	}
	address := s.cfg.Listen
	if s.listener != nil {
		address = s.listener.Addr().String()
	}
	// Browsers make passkeys for a name, never for a number.
	if host, _, err := net.SplitHostPort(s.cfg.Listen); err == nil && host == "localhost" {
		_, port, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(host, port)
	}
	return scheme + "://" + address
}

// start finishes what a crash left undone, starts what runs beside requests,
// and listens. It returns when the server is ready.
func (s *server) start(ctx context.Context, x extras) error {
	s.stops = append(s.stops, s.people.Stop) // what is done behind answers ends last
	if err := s.tree.Recover(ctx); err != nil {
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
	}{s.jobs, s.notices, s.captures, s.importing, s.asking, s.exporting, s.searching, s.turning} {
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
		collectors: s.collectors, places: s.places, recordings: s.recordings, people: s.people, tree: s.tree, blueprints: s.blueprints,
		requests: api.Requests, busy: api.Busy, monitor: s.monitor, health: s.health, log: s.log,
	}
	s.places.OnCommit(g.watch)
	s.lookAfterKeys(ctx)
	cert := &certifier{places: s.places, certificates: s.certificates, hour: hour, minute: minute, log: s.log, due: map[id.Customer]bool{}}
	s.places.OnCommit(cert.watch)
	s.background(ctx, cert.run)
	s.background(ctx, s.departing)
	s.detect()
	s.background(ctx, (&ender{s.places, s.recordings, hour, minute, s.log}).run)
	s.background(ctx, s.monitor.Run)
	s.background(ctx, (&counter{s.places, s.coverage, s.retentionDays, s.log}).run)
	s.background(ctx, (&sweeper{s.places, s.privacy, s.objects, s.collectors, s.entry, hour, minute, s.log}).run)
	s.background(ctx, g.run)
	s.background(ctx, s.health.Run)
	s.background(ctx, (&reviewer{s.places, s.reviews, hour, minute, s.log}).run)
	s.startBackups(ctx)
	s.startProofs(ctx)
	s.stops = append(s.stops, s.collectors.Stop, s.hub.Stop)

	err := errors.Join(s.serve(api), s.serveMetrics())
	s.stops = append(s.stops, api.Close) // live connections would keep requests open for ever
	return err
}

// recover completes the acts over several stores that a crash interrupted, in
// the places that have any; the others are not opened for it.
func (s *server) recover(ctx context.Context) error {
	waiting, _, err := s.places.Waiting(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if w.Customer.IsZero() {
			continue
		}
		p, err := s.places.Place(ctx, w.Customer)
		if err == nil {
			err = errors.Join(s.people.FinishLeaving(ctx, p), s.recordings.Recover(ctx, p), s.persons.Recover(ctx, p))
		}
		if err != nil { // one customer's trouble is not the others'
			s.log.Error("what a crash interrupted could not be completed yet", "customer", w.Customer, "cause", err)
		}
	}
	return nil
}

func (s *server) nightly() (hour, minute int) {
	t, err := time.Parse("15:04", s.cfg.Nightly)
	if err != nil {
		return 2, 30 // Validate has refused it before
	}
	return t.Hour(), t.Minute()
}

// background runs a loop until the server stops.
func (s *server) background(ctx context.Context, run func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { run(ctx) })
	s.stops = append(s.stops, func() { cancel(); done.Wait() })
}

func (s *server) listen() (err error) {
	if s.certs, err = newCertificates(s.cfg, s.log); err != nil {
		return err
	}
	if s.listener, err = s.open("listen", s.cfg.Listen); err != nil {
		return err
	}
	if s.cfg.Administration.Listen != "" {
		s.inner, err = s.open("administration.listen", s.cfg.Administration.Listen)
	}
	return err
}

func (s *server) open(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s: cannot listen on %s: is another program using the port?", key, address)
	}
	if s.certs != nil {
		l = tls.NewListener(l, s.certs.config())
	}
	return l, nil
}

// secure reports whether browsers reach the server over TLS, its own or that of
// a proxy in front of it.
func (s *server) secure() bool { return s.cfg.TLS.On() || strings.HasPrefix(s.cfg.URL, "https://") }

// serve answers on the public address, and on administration's where it has one.
func (s *server) serve(api *httpapi.Server) error {
	s.serveOn(s.listener, api.Handler())
	if s.inner != nil {
		s.serveOn(s.inner, api.Administration())
	}
	if s.certs == nil {
		return nil
	}
	s.stops = append(s.stops, s.certs.stop)
	return s.certs.start()
}

func (s *server) serveOn(l net.Listener, h http.Handler) {
	web := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the server stopped listening", "address", l.Addr().String(), "cause", err)
		}
	})
	s.stops = append(s.stops, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := web.Shutdown(ctx); err != nil {
			web.Close() // what did not end in time is cut
		}
		done.Wait()
	})
}

// stop ends everything in the reverse order of starting.
func (s *server) stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
	for _, l := range []net.Listener{s.listener, s.inner, s.figuresAt} {
		if l != nil {
			l.Close()
		}
	}
	s.close(s.log)
}

func (s *server) trustedProxies() []netip.Prefix {
	var all []netip.Prefix
	for _, n := range s.cfg.TrustedProxies {
		all = append(all, netip.MustParsePrefix(n)) // Validate has parsed it before
	}
	return all
}
