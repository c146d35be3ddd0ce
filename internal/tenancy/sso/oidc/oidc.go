// Package oidc signs people in by OpenID Connect: code flow with PKCE, as the
// relying party of one provider.
//
//	Begin  ──▶ address of the provider's sign-in page; nonce and verifier to keep
//	Finish ◀── what came back: iss ▸ code for token ▸ signature ▸ issuer ▸
//	           audience ▸ nonce ▸ times ▸ userinfo, each check told by name
//
// The library checks signature, issuer and audience. It checks neither nonce
// nor the iss parameter of RFC 9207, and knows no leeway for clocks: these are
// ours. Algorithms are pinned to signatures by a key pair: with "none" or a
// MAC under the client's secret, whoever knows the client could make tokens.
//
// Limits: the state and the binding to the browser are the caller's; so is the
// HTTP client, which must refuse redirects, private addresses and long answers,
// because a customer types the issuer's address.
package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/sso/vouch"
)

// skew is how far a provider's clock may be from ours.
const skew = 2 * time.Minute

// discoveryFor is how long a provider's own description is believed.
const discoveryFor = time.Hour

// algorithms are what an ID token may be signed with.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// Settings is what a customer's administrator typed, and our address for the answer.
type Settings struct {
	Issuer   string
	ClientID string
	Secret   secret.Text // none: a public client, which PKCE alone protects
	Scopes   []string    // beside openid, email and profile
	Redirect string
}

// Party is us at one provider. It remembers the provider's description and
// keys, and is safe for use by several goroutines.
type Party struct {
	set    Settings
	client *http.Client
	now    func() time.Time

	keyReads atomic.Int64

	mu      sync.Mutex
	found   *found
	foundAt time.Time
}

// found is what the provider says of itself.
type found struct {
	document
	provider *oidc.Provider
	keys     *oidc.RemoteKeySet
}

type document struct {
	Issuer   string   `json:"issuer"`
	Auth     string   `json:"authorization_endpoint"`
	Token    string   `json:"token_endpoint"`
	Keys     string   `json:"jwks_uri"`
	UserInfo string   `json:"userinfo_endpoint"`
	Methods  []string `json:"token_endpoint_auth_methods_supported"`
	NamesIss bool     `json:"authorization_response_iss_parameter_supported"`
}

// New makes the party; client is how the provider is reached.
func New(set Settings, client *http.Client, now func() time.Time) *Party {
	p := &Party{set: set, now: now}
	p.client = &http.Client{
		Transport:     watching{client.Transport, p},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       client.Timeout,
	}
	return p
}

// Begun is a sign-in under way; State is the caller's, the rest has to be kept
// for Finish where the browser cannot read it.
type Begun struct {
	State    string
	Nonce    string
	Verifier string
	Since    time.Time // the person must have been asked after this; zero: whenever
}

// Begin gives the address to send the browser to. With again, the provider is
// to ask the person anew, whatever session it still has.
func (p *Party) Begin(ctx context.Context, state string, again bool) (string, Begun, error) {
	f, err := p.discover(ctx)
	if err != nil {
		return "", Begun{}, err
	}
	b := Begun{State: state, Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if again {
		b.Since = p.now()
		// max_age obliges the provider to say when it asked (OpenID Connect Core §3.1.2.1).
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.config(f).AuthCodeURL(state, options...), b, nil
}

func (p *Party) config(f *found) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // RFC 8414 §2: what is not said is client_secret_basic
	if p.set.Secret.IsZero() || len(f.Methods) > 0 && !slices.Contains(f.Methods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	scopes := []string{oidc.ScopeOpenID, "email", "profile"}
	for _, s := range p.set.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return &oauth2.Config{
		ClientID: p.set.ClientID, ClientSecret: p.set.Secret.Reveal(), RedirectURL: p.set.Redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: f.Auth, TokenURL: f.Token, AuthStyle: style},
	}
}

// discover reads the provider's description, at most once an hour.
func (p *Party) discover(ctx context.Context) (*found, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil && p.now().Sub(p.foundAt) < discoveryFor {
		return p.found, nil
	}
	doc, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.check(doc); err != nil {
		return nil, err
	}
	cfg := oidc.ProviderConfig{IssuerURL: p.set.Issuer, AuthURL: doc.Auth, TokenURL: doc.Token, UserInfoURL: doc.UserInfo, JWKSURL: doc.Keys, Algorithms: algorithms}
	// The keys outlive this request, and so does the client in their context.
	lasting := oidc.ClientContext(context.WithoutCancel(ctx), p.client)
	p.found = &found{doc, cfg.NewProvider(lasting), oidc.NewRemoteKeySet(lasting, doc.Keys)}
	p.foundAt = p.now()
	return p.found, nil
}

func (p *Party) read(ctx context.Context) (doc document, err error) {
	at := strings.TrimSuffix(p.set.Issuer, "/") + "/.well-known/openid-configuration"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return doc, vouch.Fail(vouch.Broken, "the issuer is no address").Because(err)
	}
	res, err := p.client.Do(r)
	if err != nil {
		return doc, vouch.Reaching(err, r.URL.Host)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return doc, vouch.Reaching(err, r.URL.Host)
	}
	switch {
	case res.StatusCode >= 500:
		return doc, vouch.Fail(vouch.Down, "%s answers %d where its description should be", r.URL.Host, res.StatusCode)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return doc, vouch.Fail(vouch.Broken, "%s sends us elsewhere instead of describing itself: is this the exact issuer?", r.URL.Host)
	case res.StatusCode != http.StatusOK:
		return doc, vouch.Fail(vouch.Broken, "%s answers %d at %s: is this the exact issuer?", r.URL.Host, res.StatusCode, r.URL.Path)
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return doc, vouch.Fail(vouch.Broken, "%s does not describe itself in JSON", r.URL.Host).Because(err)
	}
	return doc, nil
}

// check refuses a description that we cannot work with. The issuer must be the
// same to the letter: else a provider could speak for another.
func (p *Party) check(doc document) error {
	if doc.Issuer != p.set.Issuer {
		return vouch.Fail(vouch.Issuer, "the provider calls itself %q, and was set up as %q", clip(doc.Issuer), p.set.Issuer)
	}
	plain := strings.HasPrefix(p.set.Issuer, "http://")
	for _, e := range []struct{ name, at string }{{"authorization_endpoint", doc.Auth}, {"token_endpoint", doc.Token}, {"jwks_uri", doc.Keys}, {"userinfo_endpoint", doc.UserInfo}} {
		u, err := url.Parse(e.at)
		if e.at == "" && e.name == "userinfo_endpoint" {
			continue
		}
		// The browser is sent to the first one: it must not be script.
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(plain && u.Scheme == "http") {
			return vouch.Fail(vouch.Broken, "the provider's %s is no https address", e.name)
		}
	}
	return nil
}

// watching sees what passes: the provider's clock in the answers to one sign-in,
// and how often keys are read, which happens apart from any.
type watching struct {
	next  http.RoundTripper
	party *Party
}

type clockKey struct{}

func (w watching) RoundTrip(r *http.Request) (*http.Response, error) {
	date, ours := r.Context().Value(clockKey{}).(*time.Time)
	if !ours {
		w.party.keyReads.Add(1)
	}
	next := w.next
	if next == nil {
		return nil, errNoWay
	}
	res, err := next.RoundTrip(r)
	if err == nil && ours {
		if at, derr := http.ParseTime(res.Header.Get("Date")); derr == nil {
			*date = at
		}
	}
	return res, err
}

var (
	errNoWay   = errors.New("oidc: the client has no transport of its own")
	errNoToken = errors.New("the answer has no id_token")
)

// clip shortens what came from outside before it is shown.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return s
}

// hostOf names who was asked, for texts.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return fmt.Sprintf("%q", clip(address))
}
