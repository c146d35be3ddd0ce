package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// Signing in at a customer's own identity provider. The way out is an operation
// of the API; the ways back are addresses that a provider sends browsers to, so
// they answer with a redirect into the portal and never with a problem.

// elsewhereCookie ties a sign-in at a provider to the browser that began it. It
// is Lax: a browser brings it with a redirect from the provider, and does not
// with a form that another site posts.
const elsewhereCookie = "ringfence_elsewhere"

// acsPattern is the one address that takes a POST from another site: there a
// SAML provider has the browser send its response. It reads no cookie, starts
// no session and answers nobody anything; see Server.acs.
const acsPattern = "POST /sso/{customer}/{provider}/acs"

type choicesInput struct {
	Body struct {
		Email string `json:"email" minLength:"3" maxLength:"254"`
	}
}

type startInput struct {
	Body struct {
		CustomerID string `json:"customer_id"`
		ProviderID string `json:"provider_id"`
		Next       string `json:"next,omitempty" maxLength:"500" doc:"Path in the portal to go to afterwards"`
		Renew      bool   `json:"renew,omitempty" doc:"Show again who you are, in the session that you have"`
	}
}

type startOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      SignInElsewhere
}

func (s *Server) signInElsewhereRoutes() {
	const base = "/api/v1/sign-in/sso"
	add(s, route{gate: anyone(), method: post, path: base, id: "signInChoices", summary: "The identity provider for an address; the answer depends on its domain alone"}, s.choices)
	add(s, route{gate: anyone(), method: get, path: base + "/{customer}", id: "customerSignInChoices", summary: "The identity providers of a customer, for its direct sign-in address"}, s.customerChoices)
	add(s, route{gate: anyone(), method: post, path: base + "/start", id: "startSignInElsewhere", summary: "Begin a sign-in at an identity provider"}, s.startElsewhere)
	s.mux.HandleFunc("GET /sso/{customer}/{provider}/callback", s.callback)
	s.mux.HandleFunc(acsPattern, s.acs)
	s.mux.HandleFunc("GET /sso/{customer}/{provider}/collect", s.collectSignIn)
	s.mux.HandleFunc("GET /sso/{customer}/{provider}/metadata", s.spMetadata)
}

func (s *Server) choices(ctx context.Context, v *visit, in *choicesInput) (*body[SignInChoices], error) {
	if err := s.deps.People.Knock(v.from); err != nil {
		return nil, err
	}
	list, err := s.deps.SSO.ForAddress(ctx, in.Body.Email)
	return answer(showChoices(list)), err
}

func (s *Server) customerChoices(ctx context.Context, v *visit, in *CustomerPath) (*body[SignInChoices], error) {
	if err := s.deps.People.Knock(v.from); err != nil {
		return nil, err
	}
	c, err := id.Parse[id.Customer](in.Customer)
	if err != nil {
		return answer(showChoices(nil)), nil
	}
	list, err := s.deps.SSO.Choices(ctx, c)
	return answer(showChoices(list)), err
}

func showChoices(list []sso.Open) SignInChoices {
	out := SignInChoices{Providers: []SignInChoice{}}
	for _, o := range list {
		out.Providers = append(out.Providers, SignInChoice{o.Customer.String(), o.ID.String(), o.Name, string(o.Kind)})
	}
	return out
}

// inside is a path of our own: another site's would make the sign-in a
// springboard for phishing.
var inside = regexp.MustCompile(`^/([^/\\\s\x00-\x1f][^\\\s\x00-\x1f]*)?$`)

func (s *Server) startElsewhere(ctx context.Context, v *visit, in *startInput) (*startOutput, error) {
	p, i, err := s.providerAt(ctx, in.Body.CustomerID, in.Body.ProviderID)
	if err != nil {
		return nil, err
	}
	w := sso.Wish{Aim: sso.SignIn}
	if inside.MatchString(in.Body.Next) {
		w.Next = in.Body.Next
	}
	if in.Body.Renew {
		present, err := s.deps.People.Session(ctx, v.cookie(s.cookieName(sessionCookie)))
		if err != nil {
			return nil, err
		}
		w.Aim, w.Session = sso.Renew, present.Session
	}
	started, err := s.deps.SSO.Start(ctx, p, i, w, v.from)
	if vouch.Of(err) != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "your organisation's sign-in does not work just now; your administrator can see why")
	}
	if err != nil {
		return nil, err
	}
	out := &startOutput{Body: SignInElsewhere{started.URL}}
	out.SetCookie = []string{s.cookie(elsewhereCookie, started.Token.Reveal(), started.Until)}
	return out, nil
}

// providerAt reads a pair of ids; what is malformed, missing or foreign is the
// same nothing.
func (s *Server) providerAt(ctx context.Context, customer, provider string) (*place.Place, id.Provider, error) {
	c, err := id.Parse[id.Customer](customer)
	if err != nil {
		return nil, id.Provider{}, errNothing
	}
	i, err := providerOf(provider)
	if err != nil {
		return nil, i, err
	}
	p, err := s.deps.Store.Place(ctx, c)
	return p, i, err
}

func (s *Server) elsewhere(r *http.Request) secret.Text {
	c, err := r.Cookie(s.cookieName(elsewhereCookie))
	if err != nil {
		return secret.Text{}
	}
	return secret.NewText(c.Value)
}

func (s *Server) originOf(r *http.Request) identity.Origin {
	return identity.Origin{Address: clientAddress(r.Context()), Agent: r.UserAgent()}
}

// callback is where an OpenID provider sends the browser back. It is a GET that
// may begin a session: what guards it is the state, which only the browser with
// the cookie can use, and once.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) {
	p, i, err := s.providerAt(r.Context(), r.PathValue("customer"), r.PathValue("provider"))
	var came sso.Came
	if err == nil {
		came, err = s.deps.SSO.Callback(r.Context(), p, i, s.elsewhere(r), r.URL.Query(), s.originOf(r))
	}
	s.arrived(w, r, came, err)
}

// acs is where a SAML provider has the browser post its response, from another
// site. The browser brings no cookie then, so whose sign-in it is cannot be
// told here: the response is checked and kept, and the browser sent on by GET,
// which does bring the cookie.
func (s *Server) acs(w http.ResponseWriter, r *http.Request) {
	p, i, err := s.providerAt(r.Context(), r.PathValue("customer"), r.PathValue("provider"))
	var state string
	if err == nil {
		r.Body = http.MaxBytesReader(w, r.Body, 2*saml.MaxResponse)
		if err = r.ParseForm(); err != nil {
			err = vouch.Fail(vouch.Broken, "the form cannot be read").Because(err)
		} else {
			state, err = s.deps.SSO.Arrive(r.Context(), p, i, r.PostForm)
		}
	}
	if err != nil {
		s.arrived(w, r, sso.Came{}, err)
		return
	}
	to := url.URL{Path: "/sso/" + p.Customer().String() + "/" + i.String() + "/collect", RawQuery: url.Values{"state": {state}}.Encode()}
	s.sendTo(w, to.String())
}

// collectSignIn ends a sign-in by SAML, in the browser that began it.
func (s *Server) collectSignIn(w http.ResponseWriter, r *http.Request) {
	p, i, err := s.providerAt(r.Context(), r.PathValue("customer"), r.PathValue("provider"))
	var came sso.Came
	if err == nil {
		came, err = s.deps.SSO.Collect(r.Context(), p, i, s.elsewhere(r), r.URL.Query().Get("state"), s.originOf(r))
	}
	s.arrived(w, r, came, err)
}

// arrived sends the browser into the portal: to where it wanted, to the report
// of a test, or to the sign-in page with a word for why not. That word is one of
// few; the page has the text for it, so nobody can have it say theirs.
func (s *Server) arrived(w http.ResponseWriter, r *http.Request, came sso.Came, err error) {
	switch {
	case err != nil:
		s.sendTo(w, "/sign-in?"+url.Values{"refused": {s.word(r.Context(), err)}}.Encode())
		return
	case came.Aim == sso.Tested:
		w.Header().Add("Set-Cookie", s.cookie(elsewhereCookie, "", time.Time{}))
		s.sendTo(w, "/c/"+r.PathValue("customer")+"/settings/sso/"+r.PathValue("provider")+"?"+url.Values{"test": {came.Test.String()}}.Encode())
		return
	}
	w.Header().Add("Set-Cookie", s.cookie(sessionCookie, came.Signed.Token.Reveal(), came.Signed.Until))
	w.Header().Add("Set-Cookie", s.cookie(elsewhereCookie, "", time.Time{}))
	if came.Next == "" {
		came.Next = "/c/" + r.PathValue("customer") + "/recordings"
	}
	s.sendTo(w, came.Next)
}

func (s *Server) sendTo(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// word tells a person who is not let in as much as helps them, and no more.
func (s *Server) word(ctx context.Context, err error) string {
	f := vouch.Of(err)
	if f == nil {
		if k := fault.KindOf(err); k == fault.Internal {
			s.log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request", requestID(ctx)), slog.String("error", err.Error()))
		}
		return "failed"
	}
	switch f.Cause {
	case vouch.Mismatch, vouch.Replayed, vouch.Expired:
		return "again"
	case vouch.Unlinked, vouch.Subject:
		return "unconfirmed"
	case vouch.Stranger, vouch.NoRole, vouch.Incomplete:
		return "no-access"
	case vouch.Denied:
		return "denied"
	}
	return "provider"
}

func (s *Server) spMetadata(w http.ResponseWriter, r *http.Request) {
	c, err := id.Parse[id.Customer](r.PathValue("customer"))
	i, perr := providerOf(r.PathValue("provider"))
	var text []byte
	if err == nil && perr == nil {
		text, err = s.deps.SSO.Metadata(c, i)
	}
	if err != nil || perr != nil {
		s.refuse(w, r, errNothing)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = w.Write(text) // the caller has gone: there is nobody to tell
}
