package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/secret"
	"ringfence/internal/tenancy/identity"
)

type signInInput struct {
	Body struct {
		Email    string `json:"email" minLength:"3" maxLength:"254"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

// SignInStep says what comes next.
type SignInStep struct {
	Next     string   `json:"next" enum:"code,factor,done" doc:"code: the mailed one; factor: one of the methods"`
	MailedTo string   `json:"mailed_to" doc:"Where the code went, shortened; empty if none was mailed"`
	Methods  []string `json:"methods" doc:"What can be shown next, best first: passkey, totp, recovery, mail"`
}

type signInOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      SignInStep
}

type codeInput struct {
	Body struct {
		Code   string `json:"code" minLength:"6" maxLength:"64" writeOnly:"true" doc:"Blanks and dashes do not matter"`
		Method string `json:"method,omitempty" enum:"mail,totp,recovery" default:"mail" doc:"Where the code is from"`
		Trust  bool   `json:"trust,omitempty" doc:"Remember this browser, as long as the customers' policies let it"`
	}
}

type signOutOutput struct {
	SetCookie []string `header:"Set-Cookie"`
}

type passkeySignInInput struct {
	Body struct {
		Credential any `json:"credential" doc:"The browser's answer to the challenge"`
	}
}

type challengeOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      Challenge
}

type forgottenInput struct {
	Body struct {
		Email string `json:"email" minLength:"3" maxLength:"254"`
	}
}

type welcomeInput struct {
	Body struct {
		Token    string `json:"token" minLength:"10" maxLength:"200"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

func (s *Server) signInRoutes() {
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in", id: "signIn", summary: "Name and password; answers with the next step"}, s.signIn)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in/code", id: "signInCode", summary: "The code of the second factor, from the same browser"}, s.signInCode)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in/passkey/challenge", id: "askPasskey", summary: "The challenge that a passkey answers, whoever's it is"}, s.askPasskey)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in/passkey", id: "signInPasskey", summary: "Sign in with a passkey alone"}, s.signInPasskey)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/forgotten", id: "forgotten", summary: "Have a link mailed that sets a new password; the answer is the same whether or not there is such a person", status: 204}, s.forgotten)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/forgotten/password", id: "resetPassword", summary: "Set a new password with the link; ends all sessions and remembered browsers", status: 204}, s.resetPassword)
	add(s, route{gate: signedIn(), method: post, path: "/api/v1/sign-out", id: "signOut", summary: "End this session", status: 204}, s.signOut)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/welcome", id: "welcome", summary: "Set the first password with the link of an invitation", status: 204}, s.welcome)
}

// signIn answers a wrong name and a wrong password alike, in words and time.
func (s *Server) signIn(ctx context.Context, v *visit, in *signInInput) (*signInOutput, error) {
	step, err := s.deps.People.SignIn(ctx, in.Body.Email, secret.NewText(in.Body.Password), v.from)
	if err != nil {
		return nil, err
	}
	if len(step.Ways) == 0 {
		return s.entered(step.Signed), nil
	}
	out := &signInOutput{Body: SignInStep{Next: "factor", MailedTo: step.MailedTo, Methods: methods(step.Ways)}}
	if step.MailedTo != "" {
		out.Body.Next = "code"
	}
	out.SetCookie = []string{s.cookie(signInCookie, step.Token.Reveal(), step.Until)}
	return out, nil
}

// entered gives the session a new cookie whatever the browser had before: a
// session that somebody planted there never becomes a signed-in one.
func (s *Server) entered(signed identity.Signed) *signInOutput {
	out := &signInOutput{Body: SignInStep{Next: "done", Methods: []string{}}}
	out.SetCookie = []string{s.cookie(sessionCookie, signed.Token.Reveal(), signed.Until), s.cookie(signInCookie, "", time.Time{})}
	return out
}

func (s *Server) signInCode(ctx context.Context, v *visit, in *codeInput) (*signInOutput, error) {
	by := identity.Method(in.Body.Method)
	if by == "" {
		by = identity.ByMail
	}
	signed, err := s.deps.People.Second(ctx, v.cookie(s.cookieName(signInCookie)), by, in.Body.Code, v.from)
	if err != nil {
		return nil, err
	}
	out := s.entered(signed)
	if in.Body.Trust {
		token, until, err := s.deps.People.Trust(ctx, signed.Session, signed.Person, signed.Proof, v.from)
		if err != nil {
			return nil, err
		}
		if token.Reveal() != "" {
			out.SetCookie = append(out.SetCookie, s.cookie(browserCookie, token.Reveal(), until))
		}
	}
	return out, nil
}

func (s *Server) askPasskey(ctx context.Context, v *visit, _ *none) (*challengeOutput, error) {
	asked, token, err := s.deps.People.AskPasskey(ctx, v.from)
	if err != nil {
		return nil, err
	}
	return &challengeOutput{Body: Challenge{asked}, SetCookie: []string{s.cookie(passkeyCookie, token.Reveal(), v.at.Add(5*time.Minute))}}, nil
}

func (s *Server) signInPasskey(ctx context.Context, v *visit, in *passkeySignInInput) (*signInOutput, error) {
	credential, err := credentialOf(in.Body.Credential)
	if err != nil {
		return nil, err
	}
	signed, err := s.deps.People.SignInPasskey(ctx, v.cookie(s.cookieName(passkeyCookie)), credential, v.from)
	if err != nil {
		return nil, err
	}
	out := s.entered(signed)
	out.SetCookie = append(out.SetCookie, s.cookie(passkeyCookie, "", time.Time{}))
	return out, nil
}

func (s *Server) forgotten(ctx context.Context, v *visit, in *forgottenInput) (*none, error) {
	return nil, s.deps.People.Forgotten(ctx, in.Body.Email, v.from)
}

func (s *Server) resetPassword(ctx context.Context, v *visit, in *welcomeInput) (*none, error) {
	return nil, s.deps.People.ResetPassword(ctx, secret.NewText(in.Body.Token), secret.NewText(in.Body.Password), v.from)
}

func (s *Server) signOut(ctx context.Context, v *visit, _ *none) (*signOutOutput, error) {
	if err := s.deps.People.End(ctx, v.who, v.person, v.session.ID); err != nil {
		return nil, err
	}
	return &signOutOutput{SetCookie: []string{s.cookie(sessionCookie, "", time.Time{})}}, nil
}

func (s *Server) welcome(ctx context.Context, v *visit, in *welcomeInput) (*none, error) {
	return nil, s.deps.People.Welcome(ctx, secret.NewText(in.Body.Token), secret.NewText(in.Body.Password), v.from)
}
