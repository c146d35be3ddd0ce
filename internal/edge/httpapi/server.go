// Package httpapi is the HTTP API: it translates requests into calls of the
// services and their answers into JSON, and decides nothing itself.
//
// What every request goes through, in this order: a request id, the real
// address of the caller, security headers, cross-origin protection, a limit of
// the body, then the gate of its route (session or token, membership, act).
// A route cannot be built without a gate. What is foreign, forbidden or missing
// answers with the same 404. Errors are RFC 9457 problems, made in one function.
//
// GET changes nothing: cross-origin protection lets GET through.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/archive/bulk"
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
	"ringfence/internal/base/span"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/insight/speech"
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
	"ringfence/internal/trust/pseudonym"
	"ringfence/internal/trust/redaction"
	"ringfence/internal/trust/witness"
)

// Deps is what the API is built on.
type Deps struct {
	Log            *slog.Logger     // nil: silent
	Now            func() time.Time // nil: time.Now
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For is believed; empty: nobody's
	Secure         bool             // served over TLS: cookies are Secure and carry the __Host- prefix
	Demo           bool             // shows the mailbox

	// AdministrationApart says that provider and resellers have an address to
	// themselves, which Administration serves; Handler then knows none of them.
	AdministrationApart bool

	Installation func() Installation // for the provider
	Host         HostFacts           // for the page that says who could reach what

	Store        *place.Store
	Tree         *org.Service
	People       *identity.Service
	Scim         *scim.Service
	Reviews      *review.Service
	Blueprints   *blueprint.Service
	SSO          *sso.Service // customers' own identity providers
	Recordings   *recording.Service
	Compact      *compact.Service
	Redaction    *redaction.Service
	Pseudonyms   *pseudonym.Service
	Speech       *speech.Service
	Webhooks     *webhook.Service
	Health       *health.Service
	Backups      func() *backup.Service // gives nil while none are made
	Collect      *collect.Server
	Imports      *bulk.Service
	Parcels      *parcel.Service  // exports
	Witness      *witness.Service // checkpoints of change logs
	Custody      *custody.Service
	Systems      *phonesystem.Service
	Coverage     *coverage.Service
	Certificates *destruction.Service
	Departures   *departure.Service
	Approvals    *approval.Service // what waits for a second person
	Privacy      *privacy.Service  // retention rules and holds
	Monitor      *monitor.Service
	Persons      *person.Service // requests of persons
	Breaches     *breach.Service
	Siprec       *siprec.Service // recording sessions
	Drops        *intake.Service
	Pickups      *pickup.Service
	SFTP         *sftp.Server // nil: this installation has none
	Live         *live.Hub
	Mail         mail.Sender   // for test mails
	URL          func() string // where the portal is, for links in mails
	Mailbox      *mail.Mailbox // demo only
	Portal       http.Handler  // everything that is not the API; nil: nothing

	// FolderAllowed reports whether a customer may have a folder of this server
	// watched; nil: none may.
	FolderAllowed func(c id.Customer, folder string) bool
	// SiprecAt is where recording clients call; nil or empty: nowhere.
	SiprecAt func() []SiprecEntrance
	// Observe is told of each request, for figures: the pattern of its route, never
	// its path. nil: nobody is.
	Observe func(route, method string, status int, took time.Duration)
	Tracer  span.Tracer // nil: nobody traces
	// Ready says what the server cannot work without and does not answer; nil: it
	// is the database alone.
	Ready func(ctx context.Context) error

	// SFTPAddress is the SFTP server's host and port, as the outside reaches it.
	SFTPAddress func() string
	// Taking is nil while a source takes files; its error says why it does not.
	Taking func(ctx context.Context, p *place.Place, source id.Source) error

	// SourceChanged is called when a customer's sources or retention changed.
	SourceChanged func(c id.Customer)
}

// Server is the API.
type Server struct {
	deps   Deps
	log    *slog.Logger
	now    func() time.Time
	mux    *http.ServeMux
	api    huma.API
	routes []route
	flow   *flow
	entry  *entry.Service

	mu     sync.Mutex
	lines  map[*line]struct{} // live connections
	closed bool

	watching bool // somebody looks for sessions that end on other servers
}

var (
	errNoVisit     = fault.New(fault.Internal, "the gate left no visit")
	errCrossOrigin = fault.New(fault.Denied, "this request came from another site")
	errPanicked    = fault.New(fault.Internal, "a handler panicked")
)

// New builds the API. It panics only on a route that is built wrongly, which
// the first test finds.
func New(d Deps) *Server {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.URL == nil {
		d.URL = func() string { return "" }
	}
	s := &Server{deps: d, log: d.Log, now: d.Now, mux: http.NewServeMux(), entry: entry.New(d.Now), flow: newFlow(), lines: map[*line]struct{}{}}
	s.api = humago.New(s.mux, config())
	s.signInRoutes()
	s.stepUpRoutes()
	s.factorRoutes()
	s.signInPolicyRoutes()
	s.sessionRoutes()
	s.invitationRoutes()
	s.dropRoutes()
	s.pickupRoutes()
	s.meRoutes()
	s.nodeRoutes()
	s.quotaRoutes()
	s.installationRoutes()
	s.brandRoutes()
	s.checklistRoutes()
	s.blueprintRoutes()
	s.recordingRoutes()
	s.callRoutes()
	s.openingRoutes()
	s.eventRoutes()
	s.certificateRoutes()
	s.departureRoutes()
	s.receiptRoutes()
	s.personRoutes()
	s.breachRoutes()
	s.sourceRoutes()
	s.profileRoutes()
	s.importRoutes()
	s.systemRoutes()
	s.attentionRoutes()
	s.retentionRoutes()
	s.retentionRuleRoutes()
	s.holdRoutes()
	s.tagRoutes()
	s.approvalRoutes()
	s.storageRoutes()
	s.redactionRoutes()
	s.pseudonymRoutes()
	s.speechRoutes()
	s.memberRoutes()
	s.directoryRoutes()
	s.supportRoutes()
	s.permissionRoutes()
	s.tokenRoutes()
	s.provisioningRoutes()
	s.scimRoutes()
	s.reviewRoutes()
	s.coverageRoutes()
	s.alertRoutes()
	s.leaverRoutes()
	s.deviceRoutes()
	s.releaseRoutes()
	s.siprecRoutes()
	s.accessRuleRoutes()
	s.nodeTokenRoutes()
	s.staffRoutes()
	s.identityProviderRoutes()
	s.signInElsewhereRoutes()
	s.exposureRoutes()
	s.webhookRoutes()
	s.healthRoutes()
	s.backupRoutes()
	s.exportRoutes()
	s.evidenceRoutes()
	s.verificationRoutes()
	s.keyRoutes()
	s.describe()
	s.plainRoutes()
	s.referenceRoutes()
	if d.People != nil {
		d.People.OnEnd(s.hangUp)
	}
	return s
}

// Handler serves the API and, for what is not the API, the portal.
func (s *Server) Handler() http.Handler { return s.wrap(s.mux) }

// plainRoutes are the few that are no operations: they answer no JSON, or
// authenticate by themselves.
func (s *Server) plainRoutes() {
	s.mux.HandleFunc("GET /healthz", s.healthz)
	s.mux.HandleFunc("GET /readyz", s.readyz)
	s.mux.HandleFunc("GET /verify.html", s.verifyPage)
	s.mux.HandleFunc("GET /api/v1/live", s.live)
	if s.deps.Collect != nil {
		s.mux.Handle(collect.Path+"/", http.HandlerFunc(s.collect))
	}
	if s.deps.Demo && s.deps.Mailbox != nil {
		s.mux.HandleFunc("GET /mailbox", s.mailbox)
		s.mux.HandleFunc("GET /mailbox.json", s.mailboxJSON)
	}
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errNothing) })
	if s.deps.Portal != nil {
		s.mux.Handle("/", s.deps.Portal)
	}
}

// collect hands over to the collectors' own server, which checks signatures
// instead of sessions. It sees the real address as that of the connection.
func (s *Server) collect(w http.ResponseWriter, r *http.Request) {
	if a := clientAddress(r.Context()); a.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(a, 0).String()
	}
	s.deps.Collect.ServeHTTP(w, r)
}

// healthz is 200 while the program answers at all: what a supervisor asks that
// starts it anew otherwise. That would mend no database, so none is asked.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { fine(w) }

// readyz is 200 while what the server cannot work without answers: what a load
// balancer asks before it sends somebody here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ready := s.deps.Ready
	if ready == nil {
		ready = s.databaseAnswers
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := ready(ctx); err != nil {
		s.refuse(w, r, fault.Wrap(err, fault.Unavailable, "%s", fault.Of(err).Text))
		return
	}
	fine(w)
}

func (s *Server) databaseAnswers(ctx context.Context) error {
	if s.deps.Store == nil {
		return nil
	}
	err := s.deps.Store.Registry().View(ctx, func(tx *place.Tx) error {
		_, err := place.Row[int](tx, `SELECT count(*) FROM nodes WHERE kind = 'provider'`)
		return err
	})
	return fault.Wrap(err, fault.Unavailable, "the database does not answer")
}

func fine(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = strings.NewReader("ok\n").WriteTo(w) // the caller has gone: there is nobody to tell
}

// Close ends all live connections: http.Server.Shutdown does not know them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	open := s.lines
	s.lines = map[*line]struct{}{}
	s.mu.Unlock()
	for l := range open {
		l.end()
	}
}
