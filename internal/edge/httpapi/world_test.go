package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aead.dev/minisign"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/compact"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/live"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/tenancy/scim"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/ssotest"
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
	"ringfence/internal/trust/receipt"
	"ringfence/internal/trust/redaction"
	"ringfence/internal/trust/witness"
)

const password = "violet tractor mends nine kites"

var system = actor.ForSystem("test")

// world is a server with a provider, a reseller and two customers, each with
// an administrator, a superuser and a user of the extension 201.
type world struct {
	*testing.T
	store      *place.Store
	keyring    *keyring.Keyring
	custody    *custody.Service
	objects    blob.Bucket
	backups    *backup.Service // nil until a test makes it
	people     *identity.Service
	scim       *scim.Service
	drops      *intake.Service
	waiting    string // folder of the drops
	reviews    *review.Service
	signIns    int
	tree       *org.Service
	recordings *recording.Service
	imports    *bulk.Service
	parcels    *parcel.Service
	redaction  *redaction.Service
	pseudonyms *pseudonym.Service
	witness    *witness.Service
	persons    *person.Service
	breaches   *breach.Service
	systems    *phonesystem.Service
	collectors *collect.Server
	coverage   *coverage.Service
	certs      *destruction.Service
	approvals  *approval.Service
	privacy    *privacy.Service
	monitor    *monitor.Service
	siprec     *siprec.Service
	speech     *speech.Service
	webhooks   *webhook.Service
	blueprints *blueprint.Service
	box        *mail.Mailbox
	api        *httpapi.Server
	sso        *sso.Service
	idp        *ssotest.Mimic // nil until a test needs it
	url        string
	log        *syncBuffer
	shelf      string // folder of releases for collectors
	signer     minisign.PrivateKey

	provider, reseller org.Node
	a, b               *customer
	clients            map[string]*client
	ids                map[string]id.Person
	made               atomic.Int64
	things             map[*customer]things // for tests that walk the routes
}

// customer is one of the two, with one of each thing that has an id.
type customer struct {
	id     id.Customer
	p      *place.Place
	canary string // stands in everything personal of this customer, and nowhere else
	mine   id.Recording
	others id.Recording // of an extension that nobody here has
	source id.Source
	call   id.Call
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Parallel()
	w := &world{T: t, box: &mail.Mailbox{}, log: &syncBuffer{}, clients: map[string]*client{}, ids: map[string]id.Person{}, things: map[*customer]things{}}
	w.store = placetest.New(t, place.Schemas{
		Registry:     join(job.Migrations, org.Migrations(), collect.RegistryMigrations(), health.Migrations(), blueprint.Migrations(), departure.RegistryMigrations(), intake.RegistryMigrations(), identity.RegistryMigrations(), review.RegistryMigrations(), monitor.Migrations(), custody.RegistryMigrations(), sso.RegistryMigrations(), httpapi.Migrations()),
		Place:        join(job.Migrations, identity.PlaceMigrations(), sso.PlaceMigrations(), recording.Migrations(), redaction.Migrations(), pseudonym.Migrations(), compact.Migrations(), collect.Migrations(), intake.Migrations(), pickup.Migrations(), bulk.Migrations(), phonesystem.Migrations(), siprec.Migrations(), search.Migrations(), egress.Migrations(), webhook.Migrations(), speech.Migrations(), scim.Migrations(), review.Migrations(), custody.PlaceMigrations(), receipt.Migrations(), person.Migrations(), breach.Migrations(), coverage.Migrations(), approval.Migrations(), departure.Migrations(), privacy.Migrations(), parcel.Migrations(), journal.Migrations(), witness.Migrations(), destruction.Migrations(), monitor.Migrations(), httpapi.Migrations()),
		Housekeeping: join(job.Housekeeping, org.Housekeeping(), health.Housekeeping(), identity.Housekeeping(), sso.Housekeeping(), recording.Housekeeping, redaction.Housekeeping, pseudonym.Housekeeping, compact.Housekeeping, collect.Housekeeping, pickup.Housekeeping, bulk.Housekeeping, phonesystem.Housekeeping, siprec.Housekeeping, search.Housekeeping(), egress.Housekeeping(), webhook.Housekeeping(), scim.Housekeeping(), review.Housekeeping(), custody.Housekeeping(), coverage.Housekeeping(), person.Housekeeping(), parcel.Housekeeping(), journal.Housekeeping(), witness.Housekeeping(), destruction.Housekeeping, monitor.Housekeeping(), httpapi.Housekeeping()),
	})
	keys := keyringtest.New(t)
	w.keyring = keys
	bucket := must[blob.Bucket](t)(blob.OpenFolder(t.TempDir()))
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.tree = org.New(w.store, keys)
	w.people = identity.New(identity.Options{Light: true, Store: w.store, Mail: w.box, BaseURL: func() string { return w.url }, Log: log, MailedCodeForNodes: true, Brand: w.tree.LetterBrand, Seats: w.tree.MoreSeats})
	w.waiting = t.TempDir()
	w.drops = must[*intake.Service](t)(intake.Open(intake.Options{Store: w.store, Dir: w.waiting}))
	t.Cleanup(w.drops.Close)
	w.objects = bucket
	w.scim = scim.New(scim.Options{Store: w.store, People: w.people, Mail: w.box, Log: log})
	w.recordings = recording.New(recording.Options{Store: w.store, Keys: keys, Objects: bucket, Log: log})
	w.reviews = review.New(review.Options{Store: w.store, Tree: w.tree, People: w.people, Mail: w.box, Reach: httpapi.InReach(w.recordings, time.Now), Log: log})
	w.collectors = must[*collect.Server](t)(collect.NewServer(collect.ServerOptions{Store: w.store, Keys: keys, Recordings: w.recordings, Staging: t.TempDir(), Log: log, Releases: w.releases()}))
	t.Cleanup(w.collectors.Stop)
	w.siprec = must[*siprec.Service](t)(siprec.New(siprec.Options{Store: w.store, Recordings: w.recordings, Spool: t.TempDir(), Log: log}))
	w.speech = speech.New(speech.Options{Recordings: w.recordings, Egress: must[*egress.Client](t)(egress.New(egress.Options{})), Log: log})
	w.webhooks = webhook.New(webhook.Options{Egress: must[*egress.Client](t)(egress.New(egress.Options{Private: []string{"127.0.0.1"}}))})
	w.sso = sso.New(sso.Options{
		Store: w.store, People: w.people, Egress: must[*egress.Client](t)(egress.New(egress.Options{Private: []string{"127.0.0.1"}})),
		BaseURL: func() string { return w.url }, Resolver: noDNS{}, Log: log,
	})
	w.blueprints = blueprint.New(blueprint.Options{Store: w.store, Tree: w.tree, People: w.people, Recordings: w.recordings, Speech: w.speech})
	w.watch()
	w.certify()
	w.approvals = approval.New(approval.Options{Mail: w.box, URL: func() string { return w.url }, Log: log, Deciders: noDeciders})
	w.privacy = privacy.New(privacy.Options{Recordings: w.recordings, Approvals: w.approvals, Log: log})
	w.redaction = redaction.New(redaction.Options{Recordings: w.recordings, Log: log})
	w.systems = phonesystem.NewService(phonesystem.Options{Store: w.store, Recordings: w.recordings, Egress: must[*egress.Client](t)(egress.New(egress.Options{}))})
	w.imports = bulk.NewService(bulk.Options{Store: w.store, Recordings: w.recordings, Log: log})
	w.exports()
	w.keep()
	w.answering()
	hub := live.NewHub()
	w.store.OnCommit(hub.Watch)
	w.api = httpapi.New(httpapi.Deps{
		// Requests that say whom they are forwarded for are believed: tests come from where they like.
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Log:            log, Demo: true, Mail: w.box, URL: func() string { return w.url }, Mailbox: w.box, Store: w.store, Tree: w.tree, People: w.people, Blueprints: w.blueprints, SSO: w.sso, Scim: w.scim, Reviews: w.reviews, Coverage: w.coverage, Certificates: w.certs, Departures: w.departing(), Approvals: w.approvals, Privacy: w.privacy, Monitor: w.monitor, Persons: w.persons, Breaches: w.breaches, Recordings: w.recordings, Redaction: w.redaction, Pseudonyms: w.pseudonyms, Compact: compact.New(compact.Options{Recordings: w.recordings, Log: log}), Speech: w.speech, Webhooks: w.webhooks, Health: health.New(w.store, nil), Backups: func() *backup.Service { return w.backups }, Collect: w.collectors, Imports: w.imports, Parcels: w.parcels, Witness: w.witness, Custody: w.custody, Systems: w.systems, Siprec: w.siprec, Drops: w.drops, Pickups: must[*pickup.Service](t)(pickup.New(pickup.Options{Store: w.store, Recordings: w.recordings, Drops: w.drops, Private: []string{"127.0.0.1"}, Still: time.Nanosecond})),
		Installation: func() httpapi.Installation {
			end := time.Now().Add(90*24*time.Hour - time.Hour)
			return httpapi.Installation{
				Release: "0.4.0", Address: w.url, Database: "SQLite", KeyCopies: 2, TLS: httpapi.InstallationTLS{From: "files", Until: &end},
				Folders: []httpapi.InstallationFolder{{Use: "data", Path: "/var/lib/ringfence"}},
			}
		},
		SiprecAt: func() []httpapi.SiprecEntrance {
			return []httpapi.SiprecEntrance{{Transport: "tls", Address: "archive.example:5061"}}
		},
		Live: hub, FolderAllowed: func(_ id.Customer, folder string) bool { return strings.HasPrefix(folder, "/drop/") },
	})
	t.Cleanup(w.api.Close)
	server := httptest.NewServer(w.api.Handler())
	t.Cleanup(server.Close)
	w.url = server.URL
	w.populate()
	return w
}

func join[S ~[]E, E any](lists ...S) S {
	var out S
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func (w *world) populate() {
	ctx := w.Context()
	w.provider = must[org.Node](w)(w.tree.CreateProvider(ctx, system, "Beacon Hosting"))
	w.reseller = must[org.Node](w)(w.tree.Create(ctx, system, w.provider.ID, org.Reseller, "Northern Voice"))
	w.no(w.people.GiveNodeRole(ctx, system, w.provider.ID, access.ProviderAdmin, w.person("provider@example.com")))
	w.no(w.people.GiveNodeRole(ctx, system, w.reseller.ID, access.ResellerAdmin, w.person("reseller@example.com")))
	w.a, w.b = w.customer("a", "Zebrawood"), w.customer("b", "Quagmire")
}

func (w *world) person(email string) id.Person {
	p := must[identity.Person](w)(w.people.Add(w.Context(), system, email, "Somebody", secret.NewText(password))).ID
	w.ids[email] = p
	return p
}

func (w *world) customer(short, canary string) *customer {
	ctx := w.Context()
	n := must[org.Node](w)(w.tree.Create(ctx, system, w.reseller.ID, org.Customer, "Customer "+short))
	c := &customer{id: n.ID, canary: canary}
	c.p = must[*place.Place](w)(w.store.Place(ctx, n.ID))
	for role, extensions := range map[access.Role][]string{access.CustomerAdmin: nil, access.SuperUser: nil, access.User: {"201"}} {
		p := w.person(string(role) + "@" + short + ".example")
		_, err := w.people.AddMember(ctx, c.p, system, p, identity.Grant{Roles: []access.Role{role}, Extensions: extensions})
		w.no(err)
	}
	w.no(w.recordings.SetRetention(ctx, c.p, system, 0))
	src := must[recording.Source](w)(w.recordings.AddSource(ctx, c.p, system, recording.Source{
		Kind: recording.Folder, Name: canary + " drop", Profile: "generic", Folder: "/drop/" + canary, Country: "GB",
	}))
	c.source = src.ID
	c.mine, c.others = w.archive(c, "mine", "201"), w.archive(c, "others", "999")
	c.call = must[recording.Detail](w)(w.recordings.Get(ctx, c.p, system, c.mine, recording.Everything)).Recording.Call
	w.transcribe(c, c.mine)
	w.transcribe(c, c.others)
	w.no(w.recordings.Report(ctx, c.p, system, recording.Report{Source: c.source, Path: canary + ".wav", Size: 3, Reason: "no sound", Todo: "look at it"}))
	return c
}

// transcribe stores what was said, as the job does.
func (w *world) transcribe(c *customer, rec id.Recording) {
	o := must[*recording.Opening](w)(w.recordings.Open(w.Context(), c.p, system, rec, recording.Ask{What: "transcribe"}))
	text := `{"language":"en-GB","engine":"test","speakers":true,"turns":[{"start":0,"end":1,"speaker":"customer","text":"` + c.canary + ` said hello"}]}`
	w.no(w.recordings.SaveTranscript(w.Context(), o, recording.Transcribed{
		JSON: []byte(text), State: recording.TranscriptState{State: recording.TranscriptDone, Language: "en-GB", Engine: "test"},
		Sentiment: &recording.Sentiment{Milli: -600, Label: "negative"},
	}, func(tx *place.Tx, n int64) error { return search.Put(tx, n, c.canary+" said hello") }))
	o.Close()
}

func (w *world) archive(c *customer, name, extension string) id.Recording {
	rt := &recordingtest.World{Store: w.store, Place: c.p, Service: w.recordings, Source: recording.Source{ID: c.source}, Who: system}
	item := rt.Item(w, c.canary+"-"+name+".wav", recordingtest.Tone(int(c.id[15])+len(name), 2, 2*time.Second))
	item.Call.Caller.Name = c.canary + " Caller"
	item.Call.Agents = []recording.Agent{{Extension: extension, Name: c.canary + " Agent", Outcome: "answered"}}
	if extension == "201" { // the agent's, who sees the same calls
		item.Call.Agents = append(item.Call.Agents, recording.Agent{Extension: "205", Name: c.canary + " Second", Outcome: "answered"})
	}
	out, err := w.recordings.Archive(w.Context(), c.p, system, item)
	w.no(err)
	return out.Recording
}

// client is a browser.
type client struct {
	w     *world
	http  *http.Client
	token string
	since time.Time // signed in
}

func (w *world) browser() *client {
	jar, err := cookiejar.New(nil)
	w.no(err)
	return &client{w: w, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

var eight = regexp.MustCompile(`\b\d{8}\b`)

// as is a browser in which somebody is signed in, and not so long ago that a
// factor would be asked for again: on a slow machine the matrix takes longer.
func (w *world) as(email string) *client {
	w.Helper()
	if c := w.clients[email]; c != nil && time.Since(c.since) < 3*time.Minute {
		return c
	}
	c := w.browser()
	c.signIn(email)
	w.clients[email] = c
	return c
}

// signIn is one by password and mailed code. After thirty, each comes from a
// network of its own: the matrix signs in more often than one network may.
func (c *client) signIn(email string) {
	c.w.Helper()
	var from []string
	if c.w.signIns++; c.w.signIns > 30 {
		from = []string{"X-Forwarded-For", fmt.Sprintf("10.%d.%d.1", c.w.signIns/256, c.w.signIns%256)}
	}
	if got := c.do("POST", "/api/v1/sign-in", map[string]string{"email": email, "password": password}, from...); got.status != 200 {
		c.w.Fatal(email, got)
	}
	code := eight.FindString(c.w.box.Mails()[0].Text)
	if got := c.do("POST", "/api/v1/sign-in/code", map[string]string{"code": code}, from...); got.status != 200 {
		c.w.Fatal(email, got)
	}
	c.since = time.Now()
}

type response struct {
	status int
	body   string
	header http.Header
}

func (r response) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatal(r, err)
	}
}

// do sends JSON; headers come in pairs.
func (c *client) do(method, path string, body any, headers ...string) response {
	c.w.Helper()
	var in io.Reader
	var sent []byte
	if body != nil {
		text, err := json.Marshal(body)
		c.w.no(err)
		in, sent = bytes.NewReader(text), text
	}
	r, err := http.NewRequestWithContext(c.w.Context(), method, c.w.url+path, in)
	c.w.no(err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(r)
	c.w.no(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	c.w.no(err)
	got := response{res.StatusCode, string(text), res.Header}
	if c.w != nil {
		c.w.note(method, path, sent, got)
	}
	return got
}
