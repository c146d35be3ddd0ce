package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/secret"
)

type signInInput struct {
	Body struct {
		Email    string `json:"email" minLength:"3" maxLength:"254"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

// SignInStep says what comes next.
type SignInStep struct {
	Next     string `json:"next" enum:"code,done"`
	MailedTo string `json:"mailed_to" doc:"Where the code went, shortened; empty when done"`
}

type signInOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      SignInStep
}

type codeInput struct {
	Body struct {
		Code string `json:"code" minLength:"8" maxLength:"16" doc:"The eight digits of the mail; blanks and dashes do not matter"`
	}
}

type signOutOutput struct {
	SetCookie []string `header:"Set-Cookie"`
}

type welcomeInput struct {
	Body struct {
		Token    string `json:"token" minLength:"10" maxLength:"200"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

func (s *Server) signInRoutes() {
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in", id: "signIn", summary: "Name and password; answers with the next step"}, s.signIn)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in/code", id: "signInCode", summary: "The code that was mailed, from the same browser"}, s.signInCode)
	add(s, route{gate: signedIn(), method: post, path: "/api/v1/sign-out", id: "signOut", summary: "End this session", status: 204}, s.signOut)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/welcome", id: "welcome", summary: "Set the first password with the link of an invitation", status: 204}, s.welcome)
}

// signIn answers a wrong name and a wrong password alike, in words and time.
func (s *Server) signIn(ctx context.Context, v *visit, in *signInInput) (*signInOutput, error) {
	step, err := s.deps.People.SignIn(ctx, in.Body.Email, secret.NewText(in.Body.Password), v.from)
	if err != nil {
		return nil, err
	}
	out := &signInOutput{Body: SignInStep{Next: "code", MailedTo: step.MailedTo}}
	out.SetCookie = []string{s.cookie(signInCookie, step.Token.Reveal(), step.Until)}
	return out, nil
}

// signInCode gives the session a new cookie whatever the browser had before: a
// session that somebody planted there never becomes a signed-in one.
func (s *Server) signInCode(ctx context.Context, v *visit, in *codeInput) (*signInOutput, error) {
	signed, err := s.deps.People.Code(ctx, v.cookie(s.cookieName(signInCookie)), in.Body.Code, v.from)
	if err != nil {
		return nil, err
	}
	out := &signInOutput{Body: SignInStep{Next: "done"}}
	out.SetCookie = []string{s.cookie(sessionCookie, signed.Token.Reveal(), signed.Until), s.cookie(signInCookie, "", time.Time{})}
	return out, nil
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
