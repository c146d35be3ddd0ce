package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

type visitKey struct{}

// visit is one request past its gate: who it is, where, and what they hold
// there. A handler gets the one place it is about and can reach no other.
type visit struct {
	who     actor.Actor
	person  id.Person // zero for machines
	session identity.Session
	from    identity.Origin
	at      time.Time

	place *place.Place // the customer's, or the registry for routes at nodes
	node  org.Node     // for routes at nodes
	thing access.Thing
	held  []access.Membership
	acts  []access.Act // what a token is limited to; nil: no limit of that sort

	entry entry.List          // from where machines are let in, as a token's read brought it
	away  []access.Membership // held above customers, but not from this address

	left    allowance // of the requests that the customer may make
	cookies []*http.Cookie
	url     *url.URL
	host    string // the name under which the caller knows this server
}

// cookie is the value of one of the request's cookies, or nothing.
func (v *visit) cookie(name string) secret.Text {
	for _, c := range v.cookies {
		if c.Name == name {
			return secret.NewText(c.Value)
		}
	}
	return secret.Text{}
}

// extent is how much of the place the visitor may do an act to.
func (v *visit) extent(a access.Act) access.Extent {
	if v.acts != nil && !slices.Contains(v.acts, a) {
		return access.Extent{}
	}
	return access.ExtentOf(v.held, a, v.thing, v.at)
}

func (v *visit) may(a access.Act) bool { return !v.extent(a).None() }

// scope is the extent as the archive takes it.
func (v *visit) scope(a access.Act) recording.Scope { return archiveScope(v.extent(a)) }

func archiveScope(e access.Extent) recording.Scope {
	out := recording.Scope{All: e.All, Parts: make([]recording.Part, len(e.Clauses))}
	for i, c := range e.Clauses {
		out.Parts[i] = recording.Part{Any: c.Any, Queues: c.Queues, NotBefore: c.NotBefore}
		for _, s := range c.Spans {
			out.Parts[i].Spans = append(out.Parts[i].Spans, recording.Span(s))
		}
	}
	return out
}

func (v *visit) mayRecordings() May {
	return May{
		Listen: v.may(access.RecordingListen), Transcript: v.may(access.RecordingTranscript),
		Download: v.may(access.RecordingDownload), Destroy: v.may(access.RecordingDestroy),
	}
}

// Two refusals. Who is not signed in may know that; all else is missing.
var (
	errSignIn  = fault.New(fault.Unauthenticated, "sign in first")
	errNothing = fault.New(fault.NotFound, "%s", nothingHere)
)

// admit is the gate.
func (s *Server) admit(r *http.Request, rt route) (*visit, error) {
	v := &visit{at: s.now(), from: identity.Origin{Address: clientAddress(r.Context()), Agent: r.UserAgent()}, cookies: r.Cookies(), url: r.URL, host: r.Host}
	v.from.Browser, v.from.Outer = v.cookie(s.cookieName(browserCookie)), s.hidesNodes(r.Context())
	var err error = errNothing
	switch rt.gate.kind {
	case public:
		return v, nil
	case personal:
		err = s.signedIn(r, v)
	case atNode:
		err = s.enterNode(r, v, rt.gate.act)
	case within:
		err = s.enterCustomer(r, v, rt.gate.act, r.PathValue("customer"))
	case pushing:
		err = s.enterScim(r, v)
	case brought:
		err = s.enterPush(r, v)
	}
	if err == nil && rt.fresh {
		err = v.fresh()
	}
	if err == nil {
		s.used(r.Context(), v)
	}
	return v, err
}

// fresh refuses a dangerous act to who has shown no factor within five minutes.
// It comes after the question whether they may do it at all: who may not learns
// nothing. Machines have none to show; what they may do is narrower instead.
func (v *visit) fresh() error {
	if v.person.IsZero() || v.session.FreshAt(v.thing.Place, v.at) {
		return nil
	}
	return identity.StepUp("show again who you are: this act needs it")
}

// signedIn finds the person by the session's cookie. A request that shows a
// token is a machine's, whatever cookies it brings.
func (s *Server) signedIn(r *http.Request, v *visit) error {
	if r.Header.Get("Authorization") != "" {
		return errSignIn
	}
	c, err := r.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		return errSignIn
	}
	p, err := s.deps.People.Session(r.Context(), secret.NewText(c.Value))
	if err != nil {
		return err
	}
	v.session, v.person = p.Session, p.Session.Person
	v.who = actor.ForPerson(v.person, v.session.ID, v.address())
	if !s.hidesNodes(r.Context()) {
		s.holdAbove(v, p)
	}
	return nil
}

func (v *visit) address() string {
	if !v.from.Address.IsValid() {
		return ""
	}
	return v.from.Address.String()
}

// enterNode lets a person or a machine act at a node of the tree by roles above
// customers.
func (s *Server) enterNode(r *http.Request, v *visit, a access.Act) error {
	if text, ok := bearer(r); ok {
		m, err := s.machine(r, v, text)
		if err != nil {
			return err
		}
		if !m.Customer.IsZero() || s.hidesNodes(r.Context()) {
			return errNothing
		}
	} else if err := s.signedIn(r, v); err != nil {
		return err
	}
	n, err := id.Parse[id.Node](r.PathValue("node"))
	if err != nil {
		return errNothing
	}
	v.place = s.deps.Store.Registry()
	err = v.place.View(r.Context(), func(tx *place.Tx) error {
		if v.node, err = org.Read(tx, n); err != nil {
			return err
		}
		v.thing.Place = n
		v.thing.Above, err = org.Above(tx, n)
		return err
	})
	if err != nil {
		return err
	}
	if !v.may(a) {
		s.tellAway(r.Context(), v, a)
		return errNothing
	}
	if v.acts != nil {
		return s.admitted(r.Context(), v, entry.Where{Place: v.place, Node: v.held[0].At}, v.entry, administration)
	}
	return s.deps.People.NodeReady(v.session)
}

// machine finds whose a token is and what it may.
func (s *Server) machine(r *http.Request, v *visit, text secret.Text) (identity.Machine, error) {
	m, err := s.deps.People.Machine(r.Context(), text, v.from)
	if err != nil {
		return m, err
	}
	v.who, v.held, v.acts, v.entry = actor.ForToken(m.ID, v.address()), m.Held, m.Acts, m.Entry
	v.who.OnBehalf = m.Maker.String()
	return m, nil
}

// enterCustomer lets a person or a machine into one place, by what that place
// says of them. Roles above customers are not looked at: no page of a provider
// or a reseller opens a place.
func (s *Server) enterCustomer(r *http.Request, v *visit, a access.Act, customer string) error {
	c, err := id.Parse[id.Customer](customer)
	malformed := err != nil
	if text, ok := bearer(r); ok {
		m, err := s.machine(r, v, text)
		if err != nil {
			return err
		}
		if malformed || m.Customer != c {
			return errNothing
		}
	} else {
		if !malformed {
			r = s.askedAhead(r, c)
		}
		if err := s.signedIn(r, v); err != nil {
			return err
		}
	}
	if malformed {
		return errNothing
	}
	if v.place, err = s.deps.Store.Place(r.Context(), c); err != nil {
		return err
	}
	v.thing.Place = c
	if err := s.allowedIn(r, v, a); err != nil {
		return err
	}
	return s.throttle(r.Context(), v, c)
}

// askedAhead gives a request whose session and whose standing at a customer are
// asked for at once, where that can be.
func (s *Server) askedAhead(r *http.Request, c id.Customer) *http.Request {
	cookie, err := r.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		return r
	}
	if ctx := s.deps.People.Ahead(r.Context(), secret.NewText(cookie.Value), c); ctx != r.Context() {
		return r.WithContext(ctx)
	}
	return r
}

// allowedIn asks the place what the visitor holds there, whether its access
// lists let the address in, and whether its policy takes this session; in this
// order, so that who may not learns nothing, and who comes from elsewhere
// learns nothing either.
func (s *Server) allowedIn(r *http.Request, v *visit, a access.Act) (err error) {
	e, surfaces := identity.Entered{Entry: v.entry}, api
	if v.acts == nil {
		e, err = s.deps.People.Enter(r.Context(), v.place, v.session)
		v.held, surfaces = e.Held, entry.ForPerson(a)
	}
	suspended := errors.Is(err, org.ErrSuspended)
	if err != nil && !suspended {
		return err
	}
	if !suspended && !v.may(a) {
		return errNothing
	}
	if err := s.admitted(r.Context(), v, entry.Where{Place: v.place, Node: v.thing.Place}, e.Entry, surfaces); err != nil {
		return err
	}
	if suspended {
		return err
	}
	if e.Unmet != nil {
		return e.Unmet
	}
	return s.asHelper(r.Context(), v)
}

// stillEntered is enterCustomer for what outlives its request: a session is
// found by its id, because its token may have been renewed since, and being
// looked at is no sign of life.
func (s *Server) stillEntered(r *http.Request, v *visit, a access.Act, customer string) error {
	if v.person.IsZero() {
		return s.enterCustomer(r, v, a, customer)
	}
	p, err := s.deps.People.Still(r.Context(), v.session.ID)
	if err != nil {
		return err
	}
	v.session = p.Session
	return s.allowedIn(r, v, a)
}

func bearer(r *http.Request) (secret.Text, bool) {
	scheme, text, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return secret.NewText(strings.TrimSpace(text)), ok && strings.EqualFold(scheme, "Bearer")
}
