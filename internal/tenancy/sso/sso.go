// Package sso lets people in by their customer's own identity provider.
//
//	Start    browser ──▶ provider        state, nonce, request kept in the place;
//	                                     a cookie ties them to this browser
//	Callback browser ◀── OpenID Connect  code and state, in that browser
//	Arrive   ◀── a form (SAML)           from another site, so without cookies:
//	                                     checked and kept, nobody is let in
//	Collect  browser ◀── after Arrive    the cookie is there: now somebody is
//	  ▸ who is it (link) ▸ which roles (mapping) ▸ session, or a test's report
//
// A customer types what its provider is, so a provider may say anything about
// anybody. Hence a person is known by provider, issuer and subject, never by an
// address; whoever is a member already is linked only when an administrator
// confirms it; and a session that rests on a provider's word opens the place of
// this customer and no other (package identity). An address decides one thing:
// which provider a stranger is sent to, and only for a domain that the customer
// has proved to hold.
//
// Providers, links and what is under way are in the customer's place; domains
// are in the registry, for there each belongs to one customer. What went wrong
// is told apart to administrators (vouch.Cause); who signs in learns less.
package sso

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso/oidc"
	"ringfence/internal/tenancy/sso/saml"
)

// Bounds of what a customer may set up, and how long things last.
const (
	mostProviders = 20
	mostDomains   = 50
	mostRules     = 200
	mostWaiting   = 500  // links that nobody has confirmed
	mostUnderWay  = 2000 // sign-ins at one customer at a time
	underWayFor   = 10 * time.Minute
	testCounts    = time.Hour // for switching "only by the identity provider" on
	testsKept     = 20
)

// What a provider is given to answer, and how much of it is read.
const (
	patience  = 5 * time.Second
	mostBytes = 1 << 20
)

// Resolver looks up text records; net.DefaultResolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Options is what the service is built on.
type Options struct {
	Store    *place.Store
	People   *identity.Service
	Egress   *egress.Client
	BaseURL  func() string // where the portal is: providers send browsers back there
	Resolver Resolver      // nil: the system's
	Now      func() time.Time
	Patience time.Duration // 0: five seconds
	Log      *slog.Logger  // nil: silent
}

// Service is all customers' identity providers.
type Service struct {
	store    *place.Store
	people   *identity.Service
	out      *egress.Client
	base     func() string
	resolver Resolver
	now      func() time.Time
	patience time.Duration
	log      *slog.Logger

	mu      sync.Mutex
	parties map[id.Provider]party
	reads   map[id.Provider]time.Time // when metadata were last read anew
}

// party is an OpenID provider with what is known of it; it is made anew when
// the settings have changed.
type party struct {
	changed time.Time
	*oidc.Party
}

var itself = actor.ForSystem("sso")

// New makes the service; the store must have been opened with the migrations
// and housekeeping tables of this package.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	s := &Service{
		store: o.Store, people: o.People, out: o.Egress, base: o.BaseURL, resolver: o.Resolver, now: o.Now, patience: o.Patience, log: o.Log,
		parties: map[id.Provider]party{}, reads: map[id.Provider]time.Time{},
	}
	o.People.BeforeSSOOnly(s.tested)
	return s
}

// Addresses is where a provider's browsers come back to, and what we are called
// there: an administrator copies them to the provider.
type Addresses struct {
	Callback string // OpenID Connect
	ACS      string // SAML
	Entity   string // SAML: also where our metadata are
	Direct   string // where this customer's people begin, without any address
}

// AddressesOf are those of one provider of a customer.
func (s *Service) AddressesOf(c id.Customer, p id.Provider) Addresses {
	at := s.base() + "/sso/" + c.String() + "/" + p.String()
	return Addresses{at + "/callback", at + "/acs", at + "/metadata", s.base() + "/sign-in/at/" + c.String()}
}

// Metadata describes us to a SAML provider. It tells nothing that its address
// does not, so it asks nobody who they are.
func (s *Service) Metadata(c id.Customer, p id.Provider) ([]byte, error) {
	a := s.AddressesOf(c, p)
	return saml.Metadata(a.Entity, a.ACS)
}

// at gives the party at an OpenID provider; a test begins with nothing known.
func (s *Service) at(p *place.Place, one Provider, anew bool) *oidc.Party {
	made := oidc.New(oidc.Settings{
		Issuer: one.Issuer, ClientID: one.ClientID, Secret: one.Secret, Scopes: one.Scopes, Redirect: s.AddressesOf(p.Customer(), one.ID).Callback,
	}, s.client(p, one.ID), s.now)
	if anew {
		return made
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.parties[one.ID]
	if !ok || !known.changed.Equal(one.ChangedAt) {
		known = party{one.ChangedAt, made}
		s.parties[one.ID] = known
	}
	return known.Party
}

func (s *Service) forget(p id.Provider) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parties, p)
}

func (s *Service) saml(p *place.Place, one Provider) (*saml.Party, error) {
	a := s.AddressesOf(p.Customer(), one.ID)
	return saml.New(saml.Settings{Peer: one.Peer, EntityID: a.Entity, ACS: a.ACS}, s.now)
}

// newSecret is 128 random bits or more as text, and the hash that is stored.
func newSecret() (string, []byte) {
	text := rand.Text()
	return text, hashOf(text)
}

func hashOf(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

func same(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

// client reaches a provider for one customer: through the ledger and the guard
// of package egress, for a customer types the address.
func (s *Service) client(p *place.Place, one id.Provider) *http.Client {
	return &http.Client{
		Transport:     &road{s, p, one},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errProvider = fault.New(fault.NotFound, "there is no such identity provider")
