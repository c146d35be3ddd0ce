package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"ringfence/internal/tenancy/sso/vouch"
)

// longestParameter bounds what a browser may bring back in one parameter.
const longestParameter = 4096

// Finish checks what the browser brought back and asks the provider who it is.
// The caller has found the sign-in by its state, in the browser that began it.
// Where a check fails the error is a *vouch.Failure and the outcome shows how
// far it came.
func (p *Party) Finish(ctx context.Context, b Begun, back url.Values) (vouch.Outcome, error) {
	var out vouch.Outcome
	f, err := p.discover(ctx)
	if err != nil {
		return out, err
	}
	code, err := p.answer(&out, f, b, back)
	if err != nil {
		return out, err
	}
	var clock time.Time
	ctx = oidc.ClientContext(context.WithValue(ctx, clockKey{}, &clock), p.client)
	token, raw, err := p.exchange(ctx, &out, f, b, code)
	if err != nil {
		return out, err
	}
	id, claims, err := p.verify(ctx, &out, f, raw)
	if err != nil {
		return out, err
	}
	if err := p.judge(&out, b, token, id, claims, clock); err != nil {
		return out, err
	}
	if err := p.userInfo(ctx, &out, f, token, id, claims); err != nil {
		return out, err
	}
	out.Shown = vouch.Flatten(claims)
	out.Statement = &vouch.Statement{
		Issuer: id.Issuer, Subject: id.Subject, Claims: out.Shown,
		Email: vouch.First(out.Shown, "email", "upn"), Name: vouch.First(out.Shown, "name", "preferred_username"),
	}
	return out, nil
}

// answer reads the redirect. A parameter that stands twice is refused (RFC 6749
// §3.1): two readers could each believe another one.
func (p *Party) answer(out *vouch.Outcome, f *found, b Begun, back url.Values) (code string, err error) {
	const name = "Answer of the provider"
	for key, values := range back {
		if len(values) != 1 || len(values[0]) > longestParameter {
			return "", out.Refuse(name, vouch.Fail(vouch.Broken, "the parameter %q stands twice or is too long", clip(key)))
		}
	}
	if back.Get("state") == "" || back.Get("state") != b.State {
		return "", out.Refuse(name, vouch.Fail(vouch.Mismatch, "the answer belongs to another sign-in"))
	}
	// RFC 9207: without it, one provider's answer could be carried to another.
	if iss := back.Get("iss"); iss != p.set.Issuer && (iss != "" || f.NamesIss) {
		return "", out.Refuse("Issuer of the answer", vouch.Fail(vouch.Issuer, "the answer comes from %q, and the provider was set up as %q", clip(iss), p.set.Issuer))
	}
	if refused := back.Get("error"); refused != "" {
		return "", out.Refuse(name, refusal(refused, back.Get("error_description")))
	}
	if code = back.Get("code"); code == "" {
		return "", out.Refuse(name, vouch.Fail(vouch.Broken, "the answer holds neither a code nor an error"))
	}
	out.Pass(name, "a code, for the sign-in that this browser began")
	return code, nil
}

// refusal tells apart who is to blame for an error that the provider names.
func refusal(code, description string) *vouch.Failure {
	text := clip(code)
	if description != "" {
		text += ": " + clip(description)
	}
	switch code {
	case "access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required":
		return vouch.Fail(vouch.Denied, "the provider did not sign the person in (%s)", text)
	case "server_error", "temporarily_unavailable":
		return vouch.Fail(vouch.Down, "the provider says that it cannot work now (%s)", text)
	case "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request", "unsupported_response_type":
		return vouch.Fail(vouch.Client, "the provider does not accept us as it is set up: check client id, secret, scopes and redirect address there (%s)", text)
	case "invalid_grant":
		return vouch.Fail(vouch.Mismatch, "the provider does not accept its own code: it was used before, is too old, or another browser began the sign-in (%s)", text)
	}
	return vouch.Fail(vouch.Broken, "the provider refuses with an error that the standard does not know (%s)", text)
}

func (p *Party) exchange(ctx context.Context, out *vouch.Outcome, f *found, b Begun, code string) (*oauth2.Token, string, error) {
	const name = "Code for a token"
	token, err := p.config(f).Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		switch {
		case refused.ErrorCode != "":
			return nil, "", out.Refuse(name, refusal(refused.ErrorCode, refused.ErrorDescription))
		case refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError:
			return nil, "", out.Refuse(name, vouch.Fail(vouch.Down, "%s answers %d where tokens are given", hostOf(f.Token), refused.Response.StatusCode))
		case refused.Response != nil && refused.Response.StatusCode == http.StatusUnauthorized:
			return nil, "", out.Refuse(name, refusal("invalid_client", ""))
		}
		return nil, "", out.Refuse(name, vouch.Fail(vouch.Broken, "%s gives no token for the code", hostOf(f.Token)))
	}
	if err != nil {
		if _, sent := errors.AsType[*url.Error](err); !sent {
			return nil, "", out.Refuse(name, vouch.Fail(vouch.Broken, "%s gives no token that can be read", hostOf(f.Token)).Because(err))
		}
		return nil, "", told(out, name, vouch.Reaching(err, hostOf(f.Token)))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok || raw == "" {
		return nil, "", out.Refuse(name, vouch.Fail(vouch.Broken, "%s gives a token but no ID token: is the scope openid allowed there?", hostOf(f.Token)).Because(errNoToken))
	}
	out.Pass(name, "with PKCE, as the client %s", clip(p.set.ClientID))
	return token, raw, nil
}

// told adds a failed check, unless the fault is our own.
func told(out *vouch.Outcome, name string, err error) error {
	if f := vouch.Of(err); f != nil {
		return out.Refuse(name, f)
	}
	return err
}

// verify has the library check signature, issuer and audience. Which of them
// failed is looked up in the unverified claims, for the text alone.
func (p *Party) verify(ctx context.Context, out *vouch.Outcome, f *found, raw string) (*oidc.IDToken, map[string]any, error) {
	shown := peek(raw)
	out.Shown = vouch.Flatten(shown)
	before := p.keyReads.Load()
	// Times are judged below, with leeway and the provider's own clock at hand.
	v := oidc.NewVerifier(p.set.Issuer, f.keys, &oidc.Config{ClientID: p.set.ClientID, SupportedSigningAlgs: algorithms, SkipExpiryCheck: true})
	id, err := v.Verify(ctx, raw)
	if err != nil {
		return nil, nil, p.unverified(out, f, shown, err)
	}
	fresh := ""
	if p.keyReads.Load() > before {
		fresh = "; the keys were read anew for it"
	}
	out.Pass("Signature", "by a key that the provider publishes%s", fresh)
	out.Pass("Issuer", "%s", id.Issuer)
	out.Pass("Audience", "%s", p.set.ClientID)
	claims := map[string]any{}
	return id, claims, id.Claims(&claims)
}

func (p *Party) unverified(out *vouch.Outcome, f *found, shown map[string]any, err error) error {
	flat := vouch.Flatten(shown)
	iss := vouch.First(flat, "iss")
	switch {
	case shown == nil:
		return out.Refuse("ID token", vouch.Fail(vouch.Broken, "the ID token cannot be read").Because(err))
	case iss != p.set.Issuer:
		return out.Refuse("Issuer", vouch.Fail(vouch.Issuer, "the ID token was issued by %q, and the provider was set up as %q", clip(iss), p.set.Issuer).Because(err))
	case !slices.Contains(flat["aud"], p.set.ClientID):
		return out.Refuse("Audience", vouch.Fail(vouch.Audience, "the ID token is meant for %q, and we are %q", clip(strings.Join(flat["aud"], " ")), p.set.ClientID).Because(err))
	}
	if _, sent := errors.AsType[*url.Error](err); sent {
		return told(out, "Signature", vouch.Reaching(err, hostOf(f.Keys)))
	}
	return out.Refuse("Signature", vouch.Fail(vouch.Keys, "the ID token is not signed by any key that %s publishes now", hostOf(f.Keys)).Because(err))
}

// peek reads the claims of a token that nobody has checked.
func peek(raw string) (claims map[string]any) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return nil
	}
	return claims
}

// judge is what the library leaves to us.
func (p *Party) judge(out *vouch.Outcome, b Begun, token *oauth2.Token, id *oidc.IDToken, claims map[string]any, clock time.Time) error {
	if id.Nonce == "" || id.Nonce != b.Nonce {
		return out.Refuse("Nonce", vouch.Fail(vouch.Mismatch, "the ID token was made for another sign-in"))
	}
	out.Pass("Nonce", "the one that we sent")
	azp, _ := claims["azp"].(string)
	// OpenID Connect Core §3.1.3.7, 4 and 5: who the token was given to.
	if azp != "" && azp != p.set.ClientID || azp == "" && len(id.Audience) > 1 {
		return out.Refuse("Audience", vouch.Fail(vouch.Audience, "the ID token was given to %q, and we are %q", clip(azp), p.set.ClientID))
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return out.Refuse("Signature", vouch.Fail(vouch.Mismatch, "the access token is not the one that the ID token names").Because(err))
		}
	}
	if err := p.times(out, id, claims, clock); err != nil {
		return err
	}
	if asked, ok := claims["auth_time"].(float64); !b.Since.IsZero() && (!ok || time.Unix(int64(asked), 0).Before(b.Since.Add(-skew))) {
		return out.Refuse("Asked anew", vouch.Fail(vouch.Denied, "the provider did not ask the person again, or does not say so (auth_time)"))
	}
	if id.Subject == "" || len(id.Subject) > 255 {
		return out.Refuse("Subject", vouch.Fail(vouch.Incomplete, "the ID token names no subject"))
	}
	out.Pass("Subject", "%s", clip(id.Subject))
	return nil
}

// times tells a token that is too old from clocks that differ: the answer that
// brought it says what the provider's clock shows.
func (p *Party) times(out *vouch.Outcome, id *oidc.IDToken, claims map[string]any, clock time.Time) error {
	const name = "Times"
	now := p.now()
	off := time.Duration(0)
	if !clock.IsZero() {
		off = clock.Sub(now).Round(time.Second)
	}
	early := id.IssuedAt.After(now.Add(skew))
	if nbf, ok := claims["nbf"].(float64); ok {
		early = early || time.Unix(int64(nbf), 0).After(now.Add(skew))
	}
	late := now.After(id.Expiry.Add(skew))
	switch {
	case (early || late) && off.Abs() > skew:
		return out.Refuse(name, vouch.Fail(vouch.Clock, "the provider's clock is %s %s ours", off.Abs(), map[bool]string{true: "ahead of", false: "behind"}[off > 0]))
	case early:
		return out.Refuse(name, vouch.Fail(vouch.Clock, "the ID token is valid from %s on only, and here it is %s", id.IssuedAt.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	case late:
		return out.Refuse(name, vouch.Fail(vouch.Expired, "the ID token ended at %s", id.Expiry.UTC().Format(time.RFC3339)))
	}
	out.Pass(name, "issued %s, until %s", id.IssuedAt.UTC().Format(time.RFC3339), id.Expiry.UTC().Format(time.RFC3339))
	return nil
}

// userInfo asks for claims that the ID token leaves out. What the ID token says
// is not replaced, and the answer must be about the same subject.
func (p *Party) userInfo(ctx context.Context, out *vouch.Outcome, f *found, token *oauth2.Token, id *oidc.IDToken, claims map[string]any) error {
	const name = "Userinfo"
	if f.UserInfo == "" {
		return nil
	}
	info, err := f.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if _, sent := errors.AsType[*url.Error](err); sent {
		return told(out, name, vouch.Reaching(err, hostOf(f.UserInfo)))
	}
	if err != nil {
		return out.Refuse(name, vouch.Fail(vouch.Broken, "%s does not tell about the person", hostOf(f.UserInfo)).Because(err))
	}
	if info.Subject != id.Subject {
		return out.Refuse(name, vouch.Fail(vouch.Mismatch, "%s tells about %q, and the ID token is of %q", hostOf(f.UserInfo), clip(info.Subject), clip(id.Subject)))
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return out.Refuse(name, vouch.Fail(vouch.Broken, "%s does not answer in JSON", hostOf(f.UserInfo)).Because(err))
	}
	for key, v := range more {
		if _, there := claims[key]; !there {
			claims[key] = v
		}
	}
	out.Pass(name, "about the same subject")
	return nil
}
